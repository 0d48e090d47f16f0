// The options of the cut schedule, and the interface between it and the policies that find the cuts of one run of a publisher.
import type { Milliseconds, Seconds } from '../../protocols/units.js';
import type { PartTiming } from './part-timing.js';
import type { PeriodPlan } from './plan.js';

export interface Cut {
  readonly time: Milliseconds;
  /** There is no key frame at this cut. */
  readonly forced: boolean;
  /** The cut is forced because the pictures have paused. */
  readonly paused?: boolean;
  /** The cut is forced and lies between two pictures that are far apart, so no picture is shown at it. */
  readonly between?: boolean;
}

export interface CutScheduleOptions {
  readonly segmentDuration: Seconds;
  /** Longest first GOP for which TARGETDURATION is chosen. */
  readonly maxGop?: Milliseconds;
  /** Longest GOP of an earlier presentation of the name. */
  readonly knownGop?: Seconds | undefined;
  /** Whether somebody waits for the first segment, which then ends with its first part. Default: nobody does. */
  readonly isAwaited?: () => boolean;
  /** Called with each cut and the index of the segment that it begins. */
  readonly onCut?: (index: number, time: Milliseconds) => void;
  readonly onForcedCut?: (time: Milliseconds) => void;
  /** Called after a cut that was made while no pictures came. */
  readonly onPausedCut?: (time: Milliseconds) => void;
}

/** The rules for the cuts of one run of a publisher. */
export interface RunRules {
  /** Duration of one video frame; undefined without video: then cuts are at multiples of the segment duration. */
  readonly frame: Seconds | undefined;
  /** Duration of a full video part. Forced cuts are at multiples of it, because FFmpeg begins fragments there. */
  readonly nominalPart: Seconds;
  /** Cuts are known in advance: multiples of the segment duration, whatever the key frames of the source. */
  readonly regular?: boolean;
  /** No rendition has sound, so no pause of it is looked for. */
  readonly silent?: boolean;
}

export function runRules({ cuts, renditions: planned }: PeriodPlan, { frame, renditions }: PartTiming): RunRules {
  const nominalPart = Math.max(...renditions.map(({ nominal }) => nominal));
  const silent = planned.every(({ kind }) => kind !== 'audio');
  return { frame, nominalPart, regular: cuts === 'regular', silent };
}

/** How one run finds its cuts; it adds them to the schedule. */
export interface CutPolicy {
  /** No cut at or before this time will be added any more. */
  readonly horizon: Milliseconds;
  /** The longest of the newest GOPs; undefined before the first, and where cuts do not depend on them. */
  readonly longestGop: Milliseconds | undefined;
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void;
  noteAudio(dts: Milliseconds): void;
  expectsCut(time: Milliseconds): boolean;
}

/** The schedule as a policy sees it. */
export interface CutSink {
  /** EXT-X-TARGETDURATION, in milliseconds; undefined until it is fixed. */
  readonly target: Milliseconds | undefined;
  readonly last: Cut | undefined;
  /** Whether the first segment should end with its first part, because somebody waits for it. */
  endsFirstEarly(): boolean;
  /** Longest GOP that was known before the stream began; 0 if nothing was. */
  readonly knownGop: Milliseconds;
  add(cut: Cut): void;
  /** Ends the first segment at a picture that is not a key frame, and fixes the target duration. */
  endFirst(time: Milliseconds): void;
  /**
   * Fixes the target duration.
   * @param gop the longest expected distance between cuts.
   * @param independent whether all cuts are at key frames
   */
  settle(gop: Milliseconds, independent: boolean): void;
  /**
   * Call when the first GOP is longer than `maxGop`. The presentation is notified once, and may start again with regular cuts.
   * @returns false the first time. True afterwards: the presentation did not start again, and `maxGop` becomes the target duration
   */
  reportLongGop(gop: Milliseconds): boolean;
  forced(time: Milliseconds): void;
  /** Called after a cut that was made while no pictures came. */
  paused(time: Milliseconds): void;
}
