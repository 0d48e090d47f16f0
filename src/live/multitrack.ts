// OBS sends further renditions as further tracks of one message: each becomes a message of its own, so that one reader serves all.
import { PACKET_MULTITRACK_VIDEO, PACKET_SEQUENCE_START, skipModEx } from '../protocols/flv/enhanced-header.js';

export interface TrackMessage {
  readonly trackId: number;
  /** A video message of this track alone: a copy, with a legacy head for H.264. */
  readonly body: Buffer;
}

const EX_VIDEO_FLAG = 0x80;
const FOURCC_SIZE = 4;
const TRACK_SIZE_BYTES = 3;
const MANY_TRACKS = 1;
const MANY_TRACKS_MANY_CODECS = 2;
const PACKET_CODED_FRAMES = 1;
const PACKET_CODED_FRAMES_X = 3;
const COMPOSITION_TIME_SIZE = 3;
const LEGACY_AVC = 7;

/** The tracks above 0 of a multitrack video message (Enhanced RTMP v2, "Multitrack"); none of any other message, or of a broken one. */
export function furtherVideoTracks(body: Buffer): TrackMessage[] {
  const head = body[0] ?? 0;
  if ((head & EX_VIDEO_FLAG) === 0) return [];
  const prefix = skipModEx(body, 1, head & 0x0f);
  if (prefix === undefined || prefix.packetType !== PACKET_MULTITRACK_VIDEO) return [];
  const arrangement = (body[prefix.position] ?? 0) >> 4;
  const packetType = (body[prefix.position] ?? 0) & 0x0f;
  if (arrangement > MANY_TRACKS_MANY_CODECS || packetType > PACKET_CODED_FRAMES_X) return [];
  let at = prefix.position + 1;
  let fourCc = '';
  const readFourCc = (): void => {
    fourCc = body.toString('latin1', at, at + FOURCC_SIZE);
    at += FOURCC_SIZE;
  };
  if (arrangement !== MANY_TRACKS_MANY_CODECS) readFourCc();
  const messages: TrackMessage[] = [];
  while (at < body.length) {
    if (arrangement === MANY_TRACKS_MANY_CODECS) readFourCc();
    const trackId = body[at];
    if (trackId === undefined) return messages;
    at += 1;
    let end = body.length;
    if (arrangement === MANY_TRACKS || arrangement === MANY_TRACKS_MANY_CODECS) {
      if (at + TRACK_SIZE_BYTES > body.length) return messages;
      end = at + TRACK_SIZE_BYTES + body.readUIntBE(at, TRACK_SIZE_BYTES);
      at += TRACK_SIZE_BYTES;
    }
    if (end > body.length) return messages;
    if (trackId > 0) messages.push({ trackId, body: single(head, packetType, fourCc, body.subarray(at, end)) });
    at = end;
  }
  return messages;
}

function single(head: number, packetType: number, fourCc: string, data: Buffer): Buffer {
  if (fourCc !== 'avc1') {
    return Buffer.concat([Buffer.from([(head & 0xf0) | packetType]), Buffer.from(fourCc, 'latin1'), data]);
  }
  const frameType = head & 0x70;
  if (packetType === PACKET_CODED_FRAMES) {
    // The composition time is where the legacy head has it.
    return Buffer.concat([Buffer.from([frameType | LEGACY_AVC, PACKET_CODED_FRAMES]), data]);
  }
  const legacyType = packetType === PACKET_CODED_FRAMES_X ? PACKET_CODED_FRAMES : packetType;
  const legacy = Buffer.alloc(2 + COMPOSITION_TIME_SIZE);
  legacy[0] = frameType | LEGACY_AVC;
  legacy[1] = legacyType === PACKET_SEQUENCE_START ? 0 : legacyType;
  return Buffer.concat([legacy, data]);
}
