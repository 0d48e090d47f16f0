// Makes the MPD as data from the listed segments. Pure, so that tests can compare it with a golden file.

import { ID3_SCHEME } from '../protocols/mp4/event-message.js';
import { type BitsPerSecond, type EpochMilliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import type { AdaptationSet, Manifest, Period, Representation } from './manifest.js';
import type { ListedPeriod } from './periods.js';
import type { DashPresentation, DashRendition, DashSegment } from './source.js';

/** Live players stay this many target durations behind, like HOLD-BACK in HLS. */
const PRESENTATION_DELAY = 3;

/**
 * For this many target durations after the end of a stream, its MPD states a duration but stays dynamic; then it becomes static. Players
 * reload it four times in between. A player that learns both at once may count the times of the MPD from 0 (Shaka Player, by DASH-IF IOP
 * 4.3 section 4.6.4), and then never reaches the end.
 */
const ENDING = 2;

/** Later segments may be larger than the measured ones by this factor, and announced rates exclude the container. */
const HEADROOM = 1.1;

/** Rates are rounded up to a multiple of this, so that they do not change with every segment. */
const RATE_STEP: BitsPerSecond = 10_000;

/** One AdaptationSet for each codec that a decoder cannot switch to mid-stream; ids never change. */
const ADAPTATION_SETS = ['mp4a', 'avc1', 'hvc1', 'av01', 'vp09', 'Opus', 'fLaC', 'ac-3', 'ec-3'];

export interface ManifestUrls {
  /** URLs of the media and of the clock, relative to the MPD. */
  readonly media: string;
  readonly time: string;
}

/** Pure, except that the publish time is taken from `presentation`. */
export function describeManifest(
  presentation: DashPresentation,
  listedPeriods: readonly ListedPeriod[],
  { media, time }: ManifestUrls,
): Manifest {
  const { mediaNow, mediaOrigin, listings } = presentation;
  const origin = sinceEpoch(mediaOrigin);
  const targetDuration = presentation.targetDuration ?? 0;
  // Players keep the kinds of tracks with which they started: they skip a Period that lacks one, like a gap.
  const kinds = new Set(listings.filter(({ active }) => active).map(({ plan }) => plan.kind));
  const playable = listedPeriods.filter((listed) => [...kinds].every((kind) => has(listed, kind)));
  const [first, last] = [playable[0], playable.at(-1)];
  const manifest = {
    publishTime: mediaNow,
    minBufferTime: targetDuration,
    maxSegmentDuration: targetDuration,
    baseUrl: media,
    periods: playable.map((listed) => period(listed, kinds, origin, presentation.carriesEvents === true)),
  };
  const end = last === undefined ? 0 : endOf(last);
  const phase = phaseOf(presentation);
  const known = phase === 'live' ? {} : { mediaPresentationDuration: shortestEndOf(manifest.periods.at(-1)) };
  if (phase === 'ended') return { ...manifest, ...known, type: 'static' };
  const begin = first === undefined ? 0 : beginOf(first);
  return {
    ...manifest,
    ...known,
    type: 'dynamic',
    // The time for which a cache may keep the MPD.
    minimumUpdatePeriod: targetDuration / 2,
    timeShiftBufferDepth: end - begin,
    suggestedPresentationDelay: PRESENTATION_DELAY * targetDuration,
    timeUrl: time,
  };
}

/** `ending`: no more media will come, and players learn the duration. */
export function phaseOf({ endedAt, mediaNow, targetDuration = 0 }: DashPresentation): 'live' | 'ending' | 'ended' {
  if (endedAt === undefined) return 'live';
  return mediaNow - endedAt < secondsToMilliseconds(ENDING * targetDuration) ? 'ending' : 'ended';
}

function has(listed: ListedPeriod, kind: 'video' | 'audio'): boolean {
  return [...listed.segments.keys()].some(({ plan }) => plan.kind === kind);
}

const beginOf = ({ segments }: ListedPeriod): Seconds =>
  Math.min(...[...segments.values()].map(([first]) => first?.start ?? Number.POSITIVE_INFINITY));

const endOf = ({ segments }: ListedPeriod): Seconds =>
  Math.max(...[...segments.values()].map((all) => all.at(-1)?.end ?? 0));

/**
 * End of the kind of track that ends first, as players compute it from the ticks. Players wait for media up to this point in every track.
 * Rounding must not move it beyond the last tick, because some players tolerate only a microsecond.
 */
function shortestEndOf(period: Period | undefined): Seconds {
  if (period === undefined) return 0;
  const ends = new Map<string, Seconds>();
  for (const { contentType, representations } of period.adaptationSets) {
    for (const { template } of representations) {
      const { timescale, presentationTimeOffset, timeline } = template;
      const { time, duration } = timeline.at(-1) ?? { time: presentationTimeOffset, duration: 0 };
      const end = (time + duration - presentationTimeOffset) / timescale;
      ends.set(contentType, Math.max(ends.get(contentType) ?? 0, end));
    }
  }
  return Math.floor((period.start + Math.min(...ends.values())) * 1e6 - 1) / 1e6;
}

/** Seconds since 1970. */
const sinceEpoch = (date: EpochMilliseconds): Seconds => (date as number) / 1000;

/**
 * @param origin presentation time of media time 0
 * @param carriesEvents whether there are timed events in the pictures or, without pictures, in the sound
 */
function period(listed: ListedPeriod, kinds: ReadonlySet<string>, origin: Seconds, carriesEvents: boolean): Period {
  const sets = new Map<
    string,
    { readonly contentType: 'video' | 'audio'; readonly representations: Representation[] }
  >();
  for (const [rendition, segments] of listed.segments) {
    const [first] = segments;
    if (first === undefined || !kinds.has(rendition.plan.kind)) continue;
    const made = representation(rendition, first, segments, listed.mediaStart);
    const [codec = ''] = made.codecs.split('.');
    const set = sets.get(codec) ?? { contentType: rendition.plan.kind, representations: [] };
    set.representations.push(made);
    sets.set(codec, set);
  }
  const carrier = kinds.has('video') ? 'video' : 'audio';
  const adaptationSets = [...sets].map(([codec, set]): AdaptationSet => {
    const inbandEvents = carriesEvents && set.contentType === carrier ? ID3_SCHEME : undefined;
    return { id: adaptationSetId(codec), inbandEvents, ...set };
  });
  return { id: `p${listed.first}`, start: origin + listed.mediaStart, adaptationSets };
}

function adaptationSetId(codec: string): number {
  const known = ADAPTATION_SETS.indexOf(codec);
  return 1 + (known === -1 ? ADAPTATION_SETS.length : known);
}

function representation(
  { plan, frameRate, bandwidth }: DashRendition,
  { mediaSequence, init }: DashSegment,
  segments: readonly DashSegment[],
  mediaStart: Seconds,
): Representation {
  const { codecs, timescale, width, height, sampleRate, channels } = init.track;
  const ticks = (time: Seconds): number => Math.round(time * timescale);
  const peak = Math.max(bandwidth.peak * HEADROOM, plan.maxrate ?? (plan.bitrate ?? 0) * HEADROOM);
  return {
    id: plan.name,
    codecs,
    // The tolerance is for floating point: 1.1 * 3 000 000 is slightly above the exact product.
    bandwidth: Math.ceil(peak / RATE_STEP - 1e-6) * RATE_STEP,
    ...(plan.kind === 'video' ? { width, height, frameRate } : { audioSamplingRate: sampleRate, channels }),
    template: {
      timescale,
      presentationTimeOffset: ticks(mediaStart),
      startNumber: mediaSequence,
      initialization: `${plan.name}/${init.uri}`,
      media: `${plan.name}/seg-$Number$.m4s`,
      timeline: segments.map(({ start, end }) => ({ time: ticks(start), duration: ticks(end) - ticks(start) })),
    },
  };
}
