// Runs one pass of work at a time: another one if something changed meanwhile, and a later one if it failed. Any error inside a pass, from
// the disk or from our own code, counts as a failure of the store: it is reported, and the pass is tried again.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

const FIRST_RETRY: Milliseconds = 500;
/** Longest delay between retries: the cause may disappear at any time, and a try costs only a few system calls. */
const LAST_RETRY: Milliseconds = 3_000;

export interface RetriedPassesOptions {
  readonly clock: Clock;
  /** Nobody awaits the passes, so an error outside of them, in `onFailure` or in the timer of a retry, goes to this domain and ends it. */
  readonly domain: FailureDomain;
  readonly pass: () => Promise<void>;
  /** Called after a pass that rejected, before the next is scheduled. Never rejects. */
  readonly onFailure: (cause: unknown) => Promise<void>;
}

export class RetriedPasses {
  readonly #options: RetriedPassesOptions;
  #failures = 0;
  #failing = false;
  #wanted = false;
  #running: Promise<void> | undefined;
  #retry: Milliseconds = FIRST_RETRY;
  #cancelRetry: (() => void) | undefined;
  #stopped = false;

  constructor(options: RetriedPassesOptions) {
    this.#options = options;
  }

  /** Number of failed passes so far. */
  get failures(): number {
    return this.#failures;
  }

  /** Whether the last pass failed. */
  get failing(): boolean {
    return this.#failing;
  }

  /** Whether a running pass should stop. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** Schedules a pass. Returns at once. */
  wake(): void {
    this.#wanted = true;
    // While passes fail, the retry delay decides when the next one starts.
    if (this.#cancelRetry === undefined) this.#start();
  }

  /** Resolves when the current work is done, or when a pass has failed again. */
  async finish(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.wake();
    await this.#running;
  }

  /** Resolves when no pass runs; no further one will start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    await this.#running;
  }

  #start(): void {
    if (this.#running !== undefined || this.#stopped) return;
    this.#running = this.#runToEnd();
  }

  /** The next pass can start, whatever the result of this one is. */
  async #runToEnd(): Promise<void> {
    await this.#options.domain.settled('disk writer', () => this.#run());
    this.#running = undefined;
    if (this.#wanted && this.#cancelRetry === undefined) this.#start();
  }

  async #run(): Promise<void> {
    const { clock, pass, onFailure } = this.#options;
    while (this.#wanted && !this.#stopped) {
      this.#wanted = false;
      try {
        await pass();
        this.#retry = FIRST_RETRY;
        this.#failing = false;
      } catch (cause) {
        this.#failures += 1;
        this.#failing = true;
        await onFailure(cause);
        this.#wanted = true;
        this.#cancelRetry = clock.after(this.#retry, () => {
          this.#cancelRetry = undefined;
          this.#start();
        });
        this.#retry = Math.min(2 * this.#retry, LAST_RETRY);
        return;
      }
    }
  }
}
