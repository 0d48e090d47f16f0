// Turns the configured ladder and the real source into the renditions to make: never above the source, always even.
import type { BitsPerSecond } from '../protocols/units.js';
import type { SourceAudio, SourceDescription, SourceVideo } from './describe-source.js';
import { transcodeError } from './errors.js';
import type { AudioSpec, CopiedVideoSpec, EncodedVideoSpec, RenditionSpec, VideoSpec } from './rendition-spec.js';

/** One configured name, understood. */
export type LadderRung =
  | { readonly kind: 'source' }
  | { readonly kind: 'audio' }
  /** Encoded so that the short side of the picture has this many samples. */
  | { readonly kind: 'encoded'; readonly name: string; readonly shortSide: number };

/** Below this nothing is left to see, above it no H.264 level reaches. */
const MIN_SHORT_SIDE = 64;
const MAX_SHORT_SIDE = 4320;

/** What veryfast x264 needs for ordinary pictures at 1280x720 and 30 frames per second. */
const REFERENCE_BITRATE: BitsPerSecond = 2_500_000;
const REFERENCE_SAMPLES = 1280 * 720;
const REFERENCE_FRAME_RATE = 30;
/** Larger pictures and faster ones repeat themselves more: the rate grows slower than the samples, and slower still than the frames. */
const SAMPLES_EXPONENT = 0.75;
const FRAME_RATE_EXPONENT = 0.6;
/** However little the publisher says it sends, a rung keeps this share of its normal rate: metadata is often wrong. */
const MIN_BITRATE_SHARE = 0.25;
/** VBV peak over the average. */
const PEAK_FACTOR = 1.2;
const VBV_SECONDS = 1;

/** `profile_idc` that browsers decode: Baseline, Main, High (ITU-T H.264 annex A). Others are encoded anew. */
const BROWSER_PROFILES: ReadonlySet<number> = new Set([66, 77, 100]);
/** AAC-LC; SBR and PS lie on top of it (ISO/IEC 14496-3 table 1.17). */
const AAC_LC = 2;

const AUDIO_BITRATE: BitsPerSecond = 128_000;
const ENCODED_AUDIO_SAMPLE_RATE = 48_000;
const ENCODED_AUDIO_CHANNELS = 2;

/** @throws transcode.ladder-invalid for an empty list, an unknown name or a name given twice. */
export function parseLadder(ladder: readonly string[]): LadderRung[] {
  if (ladder.length === 0)
    throw transcodeError('transcode.ladder-invalid', 'got an empty ladder, expected source or 720p');
  if (new Set(ladder).size !== ladder.length) {
    throw transcodeError('transcode.ladder-invalid', `got a name twice in ${JSON.stringify(ladder.join(','))}`);
  }
  return ladder.map(parseRung);
}

function parseRung(name: string): LadderRung {
  if (name === 'source' || name === 'audio') return { kind: name };
  const shortSide = Number(/^([1-9]\d{1,3})p$/.exec(name)?.[1]);
  if (shortSide >= MIN_SHORT_SIDE && shortSide <= MAX_SHORT_SIDE && shortSide % 2 === 0) {
    return { kind: 'encoded', name, shortSide };
  }
  throw transcodeError(
    'transcode.ladder-invalid',
    `got ${JSON.stringify(name.slice(0, 40))}, expected source, audio or an even height ${MIN_SHORT_SIDE}p..${MAX_SHORT_SIDE}p`,
  );
}

/**
 * The renditions to make, video in the order of the ladder, then the one audio track if the source has audio.
 * A rung as large as the source is left out when the source itself is served, a larger one always; when no rung is left
 * for a source that has video, one of the source's own size stands for them.
 * @throws transcode.ladder-invalid, transcode.ladder-empty
 */
export function fitLadder(ladder: readonly string[], source: SourceDescription): RenditionSpec[] {
  const rungs = parseLadder(ladder);
  const audio = source.audio === undefined ? [] : [fitAudio(source.audio)];
  const video = source.video === undefined ? [] : fitVideo(rungs, source.video);
  const renditions = [...video, ...audio];
  if (renditions.length === 0) {
    throw transcodeError(
      'transcode.ladder-empty',
      `the ladder ${ladder.join(',')} has nothing for the tracks of this source`,
    );
  }
  return renditions;
}

