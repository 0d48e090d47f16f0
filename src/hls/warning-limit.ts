// Limits how often each kind of warning is given, because a faulty source is faulty all the time.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';

/** The same warning is not repeated within this time. */
const WARNING_INTERVAL: Milliseconds = 60_000;
/** If the problem was solved and has come back, it is reported again after this time. */
const RETURN_INTERVAL: Milliseconds = 5_000;

export class WarningLimit {
  readonly #clock: Clock;
  readonly #onWarning: ((warning: SluiceError) => void) | undefined;
  /** For each kind of warning: the time of the last one, and for how long repetitions are suppressed. */
  readonly #told = new Map<string, { readonly at: Milliseconds; readonly rest: Milliseconds }>();

  constructor(clock: Clock, onWarning: ((warning: SluiceError) => void) | undefined) {
    this.#clock = clock;
    this.#onWarning = onWarning;
  }

  /** @param fault distinguishes kinds within one code, such as a full disk and a read-only one. There must be only a few kinds */
  warn(warning: SluiceError, fault = ''): void {
    const now = this.#clock.now();
    const kind = `${warning.code} ${fault}`;
    const told = this.#told.get(kind);
    if (told !== undefined && now - told.at < told.rest) return;
    this.#told.set(kind, { at: now, rest: WARNING_INTERVAL });
    this.#onWarning?.(warning);
  }

  /** Call when the problem with this code is solved. */
  over(code: string): void {
    for (const [kind, { at }] of this.#told) {
      if (kind.startsWith(`${code} `)) this.#told.set(kind, { at, rest: RETURN_INTERVAL });
    }
  }
}
