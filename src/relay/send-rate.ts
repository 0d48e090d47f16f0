// Measures how much a target has sent over all its connections, and how fast.

import type { BitsPerSecond } from '../protocols/units.js';

export class SendRate {
  #earlier = 0;
  #measured = 0;
  #bitrate: BitsPerSecond = 0;

  get bitrate(): BitsPerSecond {
    return this.#bitrate;
  }

  /** @param current bytes sent on the current connection */
  total(current: number): number {
    return this.#earlier + current;
  }

  /** Call when a connection has ended. */
  ended(bytes: number): void {
    this.#earlier += bytes;
    this.#bitrate = 0;
  }

  /** Called every second. */
  measure(current: number): void {
    const total = this.total(current);
    this.#bitrate = Math.max(0, (total - this.#measured) * 8);
    this.#measured = total;
  }
}
