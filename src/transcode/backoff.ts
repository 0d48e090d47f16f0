// Decides when a failed FFmpeg is restarted and when it is given up, so that a stream that makes it crash cannot keep the machine busy.
import type { Milliseconds } from '../protocols/units.js';

export interface RestartPolicy {
  /** Upper bound of the delay before the first restart; doubles with each further restart. */
  readonly firstDelay: Milliseconds;
  readonly maxDelay: Milliseconds;
  /** A process that wrote output for this long counts as stable: when it ends, earlier failures no longer count. */
  readonly stableAfter: Milliseconds;
  /** After this many consecutive failures FFmpeg is given up. */
  readonly maxFailures: number;
}

export const DEFAULT_RESTART_POLICY: RestartPolicy = {
  firstDelay: 250,
  maxDelay: 10_000,
  stableAfter: 30_000,
  maxFailures: 5,
};

export interface Failure {
  /** Time since the first output; 0 if there was none. */
  readonly ranFor: Milliseconds;
  /** Whether it delivered output that viewers can use. */
  readonly delivered: boolean;
  /** Whether it hung, or wrote unusable output: the next process may do the same again and again. */
  readonly faulty: boolean;
}

/** Exponential backoff with jitter: many streams that lose their FFmpeg at once must not all restart at once. */
export class Backoff {
  readonly #policy: RestartPolicy;
  readonly #random: () => number;
  /** Consecutive failures that were faulty. */
  #faults = 0;
  /** Consecutive failures without output. */
  #withoutOutput = 0;

  /** @param random uniform in [0, 1) */
  constructor(policy: RestartPolicy, random: () => number) {
    this.#policy = policy;
    this.#random = random;
  }

  /**
   * A process that delivers output and then crashes is restarted however often that happens: giving up would cost viewers more. Processes
   * that hang are given up sooner, because viewers wait each time until the hang is detected.
   * @returns the delay before the next start, half of it fixed and half random; undefined to give up
   */
  fail({ ranFor, delivered, faulty }: Failure): Milliseconds | undefined {
    const { firstDelay, maxDelay, stableAfter, maxFailures } = this.#policy;
    if (ranFor >= stableAfter) this.#faults = 0;
    if (delivered || ranFor >= stableAfter) this.#withoutOutput = 0;
    if (faulty) this.#faults += 1;
    else this.#withoutOutput += 1;
    const failures = this.#faults + this.#withoutOutput;
    // A failure right after a process that delivered output starts no series.
    if (failures >= maxFailures && (faulty || !delivered)) return undefined;
    const delay = Math.min(maxDelay, firstDelay * 2 ** (failures - 1));
    return delay * (0.5 + this.#random() * 0.5);
  }
}
