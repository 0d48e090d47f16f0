// Counts wrong proofs per party: an address, or the stream or user for which somebody guesses. Its memory is bounded, because an attacker can use any
// number of parties. A valid proof is never refused, because keys and tokens cannot be guessed, and somebody who shares an address with an attacker
// must not be locked out.

import { addressGroup } from '../protocols/address-group.js';
import { RecentValues, type RecentValuesLimits } from '../protocols/recent-values.js';
import type { Milliseconds, Seconds } from '../protocols/units.js';

/** Maximum number of wrong proofs of one party (IPv6: one /64) within {@link WINDOW}. */
export const MAX_ATTEMPTS = 20;
const WINDOW: Milliseconds = 300_000;
const BLOCKED_FOR: Milliseconds = 900_000;
/** The length of an address is limited, so this is about 6 MB. Beyond it, the address whose last attempt is oldest is dropped. */
const ADDRESSES: RecentValuesLimits = { entries: 50_000, keyLength: 45 };

interface Attempts {
  readonly count: number;
  readonly since: Milliseconds;
  readonly blockedUntil: Milliseconds;
}

export class AttemptLimit {
  readonly #attempts: RecentValues<Attempts>;

  constructor(limits = ADDRESSES) {
    this.#attempts = new RecentValues(limits);
  }

  /**
   * Counts a wrong proof.
   * @param party an address, or any other text
   * @returns for how long further wrong proofs of the party are refused at once; 0 if they are not refused
   */
  record(party: string, now: Milliseconds): Seconds {
    const group = addressGroup(party);
    const known = this.#attempts.get(group);
    if (known !== undefined && now < known.blockedUntil) return secondsUntil(known.blockedUntil, now);
    const isRecent = known !== undefined && known.blockedUntil === 0 && now - known.since < WINDOW;
    const count = isRecent ? known.count + 1 : 1;
    const blockedUntil = count > MAX_ATTEMPTS ? now + BLOCKED_FOR : 0;
    this.#attempts.keep(group, { count, since: isRecent ? known.since : now, blockedUntil });
    return blockedUntil === 0 ? 0 : secondsUntil(blockedUntil, now);
  }

  /** Number of parties remembered. */
  get size(): number {
    return this.#attempts.size;
  }
}

const secondsUntil = (until: Milliseconds, now: Milliseconds): Seconds => Math.ceil((until - now) / 1000);
