// One target for one stream: connects, sends, detects failures, and retries until the stream ends. Neither the stream nor another target ever waits
// for it.

import type { PushRunState, PushState } from '../contracts/relay.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import { FailureDomain, type Fault } from '../protocols/failure-domain.js';
import { StateMachine } from '../protocols/state-machine.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import { pauseAfter } from './backoff.js';
import { codecFault } from './codec-fit.js';
import { relayError } from './errors.js';
import type { PushRunOptions } from './push-run-options.js';
import { RtmpLink } from './rtmp-link.js';
import type { RtmpUrl } from './rtmp-url.js';
import { QUEUE_LIMITS, SendQueue } from './send-queue.js';
import { SendRate } from './send-rate.js';
import type { RelaySource, RelayTag } from './stream-source.js';

const SECOND: Milliseconds = 1_000;
/** A connection that lasted this long counts as a success, so that the next failure counts as the first. */
const SUCCESS_AFTER: Milliseconds = 60_000;
/** A server that asks for a new connection gets it at once only if the last one lasted this long. */
const MOVE_AFTER: Milliseconds = 10_000;
/** Pause after an error that an operator must fix, in case that has happened. */
const FAILED_PAUSE: Milliseconds = 60_000;
/** A publisher that sends nothing for this long is away. */
const AWAY_AFTER: Milliseconds = 3_000;
/** Errors that another attempt alone cannot solve. */
const NEEDS_CHANGE: readonly string[] = ['relay.refused', 'relay.codec', 'relay.loop', 'relay.in-use'];

