// Chooses the renditions for a source from the configured ladder: never larger than the source, and always with even sizes.
import type { BitsPerSecond } from '../protocols/units.js';
import { reasonAgainstAac } from './browser-audio.js';
import type { SourceAudio, SourceDescription, SourceVideo } from './describe-source.js';
import { transcodeError } from './errors.js';
import { canReadFromFlv, type FlvReader } from './readable-codecs.js';
import type {
  AudioSpec,
  CopiedVideoSpec,
  EncodedVideoSpec,
  KeyFrames,
  RenditionSpec,
  VideoSpec,
} from './rendition-spec.js';

/** One configured name, parsed. */
export type LadderEntry =
  | { readonly kind: 'source' }
  | { readonly kind: 'audio' }
  /** Encoded so that the short side of the picture has this many samples. */
  | { readonly kind: 'encoded'; readonly name: string; readonly shortSide: number };

/** Smaller pictures are useless; larger ones exceed every H.264 level. */
const MIN_SHORT_SIDE = 64;
const MAX_SHORT_SIDE = 4320;

/** Bit rate that x264 (veryfast) needs for ordinary pictures at 1280x720 and 30 frames per second. */
const REFERENCE_BITRATE: BitsPerSecond = 2_500_000;
const REFERENCE_SAMPLES = 1280 * 720;
const REFERENCE_FRAME_RATE = 30;
/**
 * Larger and faster video is more redundant, so the bit rate grows more slowly than the number of samples, and even more slowly than the
 * frame rate.
 */
const SAMPLES_EXPONENT = 0.75;
const FRAME_RATE_EXPONENT = 0.6;
/** Even if the announced bit rate is very low, a rung keeps this share of its normal rate, because metadata is often wrong. */
const MIN_BITRATE_SHARE = 0.25;
/** Ratio of VBV peak rate to average rate. */
const PEAK_FACTOR = 1.2;
const VBV_SECONDS = 1;

/** `profile_idc` values that browsers decode: Baseline, Main, High (ITU-T H.264 annex A). Video of other profiles is re-encoded. */
const BROWSER_PROFILES: ReadonlySet<number> = new Set([66, 77, 100]);
/** Beyond 8 bits, browsers decode HEVC Main 10, AV1 Main and VP9 profile 2. */
const MAX_BIT_DEPTH = 10;
/** Browsers decode H.264 up to level 5.2: MaxFS of 36864 macroblocks (ITU-T H.264 table A-1), here in luma samples. */
const MAX_ENCODED_SAMPLES = 36_864 * 256;
/** Maximum width and height that hardware decoders support. */
const MAX_ENCODED_SIDE = 4096;
/** An encoded `source` keeps the publisher's announced bit rate up to this multiple of the normal one. */
const MAX_SOURCE_SHARE = 4;

const AUDIO_BITRATE: BitsPerSecond = 128_000;
const ENCODED_AUDIO_SAMPLE_RATE = 48_000;
const ENCODED_AUDIO_CHANNELS = 2;

/** @throws transcode.ladder-invalid for an empty list, an unknown name or a name given twice. */
function parseLadder(ladder: readonly string[]): LadderEntry[] {
  if (ladder.length === 0)
    throw transcodeError('transcode.ladder-invalid', 'got an empty ladder, expected source or 720p');
  if (new Set(ladder).size !== ladder.length) {
    throw transcodeError('transcode.ladder-invalid', `got a name twice in ${JSON.stringify(ladder.join(','))}`);
  }
  return ladder.map(parseEntry);
}

