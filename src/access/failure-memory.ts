// Counts recent failures by address, in bounded memory, because an attacker can choose how many addresses to use.

import { addressGroup } from '../protocols/address-group.js';
import type { Milliseconds } from '../protocols/units.js';

/** A failure is forgotten after this long without another. */
const FORGET_AFTER: Milliseconds = 60_000;
/** Number of addresses remembered; beyond it the one whose last failure is oldest is dropped. About 1 MB. */
const MAX_ADDRESSES = 10_000;

export class FailureMemory {
  /** Ordered by the time of the last failure: an address moves to the end when it fails again. */
  readonly #failures = new Map<string, { count: number; last: Milliseconds }>();

  /** Counts a failure of this address. @returns its number of recent failures, including this one */
  record(address: string, now: Milliseconds): number {
    const source = addressGroup(address);
    const earlier = this.#failures.get(source);
    const count = earlier !== undefined && now - earlier.last < FORGET_AFTER ? earlier.count + 1 : 1;
    this.#failures.delete(source);
    this.#failures.set(source, { count, last: now });
    for (const [oldest] of this.#failures) {
      if (this.#failures.size <= MAX_ADDRESSES) break;
      this.#failures.delete(oldest);
    }
    return count;
  }

  /** Number of addresses remembered. */
  get size(): number {
    return this.#failures.size;
  }
}
