// Detects encoders that give up when they are asked for a user, because they only have the key: the operator should learn which setting to
// change.

import type { Milliseconds } from '../protocols/units.js';

/** Encoders that have a user reconnect at once. */
const PATIENCE: Milliseconds = 5_000;
/** Number of addresses watched at a time; others are not reported. */
const MAX_ADDRESSES = 100;

export class UnansweredChallenges {
  readonly #onUnanswered: (address: string) => void;
  readonly #patience: Milliseconds;
  readonly #waiting = new Map<string, NodeJS.Timeout>();

  /** @param onUnanswered called with an address that was asked for a user and did not return with one */
  constructor(onUnanswered: (address: string) => void, patience = PATIENCE) {
    this.#onUnanswered = onUnanswered;
    this.#patience = patience;
  }

  /** Call when this address was asked for a user. */
  asked(address: string): void {
    if (this.#waiting.has(address) || this.#waiting.size >= MAX_ADDRESSES) return;
    const timer = setTimeout(() => {
      this.#waiting.delete(address);
      this.#onUnanswered(address);
    }, this.#patience);
    timer.unref();
    this.#waiting.set(address, timer);
  }

  /** Call when this address has named a user. */
  answered(address: string): void {
    clearTimeout(this.#waiting.get(address));
    this.#waiting.delete(address);
  }
}
