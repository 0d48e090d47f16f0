// The server side of one RTMP connection as a sans-IO state machine: bytes in, events and bytes out. The caller owns the socket and the
// clock.

import { SluiceError } from '../errors.js';
import { StateMachine } from '../state-machine.js';
import type { Milliseconds } from '../units.js';
import { type ConnectCommand, type PeerCommand, parseCommand } from './commands.js';
import { ConnectionCommands } from './connection-commands.js';
import { rtmpError } from './errors.js';
import { ServerHandshake } from './handshake.js';
import { type RandomBytes, secureRandomBytes } from './handshake-digest.js';
import {
  DEFAULT_RTMP_LIMITS,
  DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE,
  type RtmpLimits,
  SERVER_CHUNK_SIZE,
} from './limits.js';
import type { MediaBody } from './media-chunks.js';
import { type AcknowledgementCounter, MessageTransport, type SessionMessage } from './message-transport.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';
import type { MediaKind } from './play-commands.js';
import { PublishState } from './publish-state.js';
import { type ReconnectTarget, reconnectRequest, streamError, streamLength } from './server-answers.js';
import type { SessionEvent } from './session-event.js';
import type { StatusReason } from './status-codes.js';
import { acknowledge, StreamCommands } from './stream-commands.js';

export interface ServerSessionOptions {
  readonly limits: RtmpLimits;
  /** Size of the chunks that we send, in bytes. FFmpeg then uses the same size. */
  readonly chunkSize: number;
  /** The peer must acknowledge after this many bytes. */
  readonly windowAcknowledgementSize: number;
  readonly randomBytes: RandomBytes;
  /** Counter of received bytes. A test passes one that is close to its 32-bit wrap. */
  readonly acknowledgements?: AcknowledgementCounter;
}

/**
 * - `handshake`: until C2 is complete.
 * - `connecting`: until a connect command.
 * - `connected`: connected; nothing is published or played.
 * - `publishing`: a publish is live.
 * - `playing`: nothing is published, something is played.
 * - `closed`: the last event is queued; input is ignored.
 */
export type SessionStage = 'handshake' | 'connecting' | 'connected' | 'publishing' | 'playing' | 'closed';

/**
 * After each `receive`, take events until there are none, then write what `takeOutput` returns. Bad input never throws: it ends in a
 * `closed` event with a typed error. One publish at a time: a second one on the same connection is answered with BadName, and the first
 * continues. Other message streams can play at the same time.
 */
