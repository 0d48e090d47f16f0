// What every stage after ingest works with: one message of the publisher, checked and on the stream's own timeline.
import type { AudioCodecId, VideoCodecId } from '../protocols/flv/codecs.js';
import type { Milliseconds } from '../protocols/units.js';

export type LiveTagKind = 'video' | 'audio' | 'script';

export interface LiveTag {
  readonly kind: LiveTagKind;
  /** Decode time on the stream's timeline: unwrapped, repaired, strictly increasing over the frames of one kind. */
  readonly dts: Milliseconds;
  /** Presentation time minus decode time; video only, may be negative. */
  readonly compositionTime: Milliseconds;
  /** A video frame decoding can start at. False for sequence headers and for audio. */
  readonly keyFrame: boolean;
  readonly sequenceHeader: boolean;
  /**
   * FLV tag body as FFmpeg (6.1 or later where the head is an Enhanced RTMP one) and RTMP players read it: a legacy head
   * where the codec has one. Shared by all subscribers: never written to.
   */
  readonly body: Buffer;
  /**
   * What is behind the head, as a view into `body`. Of a frame the coded bytes: NAL units behind their lengths, an AV1
   * temporal unit, a VP9 frame, a raw AAC frame. Of a sequence header the record: avcC, hvcC, av1C, vpcC,
   * AudioSpecificConfig, OpusHead, the FLAC stream info. Of a script tag the whole body.
   */
  readonly data: Buffer;
  /** Undefined for script tags. */
  readonly codec: VideoCodecId | AudioCodecId | undefined;
  /**
   * 0, and above it for further video tracks of the same codec (Enhanced RTMP v2 "Multitrack"). Readers that know one track
   * are never given others: `subscribe` and the GOP cache carry 0 only.
   */
  readonly trackId: number;
  /** A sequence header that differs from the one before it, so decoders have to be set up anew. */
  readonly changed?: boolean;
  /** The key frame is an H.264 recovery point, not an IDR: FFmpeg and Apple players start there, Chromium's MSE does not. */
  readonly openGop?: boolean;
  /** The publisher's clock jumped here; the stream's timeline goes on smoothly, but pictures may not fit. */
  readonly discontinuity?: boolean;
}
