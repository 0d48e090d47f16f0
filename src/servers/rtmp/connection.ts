// The one file that joins a socket and an RTMP session: bytes in, events out, deadlines, and backpressure in both directions.

import type { Socket } from 'node:net';
import { assertNever, SluiceError } from '../../protocols/errors.js';
import { ServerSession } from '../../protocols/rtmp/server-session.js';
import type { MediaEvent, PublishRequestEvent, SessionEvent } from '../../protocols/rtmp/session-event.js';
import type { Milliseconds } from '../../protocols/units.js';
import { ConnectionLog } from './connection-log.js';
import { countEnd, type RtmpCounters } from './counters.js';
import { Deadline } from './deadline.js';
import { rtmpServerError } from './errors.js';
import type { LogLimiter } from './log-limiter.js';
import type { RtmpServerOptions } from './options.js';
import { Publication } from './publication.js';
import type { PublishAccess, PublishAdmission, PublishDecision, PublishRequest, RtmpLogger } from './publishing.js';
import { ReadGate } from './read-gate.js';
import { SilenceWatch } from './silence-watch.js';
import { toStatusReason } from './status-reason.js';

export interface ConnectionContext {
  readonly options: RtmpServerOptions;
  readonly access: PublishAccess;
  readonly admission: PublishAdmission;
  readonly logger: RtmpLogger;
  readonly limiter: LogLimiter;
  readonly counters: RtmpCounters;
}

/** Bytes given to the session at a time: 4096 of the smallest messages take milliseconds, a whole socket buffer of them would not. */
const SLICE_BYTES = 4096;
/** A paused publisher is read again after this at the earliest: in a few large gulps, not timer by timer. */
const MIN_PACE_PAUSE: Milliseconds = 500;

export class RtmpConnection {
  /** IP address of the peer. */
  readonly remoteAddress: string;
  readonly #socket: Socket;
  readonly #context: ConnectionContext;
  readonly #session = new ServerSession();
  readonly #log: ConnectionLog;
  readonly #gate: ReadGate;
  readonly #silence: SilenceWatch;
  /** For the next step of the peer: handshake, then publish request. For the decision about it, too. */
  readonly #nextStep = new Deadline();
  readonly #pace = new Deadline();
  readonly #grace = new Deadline();
  readonly #closed: Promise<void>;
  #publication: Publication | undefined;
  /** Read from the socket, not yet given to the session. */
  #unread: Buffer = Buffer.alloc(0);
  #handshakeDone = false;
  /** The session is over; what still arrives is thrown away until the peer hangs up. */
  #finished = false;

