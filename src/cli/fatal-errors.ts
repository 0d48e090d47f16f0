// Handles errors that nobody caught and that belong to no stream or connection: the program logs them and stops properly.
import type { Logger } from 'pino';
import type { CommandIo } from './io.js';

export interface FatalError {
  readonly error: unknown;
  /** The origin as Node names it: `uncaughtException` or `unhandledRejection`. */
  readonly origin: string;
}

export class FatalErrors {
  /** Resolves with the first fatal error. */
  readonly first: Promise<FatalError>;
  readonly #dispose: () => void;
  #count = 0;
  #logger: Logger | undefined;

  constructor(io: CommandIo) {
    let resolve: (fatal: FatalError) => void = () => undefined;
    this.first = new Promise((fulfil) => {
      resolve = fulfil;
    });
    this.#dispose = io.onFatalError((error, origin) => {
      this.#count += 1;
      resolve({ error, origin });
      // The first one is reported by the code that awaits it.
      if (this.#count > 1)
        this.#logger?.fatal({ err: error, origin }, 'another internal error while the gateway stops');
    });
  }

  /** Rejects with a fatal error that occurs before `work` settles, while there is no log yet. */
  async unlessFatal<T>(work: Promise<T>): Promise<T> {
    return Promise.race([
      work,
      this.first.then(({ error }) => {
        throw error;
      }),
    ]);
  }

  logTo(logger: Logger): void {
    this.#logger = logger;
  }

  dispose(): void {
    this.#dispose();
  }
}
