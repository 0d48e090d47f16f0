// Enhanced RTMP puts the same optional prefixes (ModEx, Multitrack) before audio and video: they are peeled off once, here.

/** Enhanced RTMP v2: AudioPacketType and VideoPacketType agree on these numbers. */
export const PACKET_SEQUENCE_START = 0;
export const PACKET_CODED_FRAMES = 1;
export const PACKET_SEQUENCE_END = 2;
export const PACKET_MULTITRACK_AUDIO = 5;
export const PACKET_MULTITRACK_VIDEO = 6;
export const PACKET_MOD_EX = 7;

const MULTITRACK_ONE_TRACK = 0;
const MULTITRACK_MANY_TRACKS = 1;
const MULTITRACK_MANY_TRACKS_MANY_CODECS = 2;
const FOURCC_SIZE = 4;

export interface EnhancedPayload {
  readonly packetType: number;
  /** Four characters, Latin-1; '' when the body ends before it. */
  readonly fourCc: string;
  /** What follows for this track: a view. */
  readonly data: Buffer;
}

/**
 * Skips ModEx prefixes, of any subtype: the only one defined adds nanoseconds, which FLV has no room for.
 * @param position the byte after the one that held `packetType`
 * @returns undefined when the body ends inside a prefix
 */
export function skipModEx(
  body: Buffer,
  position: number,
  packetType: number,
): { packetType: number; position: number } | undefined {
  let type = packetType;
  let at = position;
  while (type === PACKET_MOD_EX) {
    const short = body[at];
    if (short === undefined) return undefined;
    at += 1;
    let size = short + 1;
    if (size === 256) {
      if (at + 2 > body.length) return undefined;
      size = body.readUInt16BE(at) + 1;
      at += 2;
    }
    at += size;
    const next = body[at];
    if (next === undefined) return undefined;
    at += 1;
    type = next & 0x0f; // the high four bits are the subtype of the prefix just skipped
  }
  return { packetType: type, position: at };
}

/**
 * Reads FourCC and payload. Of a multitrack packet only track 0 is returned: it is the one every encoder fills by default.
 * @returns undefined for a broken packet, a nested multitrack, or one without track 0
 */
export function readEnhancedPayload(
  body: Buffer,
  position: number,
  packetType: number,
  multitrackType: number,
): EnhancedPayload | undefined {
  if (packetType === multitrackType) return readMultitrack(body, position, multitrackType);
  if (position + FOURCC_SIZE > body.length) return undefined;
  const fourCc = body.toString('latin1', position, position + FOURCC_SIZE);
  return { packetType, fourCc, data: body.subarray(position + FOURCC_SIZE) };
}

/** Enhanced RTMP v2, "Multitrack": AvMultitrackType in the high bits, the packet type of every track in the low ones. */
function readMultitrack(body: Buffer, position: number, multitrackType: number): EnhancedPayload | undefined {
  const head = body[position];
  if (head === undefined) return undefined;
  const arrangement = head >> 4;
  const packetType = head & 0x0f;
  if (packetType === multitrackType || packetType === PACKET_MOD_EX) return undefined;
  if (arrangement > MULTITRACK_MANY_TRACKS_MANY_CODECS) return undefined;
  let at = position + 1;
  let fourCc = '';
  if (arrangement !== MULTITRACK_MANY_TRACKS_MANY_CODECS) {
    fourCc = body.toString('latin1', at, at + FOURCC_SIZE);
    at += FOURCC_SIZE;
  }
  while (at < body.length) {
    if (arrangement === MULTITRACK_MANY_TRACKS_MANY_CODECS) {
      fourCc = body.toString('latin1', at, at + FOURCC_SIZE);
      at += FOURCC_SIZE;
    }
    const trackId = body[at];
    at += 1;
    let end = body.length;
    if (arrangement === MULTITRACK_MANY_TRACKS || arrangement === MULTITRACK_MANY_TRACKS_MANY_CODECS) {
      if (at + 3 > body.length) return undefined;
      end = at + 3 + body.readUIntBE(at, 3);
      at += 3;
    }
    if (end > body.length || at > end) return undefined;
    if (trackId === 0) return { packetType, fourCc, data: body.subarray(at, end) };
    if (arrangement === MULTITRACK_ONE_TRACK) return undefined;
    at = end;
  }
  return undefined;
}
