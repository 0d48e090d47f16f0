// A live stream as DASH needs it. A presentation of `hls` implements this interface.
import type { BitsPerSecond, EpochMilliseconds, Seconds } from '../protocols/units.js';

export interface DashSegment {
  readonly mediaSequence: number;
  /** Presentation time of its first sample, and its end, on the media timeline. */
  readonly start: Seconds;
  readonly end: Seconds;
  /** Where its run begins (media without a discontinuity, a gap or a change of init segment), even if that is no longer listed. */
  readonly run: { readonly mediaSequence: number; readonly start: Seconds };
  /** Changes whenever decoders must be reconfigured. */
  readonly discontinuityNumber: number;
  /** Whether it has no media. */
  readonly gap: boolean;
  readonly init: { readonly uri: string; readonly track: DashTrack };
}

export interface DashTrack {
  readonly codecs: string;
  readonly timescale: number;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  readonly sampleRate?: number | undefined;
  readonly channels?: number | undefined;
}

export interface DashRendition {
  readonly plan: {
    readonly name: string;
    readonly kind: 'video' | 'audio';
    readonly bitrate?: BitsPerSecond | undefined;
    readonly maxrate?: BitsPerSecond | undefined;
  };
  /** Whether more segments will follow. */
  readonly active: boolean;
  readonly frameRate: number | undefined;
  readonly bandwidth: { readonly peak: BitsPerSecond };
  /** Oldest first. */
  readonly segments: readonly DashSegment[];
}

export interface DashPresentation {
  readonly targetDuration: Seconds | undefined;
  /** When the stream ended, in presentation time; undefined before the end. */
  readonly endedAt: EpochMilliseconds | undefined;
  /**
   * The date that media time 0 had when the stream began. Presentation time is counted from it, in steps of media time. If an encoder's
   * clock runs slow or fast, presentation time does too; players read the current presentation time from `mediaNow`.
   */
  readonly mediaOrigin: EpochMilliseconds;
  /** Whether its media has timed events. */
  readonly carriesEvents?: boolean;
  /** The current media time, as a date counted from `mediaOrigin`, and so not the wall clock. */
  readonly mediaNow: EpochMilliseconds;
  /** The listed segments of each rendition, in the order of the ladder. */
  readonly listings: readonly DashRendition[];
}
