// Runs one pass of work at a time: another one if something changed meanwhile, and a later one if it failed. Any error inside a pass, from
// the disk or from our own code, counts as a failure of the store: it is reported, and the pass is tried again.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

const FIRST_RETRY: Milliseconds = 500;
/** Longest delay between retries. It is short, because the cause may disappear at any time and a try costs only a few system calls. */
const LAST_RETRY: Milliseconds = 3_000;

export interface RetriedPassesOptions {
  readonly clock: Clock;
  /** Nobody awaits the passes, so an error outside of them, in `onFailure` or in the timer of a retry, goes to this domain and ends it. */
  readonly domain: FailureDomain;
  /** Passes begin at multiples of this time, so that the passes of all streams begin together. */
  readonly gathers: Milliseconds;
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
  /** Cancels the timer of the next pass; undefined if none is scheduled. */
  #cancelTimer: (() => void) | undefined;
  #stopped = false;
  /** Callers that wait for the end of the next pass. */
  readonly #waiting: (() => void)[] = [];

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
    if (this.#cancelTimer !== undefined || this.#running !== undefined || this.#stopped) return;
    const { clock, gathers } = this.#options;
    if (gathers === 0) this.#start();
    else this.#startAfter(gathers - (clock.now() % gathers));
  }

  /** Resolves when the current work is done, or when a pass has failed again. */
  async finish(): Promise<void> {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#wanted = true;
    this.#start();
    // If the running pass was about to end and did not see this call any more, another one follows it.
    while (this.#running !== undefined && this.#cancelTimer === undefined) await this.#running;
  }

  /** Resolves after the next pass, whatever its result is, or at once if none is due. Does not start one. */
  async afterNext(): Promise<void> {
    if (this.#stopped || (!this.#wanted && this.#running === undefined)) return;
    await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  /** Resolves when no pass runs; no further one will start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#cancelTimer?.();
    await this.#running;
    this.#release();
  }

  #release(): void {
    for (const resolve of this.#waiting.splice(0)) resolve();
  }

  #startAfter(delay: Milliseconds): void {
    this.#cancelTimer = this.#options.clock.after(delay, () => {
      this.#cancelTimer = undefined;
      this.#start();
    });
  }

  #start(): void {
    if (this.#running !== undefined || this.#stopped) return;
    this.#running = this.#runToEnd();
  }

  /** Ensures that the next pass can start, whatever the result of this one. */
  async #runToEnd(): Promise<void> {
    await this.#options.domain.settled('disk writer', () => this.#run());
    this.#running = undefined;
    this.#release();
    if (this.#wanted && this.#cancelTimer === undefined) this.#start();
  }

  async #run(): Promise<void> {
    const { pass, onFailure } = this.#options;
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
        this.#startAfter(this.#retry);
        this.#retry = Math.min(2 * this.#retry, LAST_RETRY);
        return;
      }
    }
  }
}
