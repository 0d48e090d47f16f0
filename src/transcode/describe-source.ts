// Says what the publisher really sends, read from the codec's own headers, so that the ladder is fitted to facts.
import type { BitsPerSecond } from '../protocols/units.js';

export interface SourceVideo {
  readonly codec: 'avc';
  /** Luma samples after cropping. */
  readonly width: number;
  readonly height: number;
  /** Width of a sample over its height; 1 when the SPS does not say (ITU-T H.264 E.2.1). */
  readonly sampleAspectRatio: number;
  /** Frames per second: SPS timing, else metadata, else measured, else 30. */
  readonly frameRate: number;
  /** `profile_idc` (ITU-T H.264 7.4.2.1.1). */
  readonly profile: number;
  readonly bitrate?: BitsPerSecond;
}

/** FLV audio codecs other than AAC that FFmpeg turns into AAC. */
export type TranscodedAudioCodec =
  | 'mp3'
  | 'opus'
  | 'flac'
  | 'ac3'
  | 'eac3'
  | 'g711-alaw'
  | 'g711-mulaw'
  | 'speex'
  | 'pcm';

export type SourceAudio =
  | {
      readonly codec: 'aac';
      /** MPEG-4 audio object type (ISO/IEC 14496-3 table 1.17). */
      readonly objectType: number;
      /** Hz. */
      readonly sampleRate: number;
      readonly channels: number;
      readonly bitrate?: BitsPerSecond;
    }
  | { readonly codec: TranscodedAudioCodec; readonly bitrate?: BitsPerSecond };

export interface SourceDescription {
  readonly video?: SourceVideo;
  readonly audio?: SourceAudio;
}
