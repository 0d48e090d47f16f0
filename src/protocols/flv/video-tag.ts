// Parses the header of a video message, legacy or Enhanced RTMP, without copying.
import type { ColorDescription } from '../mp4/color.js';
import type { Milliseconds } from '../units.js';
import { LEGACY_VIDEO_CODECS, type VideoCodec, videoCodecOfFourCc } from './codecs.js';
import { readColorInfo } from './color-info.js';
import {
  type EnhancedPayload,
  PACKET_CODED_FRAMES,
  PACKET_METADATA,
  PACKET_MULTITRACK_VIDEO,
  PACKET_SEQUENCE_END,
  PACKET_SEQUENCE_START,
  readEnhancedPayload,
  readMultitrack,
  skipModEx,
} from './enhanced-header.js';

export type VideoPacketType =
  /** The decoder configuration: for AVC an AVCDecoderConfigurationRecord. */
  | 'sequence-header'
  /** Coded frames: for AVC length-prefixed NAL units. */
  | 'frames'
  | 'end-of-sequence'
  /** Nothing to decode: seek commands, colour metadata, empty or truncated bodies, messages without track 0. */
  | 'ignored';

export interface VideoTag {
  readonly codec: VideoCodec;
  /** FLV 10.1 E.4.3.1: 1 key, 2 inter, 3 disposable inter, 4 generated key, 5 info or command. */
  readonly frameType: number;
  readonly packetType: VideoPacketType;
  readonly keyFrame: boolean;
  /** Presentation time minus decode time; may be negative. 0 for codecs that have none. */
  readonly compositionTime: Milliseconds;
  /** The bytes after the header, as a view of the body. */
  readonly data: Buffer;
  /** Whether the header is an Enhanced RTMP one, which FFmpeg before 6.1 cannot read. */
  readonly enhanced: boolean;
  /** Enhanced RTMP multitrack id; 0 except for the entries of `tracks`. */
  readonly trackId: number;
  /** The other tracks of a multitrack message, in its order; absent if there are none. This tag itself is track 0. */
  readonly tracks?: readonly VideoTag[];
  /** 0..999,999 ns to add to the presentation time (ModEx TimestampOffsetNano); absent if not sent. */
  readonly nanoseconds?: number;
  /** Colour information from a metadata message; applies to the pictures after it. */
  readonly color?: ColorDescription;
}

const FRAME_TYPE_KEY = 1;
const FRAME_TYPE_COMMAND = 5;
const LEGACY_AVC = 7;
/** Legacy codec ids that share the AVC header: packet type and composition time. */
const LEGACY_WITH_PACKET_TYPE: ReadonlySet<number> = new Set([LEGACY_AVC, 12, 13, 14]);
const ENHANCED_CODED_FRAMES_X = 3;
const EMPTY = Buffer.alloc(0);

/**
 * Never throws: a body that cannot be parsed is `ignored`, because one malformed message must not end a stream.
 * @param body one video message as in RTMP 7.1.5 or the body of an FLV video tag
 */
export function parseVideoTag(body: Buffer): VideoTag {
  const head = body[0];
  if (head === undefined) {
    return {
      codec: { unsupported: 'empty message' },
      frameType: 0,
      packetType: 'ignored',
      keyFrame: false,
      compositionTime: 0,
      data: EMPTY,
      enhanced: false,
      trackId: 0,
    };
  }
  return (head & 0x80) === 0 ? parseLegacy(body, head) : parseEnhanced(body, head);
}

/** FLV 10.1 E.4.3. */
function parseLegacy(body: Buffer, head: number): VideoTag {
  const frameType = head >> 4;
  const codecId = head & 0x0f;
  if (frameType === FRAME_TYPE_COMMAND) return legacyTag(body, codecId, frameType, 'ignored', 0);
  if (!LEGACY_WITH_PACKET_TYPE.has(codecId)) {
    return legacyTag(body, codecId, frameType, body.length > 1 ? 'frames' : 'ignored', 1);
  }
  const packetType = body[1];
  // Encoders send the end of sequence with or without the three bytes of composition time.
  if (packetType === PACKET_SEQUENCE_END) return legacyTag(body, codecId, frameType, 'end-of-sequence', 0);
  if (body.length <= 5) return legacyTag(body, codecId, frameType, 'ignored', 0);
  if (packetType === PACKET_SEQUENCE_START) return legacyTag(body, codecId, frameType, 'sequence-header', 5);
  if (packetType !== PACKET_CODED_FRAMES) return legacyTag(body, codecId, frameType, 'ignored', 0);
  return legacyTag(body, codecId, frameType, 'frames', 5, body.readIntBE(2, 3));
}

