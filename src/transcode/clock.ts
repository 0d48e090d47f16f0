// Time is passed in, so that backoff, grace and stall detection are tested without waiting for them.
import type { Milliseconds } from '../protocols/units.js';

/** A monotonic clock and its timers. */
export interface Clock {
  /** Milliseconds since an arbitrary moment; never goes back. */
  now(): Milliseconds;
  /** Calls once after the delay; the returned function cancels. The timer does not keep the process alive. */
  after(delay: Milliseconds, callback: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  after(delay, callback) {
    const timer = setTimeout(callback, delay);
    timer.unref();
    return () => clearTimeout(timer);
  },
};
