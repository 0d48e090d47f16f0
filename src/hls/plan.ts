// What the HLS room must be told about a stream before its first byte; `transcode`'s RenditionSpec fits it structurally.
import type { BitsPerSecond } from '../protocols/units.js';

export interface RenditionPlan {
  /** Path segment of the rendition's URLs: `source`, `720p`, `audio`. */
  readonly name: string;
  readonly kind: 'video' | 'audio';
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

export interface PresentationPlan {
  /** In the order of the ladder, which is the order of the multivariant playlist; output `i` of FFmpeg is `renditions[i]`. */
  readonly renditions: readonly RenditionPlan[];
  /** Of the source; needed when a video rendition does not say its own. */
  readonly frameRate?: number | undefined;
}
