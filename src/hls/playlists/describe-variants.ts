// From renditions as they are measured to the promises of the multivariant playlist (RFC 8216bis 4.4.6.2).
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import type { BitsPerSecond, Seconds } from '../../protocols/units.js';
import type { RenditionPlan } from '../timeline/plan.js';
import type { IFrameEntry, MultivariantPlaylist, VariantEntry } from './multivariant-playlist.js';

/** What is needed of an init segment. */
export type MeasuredTrack = Pick<InitTrack, 'codecs' | 'width' | 'height' | 'channels' | 'color'>;

/** What is needed of a rendition; `Rendition` fits. */
export interface MeasuredRendition {
  readonly plan: RenditionPlan;
  readonly track: MeasuredTrack | undefined;
  /** Of all segments that are listed, the newest first: others than `track` are those of earlier epochs. */
  readonly listedTracks: readonly MeasuredTrack[];
  readonly bandwidth: {
    readonly peak: BitsPerSecond;
    readonly average: BitsPerSecond;
    /** Of the media measured. */
    readonly duration: Seconds;
    /** Of the key frames alone. */
    readonly iFramePeak: BitsPerSecond;
    readonly iFrameAverage: BitsPerSecond;
  };
}

/** Of what was measured or announced: later segments may be this much heavier, and announced rates leave out the container. */
const HEADROOM = 1.1;

/** Less media than this says nothing about what an encoder that is not ours will send (docs/decisions/0004). */
const TELLING_DURATION: Seconds = 60;

/** Rates are rounded up to this, so that the text (and its ETag) does not change with every segment. */
const STEP: BitsPerSecond = 10_000;

/** One picture differs from the next more than one segment from the next. */
const I_FRAME_HEADROOM = 1.5;

const AUDIO_GROUP = 'audio';

/** TransferCharacteristics of ITU-T H.273 that RFC 8216bis 4.4.6.2 tells apart; all others are SDR, as is what says nothing. */
const TRANSFER_PQ = 16;
const TRANSFER_HLG = 18;

/**
 * Pure. Variants keep the order of the ladder, whatever they measure: the first is where players without a better idea start.
 * @param ended no more segments will come: rates are what those there are have, to the bit
 */
export function describeVariants(
  renditions: readonly MeasuredRendition[],
  sourceFrameRate: number | undefined,
  independentSegments: boolean,
  ended = false,
): MultivariantPlaylist {
  const video = renditions.filter(({ plan }) => plan.kind === 'video');
  const audio = renditions.find(({ plan }) => plan.kind === 'audio');
  const header = { version: 6, independentSegments };
  const rates = ended ? MEASURED : EXPECTED;
  if (video.length === 0)
    return { ...header, variants: audio === undefined ? [] : [variant([audio], rates)], iFrames: [] };
  const variants = video.map((rendition): VariantEntry => {
    const { plan } = rendition;
    const frameRate = plan.frameRate ?? sourceFrameRate;
    return {
      ...variant(
        audio === undefined ? [rendition] : [rendition, audio],
        rates,
        ended ? [] : smallerThan(rendition, video),
      ),
      ...picture(rendition),
      ...(frameRate === undefined ? {} : { frameRate }),
      ...(audio === undefined ? {} : { audio: AUDIO_GROUP }),
    };
  });
  const iFrames = video
    .filter(({ bandwidth }) => bandwidth.iFramePeak > 0)
    .map((rendition) => iFrameEntry(rendition, rates));
  if (audio === undefined) return { ...header, variants, iFrames };
  return {
    ...header,
    audio: {
      groupId: AUDIO_GROUP,
      name: 'Audio',
      channels: audio.track?.channels ?? audio.plan.channels,
      uri: `${audio.plan.name}/index.m3u8`,
    },
    variants,
    iFrames,
  };
}

/** The picture alone: no audio plays with it. */
function iFrameEntry(rendition: MeasuredRendition, rates: Rates): IFrameEntry {
  const { plan, bandwidth } = rendition;
  const peak = rates.round(rates.iFramePeak(rendition));
  return {
    uri: `${plan.name}/iframes.m3u8`,
    bandwidth: peak,
    averageBandwidth: Math.min(rates.round(bandwidth.iFrameAverage), peak),
    codecs: formats(rendition),
    ...picture(rendition),
  };
}

