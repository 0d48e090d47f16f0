// Limits guessing. Refusals are delayed at first; after some wrong attempts they are immediate and name the limit, which costs the gateway almost
// nothing. Attempts are counted by address, and by stream or user, because an attacker may have many addresses.

import type { SluiceError } from '../protocols/errors.js';
import type { RecentValuesLimits } from '../protocols/recent-values.js';
import type { Milliseconds } from '../protocols/units.js';
import { AttemptLimit } from './attempt-limit.js';
import { accessError } from './errors.js';

/** The names of an application and a stream have up to 320 characters, so this is about 7 MB. */
const TARGETS: RecentValuesLimits = { entries: 10_000, keyLength: 320 };

export class WrongProofs {
  readonly #now: () => Milliseconds;
  readonly #addresses = new AttemptLimit();
  readonly #targets = new AttemptLimit(TARGETS);

  /** @param now monotonic clock */
  constructor(now: () => Milliseconds) {
    this.#now = now;
  }

  /**
   * Counts a wrong proof.
   * @param target the stream or user that it was for
   * @returns the error if there were too many. Callers must not refuse a valid proof because of it
   */
  record(remoteAddress: string | undefined, target: string): SluiceError | undefined {
    const now = this.#now();
    const byAddress = remoteAddress === undefined ? 0 : this.#addresses.record(remoteAddress, now);
    const byTarget = this.#targets.record(target, now);
    const blockedFor = byAddress || byTarget;
    if (blockedFor === 0) return undefined;
    const whose = byAddress > 0 ? 'from this address' : 'for this name';
    const minutes = Math.ceil(blockedFor / 60);
    return accessError(
      'access.too-many-attempts',
      `too many wrong credentials ${whose}: further ones are refused for ${minutes} minutes`,
    );
  }
}
