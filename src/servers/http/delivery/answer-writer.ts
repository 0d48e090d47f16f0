// Writes the answers below /hls/ and /dash/ and counts them. A body is written at once, or in pieces if it would have to be copied.

import { constants } from 'node:http2';
import type { FastifyBaseLogger } from 'fastify';
import type { StoredBody } from '../../../contracts/stored-body.js';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { Milliseconds } from '../../../protocols/units.js';
import type { OriginAnswerKind } from '../dependencies.js';
import { connectionOf } from '../metering/connections.js';
import { type Problem, problemHeaders } from '../plugins/errors.js';
import { maskedPath } from '../request-path.js';
import type { Representation } from './body-version.js';
import { cutOff, type Exchange, type RawRequest, unreadBytes, writeAnswer, writeHead } from './exchange.js';
import { contentType, MEDIA_HEADERS } from './media-headers.js';
import { copiesBodies, PIECE_BYTES, sendPieces } from './pieces.js';
import type { SlowReaders } from './slow-readers.js';
import type { UnreadAnswers, UnreadLimit, UnreadMemory } from './unread-answers.js';

/** If thousands of waiting requests fail together, only one log line is written. */
const FAILURE_LOG_INTERVAL: Milliseconds = 1_000;

const CUT_LOG_INTERVAL: Milliseconds = 10_000;

/** For a body that is a string. Node and the kernel copy it, so it shares no memory. */
const NO_SHARED_MEMORY: UnreadMemory = {};

/** A URL with a token must reach neither caches nor other sites. */
const PERSONAL = ['cache-control', 'private, no-store', 'referrer-policy', 'no-referrer'] as const;

const TEXT = ['content-type', 'text/plain; charset=utf-8'] as const;

export interface AnswerWriterOptions {
  readonly slow: SlowReaders;
  readonly unread: UnreadAnswers;
  readonly addressOf: (request: RawRequest) => string | undefined;
  readonly domain: FailureDomain;
  readonly logger: Pick<FastifyBaseLogger, 'error' | 'warn'> | undefined;
}

export class AnswerWriter {
  readonly #options: AnswerWriterOptions;
  readonly #answers = new Map<number, number>();
  #bytes = 0;
  #lastFailure: Milliseconds = Number.NEGATIVE_INFINITY;
  #failuresUnlogged = 0;
  #lastCut: Milliseconds = Number.NEGATIVE_INFINITY;
  #cutsUnlogged = 0;
  /** Set while the server closes: each answer then ends its connection. */
  closing = false;

  constructor(options: AnswerWriterOptions) {
    this.#options = options;
  }

  /** Number of answers since the start, by status. */
  get answers(): ReadonlyMap<number, number> {
    return this.#answers;
  }

  /** Bytes of bodies handed to connections since the start. */
  get bytes(): number {
    return this.#bytes;
  }

  /** 200 with the whole body. */
  whole(exchange: Exchange, { headers, body, text }: Representation): void {
    if (text !== undefined && !('stream' in exchange.response)) {
      this.plain(exchange, 200, headers, text);
      return;
    }
    this.#body(exchange, 200, headers, body, 0, body.length);
  }

  /** 206 with the bytes from `first` to `last`, both of them included. */
  slice(exchange: Exchange, { metadata, body }: Representation, first: number, last: number): void {
    const contentRange = `bytes ${first}-${last}/${body.length}`;
    const described = [...metadata, 'content-range', contentRange, 'content-length', String(last + 1 - first)];
    this.#body(exchange, 206, described, body, first, last + 1);
  }

  text(exchange: Exchange, status: number, lifetime: string, text: string, more: readonly string[]): void {
    const body = Buffer.from(text);
    const length = ['content-length', String(body.length)];
    this.plain(exchange, status, [...TEXT, 'cache-control', lifetime, ...length, ...more, ...MEDIA_HEADERS], body);
  }

  /** An answer for one viewer only. The viewer's browser must not tell other sites where the viewer comes from. */
  personal(exchange: Exchange, kind: OriginAnswerKind, body: Buffer): void {
    const described = ['content-type', contentType(kind), 'content-length', String(body.length)];
    this.plain(exchange, 200, [...described, ...PERSONAL, ...MEDIA_HEADERS], body);
  }

  /** JSON, because a page shows what is missing. */
  problem(exchange: Exchange, { status, code, message }: Problem): void {
    const body = Buffer.from(JSON.stringify({ code, message }));
    const described = ['content-type', 'application/json; charset=utf-8', 'content-length', String(body.length)];
    const more = Object.entries(problemHeaders(status, code)).flat();
    this.plain(exchange, status, [...described, 'cache-control', 'no-store', ...more, ...MEDIA_HEADERS], body);
  }