function parseEntry(name: string): LadderEntry {
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

export interface LadderOptions {
  /** `regular`: the GOPs of the source are too long to cut, so `source` is encoded as well. */
  readonly keyFrames?: KeyFrames;
  /** The FFmpeg in use: audio that it cannot read is copied if possible. If absent, all audio counts as readable. */
  readonly ffmpeg?: FlvReader;
}

/**
 * The renditions for a source: video in the order of the ladder, then the one audio track if the source has audio. The gateway packages
 * those with mode `copy`; FFmpeg makes the others.
 *
 * A rung as large as the source is left out if the source itself is served; a larger rung is always left out. One rung of the source's own
 * size replaces the missing ones in two cases: if no video would be left, and if only a copied source would be left that some browsers
 * cannot decode.
 * ¶ @throws transcode.ladder-invalid, transcode.ladder-empty
 */
export function fitLadder(
  ladder: readonly string[],
  source: SourceDescription,
  options: LadderOptions = {},
): RenditionSpec[] {
  const entries = parseLadder(ladder);
  const audio = source.audio === undefined ? [] : [audioRendition(source.audio, options.ffmpeg)];
  const video = source.video === undefined ? [] : fitVideo(entries, source.video, options.keyFrames ?? 'source');
  const renditions = [...video, ...audio];
  if (renditions.length === 0) {
    throw transcodeError(
      'transcode.ladder-empty',
      `the ladder ${ladder.join(',')} has nothing for the tracks of this source`,
    );
  }
  return renditions;
}

function fitVideo(entries: readonly LadderEntry[], video: SourceVideo, keyFrames: KeyFrames): VideoSpec[] {
  const display = displaySize(video);
  const sourceShortSide = Math.min(display.width, display.height);
  const servesSource = entries.some((entry) => entry.kind === 'source');
  const wantsVideo = entries.some((entry) => entry.kind !== 'audio');
  const specs: VideoSpec[] = [];
  for (const entry of entries) {
    if (entry.kind === 'source') specs.push(sourceRendition(video, keyFrames));
    if (entry.kind !== 'encoded') continue;
    const largest = evenFloor(sourceShortSide);
    const fits = servesSource ? entry.shortSide < largest : entry.shortSide <= largest;
    if (fits) specs.push(encodedRendition(entry.name, entry.shortSide / sourceShortSide, video));
  }
  const wantsRungs = entries.some((entry) => entry.kind === 'encoded');
  const needsRung = wantsRungs && isForSomeBrowsersOnly(video) && specs.every(({ mode }) => mode === 'copy');
  if (needsRung || (specs.length === 0 && wantsVideo)) {
    specs.push(encodedRendition(`${evenFloor(sourceShortSide)}p`, 1, video));
  }
  return specs;
}

/** Every browser decodes H.264; HEVC, AV1 and VP9 depend on the browser and on the device. */
export function isForSomeBrowsersOnly({ codec }: SourceVideo): boolean {
  return codec !== 'avc';
}

/**
 * Copied if segments can be cut at its key frames and browsers that support the codec can decode it. Otherwise encoded under the same name,
 * with its own size and frame rate.
 */
function sourceRendition(video: SourceVideo, keyFrames: KeyFrames): VideoSpec {
  if (keyFrames !== 'source' || !isCopyable(video)) return encodedSource(video);
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
  if (video.codec !== 'avc') return video.chromaFormat <= 1 && video.bitDepth <= MAX_BIT_DEPTH;
  const { profile = 0 } = video;
  return BROWSER_PROFILES.has(profile) && video.bitDepth === 8 && video.chromaFormat === 1;
}

/** The best rendition: it keeps the publisher's bit rate, which may be far higher than that of a rung. */
function encodedSource(video: SourceVideo): EncodedVideoSpec {
  const spec = encodedRendition('source', 1, video);
  const normal = normalBitrate(spec.width * spec.height, video.frameRate);
  const bitrate = roundBitrate(Math.min(Math.max(video.bitrate ?? normal, spec.bitrate), normal * MAX_SOURCE_SHARE));
  return { ...spec, ...rates(bitrate) };
}

function encodedRendition(name: string, scale: number, video: SourceVideo): EncodedVideoSpec {
  const display = displaySize(video);
  // A size that browsers cannot decode in H.264 is reduced to the largest that they can decode.
  const bounded = Math.min(scale, Math.sqrt(MAX_ENCODED_SAMPLES / (display.width * display.height)));
  const fit = Math.min(bounded, MAX_ENCODED_SIDE / Math.max(display.width, display.height));
  const side = fit < scale ? evenFloor : even;
  const width = Math.min(side(display.width * fit), evenFloor(display.width));
  const height = Math.min(side(display.height * fit), evenFloor(display.height));
  return {
    name,
    kind: 'video',
    mode: 'encode',
    width,
    height,
    frameRate: video.frameRate,
    ...rates(rungBitrate(width * height, video)),
  };
}

function rates(bitrate: BitsPerSecond): Pick<EncodedVideoSpec, 'bitrate' | 'maxrate' | 'bufsize'> {
  const maxrate = Math.round(bitrate * PEAK_FACTOR);
  return { bitrate, maxrate, bufsize: maxrate * VBV_SECONDS };
}

function normalBitrate(samples: number, frameRate: number): BitsPerSecond {
  return (
    REFERENCE_BITRATE *
    (samples / REFERENCE_SAMPLES) ** SAMPLES_EXPONENT *
    (frameRate / REFERENCE_FRAME_RATE) ** FRAME_RATE_EXPONENT
  );
}

/** The bit rate grows with samples and frame rate, but never exceeds the announced bit rate of the source. */
function rungBitrate(samples: number, video: SourceVideo): BitsPerSecond {
  const normal = normalBitrate(samples, video.frameRate);
  const cap = Math.max(video.bitrate ?? normal, normal * MIN_BITRATE_SHARE);
  return roundBitrate(Math.min(normal, cap));
}

/** Rounds to multiples of 10 kbit/s. */
function roundBitrate(bitrate: BitsPerSecond): BitsPerSecond {
  return Math.max(10_000, Math.round(bitrate / 10_000) * 10_000);
}

/** Size with square pixels (ITU-T H.264 E.2.1). The height stays the same, because landscape rungs are named after it. */
function displaySize(video: SourceVideo): { width: number; height: number } {
  return { width: video.width * video.sampleAspectRatio, height: video.height };
}

/** Rounds to an even number: 4:2:0 chroma halves both sides. */
function even(samples: number): number {
  return Math.max(2, 2 * Math.round(samples / 2));
}

function evenFloor(samples: number): number {
  return Math.max(2, 2 * Math.floor(samples / 2));
}

function audioRendition(audio: SourceAudio, ffmpeg: FlvReader | undefined): AudioSpec {
  if (!isCopiedAudio(audio, ffmpeg)) {
    return {
      name: 'audio',
      kind: 'audio',
      mode: 'encode',
      bitrate: AUDIO_BITRATE,
      sampleRate: ENCODED_AUDIO_SAMPLE_RATE,
      channels: ENCODED_AUDIO_CHANNELS,
    };
  }
  const { sampleRate, channels } = audio;
  return {
    name: 'audio',
    kind: 'audio',
    mode: 'copy',
    bitrate: audio.bitrate ?? AUDIO_BITRATE,
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(channels === undefined ? {} : { channels }),
  };
}

/**
 * Every browser plays most forms of AAC. Opus, FLAC, AC-3 and E-AC-3 are encoded, so that every browser can play the result. If this FFmpeg
 * cannot read them, they are passed through, because most browsers play them. `PACKAGED_AUDIO` in `pipeline/stream-plan.ts` lists what a
 * playlist can contain.
 */
function isCopiedAudio(audio: SourceAudio, ffmpeg: FlvReader | undefined): boolean {
  switch (audio.codec) {
    case 'aac':
      return reasonAgainstAac(audio) === undefined;
    case 'opus':
    case 'flac':
    case 'ac-3':
    case 'e-ac-3':
      return ffmpeg !== undefined && !canReadFromFlv(audio.codec, ffmpeg);
    default:
      return false;
  }
}
