// Remembers who failed lately, in bounded memory, because an attacker chooses how many addresses to come from.

import { addressGroup } from '../protocols/address-group.js';
import type { Milliseconds } from '../protocols/units.js';

/** A failure is forgotten after this long without another. */
const FORGET_AFTER: Milliseconds = 60_000;
/** Addresses remembered; the one that failed longest ago makes room. About 1 MB. */
const MAX_ADDRESSES = 10_000;

export class FailureMemory {
  /** Ordered by the time of the last failure: an address moves to the end when it fails again. */
  readonly #failures = new Map<string, { count: number; last: Milliseconds }>();

  /** Counts a failure of this address. @returns how many it had lately, this one included. */
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

  /** Addresses remembered at the moment. */
  get size(): number {
    return this.#failures.size;
  }
}
