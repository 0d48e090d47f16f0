// Time is passed in, so that waits, windows and program date-times are tested without waiting for them.
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';

/** Two clocks that must not be confused: the monotonic one times waits, the wall clock only dates the first sample. */
export interface Clock {
  /** Monotonic, from an arbitrary moment. */
  now(): Milliseconds;
  /** May jump (NTP, an operator). */
  wallClock(): EpochMilliseconds;
  /** Calls once after the delay; the returned function cancels. The timer does not keep the process alive. */
  after(delay: Milliseconds, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  wallClock: () => Date.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
