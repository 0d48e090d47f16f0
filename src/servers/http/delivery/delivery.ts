// Answers requests below /hls/ directly on Node's request and response: at this rate, a framework would cost more than the answer.

import type { FastifyBaseLogger } from 'fastify';
import { assertNever } from '../../../protocols/errors.js';
import type { Seconds } from '../../../protocols/units.js';
import type { ClientAddresses } from '../client-address.js';
import type { DashOrigin, HlsOrigin, OriginAnswer, OriginAnswerKind, StreamDirectory } from '../dependencies.js';
import type { InternalErrors } from '../internal-errors.js';
import { connectionOf, peerAddress } from '../metering/connections.js';
import { chooseCoding, matchesEntityTag, matchesIfRange, readRange } from '../negotiation.js';
import { AnswerWriter } from './answer-writer.js';
import { BannedWaits } from './banned-waits.js';
import {
  BodyVersions,
  type FoundAnswer,
  type Representation,
  type StoredAnswer,
  storedRepresentation,
} from './body-version.js';
import type { DeliveryFigures } from './delivery-figures.js';
import { entryText } from './entry-answer.js';
import {
  type Exchange,
  type ForeignHeaders,
  header,
  headerBytes,
  isGone,
  type RawRequest,
  type RawResponse,
} from './exchange.js';
import { cacheControl, isPlaylist } from './media-headers.js';
import { pictureProblem } from './picture-cap.js';
import { answerInMemory, askOrigin, type CallOutcome, SharedCalls } from './shared-calls.js';
import { SlowReaders } from './slow-readers.js';
import { type DeliveryTarget, isEntry, ticketOf } from './target.js';
import { UnreadAnswers, type UnreadLimits, type UnreadMemory } from './unread-answers.js';
import type { GateDecision, ViewerGate } from './viewer-gate.js';
import type { Viewers } from './viewers.js';
import { type WaitingLimits, WaitingRoom } from './waiting-room.js';

/** Retry-After of requests that are refused because too many wait. */
const RETRY_AFTER: Seconds = 1;
const NO_LIMITS: Pick<Exchange, 'ticket' | 'maxHeight'> = {};

