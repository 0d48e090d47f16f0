// Parses the optional Enhanced RTMP prefixes (ModEx, Multitrack), which audio and video share.

/** Enhanced RTMP v2: AudioPacketType and VideoPacketType use the same numbers for these. */
export const PACKET_SEQUENCE_START = 0;
export const PACKET_CODED_FRAMES = 1;
export const PACKET_SEQUENCE_END = 2;
export const PACKET_METADATA = 4;
export const PACKET_MULTITRACK_AUDIO = 5;
export const PACKET_MULTITRACK_VIDEO = 6;
const PACKET_MOD_EX = 7;

const MULTITRACK_ONE_TRACK = 0;
const MULTITRACK_MANY_TRACKS_MANY_CODECS = 2;
const FOURCC_SIZE = 4;
const TRACK_SIZE_SIZE = 3;
/** ModEx subtype TimestampOffsetNano: 24 bits, 0..999,999 ns. */
const MOD_EX_NANOSECONDS = 0;
const MAX_NANOSECONDS = 999_999;
/** Only one prefix is defined; the limit bounds the cost of a message that consists of prefixes. */
const MAX_MOD_EX = 16;
/** Track ids have eight bits, but no encoder sends more renditions than this at once. An id that occurs twice counts twice. */
const MAX_TRACKS_PER_MESSAGE = 32;

export interface EnhancedPrefix {
  readonly packetType: number;
  /** Offset after the prefixes, in bytes. */
  readonly position: number;
  /** To be added to the presentation time; undefined if no prefix had it. */
  readonly nanoseconds: number | undefined;
}

export interface EnhancedPayload {
  readonly packetType: number;
  /** Four characters, Latin-1. */
  readonly fourCc: string;
  readonly trackId: number;
  /** The payload of this track, as a view. */
  readonly data: Buffer;
}

/**
 * Skips ModEx prefixes and returns those whose meaning is known.
 * @param position the byte after the one that held `packetType`
 * @returns undefined if the body ends inside a prefix, or has more than {@link MAX_MOD_EX} prefixes
 */
export function skipModEx(body: Buffer, position: number, packetType: number): EnhancedPrefix | undefined {
  let type = packetType;
  let at = position;
  let nanoseconds: number | undefined;
  for (let count = 0; type === PACKET_MOD_EX; count += 1) {
    const short = body[at];
    if (short === undefined || count === MAX_MOD_EX) return undefined;
    at += 1;
    let size = short + 1;
    if (size === 256) {
      if (at + 2 > body.length) return undefined;
      size = body.readUInt16BE(at) + 1;
      at += 2;
    }
    const data = at;
    at += size;
    const next = body[at];
    if (next === undefined) return undefined;
    at += 1;
    // The subtype of the prefix just read is in the high bits of the byte after its data.
    if (next >> 4 === MOD_EX_NANOSECONDS && size >= 3) {
      const offset = body.readUIntBE(data, 3);
      if (offset <= MAX_NANOSECONDS) nanoseconds = offset;
    }
    type = next & 0x0f;
  }
  return { packetType: type, position: at, nanoseconds };
}

/** FourCC and payload of a single-track message. @returns undefined if the body is too short */
export function readEnhancedPayload(body: Buffer, position: number, packetType: number): EnhancedPayload | undefined {
  if (position + FOURCC_SIZE > body.length) return undefined;
  const fourCc = body.toString('latin1', position, position + FOURCC_SIZE);
  return { packetType, fourCc, trackId: 0, data: body.subarray(position + FOURCC_SIZE) };
}

/**
 * Enhanced RTMP v2, "Multitrack": AvMultitrackType is in the high four bits, the packet type of all tracks in the low four.
 * @returns the tracks in the order of the message, each id once; undefined for a message that is malformed anywhere, nests another
 * multitrack or a ModEx, or has more tracks than {@link MAX_TRACKS_PER_MESSAGE}
 */
export function readMultitrack(
  body: Buffer,
  position: number,
  multitrackType: number,
): readonly EnhancedPayload[] | undefined {
  const head = body[position];
  if (head === undefined) return undefined;
  const arrangement = head >> 4;
  const packetType = head & 0x0f;
  if (packetType === multitrackType || packetType === PACKET_MOD_EX) return undefined;
  if (arrangement > MULTITRACK_MANY_TRACKS_MANY_CODECS) return undefined;
  const ownCodecs = arrangement === MULTITRACK_MANY_TRACKS_MANY_CODECS;
  const tracks: EnhancedPayload[] = [];
  let count = 0;
  let at = position + 1;
  let fourCc = '';
  if (!ownCodecs) {
    fourCc = body.toString('latin1', at, at + FOURCC_SIZE);
    at += FOURCC_SIZE;
  }
  do {
    if (ownCodecs) {
      fourCc = body.toString('latin1', at, at + FOURCC_SIZE);
      at += FOURCC_SIZE;
    }
    const trackId = body[at];
    if (trackId === undefined || count === MAX_TRACKS_PER_MESSAGE) return undefined;
    count += 1;
    at += 1;
    let end = body.length;
    if (arrangement !== MULTITRACK_ONE_TRACK) {
      if (at + TRACK_SIZE_SIZE > body.length) return undefined;
      end = at + TRACK_SIZE_SIZE + body.readUIntBE(at, TRACK_SIZE_SIZE);
      at += TRACK_SIZE_SIZE;
    }
    if (end > body.length) return undefined;
    if (!tracks.some((track) => track.trackId === trackId)) {
      tracks.push({ packetType, fourCc, trackId, data: body.subarray(at, end) });
    }
    at = end;
  } while (at < body.length);
  return tracks;
}
