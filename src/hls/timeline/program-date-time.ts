// EXT-X-PROGRAM-DATE-TIME: when a sample arrived at this server, from one look at the wall clock in the life of a stream.
import type { Clock } from '../../protocols/clock.js';
import {
  type EpochMilliseconds,
  type Milliseconds,
  type Seconds,
  secondsToMilliseconds,
} from '../../protocols/units.js';

/**
 * Anchored once, then advancing with media time: dates never jump when an operator sets the clock (RFC 8216bis 4.4.4.6).
 * A publisher that returns takes up the timeline at `now`, so that dates after a pause are as true as at the start.
 */
export class ProgramDateTime {
  readonly #clock: Clock;
  readonly #firstArrival: Milliseconds | undefined;
  #anchor:
    | { readonly wallClock: EpochMilliseconds; readonly monotonic: Milliseconds; readonly media: Milliseconds }
    | undefined;

  /** @param firstArrival when the first noted sample arrived, on the monotonic clock; without it, when it is noted */
  constructor(clock: Clock, firstArrival: Milliseconds | undefined) {
    this.#clock = clock;
    this.#firstArrival = firstArrival;
  }

  /** A sample of this time, on the stream timeline, has arrived. Only the first is looked at. */
  note(time: Milliseconds): void {
    if (this.#anchor !== undefined) return;
    const now = this.#clock.now();
    const monotonic = this.#firstArrival ?? now;
    this.#anchor = { wallClock: this.#clock.wallClock() - (now - monotonic), monotonic, media: time };
  }

  /** The media time that has the date of this moment; undefined before the first sample. */
  get now(): Milliseconds | undefined {
    const anchor = this.#anchor;
    return anchor === undefined ? undefined : anchor.media + this.#clock.now() - anchor.monotonic;
  }

  /** This moment on the clock of these dates, which nobody sets. */
  get wallClock(): EpochMilliseconds {
    const anchor = this.#anchor;
    return anchor === undefined ? this.#clock.wallClock() : anchor.wallClock + this.#clock.now() - anchor.monotonic;
  }

  at(mediaTime: Seconds): EpochMilliseconds {
    const media = secondsToMilliseconds(mediaTime);
    const anchor = this.#anchor ?? { wallClock: this.#clock.wallClock(), media };
    return anchor.wallClock + media - anchor.media;
  }
}
