// Counts recent failures by address, in bounded memory, because an attacker can choose how many addresses to use.

import { addressGroup } from '../protocols/address-group.js';
import { RecentValues } from '../protocols/recent-values.js';
import type { Milliseconds } from '../protocols/units.js';

/** A failure is forgotten after this long without another. */
const FORGET_AFTER: Milliseconds = 60_000;
/** Addresses remembered; beyond this number the one whose last failure is oldest is dropped. About 1 MB, because the length of an address is limited. */
const REMEMBERED = { entries: 10_000, keyLength: 45 };

export class FailureMemory {
  readonly #failures = new RecentValues<{ readonly count: number; readonly last: Milliseconds }>(REMEMBERED);

  /** Counts a failure of this address. @returns its number of recent failures, including this one */
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
