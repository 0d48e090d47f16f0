// Recognizes key frames and sequence headers by the first two bytes of a body, so that a session that skips frames never skips data that a
// decoder needs.

/** Frame type in the first byte of a video body, legacy and enhanced alike (FLV E.4.3.1; Enhanced RTMP). */
const FRAME_TYPE_MASK = 0x70;
const KEY_FRAME = 0x10;

const VIDEO_EX_HEADER = 0x80;
/** Legacy codec ids whose bodies have a packet type in the second byte: AVC, and HEVC and AV1 as some encoders number them. */
const CODECS_WITH_PACKET_TYPE: readonly number[] = [7, 12, 13];
const AUDIO_FORMAT_AAC = 10;
const AUDIO_FORMAT_EX_HEADER = 9;
/** In all of these formats packet type 0 is a sequence header. */
const SEQUENCE_HEADER = 0;
/** Enhanced RTMP packet types 6 (video) and 5 (audio): the real packet type is in the low four bits of the next byte. */
const VIDEO_MULTITRACK = 6;
const AUDIO_MULTITRACK = 5;

/** Also true for sequence headers, which carry the same frame type. */
export function isKeyFrame(body: Buffer): boolean {
  return ((body[0] ?? 0) & FRAME_TYPE_MASK) === KEY_FRAME;
}

/** Whether this body configures a decoder. @param body at least its first two bytes. */
export function isSequenceHeader(kind: 'audio' | 'video', body: Buffer): boolean {
  const [first = 0, second = 0] = body;
  const low = first & 0x0f;
  if (kind === 'video') {
    if ((first & VIDEO_EX_HEADER) === 0) return CODECS_WITH_PACKET_TYPE.includes(low) && second === SEQUENCE_HEADER;
    return (low === VIDEO_MULTITRACK ? second & 0x0f : low) === SEQUENCE_HEADER;
  }
  const format = first >> 4;
  if (format === AUDIO_FORMAT_AAC) return second === SEQUENCE_HEADER;
  if (format !== AUDIO_FORMAT_EX_HEADER) return false;
  return (low === AUDIO_MULTITRACK ? second & 0x0f : low) === SEQUENCE_HEADER;
}
