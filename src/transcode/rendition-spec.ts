// The work of FFmpeg for one stream, as closed types shared by the argument builder, the pipeline and the tests.
import type { BitsPerSecond, Milliseconds, Seconds } from '../protocols/units.js';
import type { SourceDescription } from './describe-source.js';

/** The publisher's own video, packaged by the gateway without FFmpeg. */
export interface CopiedVideoSpec {
  readonly name: 'source';
  readonly kind: 'video';
  readonly mode: 'copy';
  /** Luma samples after cropping; may be odd, because nothing is re-encoded. */
  readonly width: number;
  readonly height: number;
  /** Frames per second. */
  readonly frameRate: number;
  /** Bit rate announced by the publisher, if any; the playlist uses the measured one. */
  readonly bitrate?: BitsPerSecond;
}

/** A rung encoded with x264. */
export interface EncodedVideoSpec {
  /** `720p`, `480p`, …: the short side of the picture; `source` if the publisher's own video cannot be served as it is. */
  readonly name: string;
  readonly kind: 'video';
  readonly mode: 'encode';
  /** Square pixels; always even, as 4:2:0 requires. */
  readonly width: number;
  readonly height: number;
  /** Frames per second, always those of the source: frames are neither dropped nor repeated. */
  readonly frameRate: number;
  readonly bitrate: BitsPerSecond;
  /** VBV peak rate. The BANDWIDTH in the playlist must not be exceeded (RFC 8216bis 4.4.6.2). */
  readonly maxrate: BitsPerSecond;
  /** VBV buffer, bits. */
  readonly bufsize: number;
}

/** The publisher's own audio, packaged by the gateway. */
export interface CopiedAudioSpec {
  readonly name: 'audio';
  readonly kind: 'audio';
  readonly mode: 'copy';
  readonly bitrate: BitsPerSecond;
  /** Hz; absent if only the frames contain it. */
  readonly sampleRate?: number;
  readonly channels?: number;
}

/** AAC-LC encoded by FFmpeg. */
export interface EncodedAudioSpec {
  readonly name: 'audio';
  readonly kind: 'audio';
  readonly mode: 'encode';
  readonly bitrate: BitsPerSecond;
  /** Hz. */
  readonly sampleRate: number;
  readonly channels: number;
}

export type VideoSpec = CopiedVideoSpec | EncodedVideoSpec;
/** The one audio track that all video renditions share. */
export type AudioSpec = CopiedAudioSpec | EncodedAudioSpec;
export type RenditionSpec = VideoSpec | AudioSpec;
/** Renditions that need FFmpeg. */
export type EncodedSpec = EncodedVideoSpec | EncodedAudioSpec;

/**
 * Where encoded rungs have their key frames:
 * - `source`: where the source has them, so that copied and encoded renditions can be cut at the same pictures.
 * - `regular`: at the first picture in each multiple of the segment duration, for sources whose GOPs are too long to cut (their video is
 *   never copied).
 * - `every`: at every picture, for such sources with so few pictures that there is hardly one in each multiple.
 */
export type KeyFrames = 'source' | 'regular' | 'every';

/** Everything that `buildFfmpegArguments` needs. Output `i` of FFmpeg (fd `3 + i`) carries `renditions[i]`. */
export interface TranscodePlan {
  readonly source: SourceDescription;
  /** At least one: if nothing is encoded, no FFmpeg runs. */
  readonly renditions: readonly EncodedSpec[];
  /** The requested part duration (configuration `partDuration`); `framesPerPart` converts it to whole frames. */
  readonly partDuration: Seconds;
  readonly segmentDuration: Seconds;
  readonly keyFrames: KeyFrames;
}

/**
 * By rendition name: presentation time of the first picture or sample that FFmpeg should encode, because the previous process has produced
 * everything before it. With `regular` key frames it must be the time of a picture.
 */
export type WantedFrom = ReadonlyMap<string, Milliseconds>;

export function encodedRenditions(renditions: readonly RenditionSpec[]): EncodedSpec[] {
  return renditions.filter((spec) => spec.mode === 'encode');
}

/**
 * The tracks that FFmpeg is fed. The flags of the FLV header must name exactly these: FFmpeg would wait for an announced track that never
 * comes.
 */
export function fedTracks(plan: Pick<TranscodePlan, 'renditions'>): {
  readonly video: boolean;
  readonly audio: boolean;
} {
  return {
    video: plan.renditions.some(({ kind }) => kind === 'video'),
    audio: plan.renditions.some(({ kind }) => kind === 'audio'),
  };
}
