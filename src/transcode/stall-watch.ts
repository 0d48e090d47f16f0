// Distinguishes a hung FFmpeg from a silent publisher and from a busy machine: only time in which input flows and FFmpeg does nothing
// counts.
import type { Milliseconds } from '../protocols/units.js';
import type { ProcessActivity } from './process-activity.js';
import type { TranscodePlan } from './rendition-spec.js';

/** Interval at which `tick` must be called. Counting ticks instead of clock time tolerates a machine that was suspended. */
export const STALL_TICK: Milliseconds = 250;
/** Input counts as flowing for this long after a tag, so that of a source with at least two pictures a second always does. */
const FLOWS_FOR: Milliseconds = 500;
/** CPU time within the last half of the idle limit that shows that a process is working; a waiting one uses none. */
const COMPUTING: Milliseconds = 20;

/** FFmpeg reports progress once a second, so a longer silence is significant. */
const MIN_IDLE_LIMIT: Milliseconds = 1_500;
/** Share of the segment duration, so that a hang is detected and ended within one target duration. */
const IDLE_LIMIT_SHARE = 0.75;
const BUSY_LIMIT: Milliseconds = 8_000;

export interface StallLimits {
  /** Input time without a sign of life after which an idle process is considered hung. */
  readonly idle: Milliseconds;
  /**
   * The same limit for a process that uses CPU time, that reads its input but has not written anything yet, or whose activity is unknown.
   */
  readonly busy: Milliseconds;
}

/** Slow sources get the time of two more pictures: a shorter silence is normal for them. */
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

  /** Call when media was output. */
  noteOutput(): void {
    this.#sawLife = true;
    this.#started = true;
  }

  /** Call when progress was reported, even if nothing was output yet. */
  noteProgress(): void {
    this.#sawLife = true;
  }

  /**
   * Call every STALL_TICK.
   * @param activity examines the process; called only after it has been silent for a while
   * @returns true if it hangs
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
    // A process that has not written anything may still be loading, but then it neither sleeps nor leaves a full pipe unread.
    return idle && (this.#started || (activity.sleeping && unread));
  }
}
