// What the HLS room must be told about a stream before its first byte, and again whenever its tracks become others.
import type { BitsPerSecond } from '../../protocols/units.js';

export interface RenditionPlan {
  /** Path segment of the rendition's URLs: `source`, `720p`, `audio`. The same name in a later epoch is the same playlist. */
  readonly name: string;
  readonly kind: 'video' | 'audio';
  /** `samples`: this room packages them (`setTrack`, `writeSample`); `pipe`: FFmpeg does (`write`). */
  readonly input: 'samples' | 'pipe';
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Frames per second; video only. */
  readonly frameRate?: number | undefined;
  /** Configured (or announced) rate; the playlist never says less than what was measured. */
  readonly bitrate?: BitsPerSecond | undefined;
  /** VBV peak rate of an encoded rung. */
  readonly maxrate?: BitsPerSecond | undefined;
  readonly channels?: number | undefined;
}

/** One stretch of a stream whose tracks and parameters do not change: from EXT-X-DISCONTINUITY to EXT-X-DISCONTINUITY. */
export interface EpochPlan {
  /** In the order of the ladder, which is the order of the multivariant playlist. */
  readonly renditions: readonly RenditionPlan[];
  /** Of the source; needed when a video rendition does not say its own. */
  readonly frameRate?: number | undefined;
  /**
   * Where segments begin: at key frames of the source, or (`regular`) at multiples of the segment duration on the stream
   * timeline, for a source that is encoded anew with key frames there.
   */
  readonly cuts: 'key-frames' | 'regular';
}
