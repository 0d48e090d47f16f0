// Tells a hung FFmpeg from a silent publisher and from a busy machine: only time in which input flows and nothing happens counts.
import type { Milliseconds } from '../protocols/units.js';
import type { ProcessActivity } from './process-activity.js';
import type { TranscodePlan } from './rendition-spec.js';

/** How often `tick` is to be called. Counting ticks, not clock time, forgives a machine that was asleep. */
export const STALL_TICK: Milliseconds = 250;
/** Input counts as flowing for so long after a tag: a picture every half second is the slowest that is counted in full. */
const FLOWS_FOR: Milliseconds = 500;
/** CPU time, in the last half of the idle limit, of a process that works; waiting costs none. */
const COMPUTING: Milliseconds = 20;

/** FFmpeg tells its progress once a second; silence for longer means something. */
const MIN_IDLE_LIMIT: Milliseconds = 1_500;
/** Of the segment duration: found and killed before a target duration is over. */
const IDLE_LIMIT_SHARE = 0.75;
const BUSY_LIMIT: Milliseconds = 8_000;

export interface StallLimits {
  /** Input time without a sign of life after which a process that does nothing hangs. */
  readonly idle: Milliseconds;
  /** The same while it computes, or before it has written anything while it takes what it is given, or where nobody can see what it does. */
  readonly busy: Milliseconds;
}

/** Slow sources get two pictures more: less is no silence. */
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
  /** CPU time when it was first looked at in this silence. */
  #cpuBefore: Milliseconds | undefined;

  constructor(limits: StallLimits) {
    this.#limits = limits;
  }

  noteInput(): void {
    this.#sinceInput = 0;
  }

  /** Media came out. */
  noteOutput(): void {
    this.#sawLife = true;
    this.#started = true;
  }

  /** Its progress says that it got on, although nothing came out yet. */
  noteProgress(): void {
    this.#sawLife = true;
  }

  /**
   * Call every STALL_TICK.
   * @param activity looks at the process; asked only when it has been silent for a while
   * @returns true when it hangs
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
    // One that has not written yet may wait for its program to be loaded, but not in its sleep, and not before a full pipe.
    return idle && (this.#started || (activity.sleeping && unread));
  }
}
