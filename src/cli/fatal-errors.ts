// What was thrown where nobody catches, and belongs to no stream and no connection: the program says so and stops in order.
import type { Logger } from 'pino';
import type { CommandIo } from './io.js';

export interface FatalError {
  readonly error: unknown;
  /** Node's word for where it came from: `uncaughtException` or `unhandledRejection`. */
  readonly origin: string;
}

export class FatalErrors {
  /** Resolves with the first one. */
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
      // The first is told by whoever waits for it.
      if (this.#count > 1)
        this.#logger?.fatal({ err: error, origin }, 'another internal error while the gateway stops');
    });
  }

  /** Before there is a log to write to: whatever starts has failed. */
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
