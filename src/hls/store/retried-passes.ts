// Runs one pass of work at a time, again when something changed meanwhile, and later when it failed.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

const FIRST_RETRY: Milliseconds = 500;
/** What was in the way may be gone at any time, and an attempt costs a few calls of the system. */
const LAST_RETRY: Milliseconds = 3_000;

export interface RetriedPassesOptions {
  readonly clock: Clock;
  /** Nobody awaits the passes: what fails in one beyond its work ends this domain. */
  readonly domain: FailureDomain;
  readonly pass: () => Promise<void>;
  /** After a pass that rejected, before the next is thought of. Never rejects. */
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

  /** Passes that failed so far. */
  get failures(): number {
    return this.#failures;
  }

  /** The last pass failed. */
  get failing(): boolean {
    return this.#failing;
  }

  /** A pass that runs should go no further. */
  get stopped(): boolean {
    return this.#stopped;
  }

  /** There is work. Returns at once. */
  wake(): void {
    this.#wanted = true;
    // While passes fail, time and not the caller decides when the next is tried.
    if (this.#cancelRetry === undefined) this.#start();
  }

  /** Resolves when all work of now is done, or a pass failed once more. */
  async finish(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.wake();
    await this.#running;
  }

  /** Resolves when no pass runs; none begins any more. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelRetry?.();
    await this.#running;
  }

  #start(): void {
    if (this.#running !== undefined || this.#stopped) return;
    this.#running = this.#runToEnd();
  }

  /** Whatever became of it, the next one can begin. */
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
