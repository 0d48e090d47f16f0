// The line to the bucket: a few requests at once, each tried again until it succeeds, and one state that says whether the store takes what it is
// sent. Whoever waits here has its media on disk, or bounds it itself.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import { BucketFailure } from './bucket-failure.js';

/** What fails for different reasons: keys may be allowed to write and not to remove. */
export type BucketWork = 'write' | 'list' | 'remove';

export interface BucketLineOptions {
  readonly clock: Clock;
  /** Requests at once. */
  readonly connections: number;
  /** The store has taken nothing of this kind for some time, or says why it never will. Called again when the reason changes. */
  readonly onFailed: (work: BucketWork, failure: BucketFailure) => void;
  readonly onRecovered: (work: BucketWork) => void;
  /** From 0 to 1, for the spread of retries. */
  readonly random?: () => number;
}

export interface BucketLineCounters {
  /** Requests that were answered as hoped. */
  done: number;
  failed: number;
}

/** Rejects work that waits when the line is closed, or that nobody wants any more. */
export class NoLongerWanted extends Error {
  override readonly name = 'NoLongerWanted';
}

/** First wait after a failure that may pass; doubles up to the longest. */
const FIRST_WAIT: Milliseconds = 250;
const LONGEST_WAIT: Milliseconds = 15_000;
/** Wait after a refusal: it ends when somebody has changed something. */
const REFUSED_WAIT: Milliseconds = 10_000;
/** Failures that may pass are a state when nothing has succeeded for this long. */
const PATIENCE: Milliseconds = 5_000;
/** A reason that changes is told this often at most. */
const TELL_AGAIN: Milliseconds = 60_000;

interface Trouble {
  readonly since: Milliseconds;
  reason: string;
  /** Undefined while it is not yet a state. */
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

  /** Why the store does not take what it is sent; undefined if it does. */
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
    if (this.#running >= this.#options.connections) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      if (this.#closing.signal.aborted || !isWanted()) throw new NoLongerWanted();
      const value = await send(this.#closing.signal);
      this.#succeeded(work);
      return { value };
    } catch (cause) {
      if (this.#closing.signal.aborted) throw new NoLongerWanted();
      if (!(cause instanceof BucketFailure)) throw cause;
      // The store answers, and knows what it does.
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

  /** Spread over half of the time, so that the renditions of many streams do not come back at once. */
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
