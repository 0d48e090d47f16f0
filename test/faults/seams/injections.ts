// Injects exceptions and rejections at the seams of failure domains, where an error would otherwise have no handler.
import { onTestFinished, vi } from 'vitest';
import { FailureDomain } from '../../../src/protocols/failure-domain.js';

export type Fault = 'throw' | 'rejection';

export interface Injection {
  /** The seam: the name passed to `guard`, `run`, `settled` or `attempt`; for timers `timer in FILE`. */
  readonly seam: string;
  /** Name of the domain. */
  readonly domain: (name: string) => boolean;
  readonly fault: Fault;
  /** If set, it fails after the work instead of before it. */
  readonly late?: true;
  /** For timers only: selects those with such a delay. They fire at once. */
  readonly delay?: ((milliseconds: number) => boolean) | undefined;
}

interface Armed extends Injection {
  readonly error: Error;
  readonly hit: () => void;
}

export class Injections {
  /** Timers to shorten, by the name of their domain, and their delay instead. */
  readonly hurried = new Map<string, ReadonlyMap<string, number>>();
  /** Number of the newest RTMP connection. */
  newestConnection = 0;
  /** Number of the newest HTTP connection. */
  newestHttpConnection = 0;
  readonly #armed = new Set<Armed>();

  constructor() {
    const { guard, guardInput, run, settled, attempt, clock } = FailureDomain.prototype;
    const injections = this;
    const proto = FailureDomain.prototype;
    const patched = {
      guard: vi.spyOn(proto, 'guard').mockImplementation(function (this: FailureDomain, where, callback) {
        injections.newestConnection = Math.max(injections.newestConnection, connectionNumber(this.name));
        injections.newestHttpConnection = Math.max(
          injections.newestHttpConnection,
          connectionNumber(this.name, 'http'),
        );
        const guarded = guard.call(this, where, injections.#before(this, where, callback as () => void));
        // This deadline uses Node's own timer, so it is triggered here.
        if (where === 'rtmp deadline' && injections.#find(this, where) !== undefined) queueMicrotask(guarded);
        return guarded as ReturnType<FailureDomain['guard']>;
      } as FailureDomain['guard']),
      guardInput: vi.spyOn(proto, 'guardInput').mockImplementation(function (this: FailureDomain, where, callback) {
        return guardInput.call(this, where, injections.#before(this, where, callback as () => void));
      } as FailureDomain['guardInput']),
      run: vi.spyOn(proto, 'run').mockImplementation(function (this: FailureDomain, where, work) {
        run.call(this, where, injections.#promised(this, where, work));
      }),
      settled: vi.spyOn(proto, 'settled').mockImplementation(function (this: FailureDomain, where, work) {
        return settled.call(this, where, injections.#promised(this, where, work));
      }),
      attempt: vi.spyOn(proto, 'attempt').mockImplementation(function (this: FailureDomain, where, step) {
        // Each step must run even if another fails. The step fails after its work, so that the work can still be observed.
        return attempt.call(this, where, () => {
          const done = step();
          injections.#fail(this, where);
          return done;
        });
      } as FailureDomain['attempt']),
      clock: vi.spyOn(proto, 'clock').mockImplementation(function (this: FailureDomain, given) {
        const owned = clock.call(this, given);
        const after: typeof owned.after = (delay, callback) => {
          const where = `timer in ${callerOf(new Error().stack)}`;
          const hurry = injections.hurried.get(this.name)?.get(where);
          if (injections.#find(this, where, delay) === undefined) return owned.after(hurry ?? delay, callback);
          // Before anything else can cancel it.
          queueMicrotask(guard.call(this, 'timer', () => injections.#fail(this, where)));
          return () => undefined;
        };
        return { ...owned, after };
      }),
    };
    onTestFinished(() => {
      for (const spy of Object.values(patched)) spy.mockRestore();
    });
  }

  /**
   * Makes this fail once, the next time it happens.
   * @returns a promise that resolves when it has
   */
  arm(injection: Injection): Promise<Error> {
    return new Promise((resolve) => {
      const error = new TypeError(`injected at ${injection.seam}`);
      this.#armed.add({ ...injection, error, hit: () => resolve(error) });
    });
  }

  #find(domain: FailureDomain, seam: string, delay?: number): Armed | undefined {
    return [...this.#armed].find(
      (armed) => armed.seam === seam && armed.domain(domain.name) && (armed.delay?.(delay ?? 0) ?? true),
    );
  }

  #take(domain: FailureDomain, where: string): Armed | undefined {
    const armed = [...this.#armed].find(({ seam, domain: of }) => seam === where && of(domain.name));
    if (armed === undefined) return undefined;
    this.#armed.delete(armed);
    armed.hit();
    return armed;
  }

  #fail(domain: FailureDomain, where: string): void {
    const armed = this.#take(domain, where);
    if (armed !== undefined) throw armed.error;
  }

  #before(domain: FailureDomain, where: string, callback: (...args: unknown[]) => void): (...args: unknown[]) => void {
    return (...args) => {
      this.#fail(domain, where);
      callback(...args);
    };
  }

  #promised(domain: FailureDomain, where: string, work: () => PromiseLike<unknown>): () => PromiseLike<unknown> {
    return () => {
      const armed = this.#take(domain, where);
      if (armed === undefined) return work();
      if (armed.late === true) return Promise.resolve(work()).then(() => Promise.reject(armed.error));
      if (armed.fault === 'throw') throw armed.error;
      return Promise.reject(armed.error);
    };
  }
}

/** 0 for other domains. */
export function connectionNumber(domain: string, protocol: 'rtmp' | 'http' = 'rtmp'): number {
  const [, of, number] = /^(rtmp|http) connection (\d+)$/.exec(domain) ?? [];
  return of === protocol ? Number(number) : 0;
}

/** The file that set a timer, below src/. */
function callerOf(stack = ''): string {
  const files = [...stack.matchAll(/\/src\/([\w/-]+\.ts)/g)].map(([, file]) => file ?? '');
  return files.find((file) => file !== 'protocols/failure-domain.ts') ?? 'nowhere';
}
