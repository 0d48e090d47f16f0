// The deadlines of one connection: for the head of a request, for its body, and between two requests. They are the same for HTTP/1.1 and
// HTTP/2.

import type { Milliseconds } from '../../../protocols/units.js';
import { HEADERS_TIMEOUT, KEEP_ALIVE_TIMEOUT, REQUEST_TIMEOUT } from '../connection-limits.js';
import { isGone, type RawRequest, type RawResponse } from '../delivery/exchange.js';

export type Overdue = 'headers' | 'request' | 'idle';

interface OpenRequest {
  readonly request: RawRequest;
  readonly since: Milliseconds;
}

export class RequestDeadlines {
  readonly #isSerial: boolean;
  readonly #isInsideHead: () => boolean;
  readonly #open = new Map<RawResponse, OpenRequest>();
  /** Since when a request head is expected: since its first byte, or since the connection was accepted. */
  #headSince: Milliseconds | undefined = performance.now();
  #latest: RawRequest | undefined;
  #idleSince: Milliseconds = performance.now();

  /** @param isInsideHead needed for HTTP/2, where other frames may come between two requests */
  constructor(isSerial: boolean, isInsideHead: () => boolean) {
    this.#isSerial = isSerial;
    this.#isInsideHead = isInsideHead;
  }

  /** Number of unanswered requests. */
  get open(): number {
    return this.#open.size;
  }

  /** Whether a request has been received completely and is unanswered. */
  get awaitsAnswer(): boolean {
    return this.#open.size > 0 && this.#latest?.complete === true;
  }

  /** The parser got bytes. In HTTP/1.1 all bytes between two requests belong to a head; in HTTP/2 they may belong to any frame. */
  bytesGiven(now: Milliseconds): void {
    const isHead = this.#isSerial ? this.#open.size === 0 : this.#isInsideHead();
    if (isHead) this.#headSince ??= now;
    else if (this.#latest !== undefined) this.#headSince = undefined;
  }

  opened(request: RawRequest, response: RawResponse): void {
    this.#headSince = undefined;
    this.#latest = request;
    this.#open.set(response, { request, since: performance.now() });
  }

  closed(response: RawResponse): void {
    this.#open.delete(response);
    this.#idleSince = performance.now();
  }

  /** @returns the deadline that was missed, and the response to the request if its body is late */
  overdue(now: Milliseconds): { readonly what: Overdue; readonly response?: RawResponse } | undefined {
    if (this.#headSince !== undefined && now - this.#headSince > HEADERS_TIMEOUT) return { what: 'headers' };
    for (const [response, { request, since }] of this.#open) {
      if (isGone(response)) this.closed(response);
      else if (!request.complete && now - since > REQUEST_TIMEOUT) return { what: 'request', response };
    }
    const isIdle = this.#open.size === 0 && this.#headSince === undefined;
    return isIdle && now - this.#idleSince > KEEP_ALIVE_TIMEOUT ? { what: 'idle' } : undefined;
  }
}
