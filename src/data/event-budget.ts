// Limits what programs send to a stream, so that its parts stay small.
import type { Milliseconds } from '../protocols/units.js';
import { dataError } from './errors.js';

/** UTF-8 bytes of the name and the JSON of the values. */
export const MAX_EVENT_BYTES = 4 * 1024;
/** Events per second in the long run, and in one burst. */
export const EVENT_RATE = 20;
export const EVENT_BURST = 40;

/** A token bucket. */
export class EventBudget {
  readonly #now: () => Milliseconds;
  #tokens = EVENT_BURST;
  #at: Milliseconds;

  /** @param now monotonic clock */
  constructor(now: () => Milliseconds) {
    this.#now = now;
    this.#at = now();
  }

  /** @throws {SluiceError} `data.event-rate` */
  take(): void {
    const now = this.#now();
    this.#tokens = Math.min(EVENT_BURST, this.#tokens + ((now - this.#at) / 1000) * EVENT_RATE);
    this.#at = now;
    if (this.#tokens < 1) {
      throw dataError(
        'data.event-rate',
        `got more than ${EVENT_RATE} events per second, with bursts of ${EVENT_BURST}`,
      );
    }
    this.#tokens -= 1;
  }
}
