// How long a connection may take for what, the same on every port and for both versions of HTTP.

import type { Milliseconds } from '../../../protocols/units.js';
import { HEADERS_TIMEOUT, KEEP_ALIVE_TIMEOUT, REQUEST_TIMEOUT } from '../connections.js';
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
  /** Since when a head is awaited: from the first byte of it, or from the accept. */
  #headSince: Milliseconds | undefined = performance.now();
  #latest: RawRequest | undefined;
  #idleSince: Milliseconds = performance.now();

  /** @param isInsideHead of HTTP/2, where other frames come between two requests */
  constructor(isSerial: boolean, isInsideHead: () => boolean) {
    this.#isSerial = isSerial;
    this.#isInsideHead = isInsideHead;
  }

  /** Requests that are not answered. */
  get open(): number {
    return this.#open.size;
  }

  /** A request was received whole and is not answered. */
  get awaitsAnswer(): boolean {
    return this.#open.size > 0 && this.#latest?.complete === true;
  }

  /** Of HTTP/1.1 whatever comes between two requests is a head; of HTTP/2 it may be any frame. */
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

  /** @returns the wait that is over, and the answer to a request whose body is late */
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
