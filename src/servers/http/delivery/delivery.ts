// Answers everything below /hls/ straight on Node's request and response: at this rate a framework costs more than the answer.

import type { FastifyBaseLogger } from 'fastify';
import { assertNever } from '../../../protocols/errors.js';
import type { Milliseconds, Seconds } from '../../../protocols/units.js';
import { cacheControl } from '../cache-control.js';
import type { ClientAddresses } from '../client-address.js';
import type { DashOrigin, HlsOrigin, OriginAnswer } from '../dependencies.js';
import { matchesEntityTag } from '../entity-tag.js';
import { pathOf } from '../plugins/errors.js';
import { readRange } from '../range.js';
import { BodyVersions, type FoundAnswer, type Representation } from './body-version.js';
import { chooseCoding } from './content-coding.js';
import {
  type Exchange,
  type ForeignHeaders,
  header,
  isGone,
  type RawRequest,
  type RawResponse,
  unsentBytes,
  writeAnswer,
} from './exchange.js';
import { isPlaylist, MEDIA_HEADERS } from './media-headers.js';
import { PreparedResponse } from './prepared-response.js';
import { type CallOutcome, SharedCalls } from './shared-calls.js';
import { SlowReaders } from './slow-readers.js';
import { type DeliveryTarget, NO_DIRECTIVES } from './target.js';
import type { Viewers } from './viewers.js';
import { type WaitingLimits, WaitingRoom } from './waiting-room.js';

/** Seconds after which a client that was turned away may ask again. */
const RETRY_AFTER: Seconds = 1;

/** A herd that runs into a bug of ours is one record, not thousands. */
const FAILURE_LOG_INTERVAL: Milliseconds = 1_000;

const TEXT = ['content-type', 'text/plain; charset=utf-8'] as const;

export interface DeliveryOptions {
  readonly origin: HlsOrigin;
  /** Needed for targets that ask for a manifest. */
  readonly dash?: DashOrigin | undefined;
  /** For media whose origin names none. */
  readonly targetDuration: Seconds;
  readonly limits: WaitingLimits;
  readonly addresses: ClientAddresses;
  readonly viewers: Viewers;
  readonly logger: Pick<FastifyBaseLogger, 'error'> | undefined;
}