/**
 * Properties are written out one by one, because an object spread is slow and this runs for every frame.
 * @param headSize size of the header in bytes; 0 if nothing follows the header
 */
function legacyTag(
  body: Buffer,
  codecId: number,
  frameType: number,
  packetType: VideoPacketType,
  headSize: number,
  compositionTime = 0,
): VideoTag {
  return {
    codec: LEGACY_VIDEO_CODECS[codecId] ?? { unsupported: `codec id ${codecId}` },
    frameType,
    packetType,
    keyFrame: frameType === FRAME_TYPE_KEY,
    compositionTime,
    data: headSize === 0 ? EMPTY : body.subarray(headSize),
    enhanced: false,
    trackId: 0,
  };
}

/** Enhanced RTMP v2, "Enhanced Video". */
function parseEnhanced(body: Buffer, head: number): VideoTag {
  const frameType = (head >> 4) & 0x07;
  const prefix = skipModEx(body, 1, head & 0x0f);
  if (prefix === undefined) return unreadable(frameType);
  const { packetType, position, nanoseconds } = prefix;
  // Frame type 5 is a one-byte command without FourCC, except for metadata, where the frame type has no meaning.
  if (frameType === FRAME_TYPE_COMMAND && packetType !== PACKET_METADATA) return unreadable(frameType);
  if (packetType === PACKET_MULTITRACK_VIDEO) return parseMultitrack(body, position, frameType, nanoseconds);
  const payload = readEnhancedPayload(body, position, packetType);
  return payload === undefined ? unreadable(frameType) : trackTag(payload, frameType, nanoseconds);
}

function parseMultitrack(body: Buffer, position: number, frameType: number, nanoseconds: number | undefined): VideoTag {
  const payloads = readMultitrack(body, position, PACKET_MULTITRACK_VIDEO);
  if (payloads === undefined) return unreadable(frameType);
  const tags = payloads.map((payload) => trackTag(payload, frameType, nanoseconds));
  const main = tags.find(({ trackId }) => trackId === 0) ?? unreadable(frameType);
  const tracks = tags.filter(({ trackId }) => trackId !== 0);
  return tracks.length === 0 ? main : { ...main, tracks };
}

function unreadable(frameType: number): VideoTag {
  return {
    codec: { unsupported: 'unreadable message' },
    frameType,
    packetType: 'ignored',
    keyFrame: frameType === FRAME_TYPE_KEY,
    compositionTime: 0,
    data: EMPTY,
    enhanced: true,
    trackId: 0,
  };
}

function trackTag(payload: EnhancedPayload, frameType: number, nanoseconds: number | undefined): VideoTag {
  const codec = videoCodecOfFourCc(payload.fourCc);
  const { data, trackId } = payload;
  const tag = {
    codec,
    frameType,
    keyFrame: frameType === FRAME_TYPE_KEY,
    compositionTime: 0,
    data: EMPTY,
    enhanced: true,
    trackId,
    ...(nanoseconds === undefined ? {} : { nanoseconds }),
  };
  switch (payload.packetType) {
    case PACKET_SEQUENCE_START:
      return { ...tag, packetType: data.length > 0 ? 'sequence-header' : 'ignored', data };
    case PACKET_SEQUENCE_END:
      return { ...tag, packetType: 'end-of-sequence' };
    case ENHANCED_CODED_FRAMES_X:
      return { ...tag, packetType: data.length > 0 ? 'frames' : 'ignored', data };
    case PACKET_CODED_FRAMES:
      if (!hasCompositionTime(codec)) return { ...tag, packetType: data.length > 0 ? 'frames' : 'ignored', data };
      if (data.length <= 3) return { ...tag, packetType: 'ignored' };
      return { ...tag, packetType: 'frames', compositionTime: data.readIntBE(0, 3), data: data.subarray(3) };
    case PACKET_METADATA: {
      const color = readColorInfo(data);
      return { ...tag, packetType: 'ignored', ...(color === undefined ? {} : { color }) };
    }
    default:
      return { ...tag, packetType: 'ignored' };
  }
}

function hasCompositionTime(codec: VideoCodec): boolean {
  return codec === 'avc' || codec === 'hevc' || codec === 'vvc';
}
