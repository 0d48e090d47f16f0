// The unit with which all stages after ingest work: one message of the publisher, validated and on the stream's own timeline.
import type { AudioCodecId, VideoCodecId } from '../protocols/flv/codecs.js';
import type { Milliseconds } from '../protocols/units.js';

export type LiveTagKind = 'video' | 'audio' | 'script';

export interface LiveTag {
  readonly kind: LiveTagKind;
  /** Decode time on the stream's timeline: unwrapped, repaired, strictly increasing over the frames of one kind. */
  readonly dts: Milliseconds;
  /** Presentation time minus decode time; video only, may be negative. */
  readonly compositionTime: Milliseconds;
  /** A video frame at which decoding can start. False for sequence headers and for audio. */
  readonly keyFrame: boolean;
  readonly sequenceHeader: boolean;
  /**
   * FLV tag body in the form that FFmpeg (6.1 or later for Enhanced RTMP headers) and RTMP players read, with a legacy header if the codec
   * has one. Shared by all subscribers; never modified.
   */
  readonly body: Buffer;
  /**
   * The payload after the header, as a view into `body`. In a frame: the coded bytes (length-prefixed NAL units, an AV1 temporal unit, a
   * VP9 frame, a raw AAC frame). In a sequence header: the record (avcC, hvcC, av1C, vpcC, AudioSpecificConfig, OpusHead, the FLAC stream
   * info). In a script tag: the whole body.
   */
  readonly data: Buffer;
  /** Undefined for script tags. */
  readonly codec: VideoCodecId | AudioCodecId | undefined;
  /**
   * 0, or higher for further video tracks of the same codec (Enhanced RTMP v2 "Multitrack"). Subscriptions and the GOP cache carry track 0
   * only.
   */
  readonly trackId: number;
  /** Whether this is a sequence header that differs from the previous one, so that decoders must be reconfigured. */
  readonly changed?: boolean;
  /** Whether the key frame is an H.264 recovery point, not an IDR: FFmpeg and Apple players start there, Chromium's MSE does not. */
  readonly openGop?: boolean;
  /**
   * Whether this is a script tag that belongs to its moment: any data message but onMetaData. Readers who come later do not get it, and FFmpeg
   * gets none.
   */
  readonly momentary?: boolean;
  /** Whether the publisher's clock jumped here. The stream's timeline continues smoothly, but the pictures may be unrelated. */
  readonly discontinuity?: boolean;
}

/** Bytes that a queued tag counts in addition to its body, so that many tiny messages are bounded too. */
export const TAG_OVERHEAD = 128;
