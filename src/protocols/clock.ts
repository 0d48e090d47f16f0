// Time is passed in, so that waits, restarts, windows and dates are tested without waiting for them; every room names it alike.
import type { EpochMilliseconds, Milliseconds } from './units.js';

/** Two clocks that must not be confused: the monotonic one times everything, the wall clock only dates what is shown. */
export interface Clock {
  /** Monotonic, from an arbitrary moment. */
  now(): Milliseconds;
  /** May jump (NTP, an operator). */
  wallClock(): EpochMilliseconds;
  /** Calls once after the delay; the returned function cancels. The timer does not keep the process alive. */
  after(delay: Milliseconds, callback: () => void): () => void;
}