function fitVideo(rungs: readonly LadderRung[], video: SourceVideo): VideoSpec[] {
  const display = displaySize(video);
  const sourceShortSide = Math.min(display.width, display.height);
  const servesSource = rungs.some((rung) => rung.kind === 'source');
  const wantsVideo = rungs.some((rung) => rung.kind !== 'audio');
  const specs: VideoSpec[] = [];
  for (const rung of rungs) {
    if (rung.kind === 'source') specs.push(sourceRung(video));
    if (rung.kind !== 'encoded') continue;
    const largest = evenFloor(sourceShortSide);
    const fits = servesSource ? rung.shortSide < largest : rung.shortSide <= largest;
    if (fits) specs.push(encodedRung(rung.name, rung.shortSide / sourceShortSide, video));
  }
  if (specs.length === 0 && wantsVideo) specs.push(encodedRung(`${evenFloor(sourceShortSide)}p`, 1, video));
  return specs;
}

/** Copied when browsers can decode it, else encoded at its own size under the same name. */
function sourceRung(video: SourceVideo): VideoSpec {
  if (!isCopyable(video)) return encodedRung('source', 1, video);
  const spec: CopiedVideoSpec = {
    name: 'source',
    kind: 'video',
    mode: 'copy',
    width: video.width,
    height: video.height,
    frameRate: video.frameRate,
    ...(video.bitrate === undefined ? {} : { bitrate: video.bitrate }),
  };
  return spec;
}

function isCopyable(video: SourceVideo): boolean {
  return BROWSER_PROFILES.has(video.profile) && video.bitDepth === 8 && video.chromaFormat === 1;
}

function encodedRung(name: string, scale: number, video: SourceVideo): EncodedVideoSpec {
  const display = displaySize(video);
  const width = Math.min(even(display.width * scale), evenFloor(display.width));
  const height = Math.min(even(display.height * scale), evenFloor(display.height));
  const bitrate = rungBitrate(width * height, video);
  const maxrate = Math.round(bitrate * PEAK_FACTOR);
  return {
    name,
    kind: 'video',
    mode: 'encode',
    width,
    height,
    frameRate: video.frameRate,
    bitrate,
    maxrate,
    bufsize: maxrate * VBV_SECONDS,
  };
}

/** Grows with samples and frame rate, whole 10 kbit/s, never above what the publisher says it sends. */
function rungBitrate(samples: number, video: SourceVideo): BitsPerSecond {
  const normal =
    REFERENCE_BITRATE *
    (samples / REFERENCE_SAMPLES) ** SAMPLES_EXPONENT *
    (video.frameRate / REFERENCE_FRAME_RATE) ** FRAME_RATE_EXPONENT;
  const cap = Math.max(video.bitrate ?? normal, normal * MIN_BITRATE_SHARE);
  return Math.max(10_000, Math.round(Math.min(normal, cap) / 10_000) * 10_000);
}

/** Size on a screen with square pixels (ITU-T H.264 E.2.1): the height is kept, as rungs of landscape are named after it. */
function displaySize(video: SourceVideo): { width: number; height: number } {
  return { width: video.width * video.sampleAspectRatio, height: video.height };
}

/** 4:2:0 chroma halves both sides. */
function even(samples: number): number {
  return Math.max(2, 2 * Math.round(samples / 2));
}

function evenFloor(samples: number): number {
  return Math.max(2, 2 * Math.floor(samples / 2));
}

function fitAudio(audio: SourceAudio): AudioSpec {
  if (audio.codec === 'aac' && audio.objectType === AAC_LC) {
    return {
      name: 'audio',
      kind: 'audio',
      mode: 'copy',
      bitrate: audio.bitrate ?? AUDIO_BITRATE,
      sampleRate: audio.sampleRate,
      channels: audio.channels,
    };
  }
  return {
    name: 'audio',
    kind: 'audio',
    mode: 'encode',
    bitrate: AUDIO_BITRATE,
    sampleRate: ENCODED_AUDIO_SAMPLE_RATE,
    channels: ENCODED_AUDIO_CHANNELS,
  };
}
