// Decides when a failed FFmpeg is restarted and when to give up, so that a stream that makes it crash cannot keep a machine busy.
import type { Milliseconds } from '../protocols/units.js';

export interface RestartPolicy {
  /** Upper bound of the delay before the first restart; doubles with each further restart. */
  readonly firstDelay: Milliseconds;
  readonly maxDelay: Milliseconds;
  /** A process that wrote output for this long counts as stable: when it ends, earlier failures are forgotten. */
  readonly stableAfter: Milliseconds;
  /** Give up after this many consecutive failures. */
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
  /** Whether it produced anything that viewers could use. */
  readonly delivered: boolean;
  /** Whether it hung, or wrote unusable output: the next process may do the same again and again. */
  readonly faulty: boolean;
}

/** Exponential backoff with jitter, because many streams that lost their FFmpeg at once must not all restart at once. */
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
   * If a process delivered output and then crashed, that is an accident, however often it happens: giving up would cost viewers more.
   * Processes that hang are different, because viewers wait each time until the hang is detected.
   * @returns the delay before the next start, half of it fixed and half random; undefined to give up
   */
  fail({ ranFor, delivered, faulty }: Failure): Milliseconds | undefined {
    const { firstDelay, maxDelay, stableAfter, maxFailures } = this.#policy;
    if (ranFor >= stableAfter) this.#faults = 0;
    if (delivered || ranFor >= stableAfter) this.#withoutOutput = 0;
    if (faulty) this.#faults += 1;
    else this.#withoutOutput += 1;
    const failures = this.#faults + this.#withoutOutput;
    // The first failure after a process that delivered output starts no series.
    if (failures >= maxFailures && (faulty || !delivered)) return undefined;
    const delay = Math.min(maxDelay, firstDelay * 2 ** (failures - 1));
    return delay * (0.5 + this.#random() * 0.5);
  }
}
