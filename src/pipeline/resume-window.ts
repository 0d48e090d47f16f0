// Limits how long the playlists of a name wait for a publisher to come back.
import type { Clock } from '../protocols/clock.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';

export class ResumeWindow {
  readonly #clock: Clock;
  readonly #length: Milliseconds;
  readonly #onOver: () => void;
  #until: Milliseconds | undefined;
  #cancel: (() => void) | undefined;

  /** @param onOver called if nobody came while the window was watched */
  constructor(clock: Clock, length: Seconds, onOver: () => void) {
    this.#clock = clock;
    this.#length = secondsToMilliseconds(length);
    this.#onOver = onOver;
  }

  /** Time left; undefined while nobody is waited for. */
  get left(): Milliseconds | undefined {
    return this.#until === undefined ? undefined : Math.max(0, this.#until - this.#clock.now());
  }

  /** The publisher has left. */
  open(): void {
    this.#until = this.#clock.now() + this.#length;
  }

  /** Nobody is there: when the window ends, `onOver` is called. A visitor that sends no media does not prolong it. */
  watch(): void {
    this.stopWatching();
    this.#cancel = this.#clock.after(this.left ?? 0, this.#onOver);
  }

  /** Somebody is there, who may turn out to send no media: the window goes on, but its end does nothing until `watch`. */
  stopWatching(): void {
    this.#cancel?.();
  }

  /** A publisher is back, or the stream is over. */
  close(): void {
    this.stopWatching();
    this.#until = undefined;
  }
}
