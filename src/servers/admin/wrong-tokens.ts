// Counts wrong tokens by address. The memory is bounded, because an attacker can use any number of addresses. Valid tokens are always
// accepted: tokens cannot be guessed, and an operator who shares an address with an attacker must not be locked out.

import { addressGroup } from '../../protocols/address-group.js';
import { RecentValues } from '../../protocols/recent-values.js';
import type { Milliseconds, Seconds } from '../../protocols/units.js';

/** Maximum number of wrong tokens from one address (IPv6: one /64) within {@link WINDOW}. Further ones get 429. */
export const MAX_WRONG_TOKENS = 20;
const WINDOW: Milliseconds = 300_000;
const BLOCKED_FOR: Milliseconds = 900_000;
/** About 1 MB. */
const REMEMBERED = { entries: 10_000, keyLength: 45 };

interface Failures {
  readonly count: number;
  readonly since: Milliseconds;
  readonly blockedUntil: Milliseconds;
}

export class WrongTokens {
  readonly #failures = new RecentValues<Failures>(REMEMBERED);

  /**
   * Counts a wrong token.
   * @returns how long the address is refused; 0 if it is not refused
   */
  record(address: string, now: Milliseconds): Seconds {
    const group = addressGroup(address);
    const known = this.#failures.get(group);
    if (known !== undefined && now < known.blockedUntil) return secondsUntil(known.blockedUntil, now);
    const isRecent = known !== undefined && now - known.since < WINDOW;
    const count = isRecent ? known.count + 1 : 1;
    const blockedUntil = count > MAX_WRONG_TOKENS ? now + BLOCKED_FOR : 0;
    this.#failures.keep(group, { count, since: isRecent ? known.since : now, blockedUntil });
    return blockedUntil === 0 ? 0 : secondsUntil(blockedUntil, now);
  }

  /** Number of addresses remembered. */
  get size(): number {
    return this.#failures.size;
  }
}

const secondsUntil = (until: Milliseconds, now: Milliseconds): Seconds => Math.ceil((until - now) / 1000);