export interface DeliveryOptions {
  readonly origin: HlsOrigin;
  /** Tells how tall renditions are, for viewers with a maximum. */
  readonly streams: Pick<StreamDirectory, 'get'>;
  /** Needed only if manifests are requested. */
  readonly dash?: DashOrigin | undefined;
  /** Default for answers whose origin states none. */
  readonly targetDuration: Seconds;
  readonly limits: WaitingLimits;
  readonly unread: UnreadLimits;
  readonly addresses: ClientAddresses;
  readonly viewers: Viewers;
  /** Undefined if everybody may watch. */
  readonly gate?: ViewerGate | undefined;
  readonly errors: InternalErrors;
  readonly logger: Pick<FastifyBaseLogger, 'error' | 'warn'> | undefined;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #versions = new BodyVersions();
  readonly #waiting: WaitingRoom;
  readonly #slow: SlowReaders;
  readonly #unread: UnreadAnswers;
  readonly #calls: SharedCalls;
  readonly #writer: AnswerWriter;
  readonly #bannedWaits: BannedWaits | undefined;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { shared } = options.errors;
    this.#slow = new SlowReaders(shared);
    this.#waiting = new WaitingRoom(options.limits);
    this.#unread = new UnreadAnswers(options.unread, (limit) => this.#writer.warnOfCut(limit), shared);
    this.#writer = new AnswerWriter({
      slow: this.#slow,
      unread: this.#unread,
      addressOf: (request) => this.#addressOf(request),
      domain: shared,
      logger: options.logger,
    });
    this.#calls = new SharedCalls({
      ask: (target, signal) => askOrigin(options, target, signal),
      answer: (exchange, target, outcome) => this.#attempt(exchange, () => this.#answer(exchange, target, outcome)),
      admit: ({ request }) => this.#waiting.enter(this.#addressOf(request), headerBytes(request)),
      refuse: (exchange) => this.#attempt(exchange, () => this.#refuse(exchange)),
      domain: shared,
    });
    this.#bannedWaits =
      options.gate &&
      new BannedWaits({
        gate: options.gate,
        calls: this.#calls,
        refuse: (exchange, problem) => this.#attempt(exchange, () => this.#writer.problem(exchange, problem)),
        domain: shared,
      });
  }

  get figures(): DeliveryFigures {
    return {
      answers: this.#writer.answers,
      bytes: this.#writer.bytes,
      waiting: this.#waiting.size,
      waitersRefused: this.#waiting.refused,
      waitersAbandoned: this.#calls.abandoned,
      shared: this.#calls.shared,
      slowReaders: this.#slow.size,
      slowReadersCut: this.#slow.cut,
      unreadBytes: this.#unread.bytes,
      unreadCut: { ...this.#unread.cut },
      internalErrors: this.#options.errors.total,
    };
  }

  /** Answers a GET or HEAD request as soon as the origin has the requested media. */
  serve(request: RawRequest, response: RawResponse, target: DeliveryTarget, foreign?: ForeignHeaders): void {
    const exchange = { request, response, foreign, release: undefined };
    const protocol = target.asked === 'manifest' ? 'dash' : 'hls';
    const pass = this.#options.gate?.authorize(request, target, protocol, isEntry(target));
    if (!(pass instanceof Promise)) {
      this.#servePassed(exchange, target, pass);
      return;
    }
    // The decision may take seconds: what waits for it is bounded like what waits for media.
    const release = this.#waiting.enter(this.#addressOf(request), headerBytes(request));
    if (release === undefined) {
      this.#attempt(exchange, () => this.#refuse(exchange));
      return;
    }
    this.#options.errors.shared.run('viewer decision', async () => {
      try {
        const decision = await pass;
        if (!isGone(response)) this.#servePassed(exchange, target, decision);
      } catch (failure) {
        this.#attempt(exchange, () => this.#writer.failure(exchange, failure));
      } finally {
        release();
      }
    });
  }

  #servePassed(exchange: Exchange, target: DeliveryTarget, pass: GateDecision | undefined): void {
    const { ticket: given, maxHeight } = pass?.allowed === true ? pass : NO_LIMITS;
    const tooTall = maxHeight === undefined ? undefined : pictureProblem(this.#options.streams, target, maxHeight);
    const problem = pass?.allowed === false ? pass.problem : tooTall;
    if (problem !== undefined) {
      this.#attempt(exchange, () => this.#writer.problem(exchange, problem));
      return;
    }
    // The path of media in an MPD depends on whether the MPD itself is below a ticket.
    const ticket = given ?? (target.asked === 'manifest' ? ticketOf(exchange.request) : undefined);
    const ticketed = ticket === undefined && maxHeight === undefined ? exchange : { ...exchange, ticket, maxHeight };
    const answer = answerInMemory(this.#options, target);
    if (answer === undefined) this.#calls.join(ticketed, target);
    else this.#attempt(ticketed, () => this.#answer(ticketed, target, { answer }));
  }

  /** Set this when the server closes: each answer then closes its connection. */
  set closing(closing: boolean) {
    this.#writer.closing = closing;
  }

  /** Applies the limits on unread answers to an answer written elsewhere. */
  watchUnread(request: RawRequest, response: RawResponse, bytes: number, memory: UnreadMemory): void {
    this.#writer.watch({ request, response }, bytes, memory);
  }

  close(): void {
    this.#slow.close();
    this.#bannedWaits?.close();
  }

  /** A failure while one request is answered must not affect the requests that were coalesced with it. */
  #attempt(exchange: Exchange, answer: (exchange: Exchange) => void): void {
    try {
      answer(exchange);
    } catch (failure) {
      this.#options.errors.shared.attempt('answer broken', () => this.#writer.broken(exchange, failure));
    }
  }

  #answer(exchange: Exchange, target: DeliveryTarget, outcome: CallOutcome): void {
    if (isGone(exchange.response)) return;
    if ('failure' in outcome) {
      this.#writer.failure(exchange, outcome.failure);
      return;
    }
    const { answer } = outcome;
    if (answer.status !== 200) {
      this.#deny(exchange, target, answer);
      return;
    }
    const targetDuration = answer.targetDuration ?? this.#options.targetDuration;
    if (answer.stored !== undefined) {
      this.#give(exchange, target, answer, storedRepresentation(answer, target.key, targetDuration));
      return;
    }
    if (isEntry(target) && (exchange.ticket !== undefined || exchange.maxHeight !== undefined)) {
      this.#giveEntry(exchange, target, answer);
      return;
    }
    const version = this.#versions.of(answer, target.key, targetDuration);
    const coding = chooseCoding(header(exchange.request, 'accept-encoding'));
    const representation = version.representation(coding, answer.isFinal ?? false);
    if (!(representation instanceof Promise)) {
      this.#give(exchange, target, answer, representation);
      return;
    }
    representation.then(
      (ready) => this.#attempt(exchange, () => this.#give(exchange, target, answer, ready)),
      (failure: unknown) => this.#attempt(exchange, () => this.#writer.failure(exchange, failure)),
    );
  }

  /** The entry answer for one viewer: small, requested once, and not for caches. */
  #giveEntry(exchange: Exchange, target: DeliveryTarget, { kind, body }: FoundAnswer): void {
    const own = entryText(kind, body.toString('utf8'), exchange, target);
    this.#saw(exchange.request, target, kind);
    this.#writer.personal(exchange, kind, Buffer.from(own));
  }

  #saw(request: RawRequest, { app, name }: DeliveryTarget, kind: OriginAnswerKind): void {
    if (kind !== 'media-playlist' && kind !== 'manifest') return;
    this.#options.viewers.saw(app, name, this.#addressOf(request), header(request, 'user-agent'));
  }

  #give(
    exchange: Exchange,
    target: DeliveryTarget,
    answer: FoundAnswer | StoredAnswer,
    representation: Representation,
  ): void {
    const { request } = exchange;
    this.#saw(request, target, answer.kind);
    const { entityTag, metadata } = representation;
    if (matchesEntityTag(header(request, 'if-none-match'), entityTag)) {
      this.#writer.plain(exchange, 304, metadata);
      return;
    }
    const range = header(request, 'range');
    if (
      range === undefined ||
      isPlaylist(answer.kind) ||
      request.method !== 'GET' ||
      !matchesIfRange(header(request, 'if-range'), entityTag)
    ) {
      this.#writer.whole(exchange, representation);
      return;
    }
    this.#giveRange(exchange, range, representation);
  }

  #giveRange(exchange: Exchange, header: string, representation: Representation): void {
    const { length } = representation.body;
    const range = readRange(header, length);
    switch (range.type) {
      case 'whole': {
        this.#writer.whole(exchange, representation);
        return;
      }
      case 'slice': {
        this.#writer.slice(exchange, representation, range.first, range.last);
        return;
      }
      case 'unsatisfiable': {
        const contentRange = ['content-range', `bytes */${length}`];
        this.#writer.text(exchange, 416, 'no-store', 'range not satisfiable\n', contentRange);
        return;
      }
      default:
        assertNever(range);
    }
  }

  #deny(exchange: Exchange, target: DeliveryTarget, answer: Exclude<OriginAnswer, FoundAnswer | StoredAnswer>): void {
    const { status, error, targetDuration, isFinal = false } = answer;
    const lifetime = cacheControl({ status, kind: target.asked, isFinal, targetDuration });
    const retry = status === 503 ? ['retry-after', String(RETRY_AFTER)] : [];
    this.#writer.text(exchange, status, lifetime, `${error.code}: ${error.message}\n`, retry);
  }

  #refuse(exchange: Exchange): void {
    const retry = ['retry-after', String(RETRY_AFTER)];
    this.#writer.text(exchange, 503, 'no-store', 'http.too-many-waiting: too many requests wait\n', retry);
  }

  /** The client's address. It is known for each connection, except where a trusted proxy says for whom it asks. */
  #addressOf(request: RawRequest): string | undefined {
    const forwarded = request.headers['x-forwarded-for'];
    const connection = connectionOf(request);
    if (connection !== undefined && (forwarded === undefined || connection.countedFor !== undefined))
      return connection.countedFor;
    return this.#options.addresses.of(peerAddress(request), Array.isArray(forwarded) ? forwarded.join(',') : forwarded);
  }
}
