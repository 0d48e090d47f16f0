// Connects a socket with an RTMP session: bytes in, events out, deadlines, and backpressure in both directions.

import type { Socket } from 'node:net';
import { assertNever, type SluiceError } from '../../protocols/errors.js';
import { FailureDomain, type Fault } from '../../protocols/failure-domain.js';
import { ServerSession } from '../../protocols/rtmp/server-session.js';
import type { SessionEvent } from '../../protocols/rtmp/session-event.js';
import { ConnectCheck } from './connect-check.js';
import { ConnectionLog } from './connection-log.js';
import { countEnd } from './counters.js';
import { Deadline } from './deadline.js';
import { rtmpServerError } from './errors.js';
import { IdleWatch } from './idle-watch.js';
import type { ConnectionContext, Peer } from './peer.js';
import { asServerError, PublishingPeer } from './publishing-peer.js';
import { SessionOutput } from './session-output.js';
import { SessionPump } from './session-pump.js';
import { Viewer } from './viewer.js';

export class RtmpConnection implements Peer {
  readonly remoteAddress: string;
  readonly context: ConnectionContext;
  readonly session: ServerSession;
  readonly log: ConnectionLog;
  readonly domain: FailureDomain;
  readonly nextStep: Deadline;
  readonly pump: SessionPump;
  readonly #socket: Socket;
  readonly #output: SessionOutput;
  readonly #idleWatch: IdleWatch;
  readonly #grace: Deadline;
  readonly #closed: Promise<void>;
  readonly #connect: ConnectCheck;
  readonly #publisher: PublishingPeer;
  readonly #viewer: Viewer;
  #handshakeDone = false;
  /** Whether the session is over. Further input is discarded until the peer hangs up. */
  #finished = false;
  /** Whether an internal error has occurred. */
  #broken = false;

