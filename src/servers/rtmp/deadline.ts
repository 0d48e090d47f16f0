// A timer that can be reset and is cleared in one place; it never keeps the process alive.

import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

export class Deadline {
  readonly #domain: FailureDomain;
  #timer: NodeJS.Timeout | undefined;

  constructor(domain: FailureDomain) {
    this.#domain = domain;
  }

  /** Replaces the previous deadline. Node's timers are monotonic, so a change of the system clock does not affect them. */
  set(after: Milliseconds, onExpired: () => void): void {
    this.clear();
    const expire = this.#domain.guard('rtmp deadline', () => {
      this.#timer = undefined;
      onExpired();
    });
    this.#timer = setTimeout(expire, after);
    this.#timer.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
