// Brings the header of each message into one form per codec. FFmpeg and RTMP players read bodies; the packager reads the data in them.
import type { AudioTag } from '../protocols/flv/audio-tag.js';
import type { AudioCodecId } from '../protocols/flv/codecs.js';
import { PACKET_CODED_FRAMES, PACKET_SEQUENCE_START } from '../protocols/flv/enhanced-header.js';
import type { VideoTag } from '../protocols/flv/video-tag.js';
import type { DescribedVideoCodec } from '../protocols/mp4/video-description.js';

/** `data` is a view into `body`. */
export interface MediaBody {
  readonly body: Buffer;
  readonly data: Buffer;
}

const VIDEO_FOURCC: Readonly<Record<DescribedVideoCodec, string>> = {
  avc: 'avc1',
  hevc: 'hvc1',
  av1: 'av01',
  vp9: 'vp09',
};
/** Audio codecs without a widely supported legacy header. */
const AUDIO_FOURCC: Readonly<Partial<Record<AudioCodecId, string>>> = {
  opus: 'Opus',
  flac: 'fLaC',
  'ac-3': 'ac-3',
  'e-ac-3': 'ec-3',
};

/** FLV 10.1 E.4.3.1 CodecID. */
const LEGACY_AVC = 7;
const LEGACY_VIDEO_HEAD = 5;
/** FLV 10.1 E.4.2.1: AAC and MP3 as 44 kHz, 16 bit, stereo; the actual values are in their own headers. */
const LEGACY_AAC_HEAD = 0xaf;
const LEGACY_MP3_HEAD = 0x2f;
/**
 * Enhanced RTMP v2: the flag of a video head, the sound format that marks an audio head, the length of a head with its FourCC, and the
 * packet type of frames without composition time.
 */
const EX_VIDEO_FLAG = 0x80;
const EX_AUDIO_FORMAT = 0x90;
const EX_HEAD = 5;
const PACKET_CODED_FRAMES_X = 3;
const COMPOSITION_TIME_SIZE = 3;
const FRAME_TYPE_MASK = 0x70;

export interface VideoBodyOptions {
  readonly codec: DescribedVideoCodec;
  /** Taken from the bitstream, even if the header said otherwise. */
  readonly keyFrame: boolean;
  /** The coded bytes: those of the message, or a view without its first units, or other buffers to be concatenated. */
  readonly data: Buffer | readonly Buffer[];
}

/**
 * Returns the message itself if its header already has the right form, otherwise a copy with a new header.
 * @param body has no readers yet, so its frame type may be corrected in place
 */
export function videoBody(tag: VideoTag, body: Buffer, { codec, keyFrame, data }: VideoBodyOptions): MediaBody {
  if (isBuffer(data) && endsWith(body, data)) {
    // Units before `data`, such as a temporal delimiter, are not needed by readers of bodies.
    const headSize = tag.data.byteOffset - body.byteOffset;
    const wanted =
      codec === 'avc' ? !tag.enhanced && headSize === LEGACY_VIDEO_HEAD : tag.enhanced && isPlain(headSize);
    if (wanted) {
      if (tag.packetType === 'frames' && keyFrame !== tag.keyFrame) setFrameType(body, keyFrame);
      return { body, data };
    }
  }
  const pieces = isBuffer(data) ? [data] : data;
  return codec === 'avc'
    ? legacyVideo(tag, keyFrame, pieces)
    : enhancedVideo(tag, VIDEO_FOURCC[codec], keyFrame, pieces);
}

/** The body for a decoder configuration that the encoder never sent. */
export function videoHeaderBody(codec: DescribedVideoCodec, record: Buffer): MediaBody {
  if (codec === 'avc') return join(Buffer.from([0x10 | LEGACY_AVC, PACKET_SEQUENCE_START, 0, 0, 0]), [record]);
  const head = Buffer.alloc(EX_HEAD);
  head[0] = EX_VIDEO_FLAG | (frameType(true) << 4) | PACKET_SEQUENCE_START;
  head.write(VIDEO_FOURCC[codec], 1, 'latin1');
  return join(head, [record]);
}

