// A clock that stands still until a test moves it: waits of seconds are tested in microseconds.
import type { Clock } from '../../src/protocols/clock.js';
import type { EpochMilliseconds, Milliseconds } from '../../src/protocols/units.js';

interface Timer {
  readonly at: Milliseconds;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now: Milliseconds = 0;
  /** Wall clock at `now() === 0`; a test may make it jump. */
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

  /** Delays of the timers that are set, ascending. */
  get pending(): Milliseconds[] {
    return [...this.#timers].map(({ at }) => at - this.#now).sort((a, b) => a - b);
  }

  /** Runs what is due, in order. */
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
