// Decides the duration of parts once per stream: PART-TARGET must never change, and no part may exceed it (docs/decisions/0002).
import {
  evenFramesPerPart,
  framesPerPart,
  leavesShortRest,
  type PartDurations,
  partSlack,
  ROUNDING_SLACK,
} from '../../protocols/frames-per-part.js';
import type { Seconds } from '../../protocols/units.js';
import type { PeriodPlan, RenditionPlan } from './plan.js';

/** Used for a rendition without a frame rate. */
const ASSUMED_FRAME_RATE = 30;

/** RFC 8216bis 4.4.4.9: a part lasts at least this share of PART-TARGET, unless it is independent or the last of its segment. */
export const SHORTEST_PART_SHARE = 0.85;

/** For a stream without pictures: PART-TARGET exceeds the part duration by this share. 1 / 1.17 = 0.855 satisfies the 85 % rule. */
const SLACK_SHARE = 0.17;

export interface PartTiming {
  /** EXT-X-PART-INF:PART-TARGET, the same in all renditions. A multiple of 10 µs, as it is printed. */
  readonly partTarget: Seconds;
  /** Duration of one frame of the fastest video rendition, which is the precision of a cut; undefined without video. */
  readonly frame: Seconds | undefined;
  /** For each rendition of the plan. */
  readonly renditions: readonly RenditionPartTiming[];
}

export interface RenditionPartTiming {
  readonly plan: RenditionPlan;
  /** Duration of a full part. */
  readonly nominal: Seconds;
  /** Duration of one video frame; undefined for audio, whose frame duration comes from its init segment. */
  readonly frame: Seconds | undefined;
}

/** The properties of a plan on which the timing depends. */
type TimedPlan = Pick<PeriodPlan, 'renditions' | 'frameRate'>;

/**
 * Pure: the same plan gives the same timing.
 * @param fixedTarget PART-TARGET of an earlier period, which must not change: parts at other frame rates must not last longer
 */
export function partTiming(plan: TimedPlan, durations: PartDurations, fixedTarget?: Seconds): PartTiming {
  const { partDuration } = durations;
  const frameOf = (rendition: RenditionPlan): Seconds =>
    1 / (rendition.frameRate ?? plan.frameRate ?? ASSUMED_FRAME_RATE);
  const video = plan.renditions.filter((rendition) => rendition.kind === 'video').map(frameOf);
  const nominalOf = (frame: Seconds): Seconds => {
    const count = evenFramesPerPart(durations, 1 / frame);
    return fixedTarget === undefined ? count * frame : fittingFrames(count, frame, fixedTarget) * frame;
  };

  // The rendition with the longest parts determines the target.
  let target = 0;
  let nominal = 0;
  for (const frame of video) {
    const requested = framesPerPart(partDuration, 1 / frame);
    target = Math.max(target, requested * frame + partSlack(requested, frame));
    nominal = Math.max(nominal, nominalOf(frame));
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

/** The wanted number of frames if such parts last between 85 % of the target and the target; otherwise the number that fits best. */
function fittingFrames(wanted: number, frame: Seconds, target: Seconds): number {
  const most = Math.max(1, Math.floor((target - ROUNDING_SLACK) / frame + 1e-6));
  const least = Math.ceil((SHORTEST_PART_SHARE * target + ROUNDING_SLACK) / frame - 1e-6);
  return Math.min(most, Math.max(wanted, least));
}

/**
 * Number of AAC frames in a part: enough to last as long as a video part, but never longer than PART-TARGET. All audio parts are
 * independent, so the 85 % rule does not apply to them. Within these limits it is the number that leaves no short rest at the end of a
 * segment: such a part costs each viewer two requests, and hls.js 1.7 can lose its place at it (docs/decisions/0002).
 * @param segment how long the segment will last; undefined if unknown
 */
export function audioFramesPerPart(nominal: Seconds, frame: Seconds, partTarget: Seconds, segment?: Seconds): number {
  const most = Math.max(1, Math.floor(partTarget / frame + 1e-6));
  const least = Math.min(most, Math.max(1, Math.ceil(nominal / frame - 1e-6)));
  if (segment === undefined) return least;
  for (let count = least; count <= most; count += 1) {
    if (!leavesShortRest(segment / frame, count)) return count;
  }
  return least;
}

/**
 * A part of this duration is long enough even if it is neither independent nor the last of its segment. Includes a tolerance for rounding.
 */
export function shortestPart(partTarget: Seconds, nominal: Seconds): Seconds {
  return Math.min(SHORTEST_PART_SHARE * partTarget + ROUNDING_SLACK / 2, nominal - ROUNDING_SLACK);
}

/** RFC 8216bis 6.2.5.2, Advance Part Limit: how many parts ahead of the playlist a client may request. */
export function advancePartLimit(partTarget: Seconds): number {
  return partTarget < 1 ? Math.ceil(3 / partTarget) : 3;
}
