// The interface between the cut schedule and the policies that find the cuts of one run of a publisher.
import type { Milliseconds, Seconds } from '../../protocols/units.js';
import type { PartTiming } from './part-timing.js';
import type { PeriodPlan } from './plan.js';

export interface Cut {
  readonly time: Milliseconds;
  /** There is no key frame at this cut. */
  readonly forced: boolean;
  /** The cut is forced, because pictures have paused. */
  readonly paused?: boolean;
  /** The cut is forced, and there is no picture at it: it is between two pictures that are far apart. */
  readonly between?: boolean;
}

/** The rules for the cuts of one run of a publisher. */
export interface RunRules {
  /** Duration of one video frame; undefined without video: then cuts are at multiples of the segment duration. */
  readonly frame: Seconds | undefined;
  /** Duration of a full video part: forced cuts are at multiples of it, where fragments begin. */
  readonly nominalPart: Seconds;
  /** Cuts are known in advance: multiples of the segment duration, whatever the key frames of the source. */
  readonly regular?: boolean;
}

export function runRules({ cuts }: PeriodPlan, { frame, renditions }: PartTiming): RunRules {
  const nominalPart = Math.max(...renditions.map(({ nominal }) => nominal));
  return { frame, nominalPart, regular: cuts === 'regular' };
}

/** How one run finds its cuts; it adds them to the schedule. */
export interface CutPolicy {
  /** No cut will be added at or before this time any more. */
  readonly horizon: Milliseconds;
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void;
  noteAudio(dts: Milliseconds): void;
  expectsCut(time: Milliseconds): boolean;
}

/** What a policy sees of the schedule. */
export interface CutSink {
  readonly targetDuration: Seconds | undefined;
  readonly last: Cut | undefined;
  add(cut: Cut): void;
  /** Fixes the target duration. @param gop the longest distance between cuts to expect. @param independent whether all are at key frames */
  settle(gop: Milliseconds, independent: boolean): void;
  /**
   * The first GOP is longer than `maxGop`. The presentation is told once, and may start again with regular cuts.
   * @returns false the first time; true if it did not start again: `maxGop` is the target duration then
   */
  reportLongGop(gop: Milliseconds): boolean;
  forced(time: Milliseconds): void;
  /** A cut was made while no pictures came. */
  paused(time: Milliseconds): void;
}
