// Sends requests to the bucket: a few at once, each retried until it succeeds. Its state shows whether the store accepts requests. Waiting callers
// keep their media on disk, or limit it themselves.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import { BucketFailure } from './bucket-failure.js';

/** Kinds of requests, which may fail separately: keys may be allowed to write but not to remove. */
export type BucketWork = 'write' | 'list' | 'remove';

export interface BucketLineOptions {
  readonly clock: Clock;
  /** Maximum number of requests at the same time. */
  readonly connections: number;
  /** Called when requests of this kind have failed for some time, or are refused. Called again when the reason changes. */
  readonly onFailed: (work: BucketWork, failure: BucketFailure) => void;
  readonly onRecovered: (work: BucketWork) => void;
  /** From 0 to 1, for the spread of retries. */
  readonly random?: () => number;
}

export interface BucketLineCounters {
  /** Successful requests. */
  done: number;
  failed: number;
}

/** Rejects waiting work when the line is closed, or when the work is no longer wanted. */
export class NoLongerWanted extends Error {
  override readonly name = 'NoLongerWanted';
}

/** First pause after a temporary failure. It doubles up to the longest one. */
const FIRST_WAIT: Milliseconds = 250;
const LONGEST_WAIT: Milliseconds = 15_000;
/** Pause after a refusal, which lasts until somebody has changed something. */
const REFUSED_WAIT: Milliseconds = 10_000;
/** Temporary failures are reported when nothing has succeeded for this long. */
const PATIENCE: Milliseconds = 5_000;
/** Least time between two reports of changed reasons. */
const TELL_AGAIN: Milliseconds = 60_000;

interface Trouble {
  readonly since: Milliseconds;
  reason: string;
  /** When it was reported; undefined if it was not. */
  told: Milliseconds | undefined;
}

export class BucketLine {
  readonly counters: BucketLineCounters = { done: 0, failed: 0 };
  readonly #options: BucketLineOptions;
  readonly #troubles = new Map<BucketWork, Trouble>();
  readonly #closing = new AbortController();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(options: BucketLineOptions) {
    this.#options = options;
  }

  /** Why the store does not accept requests; undefined if it does. */
  get reason(): string | undefined {
    return [...this.#troubles.values()].find(({ told }) => told !== undefined)?.reason;
  }

  /**
   * Sends a request until it succeeds.
   * @param isWanted asked before each attempt
   * @throws {NoLongerWanted}; {BucketFailure} of kind `condition` or `unsupported`; what is not a BucketFailure
   */
  async persist<T>(
    work: BucketWork,
    send: (signal: AbortSignal) => Promise<T>,
    isWanted: () => boolean = () => true,
  ): Promise<T> {
    for (let failures = 0; ; ) {
      const result = await this.#inTurn(work, send, isWanted);
      if (!(result instanceof BucketFailure)) return result.value;
      failures += 1;
      await this.#wait(this.#pauseAfter(result, failures));
    }
  }

  /** Ends all requests and waits. */
  close(): void {
    this.#closing.abort();
    for (const next of this.#waiting.splice(0)) next();
  }

  async #inTurn<T>(
    work: BucketWork,
    send: (signal: AbortSignal) => Promise<T>,
    isWanted: () => boolean,
  ): Promise<BucketFailure | { readonly value: T }> {
    // Asked again after the wait: another request may have begun in between.
    while (this.#running >= this.#options.connections && !this.#closing.signal.aborted)
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      if (this.#closing.signal.aborted || !isWanted()) throw new NoLongerWanted();
      const value = await send(this.#closing.signal);
      this.#succeeded(work);
      return { value };
    } catch (cause) {
      if (this.#closing.signal.aborted) throw new NoLongerWanted();
      if (!(cause instanceof BucketFailure)) throw cause;
      // These are regular answers and not failures of the store.
      if (cause.kind === 'condition' || cause.kind === 'unsupported') throw cause;
      this.#failed(work, cause);
      return cause;
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #succeeded(work: BucketWork): void {
    this.counters.done += 1;
    const trouble = this.#troubles.get(work);
    this.#troubles.delete(work);
    if (trouble?.told !== undefined) this.#options.onRecovered(work);
  }

  #failed(work: BucketWork, failure: BucketFailure): void {
    this.counters.failed += 1;
    const now = this.#options.clock.now();
    const trouble = this.#troubles.get(work) ?? { since: now, reason: failure.message, told: undefined };
    this.#troubles.set(work, trouble);
    const isNew = trouble.reason !== failure.message;
    trouble.reason = failure.message;
    if (failure.kind !== 'refused' && now - trouble.since < PATIENCE) return;
    if (trouble.told !== undefined && (!isNew || now - trouble.told < TELL_AGAIN)) return;
    trouble.told = now;
    this.#options.onFailed(work, failure);
  }

  /** Spread over half of the time, so that many streams do not retry at the same moment. */
  #pauseAfter({ kind, retryAfter }: BucketFailure, failures: number): Milliseconds {
    const { random = Math.random } = this.#options;
    const full =
      kind === 'refused' ? REFUSED_WAIT : Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** Math.min(failures - 1, 10));
    return Math.max(full * (0.5 + random() / 2), Math.min(retryAfter, LONGEST_WAIT));
  }

  #wait(delay: Milliseconds): Promise<void> {
    const { signal } = this.#closing;
    return new Promise((resolve) => {
      const cancel = this.#options.clock.after(delay, () => {
        signal.removeEventListener('abort', end);
        resolve();
      });
      const end = (): void => {
        cancel();
        resolve();
      };
      if (signal.aborted) end();
      else signal.addEventListener('abort', end, { once: true });
    });
  }
}
