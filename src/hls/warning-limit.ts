// A source that is odd is odd all the time: each kind of warning is given now and then, not at each occurrence.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';

/** A warning of the same code is not repeated within this time. */
const WARNING_INTERVAL: Milliseconds = 60_000;

export class WarningLimit {
  readonly #clock: Clock;
  readonly #onWarning: ((warning: SluiceError) => void) | undefined;
  readonly #last = new Map<string, Milliseconds>();

  constructor(clock: Clock, onWarning: ((warning: SluiceError) => void) | undefined) {
    this.#clock = clock;
    this.#onWarning = onWarning;
  }

  warn(warning: SluiceError): void {
    const now = this.#clock.now();
    const last = this.#last.get(warning.code);
    if (last !== undefined && now - last < WARNING_INTERVAL) return;
    this.#last.set(warning.code, now);
    this.#onWarning?.(warning);
  }
}
