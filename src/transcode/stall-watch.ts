// Tells a hung FFmpeg from a silent publisher: only time in which input flows or waits counts against it.
import type { Milliseconds } from '../protocols/units.js';

/** How often `tick` is to be called. Counting ticks, not clock time, forgives a machine that was asleep. */
export const STALL_TICK: Milliseconds = 1_000;

export class StallWatch {
  readonly #limit: Milliseconds;
  #sawInput = false;
  #sawOutput = false;
  #silent: Milliseconds = 0;

  /** @param limit input time without output that is a stall */
  constructor(limit: Milliseconds) {
    this.#limit = limit;
  }

  noteInput(): void {
    this.#sawInput = true;
  }

  noteOutput(): void {
    this.#sawOutput = true;
  }

  /** Call every STALL_TICK. @returns true when it hangs */
  tick(queuedBytes: number): boolean {
    if (this.#sawOutput) this.#silent = 0;
    else if (this.#sawInput || queuedBytes > 0) this.#silent += STALL_TICK;
    this.#sawInput = false;
    this.#sawOutput = false;
    return this.#silent >= this.#limit;
  }
}
