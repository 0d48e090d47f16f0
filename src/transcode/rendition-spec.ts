// What is asked of FFmpeg for one stream, as closed types that the argument builder, the pipeline and the tests share.
import type { BitsPerSecond, Milliseconds, Seconds } from '../protocols/units.js';
import type { SourceDescription } from './describe-source.js';

/** The publisher's own video: the gateway packages it, FFmpeg never sees it for this. */
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
  /** `720p`, `480p`, …: the short side of the picture; `source` when the publisher's own video cannot be served as it is. */
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

/** The publisher's own audio: the gateway packages it. */
export interface CopiedAudioSpec {
  readonly name: 'audio';
  readonly kind: 'audio';
  readonly mode: 'copy';
  readonly bitrate: BitsPerSecond;
  /** Hz; absent where only the frames say it. */
  readonly sampleRate?: number;
  readonly channels?: number;
}

/** AAC-LC made by FFmpeg. */
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
/** The one audio track all video renditions share. */
export type AudioSpec = CopiedAudioSpec | EncodedAudioSpec;
export type RenditionSpec = VideoSpec | AudioSpec;
/** What needs an FFmpeg. */
export type EncodedSpec = EncodedVideoSpec | EncodedAudioSpec;

/**
 * Where the encoded rungs have their key frames: `source` = where the source has them, so that copied and encoded renditions
 * can be cut alike; `regular` = at the first picture of every multiple of the segment duration, for sources whose groups of
 * pictures are too long to cut (then nothing of the video is copied); `every` = at every picture, for those of them that have
 * hardly a picture in each multiple.
 */
export type KeyFrames = 'source' | 'regular' | 'every';

/** Everything `buildFfmpegArguments` needs; output `i` of FFmpeg (fd `3 + i`) carries `renditions[i]`. */
export interface TranscodePlan {
  readonly source: SourceDescription;
  /** At least one: where nothing is encoded there is no FFmpeg. */
  readonly renditions: readonly EncodedSpec[];
  /** The part duration asked for (configuration `partDuration`); whole frames are made of it by `framesPerPart`. */
  readonly partDuration: Seconds;
  readonly segmentDuration: Seconds;
  readonly keyFrames: KeyFrames;
}

/**
 * By name of the rendition: presentation time of the first picture or sample that is wanted of an FFmpeg, when the one before
 * it has made what is earlier. With `regular` key frames it must be the time of a picture.
 */
export type WantedFrom = ReadonlyMap<string, Milliseconds>;

export function encodedRenditions(renditions: readonly RenditionSpec[]): EncodedSpec[] {
  return renditions.filter((spec) => spec.mode === 'encode');
}

/** The tracks that FFmpeg must be fed, and the flags of the FLV header: it would wait for a track that is announced and never comes. */
export function fedTracks(plan: Pick<TranscodePlan, 'renditions'>): {
  readonly video: boolean;
  readonly audio: boolean;
} {
  return {
    video: plan.renditions.some(({ kind }) => kind === 'video'),
    audio: plan.renditions.some(({ kind }) => kind === 'audio'),
  };
}
