// A timer that can be moved and is always cleared in one place; it never keeps the process alive.

import type { Milliseconds } from '../../protocols/units.js';

export class Deadline {
  #timer: NodeJS.Timeout | undefined;

  /** Replaces what was set before. Node's timers are monotonic: setting the clock of the machine does not move them. */
  set(after: Milliseconds, onExpired: () => void): void {
    this.clear();
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      onExpired();
    }, after);
    this.#timer.unref();
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}
