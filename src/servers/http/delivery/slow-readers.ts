// Cuts off answers that clients read too slowly. Otherwise a client could hold a connection and a body for ever.

import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { Milliseconds } from '../../../protocols/units.js';
import { cutOff, type RawResponse } from './exchange.js';

/** The time that every answer gets. */
const WRITE_GRACE: Milliseconds = 30_000;

/** Large bodies get additional time, at this rate: 1 Mbit/s. A client that is slower cannot watch a rendition with such segments. */
const MINIMUM_RATE_BYTES_PER_SECOND = 125_000;

const CHECK_INTERVAL: Milliseconds = 5_000;

export class SlowReaders {
  readonly #deadlines = new Map<RawResponse, Milliseconds>();
  readonly #domain: FailureDomain;
  readonly #grace: Milliseconds;
  readonly #interval: Milliseconds;
  #timer: NodeJS.Timeout | undefined;
  /** Number of answers cut off since the start. */
  cut = 0;

  /** @param domain runs the timer */
  constructor(domain: FailureDomain, grace: Milliseconds = WRITE_GRACE, interval: Milliseconds = CHECK_INTERVAL) {
    this.#domain = domain;
    this.#grace = grace;
    this.#interval = interval;
  }

  /** Number of answers that have not been read completely. */
  get size(): number {
    return this.#deadlines.size;
  }

  /** Watches an answer that the kernel did not take at once. */
  watch(response: RawResponse, bytes: number): void {
    const allowed = this.#grace + (bytes / MINIMUM_RATE_BYTES_PER_SECOND) * 1000;
    this.#deadlines.set(response, performance.now() + allowed);
    const done = this.#domain.guard('slow reader done', () => {
      this.#deadlines.delete(response);
      if (this.#deadlines.size === 0) this.close();
    });
    response.once('finish', done).once('close', done);
    const check = this.#domain.guard('slow readers', () => this.#checkDeadlines());
    this.#timer ??= setInterval(check, this.#interval).unref();
  }

  close(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  #checkDeadlines(): void {
    const now = performance.now();
    for (const [response, deadline] of this.#deadlines) {
      if (deadline > now) continue;
      this.#deadlines.delete(response);
      this.cut++;
      this.#domain.attempt('slow reader', () => cutOff(response));
    }
  }
}
