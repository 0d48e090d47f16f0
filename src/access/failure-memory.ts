// Counts recent failures by address. Its memory is bounded, because an attacker can choose how many addresses to use.

import { addressGroup } from '../protocols/address-group.js';
import { RecentValues } from '../protocols/recent-values.js';
import type { Milliseconds } from '../protocols/units.js';

/** Failures of an address are forgotten when this long has passed without another one. */
const FORGET_AFTER: Milliseconds = 60_000;
/**
 * Maximum number of addresses; beyond it, the one whose last failure is oldest is dropped. About 5 MB, because the length of an address is
 * limited.
 */
const REMEMBERED = { entries: 50_000, keyLength: 45 };

export class FailureMemory {
  readonly #failures = new RecentValues<{ readonly count: number; readonly last: Milliseconds }>(REMEMBERED);

  /**
   * Counts a failure of this address.
   * @returns the number of its recent failures, this one included
   */
  record(address: string, now: Milliseconds): number {
    const source = addressGroup(address);
    const earlier = this.#failures.get(source);
    const count = earlier !== undefined && now - earlier.last < FORGET_AFTER ? earlier.count + 1 : 1;
    this.#failures.keep(source, { count, last: now });
    return count;
  }

  /** Number of addresses remembered. */
  get size(): number {
    return this.#failures.size;
  }
}
