// Time is injected, so that waits, restarts, windows and dates can be tested without waiting. All modules use this interface.
import type { EpochMilliseconds, Milliseconds } from './units.js';

/** Two clocks that must not be confused: the monotonic clock measures durations; the wall clock only provides dates to show. */
export interface Clock {
  /** Monotonic; starts at an arbitrary moment. */
  now(): Milliseconds;
  /** May jump (NTP, an operator). */
  wallClock(): EpochMilliseconds;
  /** Calls `callback` once after the delay; the returned function cancels it. The timer does not keep the process alive. */
  after(delay: Milliseconds, callback: () => void): () => void;
}
