// Decides when a failed FFmpeg is tried again and when it is not, so that a stream that kills it cannot keep a machine busy.
import type { Milliseconds } from '../protocols/units.js';

export interface RestartPolicy {
  /** Before the first restart, at most; doubles with each further one. */
  readonly firstDelay: Milliseconds;
  readonly maxDelay: Milliseconds;
  /** A process that wrote output for so long has worked, whatever ends it: what was before is forgotten. */
  readonly stableAfter: Milliseconds;
  /** This many failures in a row are the end. */
  readonly maxFailures: number;
}

export const DEFAULT_RESTART_POLICY: RestartPolicy = {
  firstDelay: 250,
  maxDelay: 10_000,
  stableAfter: 30_000,
  maxFailures: 5,
};

export interface Failure {
  /** Since the first output; 0 if there was none. */
  readonly ranFor: Milliseconds;
  /** It made something that viewers could use. */
  readonly delivered: boolean;
  /** It stopped working and did not go by itself, or wrote what cannot be used: the next one may do so again and again. */
  readonly faulty: boolean;
}

/** Exponential, with jitter: many streams that lost their FFmpeg at once must not all start again at once. */
export class Backoff {
  readonly #policy: RestartPolicy;
  readonly #random: () => number;
  /** In a row. */
  #faults = 0;
  /** In a row, of processes that made nothing. */
  #futile = 0;

  /** @param random uniform in [0, 1) */
  constructor(policy: RestartPolicy, random: () => number) {
    this.#policy = policy;
    this.#random = random;
  }

  /**
   * What kills one that delivered is an accident, however often it happens: giving up would cost viewers more than it does. Those
   * that hang are another matter, as viewers wait each time until that is found out.
   * @returns the delay before the next start, half of it certain and half random; undefined to give up
   */
  fail({ ranFor, delivered, faulty }: Failure): Milliseconds | undefined {
    const { firstDelay, maxDelay, stableAfter, maxFailures } = this.#policy;
    if (ranFor >= stableAfter) this.#faults = 0;
    if (delivered || ranFor >= stableAfter) this.#futile = 0;
    if (faulty) this.#faults += 1;
    else this.#futile += 1;
    const failures = this.#faults + this.#futile;
    // The first after one that delivered was none of a row.
    if (failures >= maxFailures && (faulty || !delivered)) return undefined;
    const delay = Math.min(maxDelay, firstDelay * 2 ** (failures - 1));
    return delay * (0.5 + this.#random() * 0.5);
  }
}
