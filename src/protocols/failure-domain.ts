// What fails in work that nobody awaits ends the thing it was done for and nothing else: such work is run by that thing's domain.
import type { Clock } from './clock.js';
import { SluiceError } from './errors.js';

/** Something threw, or a promise was rejected, where nobody was there to catch it. */
export interface Fault {
  /** The seam at which it was caught, for example `ffmpeg output`. */
  readonly where: string;
  readonly cause: unknown;
}

/**
 * Owns the callbacks, timers, un-awaited promises and resources of one thing: a stream, a connection. Seams are named by string
 * literals; test/faults/seams.test.ts throws at each of them.
 */
export class FailureDomain {
  /** Whose it is: `live/cam`, `rtmp connection 7`. */
  readonly name: string;
  readonly #onFault: (fault: Fault) => void;
  readonly #owned = new Set<() => void>();
  #closed = false;

  /** @param onFault called each time; must not throw */
  constructor(name: string, onFault: (fault: Fault) => void) {
    this.name = name;
    this.#onFault = onFault;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** The same callback, for somebody else to call: a socket, a pipe, a child process, an emitter. Silent after `close`. */
  guard<A extends readonly unknown[]>(where: string, callback: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      if (this.#closed) return;
      try {
        callback(...args);
      } catch (cause) {
        this.#onFault({ where, cause });
      }
    };
  }

  /** Like `guard`, for a caller that answers for what it handed in: a typed error says what was wrong with that, and is thrown on. */
  guardInput<A extends readonly unknown[]>(where: string, callback: (...args: A) => void): (...args: A) => void {
    return (...args) => {
      if (this.#closed) return;
      try {
        callback(...args);
      } catch (cause) {
        if (cause instanceof SluiceError) throw cause;
        this.#onFault({ where, cause });
      }
    };
  }

  /** Work that nobody waits for. It begins at once. */
  run(where: string, work: () => PromiseLike<unknown>): void {
    // biome-ignore lint/nursery/noFloatingPromises: rejected only when `onFault` throws, and that is for the program to hear of
    this.#catch(where, work);
  }

  /** The same for work that somebody waits for, but does not answer for. @returns resolves when it has ended, however it did */
  settled(where: string, work: () => PromiseLike<unknown>): Promise<void> {
    return this.#catch(where, work);
  }

  /** One of several steps that must all be taken: it is done now, and the next one comes even if it throws. */
  attempt<T>(where: string, step: () => T): T | undefined {
    try {
      return step();
    } catch (cause) {
      this.#onFault({ where, cause });
      return undefined;
    }
  }

  /** The same clock; its timers belong to this domain and are cancelled by `close`. */
  clock(clock: Clock): Clock {
    return {
      now: () => clock.now(),
      wallClock: () => clock.wallClock(),
      after: (delay, callback) => {
        const run = this.guard('timer', callback);
        const cancel = clock.after(delay, () => {
          disown();
          run();
        });
        const disown = this.own(cancel);
        return () => {
          disown();
          cancel();
        };
      },
    };
  }

  /** What is released by `close` if it was not disowned before. @returns disowns it */
  own(release: () => void): () => void {
    // The same function may be owned twice.
    const entry = (): void => release();
    if (this.#closed) release();
    else this.#owned.add(entry);
    return () => {
      this.#owned.delete(entry);
    };
  }

  /** Cancels timers, releases what is owned, in the order in which it came, and lets no callback through any more. Idempotent. */
  close(): void {
    this.#closed = true;
    const owned = [...this.#owned];
    this.#owned.clear();
    for (const release of owned) this.attempt('release', release);
  }

  async #catch(where: string, work: () => PromiseLike<unknown>): Promise<void> {
    try {
      await work();
    } catch (cause) {
      this.#onFault({ where, cause });
    }
  }
}

/**
 * Calls all of them, whatever some of them throw.
 * @throws the first of what was thrown, when all have been called
 */
export function callAll<T>(targets: Iterable<T>, call: (target: T) => void): void {
  let failed = false;
  let first: unknown;
  for (const target of targets) {
    try {
      call(target);
    } catch (cause) {
      if (!failed) first = cause;
      failed = true;
    }
  }
  if (failed) throw first;
}
