// Request coalescing (single flight): concurrent requests for the same target share one call of the origin. When a part is finished, one
// call settles, and all its requests are answered.

import { assertNever } from '../../../protocols/errors.js';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { DashOrigin, HlsOrigin, OriginAnswer } from '../dependencies.js';
import { type Exchange, isGone } from './exchange.js';
import { type DeliveryTarget, NO_DIRECTIVES } from './target.js';

/** Number of answers that are written before other work gets its turn. 256 take about 3 ms. */
const ANSWERS_PER_TURN = 256;

export type CallOutcome = { readonly answer: OriginAnswer } | { readonly failure: unknown };

export interface SharedCallsOptions {
  /** Asks the origin. Must settle when the target is available or the signal aborts, whatever request asked first. */
  readonly ask: (target: DeliveryTarget, signal: AbortSignal) => Promise<OriginAnswer>;
  /** Answers one request. Neither this function nor `refuse` may throw. */
  readonly answer: (exchange: Exchange, target: DeliveryTarget, outcome: CallOutcome) => void;
  /**
   * Called for each request that has to wait.
   * @returns a function that gives its place back; undefined if the request must not wait
   */
  readonly admit: (exchange: Exchange) => (() => void) | undefined;
  readonly refuse: (exchange: Exchange) => void;
  readonly domain: FailureDomain;
}

interface Call {
  readonly target: DeliveryTarget;
  readonly controller: AbortController;
  readonly exchanges: Set<Exchange>;
  /** Whether the call did not settle in the pass of the event loop in which it was made. */
  waits: boolean;
}

export class SharedCalls {
  readonly #options: SharedCallsOptions;
  readonly #calls = new Map<string, Call>();
  /** The controller of a call that settled at once, kept for the next call: creating one costs more than answering with a playlist. */
  #spare: AbortController | undefined;
  #fresh: { readonly call: Call; readonly exchange: Exchange }[] = [];
  /** Number of requests that joined the call of an earlier one. */
  shared = 0;
  /** Number of requests whose client left before the answer. */
  abandoned = 0;

  constructor(options: SharedCallsOptions) {
    this.#options = options;
  }

  /** Number of calls that the origin has not answered yet. */
  get pending(): number {
    return this.#calls.size;
  }

  join(exchange: Exchange, target: DeliveryTarget): void {
    let call = this.#calls.get(target.key);
    if (call === undefined) {
      call = { target, controller: this.#spare ?? new AbortController(), exchanges: new Set(), waits: false };
      this.#spare = undefined;
      this.#calls.set(target.key, call);
      this.#ask(call);
    } else {
      this.shared++;
    }
    call.exchanges.add(exchange);
    // Most calls settle before this pass of the event loop ends. Only requests that really wait are counted and watched.
    if (this.#fresh.push({ call, exchange }) === 1) setImmediate(() => this.#settleDown());
  }

  /** Takes out of their calls all requests for which `isOver` returns true. The caller answers them. */
  takeOut(isOver: (exchange: Exchange, target: DeliveryTarget) => boolean): readonly Exchange[] {
    const taken: Exchange[] = [];
    for (const call of [...this.#calls.values()]) {
      for (const exchange of [...call.exchanges]) {
        if (!isOver(exchange, call.target)) continue;
        this.#abandon(call, exchange);
        taken.push(exchange);
      }
    }
    return taken;
  }

  #ask(call: Call): void {
    const { target, controller } = call;
    this.#options.ask(target, controller.signal).then(
      (answer) => this.#finish(call, { answer }),
      (failure: unknown) => this.#finish(call, { failure }),
    );
  }

  #finish(call: Call, outcome: CallOutcome): void {
    this.#forget(call);
    if (!call.waits && !call.controller.signal.aborted) this.#spare = call.controller;
    this.#answer(call, outcome, call.exchanges.values());
  }

  #answer(call: Call, outcome: CallOutcome, exchanges: IterableIterator<Exchange>): void {
    for (let left = ANSWERS_PER_TURN; left > 0; left--) {
      const next = exchanges.next();
      if (next.done === true) return;
      this.#leave(call, next.value);
      this.#options.answer(next.value, call.target, outcome);
    }
    if (call.exchanges.size > 0) setImmediate(() => this.#answer(call, outcome, exchanges));
  }

  #settleDown(): void {
    const fresh = this.#fresh;
    this.#fresh = [];
    for (const { call, exchange } of fresh) {
      try {
        this.#settle(call, exchange);
      } catch (failure) {
        this.#abandon(call, exchange);
        this.#options.answer(exchange, call.target, { failure });
      }
    }
  }

  /** A request was not answered in the pass in which it came. From now on it counts as waiting. */
  #settle(call: Call, exchange: Exchange): void {
    // It has been answered, or will be answered in a moment.
    if (!call.exchanges.has(exchange) || this.#calls.get(call.target.key) !== call) return;
    if (isGone(exchange.response)) {
      this.#abandon(call, exchange);
      return;
    }
    call.waits = true;
    const release = this.#options.admit(exchange);
    if (release === undefined) {
      this.#abandon(call, exchange);
      this.#options.refuse(exchange);
      return;
    }
    exchange.release = release;
    const left = this.#options.domain.guard('waiting client left', () => {
      if (!call.exchanges.has(exchange)) return;
      this.abandoned++;
      this.#abandon(call, exchange);
    });
    exchange.response.once('close', left);
  }

  #leave(call: Call, exchange: Exchange): void {
    call.exchanges.delete(exchange);
    const { release } = exchange;
    exchange.release = undefined;
    if (release !== undefined) this.#options.domain.attempt('waiting place', release);
  }

  /** When the last request leaves, its call is aborted. */
  #abandon(call: Call, exchange: Exchange): void {
    this.#leave(call, exchange);
    if (call.exchanges.size > 0 || this.#calls.get(call.target.key) !== call) return;
    this.#forget(call);
    call.controller.abort();
  }

  #forget(call: Call): void {
    if (this.#calls.get(call.target.key) === call) this.#calls.delete(call.target.key);
  }
}

export interface Origins {
  readonly origin: HlsOrigin;
  /** Needed only if manifests are requested. */
  readonly dash?: DashOrigin | undefined;
}

/**
 * Never answers a request with directives, even if the playlist already contains what it asks for, because `mediaPlaylist` must check them.
 */
export function answerInMemory(
  { origin }: Origins,
  { asked, app, name, rendition, file, directives }: DeliveryTarget,
): OriginAnswer | undefined {
  if (asked === 'manifest' || directives !== NO_DIRECTIVES) return undefined;
  try {
    return origin.inMemory?.(app, name, rendition, file);
  } catch {
    // The full request will fail as well, and that failure is reported.
    return undefined;
  }
}

/** Async, so that an exception in the origin becomes a rejection, which is answered. Otherwise it would end the process. */
export async function askOrigin(
  { origin, dash }: Origins,
  { asked, app, name, rendition, file, directives }: DeliveryTarget,
  signal: AbortSignal,
): Promise<OriginAnswer> {
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
