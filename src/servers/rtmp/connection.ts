// The one file that joins a socket and an RTMP session: bytes in, events out, deadlines, and backpressure in both directions.

import type { Socket } from 'node:net';
import { assertNever, SluiceError } from '../../protocols/errors.js';
import { ServerSession } from '../../protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../protocols/rtmp/session-event.js';
import type { RtmpCounters } from './counters.js';
import { Deadline } from './deadline.js';
import { rtmpServerError } from './errors.js';
import { printable } from './log-fields.js';
import type { LogLimiter } from './log-limiter.js';
import type { RtmpServerOptions } from './options.js';
import { Publication } from './publication.js';
import type { PublishAccess, PublishAdmission, PublishDecision, RtmpLogger } from './publishing.js';
import { toStatusReason } from './status-reason.js';

export interface ConnectionContext {
  readonly options: RtmpServerOptions;
  readonly access: PublishAccess;
  readonly admission: PublishAdmission;
  readonly logger: RtmpLogger;
  readonly limiter: LogLimiter;
  readonly counters: RtmpCounters;
}

/** Why the socket is not read at the moment; it is read again when none is left. */
type PauseReason = 'turn' | 'access' | 'flow' | 'pace';
type PublishRequestEvent = Extract<SessionEvent, { type: 'publish-request' }>;

export class RtmpConnection {
  readonly id: number;
  /** IP address of the peer. */
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #session = new ServerSession();
  readonly #pauses = new Set<PauseReason>();
  readonly #stageDeadline = new Deadline();
  readonly #silence = new Deadline();
  readonly #pace = new Deadline();
  readonly #grace = new Deadline();
  readonly #closed: Promise<void>;
  #publication: Publication | undefined;
  #handshakeDone = false;
  /** The session is over; what still arrives is thrown away until the peer hangs up. */
  #finished = false;
  #lastByteAt = performance.now();
  #pinged = false;

