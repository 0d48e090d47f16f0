// How long parts are, decided once per stream: PART-TARGET may never change, and every part must fit under it (docs/decisions/0002).
import { framesPerPart } from '../../protocols/frames-per-part.js';
import type { Seconds } from '../../protocols/units.js';
import type { EpochPlan, RenditionPlan } from './plan.js';

/** A rendition that does not say its frame rate is taken for this one. */
export const ASSUMED_FRAME_RATE = 30;

/** RFC 8216bis 4.4.4.9: a part that is neither independent nor last of its segment lasts at least this share of PART-TARGET. */
export const SHORTEST_PART_SHARE = 0.85;

/** Slack above the nominal part as a share of it: 1 / 1.17 = 0.855, so a part of nominal length passes the 85 % rule. */
const SLACK_SHARE = 0.17;

/** Timestamps in FLV are whole milliseconds: a part may last this much more or less than its frames. */
const ROUNDING_SLACK: Seconds = 0.002;

export interface PartTiming {
  /** EXT-X-PART-INF:PART-TARGET, the same in all renditions. A multiple of 10 µs, as it is printed. */
  readonly partTarget: Seconds;
  /** One frame of the fastest video rendition, the precision of a cut; undefined without video. */
  readonly frame: Seconds | undefined;
  /** Per rendition of the plan. */
  readonly renditions: readonly RenditionPartTiming[];
}

export interface RenditionPartTiming {
  readonly plan: RenditionPlan;
  /** What a full part lasts. */
  readonly nominal: Seconds;
  /** One video frame; undefined for audio, whose frame is known from its init segment. */
  readonly frame: Seconds | undefined;
}

/** What the timing of a plan depends on. */
type TimedPlan = Pick<EpochPlan, 'renditions' | 'frameRate'>;

/**
 * Pure: same plan, same timing.
 * @param fixedTarget PART-TARGET of an earlier epoch, which holds: parts of other frame rates are made to fit under it
 */
export function partTiming(plan: TimedPlan, partDuration: Seconds, fixedTarget?: Seconds): PartTiming {
  const frameOf = (rendition: RenditionPlan): Seconds =>
    1 / (rendition.frameRate ?? plan.frameRate ?? ASSUMED_FRAME_RATE);
  const video = plan.renditions.filter((rendition) => rendition.kind === 'video').map(frameOf);
  const nominalOf = (frame: Seconds): Seconds => {
    const count = framesPerPart(partDuration, 1 / frame);
    return fixedTarget === undefined ? count * frame : fittingFrames(count, frame, fixedTarget) * frame;
  };

  // The slowest parts decide the target; renditions of other frame rates must fit under it.
  let target = 0;
  let nominal = 0;
  for (const frame of video) {
    const part = nominalOf(frame);
    target = Math.max(target, part + Math.min(2 * frame, SLACK_SHARE * part));
    nominal = Math.max(nominal, part);
  }
  if (video.length === 0) {
    nominal = fixedTarget === undefined ? partDuration : Math.min(partDuration, fixedTarget);
    target = partDuration * (1 + SLACK_SHARE);
  }
  return {
    partTarget: fixedTarget ?? Math.ceil(target * 1e5 - 1e-6) / 1e5,
    frame: video.length === 0 ? undefined : Math.min(...video),
    renditions: plan.renditions.map((rendition) => {
      if (rendition.kind === 'audio') return { plan: rendition, nominal, frame: undefined };
      const frame = frameOf(rendition);
      return { plan: rendition, nominal: nominalOf(frame), frame };
    }),
  };
}

/** As many frames as were wanted, if that makes parts between 85 % of the target and the target; otherwise what fits best. */
function fittingFrames(wanted: number, frame: Seconds, target: Seconds): number {
  const most = Math.max(1, Math.floor((target - ROUNDING_SLACK) / frame + 1e-6));
  const least = Math.ceil((SHORTEST_PART_SHARE * target + ROUNDING_SLACK) / frame - 1e-6);
  return Math.min(most, Math.max(wanted, least));
}

/**
 * AAC frames in a part: enough to last as long as a video part, but never longer than PART-TARGET. Audio parts are all
 * independent, so the 85 % rule does not bind them.
 */
export function audioFramesPerPart(nominal: Seconds, frame: Seconds, partTarget: Seconds): number {
  const wanted = Math.ceil(nominal / frame - 1e-6);
  const fitting = Math.floor(partTarget / frame + 1e-6);
  return Math.max(1, Math.min(wanted, fitting));
}

/** From here on a part that is neither independent nor last of its segment is long enough, but for what rounding makes of it. */
export function shortestPart(partTarget: Seconds, nominal: Seconds): Seconds {
  return Math.min(SHORTEST_PART_SHARE * partTarget + ROUNDING_SLACK / 2, nominal - ROUNDING_SLACK);
}

/** From here on a part is full, unless one more frame brings it nearer to the nominal part: all in the same unit. */
export function fullPart(shortest: number, nominal: number, frame: number): number {
  return Math.max(shortest, nominal - frame / 2);
}

/** RFC 8216bis 6.2.5.2, Advance Part Limit: how many parts ahead of the playlist a client may ask. */
export function advancePartLimit(partTarget: Seconds): number {
  return partTarget < 1 ? Math.ceil(3 / partTarget) : 3;
}
