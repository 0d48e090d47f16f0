// A clock that only the test moves, so that waits of seconds take microseconds.
import type { Clock } from '../../src/protocols/clock.js';
import type { EpochMilliseconds, Milliseconds } from '../../src/protocols/units.js';

interface Timer {
  readonly at: Milliseconds;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now: Milliseconds = 0;
  /** Wall-clock time at `now() === 0`. Tests may change it to make the clock jump. */
  wallClockOffset: EpochMilliseconds = Date.UTC(2026, 0, 2, 3, 4, 5);
  readonly #timers = new Set<Timer>();

  now(): Milliseconds {
    return this.#now;
  }

  wallClock(): EpochMilliseconds {
    return this.wallClockOffset + this.#now;
  }

  after(delay: Milliseconds, callback: () => void): () => void {
    const timer = { at: this.#now + Math.max(0, delay), callback };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Delays of the pending timers, ascending. */
  get pending(): Milliseconds[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Runs the timers that are due, in order. */
  advance(by: Milliseconds): void {
    const until = this.#now + by;
    for (;;) {
      const due = [...this.#timers].filter(({ at }) => at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.#timers.delete(due);
      this.#now = Math.max(this.#now, due.at);
      due.callback();
    }
    this.#now = until;
  }
}
