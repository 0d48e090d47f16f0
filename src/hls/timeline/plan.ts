// The description of a stream that HLS needs before the first byte, and again whenever the tracks change.
import type { BitsPerSecond } from '../../protocols/units.js';

export interface RenditionPlan {
  /** Path segment in the rendition's URLs: `source`, `720p`, `audio`. The same name in a later period means the same playlist. */
  readonly name: string;
  readonly kind: 'video' | 'audio';
  /** `samples`: packaged here (`setTrack`, `writeSample`); `pipe`: packaged by FFmpeg (`write`). */
  readonly input: 'samples' | 'pipe';
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Frames per second; video only. */
  readonly frameRate?: number | undefined;
  /** Configured or announced rate; the playlist never announces less than the measured rate. */
  readonly bitrate?: BitsPerSecond | undefined;
  /** VBV peak rate of an encoded rung. */
  readonly maxrate?: BitsPerSecond | undefined;
  readonly channels?: number | undefined;
}

/** A period of a stream in which tracks and parameters do not change: from one EXT-X-DISCONTINUITY to the next. */
export interface PeriodPlan {
  /** In the order of the ladder, which is the order of the multivariant playlist. */
  readonly renditions: readonly RenditionPlan[];
  /** Frame rate of the source; needed if a video rendition does not have its own. */
  readonly frameRate?: number | undefined;
  /**
   * Where segments begin: at key frames of the source, or (`regular`) at multiples of the segment duration on the stream timeline, for a
   * source that is re-encoded with key frames there.
   */
  readonly cuts: 'key-frames' | 'regular';
}
