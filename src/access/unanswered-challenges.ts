// An encoder that has the key but no user gives up without a word when it is asked for a user: somebody should be told what to change.

import type { Milliseconds } from '../protocols/units.js';

/** Encoders that have a user connect again at once. */
const PATIENCE: Milliseconds = 5_000;
/** Addresses waited for at a time; the others are not told of. */
const MAX_ADDRESSES = 100;

export class UnansweredChallenges {
  readonly #onUnanswered: (address: string) => void;
  readonly #patience: Milliseconds;
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  /** @param onUnanswered hears of an address that was asked for a user and did not come back with one */
  constructor(onUnanswered: (address: string) => void, patience = PATIENCE) {
    this.#onUnanswered = onUnanswered;
    this.#patience = patience;
  }

  /** This address was asked for a user. */
  asked(address: string): void {
    if (this.#waiting.has(address) || this.#waiting.size >= MAX_ADDRESSES) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(address);
      this.#onUnanswered(address);
    }, this.#patience);
    timer.unref();
    this.#waiting.set(address, timer);
  }

  /** It named one. */
  answered(address: string): void {
    clearTimeout(this.#waiting.get(address));
    this.#waiting.delete(address);
  }
}
