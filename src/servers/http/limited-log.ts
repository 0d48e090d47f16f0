// Logs lines that peers can cause at will: at most one per second of each kind. The number of suppressed lines is always logged.

import type { FastifyBaseLogger } from 'fastify';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

const INTERVAL: Milliseconds = 1_000;

type Level = 'info' | 'warn' | 'error';

interface Recent {
  suppressed: number;
  /** Writes the last suppressed line. */
  write: ((suppressed: number) => void) | undefined;
  readonly timer: NodeJS.Timeout;
}

export class LimitedLog {
  readonly #logger: Pick<FastifyBaseLogger, Level> | undefined;
  readonly #domain: FailureDomain;
  readonly #recent = new Map<string, Recent>();

  /** @param domain runs the timers */
  constructor(logger: Pick<FastifyBaseLogger, Level> | undefined, domain: FailureDomain) {
    this.#logger = logger;
    this.#domain = domain;
  }

  /** @param message from a fixed set: lines with the same message are of the same kind */
  write(level: Level, fields: object, message: string): void {
    const recent = this.#recent.get(message);
    if (recent === undefined) {
      this.#logger?.[level](fields, message);
      this.#recent.set(message, { suppressed: 0, write: undefined, timer: this.#later(message) });
      return;
    }
    recent.suppressed++;
    recent.write = (suppressed) => this.#logger?.[level]({ ...fields, suppressed }, message);
  }

  /** Logs how many lines are still suppressed. */
  close(): void {
    for (const message of [...this.#recent.keys()]) this.#settle(message);
  }

  #later(message: string): NodeJS.Timeout {
    return setTimeout(() => {
      const hasWritten = this.#domain.attempt('http log', () => this.#settle(message));
      if (hasWritten === true)
        this.#recent.set(message, { suppressed: 0, write: undefined, timer: this.#later(message) });
    }, INTERVAL).unref();
  }

  /**
   * Writes the last suppressed line, with the number of the others.
   * @returns whether there was one
   */
  #settle(message: string): boolean {
    const recent = this.#recent.get(message);
    this.#recent.delete(message);
    clearTimeout(recent?.timer);
    if (recent?.write === undefined) return false;
    recent.write(recent.suppressed - 1);
    return true;
  }
}
