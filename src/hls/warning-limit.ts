// A source that is odd is odd all the time: each kind of warning is given now and then, not at each occurrence.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';

/** The same warning is not repeated within this time. */
const WARNING_INTERVAL: Milliseconds = 60_000;
/** When the trouble was over meanwhile, and has come back, it is told again after this. */
const RETURN_INTERVAL: Milliseconds = 5_000;

export class WarningLimit {
  readonly #clock: Clock;
  readonly #onWarning: ((warning: SluiceError) => void) | undefined;
  /** When each kind was told last, and how long it rests since then. */
  readonly #told = new Map<string, { readonly at: Milliseconds; readonly rest: Milliseconds }>();

  constructor(clock: Clock, onWarning: ((warning: SluiceError) => void) | undefined) {
    this.#clock = clock;
    this.#onWarning = onWarning;
  }

  /** @param fault tells kinds of one code apart: a full disk says nothing of one that is read-only. There must be few of them. */
  warn(warning: SluiceError, fault = ''): void {
    const now = this.#clock.now();
    const kind = `${warning.code} ${fault}`;
    const told = this.#told.get(kind);
    if (told !== undefined && now - told.at < told.rest) return;
    this.#told.set(kind, { at: now, rest: WARNING_INTERVAL });
    this.#onWarning?.(warning);
  }

  /** What warnings of this code told is over. */
  over(code: string): void {
    for (const [kind, { at }] of this.#told) {
      if (kind.startsWith(`${code} `)) this.#told.set(kind, { at, rest: RETURN_INTERVAL });
    }
  }
}