function picture({ plan, track, listedTracks }: MeasuredRendition): Pick<VariantEntry, 'resolution' | 'videoRange'> {
  const width = track?.width ?? plan.width;
  const height = track?.height ?? plan.height;
  const transfers = [track, ...listedTracks].map((of) => of?.color?.transfer);
  const videoRange = transfers.includes(TRANSFER_PQ) ? 'PQ' : transfers.includes(TRANSFER_HLG) ? 'HLG' : undefined;
  return {
    ...(width === undefined || height === undefined ? {} : { resolution: { width, height } }),
    ...(videoRange && { videoRange }),
  };
}

/** RFC 8216bis 6.2.4: every format of any segment that is listed, the newest first. */
function formats({ track, listedTracks }: MeasuredRendition): string[] {
  return [...new Set([track, ...listedTracks].map((of) => of?.codecs).filter((codecs) => codecs !== undefined))];
}

/**
 * What is played together: the first of them gives the URI, all of them the rates and codecs.
 * @param atLeast video renditions whose rates the first must not fall below
 */
function variant(
  played: readonly [MeasuredRendition, ...MeasuredRendition[]],
  rates: Rates,
  atLeast: readonly MeasuredRendition[] = [],
): VariantEntry {
  const [first, ...others] = played;
  const total = (rate: (rendition: MeasuredRendition) => BitsPerSecond): BitsPerSecond =>
    rates.round(others.reduce((sum, rendition) => sum + rate(rendition), Math.max(...[first, ...atLeast].map(rate))));
  const bandwidth = total(rates.peak);
  return {
    uri: `${first.plan.name}/index.m3u8`,
    bandwidth,
    averageBandwidth: Math.min(total(rates.mean), bandwidth),
    codecs: played.flatMap(formats),
  };
}

/** Smaller pictures of the same content, while the little that is known of `rendition` does not prove it to be cheaper. */
function smallerThan(rendition: MeasuredRendition, video: readonly MeasuredRendition[]): readonly MeasuredRendition[] {
  if (rendition.plan.maxrate !== undefined || rendition.bandwidth.duration >= TELLING_DURATION) return [];
  return video.filter((other) => samples(other) < samples(rendition));
}

function samples({ plan, track }: MeasuredRendition): number {
  return (track?.width ?? plan.width ?? 0) * (track?.height ?? plan.height ?? 0);
}

/** How the rates that are announced come from those that were measured. */
interface Rates {
  readonly peak: (rendition: MeasuredRendition) => BitsPerSecond;
  readonly mean: (rendition: MeasuredRendition) => BitsPerSecond;
  readonly iFramePeak: (rendition: MeasuredRendition) => BitsPerSecond;
  readonly round: (rate: BitsPerSecond) => BitsPerSecond;
}

/** RFC 8216bis 4.4.6.2: while segments are still made, those of what is to come; */
const EXPECTED: Rates = {
  peak,
  mean,
  iFramePeak: ({ bandwidth }) => bandwidth.iFramePeak * I_FRAME_HEADROOM,
  round: roundUp,
};

/** and once all are, theirs. */
const MEASURED: Rates = {
  peak: ({ bandwidth }) => bandwidth.peak,
  mean: ({ bandwidth }) => bandwidth.average,
  iFramePeak: ({ bandwidth }) => bandwidth.iFramePeak,
  round: Math.ceil,
};

/** What may come at worst. Our own encoders keep to their VBV rate; of the publisher's only what it says is known. */
function peak({ plan, bandwidth }: MeasuredRendition): BitsPerSecond {
  return Math.max(bandwidth.peak * HEADROOM, plan.maxrate ?? (plan.bitrate ?? 0) * HEADROOM);
}

function mean({ plan, bandwidth }: MeasuredRendition): BitsPerSecond {
  return Math.max(bandwidth.average, plan.bitrate ?? 0);
}

function roundUp(rate: BitsPerSecond): BitsPerSecond {
  return Math.ceil(rate / STEP) * STEP;
}
