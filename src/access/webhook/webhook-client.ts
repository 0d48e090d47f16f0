// Sends requests to the operator's back end, signed as Standard Webhooks specifies. Time, size and number are limited, so a back end that hangs or
// misbehaves delays only the callers that wait for its answer.

import { createHmac, randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { type BoundedAnswer, boundedRequest, TooLongError } from '../bounded-request.js';
import { accessError } from '../errors.js';

export interface WebhookClientOptions {
  readonly url: string;
  /** Keys that sign the requests: two while one replaces the other; none if requests are not signed. */
  readonly secrets: readonly Buffer[];
  readonly wallClock: () => EpochMilliseconds;
  /** Default 3 s. */
  readonly timeout?: Milliseconds;
}

const TIMEOUT: Milliseconds = 3_000;
const RETRY_AFTER: Milliseconds = 200;
const MAX_BYTES = 64 * 1024;
const MAX_IN_FLIGHT = 64;
const MAX_QUEUED = 2_000;
/** The back end can be reached, but cannot answer at the moment. */
const PASSING: readonly number[] = [502, 503, 504];

export class WebhookClient {
  readonly #options: WebhookClientOptions;
  readonly #stop = new AbortController();
  readonly #queue: (() => void)[] = [];
  #inFlight = 0;

  constructor(options: WebhookClientOptions) {
    this.#options = options;
  }

  /** @throws {SluiceError} `access.webhook` if there is no answer, or if too many requests are waiting */
  async send(body: string): Promise<BoundedAnswer> {
    await this.#enter();
    try {
      return await this.#sendTwice(body);
    } catch (error) {
      // Only the name of the error, because its message may quote the answer or the URL.
      const why = error instanceof TooLongError ? error.message : nameOf(error);
      throw accessError('access.webhook', `the request to the webhook failed: ${why}`);
    } finally {
      this.#inFlight -= 1;
      this.#queue.shift()?.();
    }
  }

  /** Aborts the requests in progress. */
  close(): void {
    this.#stop.abort();
    for (const go of this.#queue.splice(0)) go();
  }

  async #enter(): Promise<void> {
    if (this.#inFlight >= MAX_IN_FLIGHT) {
      if (this.#queue.length >= MAX_QUEUED)
        throw accessError('access.webhook', 'too many requests are waiting for the webhook');
      await new Promise<void>((resolve) => this.#queue.push(resolve));
    }
    this.#inFlight += 1;
  }

  async #sendTwice(body: string): Promise<BoundedAnswer> {
    // The second attempt has the same id, so that the back end recognizes the same question.
    const id = `msg_${randomUUID()}`;
    const first = await this.sendOnce(id, body).catch((error: unknown) => error);
    const isAnswer = typeof first === 'object' && first !== null && 'status' in first;
    if (isAnswer && !PASSING.includes((first as BoundedAnswer).status)) return first as BoundedAnswer;
    // Only a failed connection is retried: if the back end hangs, a second attempt would double the time that the caller waits.
    if (!isAnswer && (this.#stop.signal.aborted || !isConnectFailure(first))) throw first;
    await sleep(RETRY_AFTER, undefined, { ref: false });
    const second = await this.sendOnce(id, body);
    if (PASSING.includes(second.status)) throw new Error(`status ${second.status}`);
    return second;
  }

  /**
   * Without a second try, and without a bound on the number of requests.
   * @param id the back end can tell by it that it has seen this request
   * @throws if there is no complete answer in time, or a longer one
   */
  sendOnce(id: string, body: string): Promise<BoundedAnswer> {
    const { url, secrets, wallClock, timeout = TIMEOUT } = this.#options;
    const timestamp = String(Math.floor(wallClock() / 1000));
    const signatures = secrets.map(
      (secret) => `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`,
    );
    const signed = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
    const headers = { 'content-type': 'application/json', ...(secrets.length > 0 && signed) };
    return boundedRequest(url, {
      method: 'POST',
      headers,
      body,
      timeout,
      maxBytes: MAX_BYTES,
      signal: this.#stop.signal,
    });
  }
}

function isConnectFailure(error: unknown): boolean {
  return error instanceof TypeError;
}

function nameOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : undefined;
  return code ?? (error.message.startsWith('status ') ? error.message : error.name);
}
