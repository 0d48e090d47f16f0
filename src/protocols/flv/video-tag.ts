// Reads the head of a video message, legacy or Enhanced RTMP, so that the rest of the program knows what it holds without a copy.
import type { Milliseconds } from '../units.js';
import { type VideoCodec, videoCodecOfFourCc, videoCodecOfNumber } from './codecs.js';
import {
  PACKET_CODED_FRAMES,
  PACKET_MULTITRACK_VIDEO,
  PACKET_SEQUENCE_END,
  PACKET_SEQUENCE_START,
  readEnhancedPayload,
  skipModEx,
} from './enhanced-header.js';

export type VideoPacketType =
  /** The decoder configuration: for AVC an AVCDecoderConfigurationRecord. */
  | 'sequence-header'
  /** Coded frames: for AVC NAL units, each behind its length. */
  | 'frames'
  | 'end-of-sequence'
  /** Nothing to decode: seek commands, colour metadata, other tracks than 0, bodies that are empty or cut short. */
  | 'ignored';

export interface VideoTag {
  readonly codec: VideoCodec;
  /** FLV 10.1 E.4.3.1: 1 key, 2 inter, 3 disposable inter, 4 generated key, 5 info or command. */
  readonly frameType: number;
  readonly packetType: VideoPacketType;
  readonly keyFrame: boolean;
  /** Presentation time minus decode time; negative is allowed. 0 where the codec has none. */
  readonly compositionTime: Milliseconds;
  /** What follows the head: a view of the body. */
  readonly data: Buffer;
  /** The head was an Enhanced RTMP one, which FFmpeg before 6.1 cannot read. */
  readonly enhanced: boolean;
}

const FRAME_TYPE_KEY = 1;
const FRAME_TYPE_COMMAND = 5;
const LEGACY_AVC = 7;
/** These legacy codec ids share the AVC head: packet type and composition time. */
const LEGACY_WITH_PACKET_TYPE: ReadonlySet<number> = new Set([LEGACY_AVC, 12, 13, 14]);
const ENHANCED_CODED_FRAMES_X = 3;
const EMPTY = Buffer.alloc(0);

/**
 * Never throws: a body that cannot be read is `ignored`, as one odd message must not end a stream.
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
    };
  }
  return (head & 0x80) === 0 ? parseLegacy(body, head) : parseEnhanced(body, head);
}

/** FLV 10.1 E.4.3. */
function parseLegacy(body: Buffer, head: number): VideoTag {
  const frameType = head >> 4;
  const codecId = head & 0x0f;
  const codec = videoCodecOfNumber(codecId);
  const keyFrame = frameType === FRAME_TYPE_KEY;
  const tag = { codec, frameType, keyFrame, compositionTime: 0, data: EMPTY, enhanced: false };
  if (frameType === FRAME_TYPE_COMMAND) return { ...tag, packetType: 'ignored' };
  if (!LEGACY_WITH_PACKET_TYPE.has(codecId)) {
    const data = body.subarray(1);
    return { ...tag, packetType: data.length > 0 ? 'frames' : 'ignored', data };
  }
  const packetType = body[1];
  // Encoders end a sequence with or without the three bytes of composition time.
  if (packetType === PACKET_SEQUENCE_END) return { ...tag, packetType: 'end-of-sequence' };
  if (body.length <= 5) return { ...tag, packetType: 'ignored' };
  const data = body.subarray(5);
  if (packetType === PACKET_SEQUENCE_START) return { ...tag, packetType: 'sequence-header', data };
  if (packetType !== PACKET_CODED_FRAMES) return { ...tag, packetType: 'ignored' };
  return { ...tag, packetType: 'frames', compositionTime: body.readIntBE(2, 3), data };
}

/** Enhanced RTMP v2, "Enhanced Video". */
function parseEnhanced(body: Buffer, head: number): VideoTag {
  const frameType = (head >> 4) & 0x07;
  const keyFrame = frameType === FRAME_TYPE_KEY;
  const prefix = skipModEx(body, 1, head & 0x0f);
  const payload =
    prefix === undefined
      ? undefined
      : readEnhancedPayload(body, prefix.position, prefix.packetType, PACKET_MULTITRACK_VIDEO);
  const codec = payload === undefined ? { unsupported: 'unreadable message' } : videoCodecOfFourCc(payload.fourCc);
  const tag = { codec, frameType, keyFrame, compositionTime: 0, data: EMPTY, enhanced: true };
  // Frame type 5 is a one-byte command, or colour information when the packet type is Metadata: neither is a picture.
  if (payload === undefined || frameType === FRAME_TYPE_COMMAND) return { ...tag, packetType: 'ignored' };
  const { data } = payload;
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
    default:
      return { ...tag, packetType: 'ignored' };
  }
}

function hasCompositionTime(codec: VideoCodec): boolean {
  return codec === 'avc' || codec === 'hevc' || codec === 'vvc';
}