  constructor(id: number, socket: Socket, remoteAddress: string, context: ConnectionContext) {
    this.id = id;
    this.remoteAddress = remoteAddress;
    this.#socket = socket;
    this.#context = context;
    const { options } = context;
    this.#stageDeadline.set(options.handshakeTimeout, () =>
      this.#expire(
        rtmpServerError('rtmp-server.handshake-timeout', `no handshake within ${options.handshakeTimeout} ms`),
      ),
    );
    this.#watchSilence(options.idleTimeout);
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('end', () => this.#peerEnded());
    socket.on('error', (error: NodeJS.ErrnoException) => this.#socketFailed(error));
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#cleanUp();
        resolve();
      });
    });
    this.#log('debug', {}, 'rtmp connection opened');
  }

  /** Resolves when the socket is gone and the publication, if any, has been ended. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Tells the peer that we stop, flushes, and destroys the socket after a grace. @returns like {@link closed}. */
  shutDown(): Promise<void> {
    const error = rtmpServerError('rtmp-server.shutdown', 'the server is stopping');
    if (this.#publication !== undefined) this.#dropPublisher(error);
    else this.#endSession(error);
    return this.#closed;
  }

  #receive(bytes: Buffer): void {
    this.#lastByteAt = performance.now();
    this.#pinged = false;
    this.#context.counters.bytesReceived += bytes.length;
    if (this.#finished) return;
    this.#session.receive(bytes);
    this.#pump();
  }

  /** Handles what the session has read, at most `messagesPerTurn` messages before other connections get their turn (C2.07). */
  #pump(): void {
    let budget = this.#context.options.messagesPerTurn;
    // A publish request waits for access: whatever follows it stays in the session and in the socket until then (A4.17).
    while (!this.#pauses.has('access')) {
      if (budget-- === 0) {
        this.#pause('turn');
        setImmediate(() => {
          this.#resume('turn');
          if (!this.#socket.destroyed) this.#pump();
        });
        break;
      }
      const event = this.#session.nextEvent();
      if (event === undefined) break;
      this.#handle(event);
    }
    if (!this.#handshakeDone && this.#session.stage !== 'handshake' && !this.#finished) {
      this.#handshakeDone = true;
      this.#awaitPublish();
    }
    this.#flush();
  }

  #handle(event: SessionEvent): void {
    switch (event.type) {
      case 'connected':
        this.#log('debug', { app: printable(event.app), encoder: printable(event.flashVer ?? '') }, 'rtmp connected');
        return;
      case 'publish-request':
        void this.#decide(event);
        return;
      case 'play-request': {
        const error = rtmpServerError('rtmp-server.play-unsupported', 'streams are watched over HLS, not RTMP');
        this.#logEnd(error);
        this.#session.reject(event.messageStreamId, { ...toStatusReason(error), code: 'NetStream.Play.Failed' });
        return;
      }
      case 'media':
        this.#media(event);
        return;
      case 'unpublish':
        this.#endPublication(undefined);
        if (!this.#finished) this.#awaitPublish();
        return;
      case 'closed':
        this.#finish(event.error);
        return;
      default:
        assertNever(event);
    }
  }

  /** Access first, then admission; only when both have said yes does the publisher hear an answer. */
  async #decide(event: PublishRequestEvent): Promise<void> {
    const { access, admission, counters, options } = this.#context;
    const { messageStreamId, app, name, query } = event;
    const request = { app, name, remoteAddress: this.remoteAddress };
    this.#stageDeadline.set(options.publishTimeout, () =>
      this.#expire(rtmpServerError('rtmp-server.access-failed', `no decision within ${options.publishTimeout} ms`)),
    );
    this.#pause('access');
    let decision: PublishDecision;
    try {
      decision = await access.check({ ...request, query });
    } catch (cause) {
      const error = rtmpServerError('rtmp-server.access-failed', 'the publish key could not be checked', { cause });
      decision = { allowed: false, error };
    }
    if (this.#finished || this.#socket.destroyed) return;
    try {
      if (!decision.allowed) throw decision.error;
      const publication = new Publication(messageStreamId, request, admission.claim(request), counters);
      this.#publication = publication;
      publication.target.onKick?.((reason) => {
        if (this.#publication === publication) this.#dropPublisher(reason);
      });
      publication.target.onFlow?.((flow) => {
        if (this.#publication === publication) this.#setFlow(flow);
      });
      this.#session.accept(messageStreamId);
      this.#stageDeadline.set(options.firstMediaTimeout, () =>
        this.#expire(rtmpServerError('rtmp-server.media-timeout', `no media within ${options.firstMediaTimeout} ms`)),
      );
      this.#log('info', { app: printable(app), name: printable(name) }, 'publish started');
    } catch (thrown) {
      const error = asSluiceError(thrown);
      counters.publishesRefused++;
      this.#logRefusal(error, app, name);
      this.#session.reject(messageStreamId, toStatusReason(error));
    }
    this.#resume('access');
    this.#pump();
  }

  #media({ kind, timestamp, body }: Extract<SessionEvent, { type: 'media' }>): void {
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#context.counters.mediaMessages++;
    if (kind !== 'script') {
      if (publication.mediaMessages++ === 0) this.#stageDeadline.clear();
      this.#keepPace(publication.pacer.note(timestamp, performance.now()));
    }
    try {
      publication.target.publish(kind, timestamp, body);
    } catch (thrown) {
      const error = asSluiceError(thrown);
      this.#context.counters.publishesRefused++;
      this.#logRefusal(error, publication.request.app, publication.request.name);
      publication.reason = error;
      this.#session.reject(publication.messageStreamId, toStatusReason(error));
    }
  }

  /** Ends a publisher from our side: it is told why, then its connection closes. */
  #dropPublisher(reason: SluiceError): void {
    const publication = this.#publication;
    if (publication === undefined || publication.ended) return;
    publication.reason = reason;
    this.#countEnd(reason);
    this.#session.reject(publication.messageStreamId, toStatusReason(reason));
    this.#drain();
  }

  #endSession(reason: SluiceError): void {
    if (this.#finished) return;
    this.#logEnd(reason);
    this.#session.end();
    this.#drain();
  }

  /** Handles everything that is left now, without yielding: the session is over and makes no more work. */
  #drain(): void {
    this.#pauses.delete('access');
    for (let event = this.#session.nextEvent(); event !== undefined; event = this.#session.nextEvent()) {
      this.#handle(event);
      if (this.#finished) break;
    }
    this.#flush();
  }

  #endPublication(reason: SluiceError | undefined): void {
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#publication = undefined;
    this.#pace.clear();
    this.#resume('flow');
    this.#resume('pace');
    const { app, name } = publication.request;
    const cause = publication.reason ?? reason;
    this.#log(
      'info',
      {
        app: printable(app),
        name: printable(name),
        ...(cause && { code: cause.code, reason: printable(cause.message) }),
      },
      'publish ended',
    );
    publication.end(reason);
  }

  /** The session is over: say the last words, then hang up; a peer that does not hang up itself is cut off after a grace. */
  #finish(error: SluiceError | undefined): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#endPublication(error);
    this.#stageDeadline.clear();
    this.#silence.clear();
    if (error !== undefined) this.#logEnd(error);
    this.#flush();
    this.#socket.end();
    // Go on reading, and forget it: closing with unread bytes would reset the connection and lose our last words on the way.
    this.#pauses.clear();
    this.#socket.resume();
    this.#grace.set(this.#context.options.closeGrace, () => this.#socket.destroy());
  }

  #flush(): void {
    const output = this.#session.takeOutput();
    if (output === undefined || this.#socket.destroyed || this.#socket.writableEnded) return;
    this.#context.counters.bytesSent += output.length;
    this.#socket.write(output);
    if (this.#socket.writableLength > this.#context.options.maxUnsentBytes) {
      this.#abandon(
        rtmpServerError(
          'rtmp-server.peer-not-reading',
          `${this.#socket.writableLength} bytes unsent, expected at most ${this.#context.options.maxUnsentBytes}`,
        ),
      );
    }
  }

  #setFlow(flow: 'pause' | 'resume'): void {
    if (flow === 'resume') this.#resume('flow');
    else if (!this.#pauses.has('flow')) {
      this.#context.counters.flowPauses++;
      this.#pause('flow');
    }
  }

  #keepPace(ahead: number): void {
    const { maxMediaAhead } = this.#context.options;
    if (ahead <= maxMediaAhead || this.#pauses.has('pace')) return;
    this.#context.counters.pacingPauses++;
    this.#pause('pace');
    // Half a second at least, so that a fast publisher is read in a few large gulps rather than timer by timer.
    this.#pace.set(Math.max(500, ahead - maxMediaAhead), () => this.#resume('pace'));
  }

  #pause(reason: PauseReason): void {
    this.#pauses.add(reason);
    this.#socket.pause();
  }

  #resume(reason: PauseReason): void {
    if (!this.#pauses.delete(reason) || this.#pauses.size > 0) return;
    // While we did not read, the peer's silence was ours.
    this.#lastByteAt = performance.now();
    this.#socket.resume();
  }

  #awaitPublish(): void {
    const { publishTimeout } = this.#context.options;
    this.#stageDeadline.set(publishTimeout, () =>
      this.#expire(rtmpServerError('rtmp-server.publish-timeout', `no publish request within ${publishTimeout} ms`)),
    );
  }

  /** One timer for pings and idleness, moved when it fires and not at every byte. */
  #watchSilence(after: number): void {
    this.#silence.set(after, () => {
      const { idleTimeout } = this.#context.options;
      const pingInterval = Math.min(this.#context.options.pingInterval, idleTimeout / 2);
      const silent = this.#pauses.size > 0 ? 0 : performance.now() - this.#lastByteAt;
      if (silent >= idleTimeout) {
        this.#expire(rtmpServerError('rtmp-server.idle-timeout', `no byte for ${Math.round(silent)} ms`));
        return;
      }
      if (silent >= pingInterval && !this.#pinged && this.#handshakeDone) {
        this.#pinged = true;
        this.#session.ping();
        this.#flush();
      }
      const untilPing = this.#pinged || pingInterval <= silent ? Number.POSITIVE_INFINITY : pingInterval - silent;
      this.#watchSilence(Math.max(1, Math.min(untilPing, idleTimeout - silent)));
    });
  }

  #expire(error: SluiceError): void {
    if (this.#publication !== undefined) this.#dropPublisher(error);
    else this.#endSession(error);
  }

  /** The peer will read nothing more: no last words. */
  #abandon(error: SluiceError): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#logEnd(error);
    this.#endPublication(error);
    this.#socket.destroy();
  }

  #peerEnded(): void {
    if (this.#finished) return;
    this.#session.end();
    this.#drain();
  }

  #socketFailed(error: NodeJS.ErrnoException): void {
    this.#abandon(rtmpServerError('rtmp-server.connection-lost', `connection lost (${error.code ?? error.name})`));
  }

  #cleanUp(): void {
    this.#finished = true;
    this.#endPublication(undefined);
    for (const deadline of [this.#stageDeadline, this.#silence, this.#pace, this.#grace]) deadline.clear();
    this.#log('debug', {}, 'rtmp connection closed');
  }

  #logRefusal(error: SluiceError, app: string, name: string): void {
    if (error.code === 'rtmp-server.internal') {
      this.#log(
        'error',
        { app: printable(app), name: printable(name), err: error.cause },
        'internal error, publisher dropped',
      );
      return;
    }
    const admitted = this.#context.limiter.admit(error.code);
    if (admitted === undefined) return;
    // Whoever is denied may have pasted the secret where the name belongs: do not keep it.
    const names = error.kind === 'denied' ? {} : { app: printable(app), name: printable(name) };
    this.#log('warn', { ...names, code: error.code, reason: printable(error.message), ...admitted }, 'publish refused');
  }

  #logEnd(error: SluiceError): void {
    this.#countEnd(error);
    const admitted = this.#context.limiter.admit(error.code);
    if (admitted === undefined) return;
    this.#log('info', { code: error.code, reason: printable(error.message), ...admitted }, 'rtmp connection ended');
  }

  #countEnd(error: SluiceError): void {
    const { closedByError } = this.#context.counters;
    closedByError.set(error.code, (closedByError.get(error.code) ?? 0) + 1);
  }

  #log(level: keyof RtmpLogger, fields: object, message: string): void {
    this.#context.logger[level]({ peer: this.remoteAddress, connection: this.id, ...fields }, message);
  }
}

/** A bug in what serves one publisher must not take the others with it: it ends this connection, and is logged with its stack. */
function asSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return rtmpServerError('rtmp-server.internal', 'internal error, see the log of the server', { cause: thrown });
}
