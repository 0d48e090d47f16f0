// Decides when a failed FFmpeg is tried again and when it is not, so that a stream that kills it cannot keep a machine busy.
import type { Milliseconds } from '../protocols/units.js';

export interface RestartPolicy {
  /** Before the first restart, at most; doubles with each further one. */
  readonly firstDelay: Milliseconds;
  readonly maxDelay: Milliseconds;
  /** A process that wrote output for so long has worked, whatever it wrote. */
  readonly stableAfter: Milliseconds;
  /** This many failures within the window, with no process between them that worked, are the end. */
  readonly maxFailures: number;
  readonly failureWindow: Milliseconds;
}

export const DEFAULT_RESTART_POLICY: RestartPolicy = {
  firstDelay: 250,
  maxDelay: 10_000,
  stableAfter: 30_000,
  maxFailures: 5,
  failureWindow: 60_000,
};

/** Exponential, with jitter: many streams that lost their FFmpeg at once must not all start again at once. */
export class Backoff {
  readonly #policy: RestartPolicy;
  readonly #random: () => number;
  #row = 0;
  #failures: Milliseconds[] = [];

  /** @param random uniform in [0, 1) */
  constructor(policy: RestartPolicy, random: () => number) {
    this.#policy = policy;
    this.#random = random;
  }

  /**
   * @param now on a monotonic clock
   * @param ranFor since the first output; 0 if there was none
   * @param delivered it made something that viewers could use: what ends it again and again are accidents, and giving up would
   *   cost viewers more than they do
   * @returns the delay before the next start, half of it certain and half random; undefined to give up
   */
  fail(now: Milliseconds, ranFor: Milliseconds, delivered = false): Milliseconds | undefined {
    const { firstDelay, maxDelay, stableAfter, maxFailures, failureWindow } = this.#policy;
    if (delivered || ranFor >= stableAfter) {
      this.#row = 0;
      this.#failures = [];
    }
    this.#row += 1;
    this.#failures = [...this.#failures.filter((moment) => now - moment < failureWindow), now];
    if (this.#failures.length >= maxFailures) return undefined;
    const delay = Math.min(maxDelay, firstDelay * 2 ** (this.#row - 1));
    return delay * (0.5 + this.#random() * 0.5);
  }
}
