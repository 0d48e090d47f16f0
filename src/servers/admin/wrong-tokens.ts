// Counts wrong tokens by address, in bounded memory, because an attacker can choose how many addresses to use. A right token is never refused
// for them: nobody guesses one, and whoever shares an address with the attacker must still get in.

import { addressGroup } from '../../protocols/address-group.js';
import { RecentValues } from '../../protocols/recent-values.js';
import type { Milliseconds, Seconds } from '../../protocols/units.js';

/** Wrong tokens of one address (IPv6: one /64) within {@link WINDOW}, after which further ones get 429. */
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

  /** Counts a wrong token. @returns for how long the address is refused, 0 if it is not */
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

  /** Addresses remembered. */
  get size(): number {
    return this.#failures.size;
  }
}

const secondsUntil = (until: Milliseconds, now: Milliseconds): Seconds => Math.ceil((until - now) / 1000);