export function audioBody(tag: AudioTag, body: Buffer, codec: AudioCodecId): MediaBody {
  const isHeader = tag.packetType === 'sequence-header';
  const fourCc = AUDIO_FOURCC[codec];
  if (fourCc === undefined) {
    if (!tag.enhanced) return { body, data: tag.data };
    if (codec === 'aac') return aacBody(isHeader ? 'sequence-header' : 'frames', tag.data);
    return join(Buffer.from([LEGACY_MP3_HEAD]), [tag.data]);
  }
  const headSize = tag.data.byteOffset - body.byteOffset;
  if (tag.enhanced && headSize === EX_HEAD && headSize + tag.data.length === body.length) {
    return { body, data: tag.data };
  }
  const type = isHeader ? PACKET_SEQUENCE_START : PACKET_CODED_FRAMES;
  return join(Buffer.concat([Buffer.from([EX_AUDIO_FORMAT | type]), Buffer.from(fourCc, 'latin1')]), [tag.data]);
}

/** A copy with a legacy header. */
export function aacBody(type: 'sequence-header' | 'frames', data: Buffer): MediaBody {
  return join(Buffer.from([LEGACY_AAC_HEAD, type === 'sequence-header' ? 0 : 1]), [data]);
}

function isBuffer(data: Buffer | readonly Buffer[]): data is Buffer {
  return Buffer.isBuffer(data);
}

function endsWith(body: Buffer, data: Buffer): boolean {
  return data.buffer === body.buffer && data.byteOffset + data.length === body.byteOffset + body.length;
}

/** Whether the payload follows directly, without ModEx or multitrack before it. */
function isPlain(headSize: number): boolean {
  return headSize === EX_HEAD || headSize === EX_HEAD + COMPOSITION_TIME_SIZE;
}

/** FLV 10.1 E.4.3.1: 1 key, 2 inter; the Enhanced RTMP flag is the bit above. */
function setFrameType(body: Buffer, keyFrame: boolean): void {
  body[0] = ((body[0] ?? 0) & ~FRAME_TYPE_MASK) | (frameType(keyFrame) << 4);
}

function frameType(keyFrame: boolean): number {
  return keyFrame ? 1 : 2;
}

function legacyVideo(tag: VideoTag, keyFrame: boolean, pieces: readonly Buffer[]): MediaBody {
  const isHeader = tag.packetType === 'sequence-header';
  const head = Buffer.alloc(LEGACY_VIDEO_HEAD);
  head[0] = (frameType(keyFrame || isHeader) << 4) | LEGACY_AVC;
  head[1] = isHeader ? PACKET_SEQUENCE_START : PACKET_CODED_FRAMES;
  if (!isHeader) head.writeIntBE(tag.compositionTime, 2, COMPOSITION_TIME_SIZE);
  return join(head, pieces);
}

function enhancedVideo(tag: VideoTag, fourCc: string, keyFrame: boolean, pieces: readonly Buffer[]): MediaBody {
  const isHeader = tag.packetType === 'sequence-header';
  // Of these codecs only HEVC has a composition time (Enhanced RTMP v2, "Enhanced Video").
  const timed = !isHeader && fourCc === VIDEO_FOURCC.hevc && tag.compositionTime !== 0;
  const head = Buffer.alloc(EX_HEAD + (timed ? COMPOSITION_TIME_SIZE : 0));
  const type = isHeader ? PACKET_SEQUENCE_START : timed ? PACKET_CODED_FRAMES : PACKET_CODED_FRAMES_X;
  head[0] = EX_VIDEO_FLAG | (frameType(keyFrame || isHeader) << 4) | type;
  head.write(fourCc, 1, 'latin1');
  if (timed) head.writeIntBE(tag.compositionTime, EX_HEAD, COMPOSITION_TIME_SIZE);
  return join(head, pieces);
}

function join(head: Buffer, pieces: readonly Buffer[]): MediaBody {
  const body = Buffer.concat([head, ...pieces]);
  return { body, data: body.subarray(head.length) };
}
