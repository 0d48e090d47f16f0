// From renditions as they are measured to the promises of the multivariant playlist (RFC 8216bis 4.4.6.2).
import type { BitsPerSecond } from '../protocols/units.js';
import type { MultivariantPlaylist, VariantEntry } from './multivariant-playlist.js';
import type { RenditionPlan } from './plan.js';

/** What is needed of a rendition; `Rendition` fits. */
export interface MeasuredRendition {
  readonly plan: RenditionPlan;
  readonly track:
    | { readonly codecs: string; readonly width?: number; readonly height?: number; readonly channels?: number }
    | undefined;
  readonly bandwidth: { readonly peak: BitsPerSecond; readonly average: BitsPerSecond };
}

/** A player may have measured only the first segment; later ones may be this much heavier without breaking the promise. */
const HEADROOM = 1.1;

/** Rates are rounded up to this, so that the text (and its ETag) does not change with every segment. */
const STEP: BitsPerSecond = 10_000;

const AUDIO_GROUP = 'audio';

/** Pure. Variants keep the order of the ladder, whatever they measure: the first is where players without a better idea start. */
export function describeVariants(
  renditions: readonly MeasuredRendition[],
  sourceFrameRate: number | undefined,
  independentSegments: boolean,
): MultivariantPlaylist {
  const video = renditions.filter(({ plan }) => plan.kind === 'video');
  const audio = renditions.find(({ plan }) => plan.kind === 'audio');
  const header = { version: 6, independentSegments };
  if (video.length === 0) return { ...header, variants: audio === undefined ? [] : [variant([audio])] };
  const variants = video.map((rendition): VariantEntry => {
    const { plan, track } = rendition;
    const width = track?.width ?? plan.width;
    const height = track?.height ?? plan.height;
    const frameRate = plan.frameRate ?? sourceFrameRate;
    return {
      ...variant(audio === undefined ? [rendition] : [rendition, audio]),
      ...(width === undefined || height === undefined ? {} : { resolution: { width, height } }),
      ...(frameRate === undefined ? {} : { frameRate }),
      ...(audio === undefined ? {} : { audio: AUDIO_GROUP }),
    };
  });
  if (audio === undefined) return { ...header, variants };
  return {
    ...header,
    audio: {
      groupId: AUDIO_GROUP,
      name: 'Audio',
      channels: audio.track?.channels ?? audio.plan.channels,
      uri: `${audio.plan.name}/index.m3u8`,
    },
    variants,
  };
}

/** What is played together: the first of them gives the URI, all of them the rates and codecs. */
function variant(played: readonly [MeasuredRendition, ...MeasuredRendition[]]): VariantEntry {
  const bandwidth = roundUp(played.reduce((sum, rendition) => sum + peak(rendition), 0));
  const average = roundUp(played.reduce((sum, rendition) => sum + mean(rendition), 0));
  return {
    uri: `${played[0].plan.name}/index.m3u8`,
    bandwidth,
    averageBandwidth: Math.min(average, bandwidth),
    codecs: played.map(({ track }) => track?.codecs).filter((codecs) => codecs !== undefined),
  };
}

function peak({ plan, bandwidth }: MeasuredRendition): BitsPerSecond {
  return Math.max(bandwidth.peak * HEADROOM, plan.maxrate ?? plan.bitrate ?? 0);
}

function mean({ plan, bandwidth }: MeasuredRendition): BitsPerSecond {
  return Math.max(bandwidth.average, plan.bitrate ?? 0);
}

function roundUp(rate: BitsPerSecond): BitsPerSecond {
  return Math.ceil(rate / STEP) * STEP;
}