  /** @param body if it is a string, it has one character per byte */
  plain(exchange: Exchange, status: number, headers: readonly string[], body?: Buffer | string): void {
    writeAnswer(exchange, status, this.#complete(exchange, headers), body);
    const bytes = exchange.request.method === 'HEAD' ? undefined : body?.length;
    this.#count(exchange, status, bytes, Buffer.isBuffer(body) ? { shared: body } : NO_SHARED_MEMORY);
  }

  /** 500, and a log line. */
  failure(exchange: Exchange, failure: unknown): void {
    this.#logFailure(exchange, failure);
    this.text(exchange, 500, 'no-store', 'http.internal: internal error\n', []);
  }

  /** Call if writing an answer failed: sends 500, or cuts the answer off if its head has been sent. */
  broken(exchange: Exchange, failure: unknown): void {
    const { response } = exchange;
    if (response.headersSent) {
      this.#logFailure(exchange, failure);
      cutOff(response, constants.NGHTTP2_INTERNAL_ERROR);
      return;
    }
    try {
      this.failure(exchange, failure);
    } catch {
      // The failure has been logged, and it is too late to tell the client.
      cutOff(response, constants.NGHTTP2_INTERNAL_ERROR);
    }
  }

  /** Sends the bytes of `body` from `start` up to `end`: at once if they are few or need not be copied, otherwise in pieces. */
  #body(
    exchange: Exchange,
    status: number,
    headers: readonly string[],
    body: Buffer | StoredBody,
    start: number,
    end: number,
  ): void {
    const { request, response } = exchange;
    const isMemory = Buffer.isBuffer(body);
    if (request.method === 'HEAD' || (isMemory && isSentAtOnce(exchange, end - start))) {
      const isWhole = end - start === body.length;
      this.plain(exchange, status, headers, isMemory ? (isWhole ? body : body.subarray(start, end)) : undefined);
      return;
    }
    writeHead(exchange, status, this.#complete(exchange, headers));
    sendPieces(response, body, start, end).catch((failure: unknown) => {
      const cutAndLog = (): void => {
        cutOff(response, constants.NGHTTP2_INTERNAL_ERROR);
        this.#logFailure(exchange, failure);
      };
      this.#options.domain.attempt('body broken', cutAndLog);
    });
    const piece = Math.min(PIECE_BYTES, end - start);
    this.#count(exchange, status, end - start, { shared: isMemory ? body : undefined, own: piece });
  }

  #complete({ request, foreign }: Exchange, headers: readonly string[]): readonly string[] {
    const all = foreign === undefined ? headers : [...headers, ...foreign];
    return this.closing && request.httpVersionMajor === 1 ? [...all, 'connection', 'close'] : all;
  }

  /** @param memory has `own` bytes if the body follows in pieces */
  #count(exchange: Exchange, status: number, bytes: number | undefined, memory: UnreadMemory): void {
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    if (bytes === undefined) return;
    this.#bytes += bytes;
    if (memory.own !== undefined) this.watch(exchange, bytes, memory);
    else if (unreadBytes(exchange.response) > 0) {
      const isCopied = memory.shared === undefined || copiesBodies(exchange);
      this.watch(exchange, bytes, isCopied ? { ...memory, own: bytes } : memory);
    }
  }

  /** Watches an answer until its client has read it: the client must not be too slow, and the memory counts for its address. */
  watch({ request, response }: Pick<Exchange, 'request' | 'response'>, bytes: number, memory: UnreadMemory): void {
    const { slow, unread, addressOf } = this.#options;
    slow.watch(response, bytes);
    const isOfProxy = connectionOf(request)?.countedFor === undefined;
    unread.hold(response, addressOf(request), memory, isOfProxy);
  }

  /** Logs that unread answers were cut off; limited in rate, because clients can cause it at will. */
  warnOfCut(limit: UnreadLimit): void {
    const now = performance.now();
    if (now - this.#lastCut < CUT_LOG_INTERVAL) {
      this.#cutsUnlogged++;
      return;
    }
    this.#options.logger?.warn(
      { limit, suppressed: this.#cutsUnlogged },
      'unread answers are cut off: they hold too much memory',
    );
    this.#lastCut = now;
    this.#cutsUnlogged = 0;
  }

  #logFailure(exchange: Exchange, failure: unknown): void {
    const now = performance.now();
    if (now - this.#lastFailure >= FAILURE_LOG_INTERVAL) {
      const path = maskedPath(exchange.request);
      this.#options.logger?.error({ err: failure, path, suppressed: this.#failuresUnlogged }, 'request failed');
      this.#lastFailure = now;
      this.#failuresUnlogged = 0;
    } else {
      this.#failuresUnlogged++;
    }
  }
}

/** Whether a body in memory is sent at once: it is small, or all its readers share it. */
function isSentAtOnce(exchange: Exchange, bytes: number): boolean {
  return bytes <= PIECE_BYTES || !copiesBodies(exchange);
}
