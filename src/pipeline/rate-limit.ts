// Bounds what a publisher can make the gateway do again and again.
import type { Clock } from '../protocols/clock.js';
import type { Milliseconds } from '../protocols/units.js';

export class RateLimit {
  readonly #clock: Clock;
  readonly #count: number;
  readonly #window: Milliseconds;
  #moments: Milliseconds[] = [];

  /** At most `count` times in any `window`. */
  constructor(clock: Clock, count: number, window: Milliseconds) {
    this.#clock = clock;
    this.#count = count;
    this.#window = window;
  }

  /** @returns false when it would be once too often; that is not counted */
  take(): boolean {
    const now = this.#clock.now();
    this.#moments = this.#moments.filter((moment) => now - moment < this.#window);
    if (this.#moments.length >= this.#count) return false;
    this.#moments.push(now);
    return true;
  }
}