  constructor(id: number, socket: Socket, remoteAddress: string, context: ConnectionContext) {
    const { options, logger, limiter } = context;
    this.remoteAddress = remoteAddress;
    this.#socket = socket;
    this.#context = context;
    this.#log = new ConnectionLog(logger, limiter, remoteAddress, id);
    this.#gate = new ReadGate(socket, () => this.#silence.touch());
    this.#silence = new SilenceWatch({
      idleTimeout: options.idleTimeout,
      pingInterval: options.pingInterval,
      isReading: () => this.#gate.isOpen,
      onPing: () => {
        this.#session.ping();
        this.#flush();
      },
      onIdle: (silence) =>
        this.#expire(rtmpServerError('rtmp-server.idle-timeout', `no byte for ${Math.round(silence)} ms`)),
    });
    this.#nextStep.set(options.handshakeTimeout, () => {
      const text = `no complete handshake within ${options.handshakeTimeout} ms`;
      this.#expire(rtmpServerError('rtmp-server.handshake-timeout', text));
    });
    socket.on('data', (bytes) => this.#receive(bytes));
    socket.on('end', () => this.#peerEnded());
    socket.on('error', (error: NodeJS.ErrnoException) => {
      this.#abandon(rtmpServerError('rtmp-server.connection-lost', `connection lost (${error.code ?? error.name})`));
    });
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#cleanUp();
        resolve();
      });
    });
    this.#log.opened();
  }

  /** Resolves when the socket is gone and the publication, if any, has been ended. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Tells the peer that we stop, flushes, and destroys the socket after a grace. @returns like {@link closed}. */
  shutDown(): Promise<void> {
    this.#expire(rtmpServerError('rtmp-server.shutdown', 'the server is stopping'));
    return this.#closed;
  }

  #receive(bytes: Buffer): void {
    this.#context.counters.bytesReceived += bytes.length;
    if (this.#finished) return;
    this.#silence.touch();
    // While bytes are left the socket is paused, except in the moment of its last 'data' event.
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes]);
    this.#pump();
  }

  /**
   * Feeds the session and handles its events, until nothing is left or others must get their turn: after `messagesPerTurn`
   * messages, or after `maxTurn` for messages that are no events but work all the same, such as empty ones (C2.07).
   */
  #pump(): void {
    const { messagesPerTurn, maxTurn } = this.#context.options;
    const turnEnds = performance.now() + maxTurn;
    let messages = 0;
    // A publish request waits for access: whatever follows it stays in the session and in the socket until then (A4.17).
    while (!this.#finished && !this.#gate.has('access')) {
      const event = this.#session.nextEvent();
      if (event !== undefined) {
        this.#handle(event);
        messages++;
      } else if (this.#unread.length > 0) {
        this.#session.receive(this.#unread.subarray(0, SLICE_BYTES));
        this.#unread = this.#unread.subarray(SLICE_BYTES);
      } else break;
      if (messages >= messagesPerTurn || (event === undefined && performance.now() >= turnEnds)) {
        this.#yield();
        break;
      }
    }
    if (!this.#handshakeDone && this.#session.stage !== 'handshake' && !this.#finished) {
      this.#handshakeDone = true;
      this.#awaitPublish();
    }
    this.#flush();
  }

  #yield(): void {
    this.#gate.pause('turn');
    setImmediate(() => {
      if (this.#finished) return;
      this.#gate.resume('turn');
      this.#pump();
    });
  }

  #handle(event: SessionEvent): void {
    switch (event.type) {
      case 'connected':
        this.#log.connected(event.app, event.flashVer);
        return;
      case 'publish-request':
        void this.#decide(event);
        return;
      case 'play-request': {
        const error = rtmpServerError('rtmp-server.play-unsupported', 'streams are watched over HLS, not RTMP');
        this.#fail(error);
        this.#session.reject(event.messageStreamId, { ...toStatusReason(error), code: 'NetStream.Play.Failed' });
        return;
      }
      case 'media':
        this.#media(event);
        return;
      case 'pause':
      case 'stop-play':
        // Only after an accepted play, and none is accepted here.
        return;
      case 'unpublish':
        this.#endPublication(undefined);
        this.#awaitPublish();
        return;
      case 'closed':
        if (event.error !== undefined) this.#fail(event.error);
        this.#finish(event.error);
        return;
      default:
        assertNever(event);
    }
  }

  /** Access first, then admission; only when both have said yes does the publisher hear an answer. */
  async #decide({ messageStreamId, app, name, query }: PublishRequestEvent): Promise<void> {
    const { admission, counters, options } = this.#context;
    const request = { app, name, remoteAddress: this.remoteAddress };
    this.#gate.pause('access');
    this.#nextStep.set(options.publishTimeout, () => {
      const text = `no decision about the publish request within ${options.publishTimeout} ms`;
      this.#expire(rtmpServerError('rtmp-server.access-failed', text));
    });
    const decision = await this.#checkAccess(request, query);
    if (this.#finished) return;
    this.#nextStep.clear();
    try {
      if (!decision.allowed) throw decision.error;
      this.#startPublication(new Publication(messageStreamId, request, admission.claim(request), counters));
    } catch (thrown) {
      this.#refuse(messageStreamId, request, asSluiceError(thrown));
    }
    this.#gate.resume('access');
    this.#pump();
  }

  async #checkAccess(request: PublishRequest, query: URLSearchParams): Promise<PublishDecision> {
    try {
      return await this.#context.access.check({ ...request, query });
    } catch (cause) {
      const error = rtmpServerError('rtmp-server.access-failed', 'the publish request could not be checked', { cause });
      return { allowed: false, error };
    }
  }

  #startPublication(publication: Publication): void {
    const { messageStreamId, request, target } = publication;
    const { firstMediaTimeout } = this.#context.options;
    this.#publication = publication;
    this.#session.accept(messageStreamId);
    this.#log.publishStarted(request);
    publication.firstMedia.set(firstMediaTimeout, () => {
      const text = `no audio or video within ${firstMediaTimeout} ms of the publish`;
      this.#dropPublisher(publication, rtmpServerError('rtmp-server.media-timeout', text));
    });
    // Last: a target may use its listeners at once.
    target.onFlow?.((flow) => this.#setFlow(publication, flow));
    target.onKick?.((reason) => this.#dropPublisher(publication, reason));
  }

  #media({ kind, timestamp, body }: MediaEvent): void {
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#context.counters.mediaMessages++;
    if (kind !== 'script') {
      publication.firstMedia.clear();
      this.#keepPace(publication.pacer.note(timestamp, performance.now()));
    }
    try {
      publication.target.publish(kind, timestamp, body);
    } catch (thrown) {
      publication.reason = asSluiceError(thrown);
      this.#refuse(publication.messageStreamId, publication.request, publication.reason);
    }
  }

  #refuse(messageStreamId: number, request: PublishRequest, error: SluiceError): void {
    this.#context.counters.publishesRefused++;
    countEnd(this.#context.counters, error.code);
    this.#log.publishRefused(request, error);
    this.#session.reject(messageStreamId, toStatusReason(error));
  }

  /** Ends a publisher from our side: it is told why, then its connection closes. */
  #dropPublisher(publication: Publication, reason: SluiceError): void {
    if (publication.ended || this.#finished) return;
    publication.reason = reason;
    countEnd(this.#context.counters, reason.code);
    this.#session.reject(publication.messageStreamId, toStatusReason(reason));
    this.#drain();
  }

  /** Ends the connection for a reason of ours; a publisher hears it. */
  #expire(error: SluiceError): void {
    if (this.#finished) return;
    if (this.#publication !== undefined) {
      this.#dropPublisher(this.#publication, error);
      return;
    }
    this.#fail(error);
    this.#session.end();
    this.#drain();
  }

  /** The session is over, so what is left is little: no turns, no waiting for access. */
  #drain(): void {
    while (!this.#finished) {
      const event = this.#session.nextEvent();
      if (event === undefined) break;
      this.#handle(event);
    }
    this.#flush();
  }

  #endPublication(cause: SluiceError | undefined): void {
    const publication = this.#publication;
    if (publication === undefined) return;
    this.#publication = undefined;
    this.#gate.resume('flow');
    const reason = publication.reason ?? cause;
    this.#log.publishEnded(publication.request, reason);
    publication.end(reason);
  }

  #fail(error: SluiceError): void {
    countEnd(this.#context.counters, error.code);
    this.#log.failed(error);
  }

  /** Says the last words, then hangs up; a peer that does not hang up itself is cut off after a grace. */
  #finish(error: SluiceError | undefined): void {
    this.#finished = true;
    this.#unread = Buffer.alloc(0);
    this.#endPublication(error);
    this.#nextStep.clear();
    this.#silence.stop();
    this.#flush();
    this.#socket.end();
    // Go on reading, and forget it: closing with unread bytes would reset the connection and lose our last words on the way.
    this.#gate.openForGood();
    this.#grace.set(this.#context.options.closeGrace, () => this.#socket.destroy());
  }

  /** The peer is gone or reads nothing: no last words. */
  #abandon(error: SluiceError): void {
    if (this.#finished) return;
    this.#finished = true;
    this.#fail(error);
    this.#endPublication(error);
    this.#socket.destroy();
  }

  #flush(): void {
    const output = this.#session.takeOutput();
    if (output === undefined || this.#socket.destroyed || this.#socket.writableEnded) return;
    const { counters, options } = this.#context;
    counters.bytesSent += output.length;
    this.#socket.write(output);
    const unsent = this.#socket.writableLength;
    if (unsent <= options.maxUnsentBytes) return;
    const text = `${unsent} bytes wait for the peer to read, expected at most ${options.maxUnsentBytes}`;
    this.#abandon(rtmpServerError('rtmp-server.peer-not-reading', text));
  }

  #setFlow(publication: Publication, flow: 'pause' | 'resume'): void {
    if (publication.ended || this.#finished) return;
    if (flow === 'resume') this.#gate.resume('flow');
    else if (!this.#gate.has('flow')) {
      this.#context.counters.flowPauses++;
      this.#gate.pause('flow');
    }
  }

  #keepPace(ahead: Milliseconds): void {
    const { maxMediaAhead } = this.#context.options;
    if (ahead <= maxMediaAhead || this.#gate.has('pace')) return;
    this.#context.counters.pacingPauses++;
    this.#gate.pause('pace');
    this.#pace.set(Math.max(MIN_PACE_PAUSE, ahead - maxMediaAhead), () => this.#gate.resume('pace'));
  }

  #awaitPublish(): void {
    const { publishTimeout } = this.#context.options;
    this.#nextStep.set(publishTimeout, () => {
      this.#expire(rtmpServerError('rtmp-server.publish-timeout', `no publish request within ${publishTimeout} ms`));
    });
  }

  #peerEnded(): void {
    if (this.#finished) return;
    this.#session.end();
    this.#drain();
  }

  #cleanUp(): void {
    this.#finished = true;
    this.#endPublication(undefined);
    for (const deadline of [this.#nextStep, this.#pace, this.#grace]) deadline.clear();
    this.#silence.stop();
    this.#log.closed();
  }
}

/** A bug in what serves one publisher must not take the others with it: it ends this connection, and is logged with its stack. */
function asSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  return rtmpServerError('rtmp-server.internal', 'internal error, see the log of the server', { cause: thrown });
}
