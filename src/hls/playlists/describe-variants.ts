// Derives the attributes of the multivariant playlist from measured renditions (RFC 8216bis 4.4.6.2).
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import type { BitsPerSecond, Seconds } from '../../protocols/units.js';
import type { RenditionPlan } from '../timeline/plan.js';
import type { IFrameEntry, MultivariantPlaylist, VariantEntry } from './multivariant-playlist.js';

/** The properties of an init segment that are needed. */
export type MeasuredTrack = Pick<InitTrack, 'codecs' | 'width' | 'height' | 'channels' | 'color'>;

/** The properties of a rendition that are needed; `Rendition` has them. */
export interface MeasuredRendition {
  readonly plan: RenditionPlan;
  readonly track: MeasuredTrack | undefined;
  /** Tracks of all listed segments, the newest first. Those that differ from `track` belong to earlier periods. */
  readonly listedTracks: readonly MeasuredTrack[];
  readonly bandwidth: {
    readonly peak: BitsPerSecond;
    readonly average: BitsPerSecond;
    /** Duration of the measured media. */
    readonly duration: Seconds;
    /** Peak rate of the key frames alone. */
    readonly iFramePeak: BitsPerSecond;
    readonly iFrameAverage: BitsPerSecond;
  };
}

/** Measured or announced rates are multiplied by this: later segments may be larger, and announced rates exclude the container. */
const HEADROOM = 1.1;

/** A measurement of less media than this does not show what a foreign encoder will send later (docs/decisions/0004). */
const TELLING_DURATION: Seconds = 60;

/** Rates are rounded up to multiples of this, so that the text and its ETag do not change with every segment. */
const STEP: BitsPerSecond = 10_000;

/** Single pictures vary more in size than segments. */
const I_FRAME_HEADROOM = 1.5;

const AUDIO_GROUP = 'audio';

/** TransferCharacteristics of ITU-T H.273 that RFC 8216bis 4.4.6.2 distinguishes; all others, and none, are SDR. */
const TRANSFER_PQ = 16;
const TRANSFER_HLG = 18;

/**
 * Pure. Variants stay in the order of the ladder, whatever their rates, because many players start with the first.
 * @param ended whether no more segments will come: then announces the exact rates of the existing ones
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

/** Describes the picture alone, because no audio is played with it. */
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

/** RFC 8216bis 6.2.4: the formats of all listed segments, the newest first. */
function formats({ track, listedTracks }: MeasuredRendition): string[] {
  return [...new Set([track, ...listedTracks].map((of) => of?.codecs).filter((codecs) => codecs !== undefined))];
}

/**
 * One variant for renditions that are played together. It has the URI of the first, and the rates and codecs of all together.
 * @param atLeast video renditions; the announced rates are at least theirs
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

/**
 * The renditions with smaller pictures, while `rendition` was measured too briefly to believe that its rate is lower than theirs;
 * afterwards none.
 */
function smallerThan(rendition: MeasuredRendition, video: readonly MeasuredRendition[]): readonly MeasuredRendition[] {
  if (rendition.plan.maxrate !== undefined || rendition.bandwidth.duration >= TELLING_DURATION) return [];
  return video.filter((other) => samples(other) < samples(rendition));
}

function samples({ plan, track }: MeasuredRendition): number {
  return (track?.width ?? plan.width ?? 0) * (track?.height ?? plan.height ?? 0);
}

/** How announced rates follow from measured ones. */
interface Rates {
  readonly peak: (rendition: MeasuredRendition) => BitsPerSecond;
  readonly mean: (rendition: MeasuredRendition) => BitsPerSecond;
  readonly iFramePeak: (rendition: MeasuredRendition) => BitsPerSecond;
  readonly round: (rate: BitsPerSecond) => BitsPerSecond;
}

/** RFC 8216bis 4.4.6.2: while segments are still being made, announces the rates that future segments will need. */
const EXPECTED: Rates = {
  peak,
  mean,
  iFramePeak: ({ bandwidth }) => bandwidth.iFramePeak * I_FRAME_HEADROOM,
  round: roundUp,
};

/** When all segments exist, announces their measured rates. */
const MEASURED: Rates = {
  peak: ({ bandwidth }) => bandwidth.peak,
  mean: ({ bandwidth }) => bandwidth.average,
  iFramePeak: ({ bandwidth }) => bandwidth.iFramePeak,
  round: Math.ceil,
};

/** The highest rate to expect. Our own encoders keep to their VBV rate; of a publisher only the announced rate is known. */
function peak({ plan, bandwidth }: MeasuredRendition): BitsPerSecond {
  return Math.max(bandwidth.peak * HEADROOM, plan.maxrate ?? (plan.bitrate ?? 0) * HEADROOM);
}

function mean({ plan, bandwidth }: MeasuredRendition): BitsPerSecond {
  return Math.max(bandwidth.average, plan.bitrate ?? 0);
}

function roundUp(rate: BitsPerSecond): BitsPerSecond {
  return Math.ceil(rate / STEP) * STEP;
}