export class ServerSession {
  readonly #limits: RtmpLimits;
  readonly #transport: MessageTransport;
  /** Does not include `publishing` and `playing`, which follow from the publish and the plays. */
  readonly #stage = new StateMachine<Exclude<SessionStage, 'publishing' | 'playing'>>(
    'rtmp server session',
    'handshake',
    {
      handshake: ['connecting', 'closed'],
      connecting: ['connected', 'closed'],
      connected: ['closed'],
      closed: [],
    },
  );
  /** Events. The first `#taken` of them have been taken: one message can produce several events, and an accept thousands. */
  #events: SessionEvent[] = [];
  #taken = 0;
  readonly #connection: ConnectionCommands;
  /** Whether a connect is unanswered. It is answered with success unless the application rejects it before taking the next event. */
  #connectUnanswered = false;
  readonly #publish: PublishState;
  #streams: StreamCommands | undefined;

  constructor(options: Partial<ServerSessionOptions> = {}) {
    this.#limits = options.limits ?? DEFAULT_RTMP_LIMITS;
    const handshake = new ServerHandshake(options.randomBytes ?? secureRandomBytes);
    this.#transport = new MessageTransport(handshake, this.#limits, options.acknowledgements);
    this.#connection = new ConnectionCommands(this.#transport, {
      chunkSize: options.chunkSize ?? SERVER_CHUNK_SIZE,
      windowAcknowledgementSize: options.windowAcknowledgementSize ?? DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE,
    });
    this.#publish = new PublishState(this.#limits, this.#emit);
  }

  get stage(): SessionStage {
    const stage = this.#stage.state;
    if (stage !== 'connected' || this.#streams === undefined) return stage;
    if (this.#publish.stage === 'live') return 'publishing';
    return this.#streams.plays.isPlaying ? 'playing' : stage;
  }

  /** Bytes received on the whole connection, the handshake included. */
  get bytesReceived(): number {
    return this.#transport.receivedBytes;
  }

  /** Memory held for incomplete messages, in bytes. */
  get pendingBytes(): number {
    return this.#transport.pendingBytes;
  }

  /**
   * The buffer is borrowed until all events of its bytes are taken or `keepInput` is called. The caller must not write into it before that.
   */
  receive(bytes: Buffer): void {
    if (this.#stage.is('closed')) return;
    try {
      this.#transport.receive(bytes);
    } catch (thrown) {
      this.#fail(thrown);
    }
    if (this.#stage.is('handshake') && this.#transport.handshakeDone) this.#stage.to('connecting');
  }

  /** Copies all input that is not decoded yet, so that the caller may reuse its buffers. Copies nothing if all events were taken. */
  keepInput(): void {
    this.#transport.keepInput();
  }

  /** Decodes up to the next event only, so that a caller that stops taking events also stops the work. */
  nextEvent(): SessionEvent | undefined {
    this.#answerConnect();
    try {
      while (this.#taken === this.#events.length && !this.#stage.is('closed')) {
        const message = this.#transport.next();
        if (message === undefined) return undefined;
        this.#handle(message);
      }
    } catch (thrown) {
      this.#fail(thrown);
    }
    return this.#takeEvent();
  }

  /** Whether there is something to write now. */
  get hasOutput(): boolean {
    return this.#connectUnanswered || this.#transport.hasOutput;
  }

  /** Returns everything to write now in one buffer; media for players is copied into it. */
  takeOutput(): Buffer | undefined {
    this.#answerConnect();
    return this.#transport.takeOutput();
  }

  /** Like `takeOutput`, as a list for a vectored write. Bodies given to `sendMedia` are included as views, not copied. */
  takeOutputBuffers(): Buffer[] {
    this.#answerConnect();
    return this.#transport.takeOutputBuffers();
  }

  /** Answers a `publish-request` with NetStream.Publish.Start (RTMP 1.0 7.2.2.6). No effect once the session is closed. */
  accept(messageStreamId: number): void {
    if (!this.#stage.is('closed')) this.#streams?.accept(messageStreamId);
  }

  /**
   * Refuses or ends the publish or play of this message stream, and closes the session. Right after a `connected` event, `reject(0, …)`
   * refuses the connection itself, like `rejectConnect`.
   */
  reject(messageStreamId: number, reason: StatusReason): void {
    if (this.#stage.is('closed')) return;
    if (this.#connectUnanswered) this.#connection.refuse(reason);
    else this.#transport.send(streamError(messageStreamId, reason));
    this.#close(undefined);
  }

  /**
   * Refuses the connection and closes the session. Allowed only right after a `connected` event.
   * @throws {TypeError} at any other time.
   */
  rejectConnect(reason: StatusReason): void {
    if (this.#stage.is('closed')) return;
    if (!this.#connectUnanswered) throw new TypeError('the connection has been answered');
    this.reject(CONTROL_MESSAGE_STREAM, reason);
  }

  /**
   * Answers a `play-request` (RTMP 1.0 7.2.2.1): StreamBegin, NetStream.Play.Reset if the player asked for it, NetStream.Play.Start and
   * |RtmpSampleAccess. Media may follow at once.
   */
  acceptPlay(messageStreamId: number): void {
    if (!this.#stage.is('closed')) this.#streams?.plays.accept(messageStreamId);
  }

  /** Answers a `play-request` with an error. The connection stays open and may send another request; `reject` or `end` closes it. */
  rejectPlay(messageStreamId: number, reason: StatusReason): void {
    if (!this.#stage.is('closed')) this.#streams?.plays.reject(messageStreamId, reason);
  }

  /**
   * Sends one message to a player. The first messages should be metadata, sequence headers and a key frame.
   *
   * The body is not copied, so it must never change. Give the same body object with the same timestamp to every player of a stream: its
   * chunks are then made once for all of them, see `mediaChunks`.
   * @param timestamp taken modulo 2^32.
   * @param body body of an FLV tag, in one buffer or several; for `script`, AMF0 that starts with "onMetaData".
   * @returns whether the message was queued. It is not outside an accepted play, while paused, if the player has switched this kind of
   * media off, or if it is a frame that depends on a skipped one.
   */
  sendMedia(messageStreamId: number, kind: MediaKind, timestamp: Milliseconds, body: MediaBody): boolean {
    if (this.#stage.is('closed')) return false;
    return this.#streams?.plays.send(messageStreamId, kind, timestamp, body) ?? false;
  }

  /** Tells the player that the stream has ended: Stream EOF and NetStream.Play.UnpublishNotify. The connection stays open. */
  endPlay(messageStreamId: number): void {
    if (!this.#stage.is('closed')) this.#streams?.plays.finish(messageStreamId);
  }

  /**
   * Asks the client to reconnect, here or at another address (Enhanced RTMP v2, "Reconnect Request"). The client goes on sending until it
   * is ready.
   * @returns false, and sends nothing, if the client has not announced support.
   */
  requestReconnect(target: ReconnectTarget): boolean {
    if (!this.#stage.is('connected') || !this.#connection.canReconnect) return false;
    this.#answerConnect();
    this.#transport.send(reconnectRequest(target));
    return true;
  }

  /** Ends the session because the peer has hung up, or because the server wants to close it. Sends nothing to the peer. */
  end(): void {
    this.#close(undefined);
  }

  /** Sends a ping (7.1.7). @param timestamp any u32; the answer repeats it. The session does not wait for the answer. */
  ping(timestamp = 0): void {
    if (this.#stage.is('handshake', 'closed')) return;
    this.#transport.send({ type: 'user-control', event: { type: 'ping-request', timestamp: timestamp >>> 0 } });
  }

  readonly #emit = (event: SessionEvent): void => {
    this.#events.push(event);
  };

  #takeEvent(): SessionEvent | undefined {
    const event = this.#events[this.#taken];
    if (event === undefined) return undefined;
    this.#taken += 1;
    if (this.#taken === this.#events.length) {
      this.#events = [];
      this.#taken = 0;
    }
    return event;
  }

  #answerConnect(): void {
    if (!this.#connectUnanswered) return;
    this.#connectUnanswered = false;
    this.#connection.accept();
  }

  /** Whatever error the input of a peer causes, it closes only this session. */
  #fail(thrown: unknown): void {
    const error =
      thrown instanceof SluiceError
        ? thrown
        : rtmpError('rtmp.internal', `a message could not be handled: ${String(thrown)}`, { cause: thrown });
    this.#close(error);
  }

  #close(error: SluiceError | undefined): void {
    if (this.#stage.is('closed')) return;
    this.#connectUnanswered = false;
    this.#streams?.end();
    this.#stage.to('closed');
    this.#emit({ type: 'closed', ...(error !== undefined && { error }) });
  }

  #handle(message: SessionMessage): void {
    if (message.type === 'command') this.#command(message.messageStreamId, parseCommand(message));
    else this.#publish.media(message);
  }

  #command(messageStreamId: number, command: PeerCommand): void {
    if (command.type === 'connect') this.#connected(command);
    else if (command.type === 'other') acknowledge(this.#transport, command.transactionId);
    else if (command.type === 'stream-length') this.#transport.answer(streamLength(command.transactionId));
    else if (this.#streams !== undefined) this.#streams.handle(messageStreamId, command);
    else throw rtmpError('rtmp.connect', `got the command ${command.type}, expected connect first`);
  }

  #connected(command: ConnectCommand): void {
    const event = this.#connection.connect(command);
    this.#streams = new StreamCommands(command, this.#limits, this.#transport, this.#publish, this.#emit);
    this.#connectUnanswered = true;
    this.#stage.to('connected');
    this.#emit(event);
  }
}