export interface DeliveryFigures {
  /** Answers since the start, by status. */
  readonly answers: ReadonlyMap<number, number>;
  /** Bytes of bodies handed to connections since the start. */
  readonly bytes: number;
  readonly waiting: number;
  readonly waitersRefused: number;
  readonly waitersAbandoned: number;
  /** Requests answered by the call of another one. */
  readonly shared: number;
  readonly slowReaders: number;
  readonly slowReadersCut: number;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #versions = new BodyVersions();
  readonly #waiting: WaitingRoom;
  readonly #slow = new SlowReaders();
  readonly #calls: SharedCalls;
  readonly #answers = new Map<number, number>();
  #bytes = 0;
  #lastFailure: Milliseconds = Number.NEGATIVE_INFINITY;
  #failuresUnlogged = 0;
  /** Set while the server closes: every answer then ends its connection. */
  closing = false;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#waiting = new WaitingRoom(options.limits);
    this.#calls = new SharedCalls({
      ask: (target, signal) => this.#ask(target, signal),
      answer: (exchange, target, outcome) => this.#answer(exchange, target, outcome),
      admit: ({ request }) => this.#waiting.enter(this.#addressOf(request)),
      refuse: (exchange) => this.#refuse(exchange),
    });
  }

  get figures(): DeliveryFigures {
    return {
      answers: this.#answers,
      bytes: this.#bytes,
      waiting: this.#waiting.size,
      waitersRefused: this.#waiting.refused,
      waitersAbandoned: this.#calls.abandoned,
      shared: this.#calls.shared,
      slowReaders: this.#slow.size,
      slowReadersCut: this.#slow.cut,
    };
  }

  /** Answers a GET or HEAD, now or when the origin has what is asked for. */
  serve(request: RawRequest, response: RawResponse, target: DeliveryTarget, foreign?: ForeignHeaders): void {
    const exchange = { request, response, foreign, release: undefined };
    const answer = this.#atHand(target);
    if (answer === undefined) this.#calls.join(exchange, target);
    else this.#answer(exchange, target, { answer });
  }

  close(): void {
    this.#slow.close();
  }

  #atHand({ asked, app, name, rendition, file, directives }: DeliveryTarget): OriginAnswer | undefined {
    if (asked === 'manifest' || directives !== NO_DIRECTIVES) return undefined;
    try {
      return this.#options.origin.atHand?.(app, name, rendition, file);
    } catch {
      // It will fail again where it is asked in earnest, and be told of there.
      return undefined;
    }
  }

  /** Async, so that an origin that throws is a failure to answer with, not one of the process. */
  async #ask(target: DeliveryTarget, signal: AbortSignal): Promise<OriginAnswer> {
    const { origin, dash } = this.#options;
    const { asked, app, name, rendition, file, directives } = target;
    switch (asked) {
      case 'multivariant':
        return origin.multivariant(app, name, signal);
      case 'media-playlist':
        if (file !== '') return origin.file(app, name, rendition, file, signal, directives);
        return origin.mediaPlaylist(app, name, rendition, directives, signal);
      case 'manifest':
        if (dash === undefined) throw new TypeError('a manifest was asked for without an origin for it');
        return dash.manifest(app, name, signal);
      case 'segment':
        return origin.file(app, name, rendition, file, signal);
      default:
        return assertNever(asked);
    }
  }

  #answer(exchange: Exchange, target: DeliveryTarget, outcome: CallOutcome): void {
    if (isGone(exchange.response)) return;
    if ('failure' in outcome) {
      this.#fail(exchange, outcome.failure);
      return;
    }
    const { answer } = outcome;
    if (answer.status !== 200) {
      this.#deny(exchange, target, answer);
      return;
    }
    const targetDuration = answer.targetDuration ?? this.#options.targetDuration;
    const version = this.#versions.of(answer, target.key, targetDuration);
    const coding = chooseCoding(header(exchange.request, 'accept-encoding'));
    const representation = version.representation(coding, answer.blocking ?? false);
    if (!(representation instanceof Promise)) {
      this.#give(exchange, target, answer, representation);
      return;
    }
    representation.then(
      (ready) => this.#give(exchange, target, answer, ready),
      (failure: unknown) => this.#fail(exchange, failure),
    );
  }

  #give(exchange: Exchange, target: DeliveryTarget, answer: FoundAnswer, representation: Representation): void {
    const { request } = exchange;
    if (answer.kind === 'media-playlist' || answer.kind === 'manifest') {
      this.#options.viewers.saw(target.app, target.name, this.#addressOf(request), header(request, 'user-agent'));
    }
    const { entityTag, metadata } = representation;
    if (matchesEntityTag(header(request, 'if-none-match'), entityTag)) {
      this.#write(exchange, 304, metadata);
      return;
    }
    const range = header(request, 'range');
    if (range === undefined || isPlaylist(answer.kind) || request.method !== 'GET' || isStale(request, entityTag)) {
      this.#giveWhole(exchange, representation);
      return;
    }
    this.#giveRange(exchange, range, representation);
  }

  #giveWhole(exchange: Exchange, { headers, body, prepared }: Representation): void {
    const { request, response, foreign } = exchange;
    const isUsual = request.method === 'GET' && foreign === undefined && !this.closing;
    if (isUsual && response instanceof PreparedResponse && response.takesPrepared) {
      response.sendPrepared(prepared);
      this.#count(response, 200, body);
      return;
    }
    this.#write(exchange, 200, headers, body);
  }

  #giveRange(exchange: Exchange, header: string, representation: Representation): void {
    const { metadata, body } = representation;
    const range = readRange(header, body.length);
    switch (range.type) {
      case 'whole': {
        this.#giveWhole(exchange, representation);
        return;
      }
      case 'slice': {
        const slice = body.subarray(range.first, range.last + 1);
        const contentRange = `bytes ${range.first}-${range.last}/${body.length}`;
        const described = [...metadata, 'content-range', contentRange, 'content-length', String(slice.length)];
        this.#write(exchange, 206, described, slice);
        return;
      }
      case 'unsatisfiable': {
        const contentRange = ['content-range', `bytes */${body.length}`];
        this.#writeText(exchange, 416, 'no-store', 'range not satisfiable\n', contentRange);
        return;
      }
      default:
        assertNever(range);
    }
  }

  #deny(exchange: Exchange, target: DeliveryTarget, answer: Exclude<OriginAnswer, FoundAnswer>): void {
    const { status, error, targetDuration, blocking = false } = answer;
    const lifetime = cacheControl({ status, kind: target.asked, blocking, targetDuration });
    const retry = status === 503 ? ['retry-after', String(RETRY_AFTER)] : [];
    this.#writeText(exchange, status, lifetime, `${error.code}: ${error.message}\n`, retry);
  }

  #refuse(exchange: Exchange): void {
    const retry = ['retry-after', String(RETRY_AFTER)];
    this.#writeText(exchange, 503, 'no-store', 'http.too-many-waiting: too many requests wait\n', retry);
  }

  #fail(exchange: Exchange, failure: unknown): void {
    const now = performance.now();
    if (now - this.#lastFailure >= FAILURE_LOG_INTERVAL) {
      const path = pathOf(exchange.request).slice(0, 256);
      this.#options.logger?.error({ err: failure, path, suppressed: this.#failuresUnlogged }, 'request failed');
      this.#lastFailure = now;
      this.#failuresUnlogged = 0;
    } else {
      this.#failuresUnlogged++;
    }
    this.#writeText(exchange, 500, 'no-store', 'http.internal: internal error\n', []);
  }

  #writeText(exchange: Exchange, status: number, lifetime: string, text: string, more: readonly string[]): void {
    const body = Buffer.from(text);
    const length = ['content-length', String(body.length)];
    const headers = [...TEXT, 'cache-control', lifetime, ...length, ...more, ...MEDIA_HEADERS];
    this.#write(exchange, status, headers, body);
  }

  #write(exchange: Exchange, status: number, headers: readonly string[], body?: Buffer): void {
    const { request, response, foreign } = exchange;
    let all = foreign === undefined ? headers : [...headers, ...foreign];
    if (this.closing && request.httpVersionMajor === 1) all = [...all, 'connection', 'close'];
    writeAnswer(exchange, status, all, body);
    this.#count(response, status, request.method === 'HEAD' ? undefined : body);
  }

  #count(response: RawResponse, status: number, body: Buffer | undefined): void {
    this.#answers.set(status, (this.#answers.get(status) ?? 0) + 1);
    if (body === undefined) return;
    this.#bytes += body.length;
    if (unsentBytes(response) > 0) this.#slow.watch(response, body.length);
  }

  #addressOf({ socket, headers }: RawRequest): string | undefined {
    const forwarded = headers['x-forwarded-for'];
    return this.#options.addresses.of(socket.remoteAddress, Array.isArray(forwarded) ? forwarded.join(',') : forwarded);
  }
}

/** If-Range compares strongly, RFC 9110 section 13.1.5; a date never matches, since no Last-Modified is sent. */
function isStale(request: RawRequest, entityTag: string): boolean {
  const condition = header(request, 'if-range');
  return condition !== undefined && condition !== entityTag;
}
