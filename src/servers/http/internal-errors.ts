// Internal errors outside the answer to a request, in the event of a socket or in a timer. Each of them costs one connection, or one run of
// the timer. It is counted, and logged at a limited rate.

import type { FastifyBaseLogger } from 'fastify';
import { FailureDomain, type Fault } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

const LOG_INTERVAL: Milliseconds = 1_000;

export class InternalErrors {
  /** For timers and events that belong to no single connection. After a fault, the next run or event is handled as usual. */
  readonly shared = new FailureDomain('http', (fault) => this.#note(fault, 'internal error: http goes on'));
  readonly #logger: Pick<FastifyBaseLogger, 'error'> | undefined;
  #connections = 0;
  #loggedAt: Milliseconds = Number.NEGATIVE_INFINITY;
  #suppressed = 0;
  /** Errors since the start. */
  total = 0;

  constructor(logger: Pick<FastifyBaseLogger, 'error'> | undefined) {
    this.#logger = logger;
  }

  /**
   * @returns a domain for one connection
   * @param end called at a fault; ends the connection
   */
  connection(end: () => void): FailureDomain {
    return new FailureDomain(`http connection ${++this.#connections}`, (fault) => {
      this.#note(fault, 'internal error: an http connection is closed');
      end();
    });
  }

  #note({ where, cause }: Fault, message: string): void {
    this.total++;
    const now = performance.now();
    if (now - this.#loggedAt < LOG_INTERVAL) {
      this.#suppressed++;
      return;
    }
    const suppressed = this.#suppressed;
    this.#loggedAt = now;
    this.#suppressed = 0;
    try {
      this.#logger?.error({ err: cause, where, ...(suppressed > 0 && { suppressed }) }, message);
    } catch {
      // The logger itself may have failed: then only the counter shows it.
    }
  }
}