  /** @param socket a plain socket, or the inner socket of a TLS connection. Nobody else may use the buffers of its `data` events. */
  constructor(id: number, socket: Socket, remoteAddress: string, context: ConnectionContext) {
    const { options, logger, limiter } = context;
    this.remoteAddress = remoteAddress;
    this.context = context;
    this.session = new ServerSession({ limits: options.limits });
    this.log = new ConnectionLog(logger, limiter, remoteAddress, id);
    this.#socket = socket;
    this.#output = new SessionOutput(socket, this.session, context, () => this.#viewer.isPlaying);
    const domain = new FailureDomain(`rtmp connection ${id}`, (fault) => this.#broke(fault));
    this.domain = domain;
    this.nextStep = new Deadline(domain);
    this.#grace = new Deadline(domain);
    this.#connect = new ConnectCheck(this);
    this.#publisher = new PublishingPeer(this);
    this.#viewer = new Viewer(this);
    this.pump = new SessionPump({
      socket,
      domain,
      session: this.session,
      turns: context.turns,
      readMemory: context.readMemory,
      messagesPerTurn: options.messagesPerTurn,
      maxTurn: options.maxTurn,
      onEvent: (event) => this.#handle(event),
      onTurn: () => this.#turnEnded(),
    });
    this.#idleWatch = new IdleWatch({
      domain,
      idleTimeout: options.idleTimeout,
      pingInterval: options.pingInterval,
      idleFor: () => this.pump.idleFor,
      onPing: () => {
        this.session.ping();
        this.flush();
      },
      onIdle: (idleFor) =>
        this.expire(rtmpServerError('rtmp-server.idle-timeout', `no byte for ${Math.round(idleFor)} ms`)),
    });
    this.nextStep.set(options.handshakeTimeout, () => {
      const text = `no complete handshake within ${options.handshakeTimeout} ms`;
      this.expire(rtmpServerError('rtmp-server.handshake-timeout', text));
    });
    const receive = domain.guard('rtmp data', (bytes: Buffer) => this.#receive(bytes));
    const drained = domain.guard('rtmp drain', () => this.#viewer.resume());
    const peerEnded = domain.guard('rtmp end', () => this.#peerEnded());
    const lost = domain.guard('rtmp error', (error: NodeJS.ErrnoException) => {
      this.#abandon(rtmpServerError('rtmp-server.connection-lost', `connection lost (${error.code ?? error.name})`));
    });
    socket.on('data', receive).on('drain', drained).on('end', peerEnded).on('error', lost);
    this.#closed = new Promise((resolve) => {
      socket.on('close', () => {
        domain.attempt('rtmp close', () => this.#cleanUp());
        domain.close();
        resolve();
      });
    });
    this.log.opened();
  }

  /** Resolves when the socket is closed and the publication, if any, has ended. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Whether a decision about the peer is pending. A correct key is accepted at once, so a pending decision is most likely a delayed
   * refusal.
   */
  get awaitsDecision(): boolean {
    return this.pump.isPausedFor('access') && !this.#finished;
  }

  get unsentBytes(): number {
    return this.#output.unsentBytes;
  }

  /**
   * Tells the peer that the server stops, flushes, and destroys the socket after a grace period. A publisher that supports it is asked to
   * reconnect, and has `reconnectGrace` for that.
   * @returns the same as {@link closed}
   */
  shutDown(): Promise<void> {
    this.domain.attempt('rtmp shutdown', () => this.#shutDown());
    return this.#closed;
  }

  #shutDown(): void {
    const stopping = rtmpServerError('rtmp-server.shutdown', 'the server is stopping');
    if (this.#publisher.isPublishing && this.session.requestReconnect({ description: stopping.message })) {
      this.context.counters.reconnectRequests++;
      this.flush();
      this.nextStep.set(this.context.options.reconnectGrace, () => this.expire(stopping));
    } else {
      this.expire(stopping);
    }
  }

  /** The session is over, so only a few events are left: handles them without turns and without waiting for access. */
  drain(): void {
    while (!this.#finished) {
      const event = this.session.nextEvent();
      if (event === undefined) break;
      this.#handle(event);
    }
    this.flush();
  }

  flush(): void {
    if (!this.session.hasOutput || this.#connect.isPending) return;
    const error = this.#output.flush();
    if (error !== undefined) this.#abandon(error);
  }

  expire(error: SluiceError): void {
    if (this.#finished || this.#publisher.drop(error)) return;
    this.fail(error);
    this.#connect.giveUp();
    this.session.end();
    this.drain();
  }

  fail(error: SluiceError): void {
    countEnd(this.context.counters, error.code);
    this.log.failed(error);
  }

  awaitRequest(): void {
    const { publishTimeout } = this.context.options;
    this.nextStep.set(publishTimeout, () => {
      this.expire(rtmpServerError('rtmp-server.publish-timeout', `no request within ${publishTimeout} ms`));
    });
  }

  #receive(bytes: Buffer): void {
    this.context.counters.bytesReceived += bytes.length;
    if (!this.#finished) this.pump.receive(bytes);
  }

  #turnEnded(): void {
    if (!this.#handshakeDone && this.session.stage !== 'handshake' && !this.#finished) {
      this.#handshakeDone = true;
      // A pending decision has its own deadline.
      if (!this.pump.isPausedFor('access')) this.awaitRequest();
    }
    this.flush();
  }

  #handle(event: SessionEvent): void {
    switch (event.type) {
      case 'connected':
        this.log.connected(event.app, event.flashVer);
        this.domain.run('rtmp connect decision', () => this.#connect.decide(event));
        return;
      case 'publish-request':
        this.domain.run('rtmp publish decision', () => this.#publisher.decide(event, this.#connect.known));
        return;
      case 'play-request':
        this.domain.run('rtmp play decision', () => this.#viewer.decide(event));
        return;
      case 'pause':
        this.#viewer.pause(event);
        return;
      case 'stop-play':
        this.#viewer.stop(event.messageStreamId);
        if (!this.#viewer.isPlaying) this.awaitRequest();
        return;
      case 'media':
        this.#publisher.media(event);
        return;
      case 'unpublish':
        this.#publisher.end(undefined);
        this.awaitRequest();
        return;
      case 'closed':
        if (event.error !== undefined) this.fail(event.error);
        this.#finish(event.error);
        return;
      default:
        assertNever(event);
    }
  }

  /** Sends the last messages, then hangs up. A peer that does not hang up as well is cut off after a grace period. */
  #finish(error: SluiceError | undefined): void {
    this.#release(error);
    this.flush();
    this.#socket.end();
    // Goes on reading and discards the input: a socket that is closed with unread bytes is reset, and the peer would lose our last
    // messages.
    this.pump.discardInput();
    this.#grace.set(this.context.options.closeGrace, () => this.#socket.destroy());
  }

  /** The peer is gone or does not read, so nothing is sent. */
  #abandon(error: SluiceError): void {
    if (this.#finished) return;
    this.fail(error);
    this.#release(error);
    this.#socket.destroy();
  }

  #peerEnded(): void {
    if (this.#finished) return;
    // A paused socket still reports its end, while input that was received before may wait for its turn.
    this.pump.finish();
    if (this.#finished) return;
    this.#connect.giveUp();
    this.session.end();
    this.drain();
  }

  /** Cleans up, whatever ended the connection: everybody is told exactly once, and no timer remains. */
  #release(cause: SluiceError | undefined): void {
    this.#finished = true;
    const { domain } = this;
    domain.attempt('rtmp connect check', () => this.#connect.giveUp());
    domain.attempt('rtmp pump stop', () => this.pump.stop());
    domain.attempt('rtmp publisher end', () => this.#publisher.end(cause));
    domain.attempt('rtmp viewers end', () => this.#viewer.stopAll());
    this.nextStep.clear();
    this.#idleWatch.stop();
  }

  /** Handles a bug in the server: tells the peer if possible, ends its connection, and logs the stack. */
  #broke({ where, cause }: Fault): void {
    const error = asServerError(cause);
    this.log.broken(where, error);
    const again = this.#finished || this.#broken;
    this.#broken = true;
    if (!again) this.domain.attempt('rtmp last words', () => this.expire(error));
    // The connection could not be ended properly.
    if (again || !this.#finished) {
      this.#release(error);
      this.#socket.destroy();
    }
  }

  #cleanUp(): void {
    this.#release(undefined);
    this.#grace.clear();
    this.log.closed();
  }
}
