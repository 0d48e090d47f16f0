// Distinguishes a hung FFmpeg from a silent publisher and from a busy machine: counts only time in which input flows and FFmpeg does
// nothing.
import type { Milliseconds } from '../protocols/units.js';
import type { ProcessActivity } from './process-activity.js';
import type { TranscodePlan } from './rendition-spec.js';

/** Interval at which `tick` must be called. Ticks are counted instead of clock time, so that a suspended machine does no harm. */
export const STALL_TICK: Milliseconds = 250;
/** After each tag, input counts as flowing for this long. So a source with at least two pictures a second flows all the time. */
const FLOWS_FOR: Milliseconds = 500;
/** If a process uses this much CPU time in the second half of the idle limit, it is working; a waiting process uses none. */
const COMPUTING: Milliseconds = 20;

/** FFmpeg reports progress once a second, so only a longer silence means something. */
const MIN_IDLE_LIMIT: Milliseconds = 1_500;
/** Share of the segment duration, so that a hung process is detected and killed within one target duration. */
const IDLE_LIMIT_SHARE = 0.75;
const BUSY_LIMIT: Milliseconds = 8_000;

export interface StallLimits {
  /** A process that does nothing is considered hung after this much input time without a sign of life. */
  readonly idle: Milliseconds;
  /**
   * The same limit for a process that uses CPU time, that reads its input but has not written anything yet, or whose activity is unknown.
   */
  readonly busy: Milliseconds;
}

/** Slow sources get the time of two more pictures, because longer silence is normal for them. */
export function stallLimits(plan: TranscodePlan): StallLimits {
  const frame = 1000 / (plan.source.video?.frameRate ?? Number.POSITIVE_INFINITY);
  const idle = Math.max(MIN_IDLE_LIMIT, plan.segmentDuration * 1000 * IDLE_LIMIT_SHARE) + 2 * frame;
  return { idle, busy: Math.max(BUSY_LIMIT, 2 * idle) };
}

export class StallWatch {
  readonly #limits: StallLimits;
  #sinceInput = Number.POSITIVE_INFINITY;
  #sawLife = false;
  #started = false;
  #silent: Milliseconds = 0;
  /** CPU time when the process was first examined during this silence. */
  #cpuBefore: Milliseconds | undefined;

  constructor(limits: StallLimits) {
    this.#limits = limits;
  }

  noteInput(): void {
    this.#sinceInput = 0;
  }

  /** Call when the process has output media. */
  noteOutput(): void {
    this.#sawLife = true;
    this.#started = true;
  }

  /** Call when the process has reported progress, even without output. */
  noteProgress(): void {
    this.#sawLife = true;
  }

  /**
   * Call every STALL_TICK.
   * @param activity examines the process; called only after it has been silent for a while
   * @returns true if the process hangs
   */
  tick(queuedBytes: number, activity: () => ProcessActivity | undefined): boolean {
    const flows = queuedBytes > 0 || this.#sinceInput <= FLOWS_FOR;
    this.#sinceInput += STALL_TICK;
    if (this.#sawLife) {
      this.#sawLife = false;
      this.#silent = 0;
      this.#cpuBefore = undefined;
      return false;
    }
    if (!flows) return false;
    this.#silent += STALL_TICK;
    return this.#silent >= this.#limits.idle / 2 && this.#hangs(activity(), queuedBytes > 0);
  }

  #hangs(activity: ProcessActivity | undefined, unread: boolean): boolean {
    if (this.#silent >= this.#limits.busy) return true;
    if (activity === undefined) return false;
    if (activity.stopped) return true;
    this.#cpuBefore ??= activity.cpuTime;
    const idle = this.#silent >= this.#limits.idle && activity.cpuTime - this.#cpuBefore < COMPUTING;
    // A process that has not written anything may still be loading. If it is, it does not sleep while its pipe is full.
    return idle && (this.#started || (activity.sleeping && unread));
  }
}
