// What is asked of FFmpeg for one stream, as closed types that the argument builder, the pipeline and the tests share.
import type { BitsPerSecond, Seconds } from '../protocols/units.js';
import type { SourceDescription } from './describe-source.js';

/** The publisher's own video, copied bit by bit. */
export interface CopiedVideoSpec {
  readonly name: 'source';
  readonly kind: 'video';
  readonly mode: 'copy';
  /** Luma samples, after cropping (not necessarily even: nothing is re-encoded). */
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly frameRate: number;
  /** What the publisher announced, if it did; the playlist measures the real one. */
  readonly bitrate?: BitsPerSecond;
}

/** A rung encoded with x264. */
export interface EncodedVideoSpec {
  /** `720p`, `480p`, …: the short side of the picture; `source` when browsers cannot play the publisher's own video. */
  readonly name: string;
  readonly kind: 'video';
  readonly mode: 'encode';
  /** Square pixels, always even (4:2:0 needs it). */
  readonly width: number;
  readonly height: number;
  /** Frames per second; always the source's own: frames are neither dropped nor repeated. */
  readonly frameRate: number;
  readonly bitrate: BitsPerSecond;
  /** VBV peak rate: the BANDWIDTH of the playlist must hold (RFC 8216bis 4.4.6.2). */
  readonly maxrate: BitsPerSecond;
  /** VBV buffer, bits. */
  readonly bufsize: number;
}

/** The one audio track all video renditions share. */
export interface AudioSpec {
  readonly name: 'audio';
  readonly kind: 'audio';
  readonly mode: 'copy' | 'encode';
  readonly bitrate: BitsPerSecond;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

export type VideoSpec = CopiedVideoSpec | EncodedVideoSpec;
export type RenditionSpec = VideoSpec | AudioSpec;

/** Everything `buildFfmpegArguments` needs; output `i` of FFmpeg (fd `3 + i`) carries `renditions[i]`. */
export interface TranscodePlan {
  readonly source: SourceDescription;
  readonly renditions: readonly RenditionSpec[];
  /** The part duration asked for (configuration `partDuration`); whole frames are made of it by `framesPerPart`. */
  readonly partDuration: Seconds;
}
