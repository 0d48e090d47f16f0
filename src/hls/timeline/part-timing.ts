// Decides the duration of parts once per stream: PART-TARGET must never change, and no part may exceed it (docs/decisions/0002).
import { framesPerPart } from '../../protocols/frames-per-part.js';
import type { Seconds } from '../../protocols/units.js';
import type { PeriodPlan, RenditionPlan } from './plan.js';

/** Used for a rendition without a frame rate. */
export const ASSUMED_FRAME_RATE = 30;

/** RFC 8216bis 4.4.4.9: a part that is neither independent nor the last of its segment lasts at least this share of PART-TARGET. */
export const SHORTEST_PART_SHARE = 0.85;

/** Slack above the nominal part duration as a share of it: 1 / 1.17 = 0.855, so a part of nominal duration satisfies the 85 % rule. */
const SLACK_SHARE = 0.17;

/** Timestamps in FLV are whole milliseconds: the duration of a part may deviate from that of its frames by this much. */
const ROUNDING_SLACK: Seconds = 0.002;

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
 * @param fixedTarget PART-TARGET of an earlier period, which must not change: parts with other frame rates are made no longer than that
 */
export function partTiming(plan: TimedPlan, partDuration: Seconds, fixedTarget?: Seconds): PartTiming {
  const frameOf = (rendition: RenditionPlan): Seconds =>
    1 / (rendition.frameRate ?? plan.frameRate ?? ASSUMED_FRAME_RATE);
  const video = plan.renditions.filter((rendition) => rendition.kind === 'video').map(frameOf);
  const nominalOf = (frame: Seconds): Seconds => {
    const count = framesPerPart(partDuration, 1 / frame);
    return fixedTarget === undefined ? count * frame : fittingFrames(count, frame, fixedTarget) * frame;
  };

  // The slowest parts determine the target; renditions with other frame rates must fit under it.
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

/** The wanted number of frames if parts then last between 85 % of the target and the target; otherwise the best fitting number. */
function fittingFrames(wanted: number, frame: Seconds, target: Seconds): number {
  const most = Math.max(1, Math.floor((target - ROUNDING_SLACK) / frame + 1e-6));
  const least = Math.ceil((SHORTEST_PART_SHARE * target + ROUNDING_SLACK) / frame - 1e-6);
  return Math.min(most, Math.max(wanted, least));
}

/**
 * Number of AAC frames in a part: enough to last as long as a video part, but never longer than PART-TARGET. All audio parts are
 * independent, so the 85 % rule does not apply to them.
 */
export function audioFramesPerPart(nominal: Seconds, frame: Seconds, partTarget: Seconds): number {
  const wanted = Math.ceil(nominal / frame - 1e-6);
  const fitting = Math.floor(partTarget / frame + 1e-6);
  return Math.max(1, Math.min(wanted, fitting));
}

/** From this duration on a part that is neither independent nor the last of its segment is long enough, apart from rounding. */
export function shortestPart(partTarget: Seconds, nominal: Seconds): Seconds {
  return Math.min(SHORTEST_PART_SHARE * partTarget + ROUNDING_SLACK / 2, nominal - ROUNDING_SLACK);
}

/** From this duration on a part is full, unless one more frame brings it closer to the nominal duration; all in the same unit. */
export function fullPart(shortest: number, nominal: number, frame: number): number {
  return Math.max(shortest, nominal - frame / 2);
}

/** RFC 8216bis 6.2.5.2, Advance Part Limit: how many parts ahead of the playlist a client may request. */
export function advancePartLimit(partTarget: Seconds): number {
  return partTarget < 1 ? Math.ceil(3 / partTarget) : 3;
}