export class PushRun {
  readonly #options: PushRunOptions;
  readonly #domain: FailureDomain;
  readonly #clock: Clock;
  readonly #queue: SendQueue;
  readonly #state = new StateMachine<PushState>('push target', 'idle', {
    idle: ['connecting', 'failed', 'stopped', 'publishing', 'backoff'],
    connecting: ['idle', 'publishing', 'backoff', 'failed', 'stopped'],
    publishing: ['idle', 'connecting', 'backoff', 'failed', 'stopped'],
    backoff: ['idle', 'connecting', 'failed', 'stopped'],
    failed: ['idle', 'connecting', 'backoff', 'stopped'],
    stopped: [],
  });
  #since: EpochMilliseconds;
  #source: RelaySource | undefined;
  #link: RtmpLink | undefined;
  /** URL of the next connection, if the server has requested a move. */
  #movedTo: RtmpUrl | undefined;
  /** Why this gateway has left a server that had accepted the stream. */
  #refusal: SluiceError | undefined;
  #attempts = 0;
  #nextAttempt: EpochMilliseconds | undefined;
  #lastError: PushRunState['lastError'];
  readonly #rate = new SendRate();
  #toldDropped = 0;
  #publishingSince = 0;
  #lastTag = 0;
  /** Stream time at time 0 of the target; the same for all its connections. */
  #origin: Milliseconds | undefined;
  #last: Milliseconds = 0;
  #scheduled = false;
  #over = false;
  #cancelRetry: () => void = () => undefined;

  constructor(options: PushRunOptions) {
    this.#options = options;
    const { id, app, name, clock } = options;
    this.#domain = new FailureDomain(`target ${id} for ${app}/${name}`, (fault) => this.#broke(fault));
    this.#clock = this.#domain.clock(clock);
    this.#since = clock.wallClock();
    this.#queue = new SendQueue(options.limits ?? QUEUE_LIMITS, () => clock.now());
  }

  /** @returns false if the stream is not live */
  start(): boolean {
    const { streams, app, name, limits = QUEUE_LIMITS } = this.#options;
    this.#source = streams.open(
      { app, name },
      {
        maxBytes: limits.maxBytes,
        onReadable: this.#domain.guard('target reads', () => this.#read()),
        onEnd: this.#domain.guard('target hears the end', () => this.#streamEnded()),
      },
    );
    if (this.#source === undefined) return false;
    this.#clock.after(SECOND, () => this.#tick());
    this.#connect();
    return true;
  }

  /** Connects at once, if it is waiting for its next attempt. */
  retry(): void {
    if (!this.#state.is('backoff', 'failed')) return;
    this.#attempts = 0;
    this.#connect();
  }

  /** Ends the publish at the server and closes within a second; `onClosed` follows. */
  stop(): void {
    this.#end('stopped');
  }

  #end(last: 'stopped' | 'idle'): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelRetry();
    this.#source?.close();
    this.#to(last);
    if (this.#link === undefined) this.#close();
    else this.#link.close();
  }

  get state(): PushRunState {
    const { app, name } = this.#options;
    return {
      ...{ app, name, state: this.#state.state, since: this.#since, attempts: this.#attempts },
      nextAttempt: this.#nextAttempt,
      lastError: this.#lastError,
      bytes: this.#rate.total(this.#link?.bytesSent ?? 0),
      bitrate: this.#rate.bitrate,
      ...{ queue: Math.round(this.#queue.age), queuedBytes: this.#queue.bytes, dropped: this.#queue.dropped },
      remoteAddress: this.#link?.remoteAddress,
      warnings: this.#options.warnings(),
    };
  }

  #connect(): void {
    this.#cancelRetry();
    this.#nextAttempt = undefined;
    this.#attempts += 1;
    const fault = this.#options.mayConnect();
    if (fault !== undefined) {
      this.#failed(fault);
      return;
    }
    this.#to('connecting');
    const { url, trust, isOwn } = this.#options;
    this.#link = new RtmpLink({
      ...{ role: 'publish', url: this.#movedTo ?? url, trust, domain: this.#domain, clock: this.#clock },
      check: (socket) =>
        isOwn(socket) ? relayError('relay.loop', 'the target is this gateway and the same stream') : undefined,
      onAccepted: () => this.#accepted(),
      onRoom: () => this.#pump(),
      onReconnect: (tcUrl) => this.#moved(tcUrl),
      onEnd: (error) => this.#disconnected(error),
    });
    this.#movedTo = undefined;
  }

  #accepted(): void {
    this.#publishingSince = this.#clock.now();
    this.#queue.connected();
    this.#to('publishing');
    this.#pump();
  }

  /** The old connection ends first, because two connections would compete for the name. */
  #moved(tcUrl: string | undefined): void {
    this.#movedTo = tcUrl === undefined ? undefined : this.#options.move(tcUrl);
    const moved = relayError('relay.moved', 'the server asked for a new connection');
    const hasPublished = this.#state.is('publishing', 'idle');
    if (!hasPublished || this.#clock.now() - this.#publishingSince < MOVE_AFTER) this.#refusal = moved;
    else this.#attempts = 0;
    this.#note(moved);
    this.#link?.close();
  }

  /** @param error undefined if this gateway closed the connection */
  #disconnected(error: SluiceError | undefined): void {
    this.#rate.ended(this.#link?.bytesSent ?? 0);
    this.#link = undefined;
    this.#queue.disconnected();
    if (this.#over) {
      this.#close();
      return;
    }
    const refusal = this.#refusal ?? error;
    this.#refusal = undefined;
    if (refusal === undefined) this.#connect();
    else this.#failed(refusal);
  }

  #failed(error: SluiceError): void {
    const { id, app, name, clock, logger, random = Math.random } = this.#options;
    if (this.#state.is('publishing', 'idle') && this.#clock.now() - this.#publishingSince >= SUCCESS_AFTER) {
      this.#attempts = 1;
    }
    this.#note(error);
    const needsChange = NEEDS_CHANGE.includes(error.code);
    const pause = needsChange ? FAILED_PAUSE : pauseAfter(this.#attempts, random());
    this.#nextAttempt = Math.round(clock.wallClock() + pause);
    this.#to(needsChange ? 'failed' : 'backoff');
    const fields = { target: id, app, stream: name, code: error.code, retryInMilliseconds: Math.round(pause) };
    logger.warn(fields, `a push target is not connected: ${error.message}`);
    this.#cancelRetry = this.#clock.after(pause, () => this.#connect());
  }

  #note({ code, message }: SluiceError): void {
    this.#lastError = { code, message, time: this.#options.clock.wallClock() };
  }

  /** Takes all messages at once, so that only the limits of `SendQueue` apply, which keeps audio and headers. */
  #read(): void {
    for (let tag = this.#source?.take(); tag !== undefined; tag = this.#source?.take()) {
      this.#options.onTag(tag);
      this.#queue.push(tag);
    }
    this.#lastTag = this.#clock.now();
    if (this.#link !== undefined && this.#state.is('idle')) this.#to('publishing');
    // Sends after the publisher's turn, so that all messages of one turn are sent in one write.
    if (this.#scheduled || this.#link === undefined) return;
    this.#scheduled = true;
    setImmediate(
      this.#domain.guard('target is sent to', () => {
        this.#scheduled = false;
        this.#pump();
      }),
    );
  }

  #pump(): void {
    const link = this.#link;
    if (link === undefined || !this.#state.is('publishing', 'idle')) return;
    while (!link.isFull) {
      const tag = this.#queue.take();
      if (tag === undefined) break;
      const fault = codecFault(tag, link.capabilities, this.#options.codecs);
      if (fault !== undefined) {
        this.#refuse(link, fault);
        return;
      }
      link.send(tag.kind, this.#timestamp(tag), tag.body);
    }
    link.flush();
  }

  /** Ends the publish properly and then leaves the server. */
  #refuse(link: RtmpLink, fault: SluiceError): void {
    this.#refusal = fault;
    link.close();
  }

  /** Headers and metadata get the current time, because their own may be far in the past. */
  #timestamp({ kind, dts, sequenceHeader, momentary }: RelayTag): Milliseconds {
    if (sequenceHeader || (kind === 'script' && momentary !== true)) return this.#last;
    this.#origin ??= dts;
    const timestamp = Math.max(0, Math.round(dts - this.#origin));
    if (kind !== 'script') this.#last = Math.max(this.#last, timestamp);
    return timestamp;
  }

  #tick(): void {
    if (this.#over) return;
    this.#clock.after(SECOND, () => this.#tick());
    const { id, app, name, logger } = this.#options;
    this.#queue.keepAge();
    const { dropped } = this.#queue;
    if (dropped > this.#toldDropped && this.#link !== undefined) {
      const fields = { target: id, app, stream: name, frames: dropped - this.#toldDropped };
      logger.warn(fields, 'a target is too slow: frames are dropped up to the next key frame');
    }
    this.#toldDropped = dropped;
    this.#rate.measure(this.#link?.bytesSent ?? 0);
    const now = this.#clock.now();
    if (this.#state.is('publishing') && now - this.#lastTag > AWAY_AFTER) this.#to('idle');
    if (this.#state.is('publishing') && now - this.#publishingSince >= SUCCESS_AFTER) this.#attempts = 0;
  }

  #streamEnded(): void {
    // Queued messages are still sent before the end of the publish, if the socket can take them.
    this.#pump();
    this.#end('idle');
  }

  #to(state: PushState): void {
    if (this.#state.is(state)) return;
    this.#state.to(state);
    this.#since = this.#options.clock.wallClock();
    this.#options.onState(this.state);
  }

  #close(broken = false): void {
    this.#domain.close();
    this.#options.onClosed(broken);
  }

  /** A bug in the gateway ends only this target for this stream. */
  #broke({ where, cause }: Fault): void {
    const { id, app, name, logger } = this.#options;
    const fields = { target: id, app, stream: name, where, err: cause };
    logger.error(fields, 'internal error: a stream is no longer sent to a push target');
    if (this.#state.is('stopped')) return;
    this.#over = true;
    this.#source?.close();
    this.#to('stopped');
    this.#close(true);
  }
}
