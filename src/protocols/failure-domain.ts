// Confines failures of asynchronous work to the stream or connection for which it was done: all work that nobody awaits runs in a failure
// domain.
import type { Clock } from './clock.js';
import { SluiceError } from './errors.js';

/** An exception or rejected promise that no caller can catch. */
export interface Fault {
  /** The seam at which it was caught, for example `ffmpeg output`. */
  readonly where: string;
  readonly cause: unknown;
}

/**
 * Owns the callbacks, timers, un-awaited promises and resources of one owner: a stream, a connection. Seams are named by string literals;
 * test/faults/seams.test.ts throws at each of them.
 */
export class FailureDomain {
  /** Name of the owner: `live/cam`, `rtmp connection 7`. */
  readonly name: string;
  readonly #onFault: (fault: Fault) => void;
  readonly #owned = new Set<() => void>();
  #closed = false;

  /** @param onFault called for each fault; must not throw */
  constructor(name: string, onFault: (fault: Fault) => void) {
    this.name = name;
    this.#onFault = onFault;
  }

  get closed(): boolean {
    return this.#closed;
  }

  /**
   * Wraps a callback that a socket, pipe, child process or emitter will call. An exception in it becomes a fault. After `close` it does
   * nothing.
   */
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

  /** Like `guard`, but rethrows typed errors: they say that the input of the caller was wrong, and the caller handles them. */
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

  /** Starts work that nobody awaits. It begins at once. */
  run(where: string, work: () => PromiseLike<unknown>): void {
    // biome-ignore lint/nursery/noFloatingPromises: rejects only if `onFault` throws, which is a bug that the process must report
    this.#catch(where, work);
  }

  /**
   * Like `run`, for work that somebody awaits without handling its errors.
   * @returns a promise that resolves when the work has ended, even if it failed
   */
  settled(where: string, work: () => PromiseLike<unknown>): Promise<void> {
    return this.#catch(where, work);
  }

  /** Takes one of several steps that must all be taken. If it throws, the fault is reported, and the next step can run. */
  attempt<T>(where: string, step: () => T): T | undefined {
    try {
      return step();
    } catch (cause) {
      this.#onFault({ where, cause });
      return undefined;
    }
  }

  /** Wraps a clock: its timers belong to this domain and are cancelled by `close`. */
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

  /** Registers a function that `close` calls to release a resource. @returns a function that removes the registration */
  own(release: () => void): () => void {
    // A new function each time, because the same function may be registered twice.
    const entry = (): void => release();
    if (this.#closed) release();
    else this.#owned.add(entry);
    return () => {
      this.#owned.delete(entry);
    };
  }

  /** Cancels timers, releases owned resources in order of registration, and disables all guarded callbacks. Idempotent. */
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
 * Calls `call` for every target, even if some calls throw.
 * @throws the first exception, after all targets have been called
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
