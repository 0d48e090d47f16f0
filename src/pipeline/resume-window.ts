// Limits how long the playlists of a name wait for a publisher to come back.
import type { Clock } from '../protocols/clock.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';

export class ResumeWindow {
  readonly #clock: Clock;
  readonly #length: Milliseconds;
  readonly #onOver: () => void;
  #until: Milliseconds | undefined;
  #cancel: (() => void) | undefined;

  /** @param onOver called if no publisher came until the end of the window */
  constructor(clock: Clock, length: Seconds, onOver: () => void) {
    this.#clock = clock;
    this.#length = secondsToMilliseconds(length);
    this.#onOver = onOver;
  }

  /** Time left; undefined while no publisher is waited for. */
  get left(): Milliseconds | undefined {
    return this.#until === undefined ? undefined : Math.max(0, this.#until - this.#clock.now());
  }

  /** Call when the publisher has left. */
  open(): void {
    this.#until = this.#clock.now() + this.#length;
  }

  /** Nobody is connected: when the window ends, `onOver` is called. A visitor that sent no media does not prolong the window. */
  watch(): void {
    this.stopWatching();
    this.#cancel = this.#clock.after(this.left ?? 0, this.#onOver);
  }

  /** Somebody is connected who may send no media: the window goes on, but its end has no effect until `watch` is called. */
  stopWatching(): void {
    this.#cancel?.();
  }

  /** Call when a publisher is back, or when the stream is over. */
  close(): void {
    this.stopWatching();
    this.#until = undefined;
  }
}
