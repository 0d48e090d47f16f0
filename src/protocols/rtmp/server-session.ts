// The server's side of one RTMP connection as a pure machine: bytes in, events and bytes out; the caller owns socket and clock.

import { SluiceError } from '../errors.js';
import { StateMachine } from '../state-machine.js';
import type { AcknowledgementCounter } from './acknowledgement.js';
import { type ConnectCommand, type PeerCommand, type PublishCommand, parseCommand } from './commands.js';
import { rtmpError } from './errors.js';
import { EventQueue } from './event-queue.js';
import { ServerHandshake } from './handshake.js';
import { type RandomBytes, secureRandomBytes } from './handshake-digest.js';
import {
  DEFAULT_RTMP_LIMITS,
  DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE,
  type RtmpLimits,
  SERVER_CHUNK_SIZE,
} from './limits.js';
import { MessageStreams } from './message-streams.js';
import { MessageTransport, type SessionMessage } from './message-transport.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';
import type { CommandMessage, DataMessage, MediaMessage } from './messages.js';
import { metadataBody } from './metadata.js';
import { PublishState } from './publish-state.js';
import {
  connectFailure,
  connectSuccess,
  emptyResult,
  fcPublished,
  streamCreated,
  streamError,
  streamStatus,
} from './server-answers.js';
import type { MediaEvent, SessionEvent } from './session-event.js';
import type { StatusReason } from './status-codes.js';
import { canonicalApp, canonicalStream, type StreamAddress } from './stream-name.js';

export interface ServerSessionOptions {
  readonly limits: RtmpLimits;
  /** Size of the chunks that we send, and that FFmpeg then uses as well. Bytes. */
  readonly chunkSize: number;
  /** After how many bytes the peer shall acknowledge. */
  readonly windowAcknowledgementSize: number;
  readonly randomBytes: RandomBytes;
  /** Counter of received bytes, to begin elsewhere than at 0 in a test of its wrap. */
  readonly acknowledgements?: AcknowledgementCounter;
}

/**
 * - `handshake`: until C2 is complete.
 * - `connecting`: until a connect command.
 * - `connected`: no publish is live.
 * - `publishing`: one is.
 * - `closed`: the last event is queued; input is ignored.
 */
export type SessionStage = 'handshake' | 'connecting' | 'connected' | 'publishing' | 'closed';

type StreamCommand = Exclude<PeerCommand, { readonly type: 'connect' | 'other' }>;

/**
 * After each `receive` take events until there are none, then write what `takeOutput` has. Bad input never throws: it
 * ends in a `closed` event with a typed error. One publish at a time: a second one on the same connection is answered
 * with BadName and the first goes on.
 */
export class ServerSession {
  readonly #limits: RtmpLimits;
  readonly #chunkSize: number;
  readonly #windowSize: number;
  readonly #transport: MessageTransport;
  readonly #stage = new StateMachine<SessionStage>('rtmp server session', 'handshake', {
    handshake: ['connecting', 'closed'],
    connecting: ['connected', 'closed'],
    connected: ['publishing', 'closed'],
    publishing: ['connected', 'closed'],
    closed: [],
  });
  readonly #events = new EventQueue<SessionEvent>();
  /** Taken as `connected`, and answered with success unless the application objects first. */
  #unansweredConnect: ConnectCommand | undefined;
  #connect: ConnectCommand | undefined;
  readonly #messageStreams: MessageStreams;
  #publish: PublishState | undefined;

  constructor(options: Partial<ServerSessionOptions> = {}) {
    this.#limits = options.limits ?? DEFAULT_RTMP_LIMITS;
    this.#chunkSize = options.chunkSize ?? SERVER_CHUNK_SIZE;
    this.#windowSize = options.windowAcknowledgementSize ?? DEFAULT_WINDOW_ACKNOWLEDGEMENT_SIZE;
    const handshake = new ServerHandshake(options.randomBytes ?? secureRandomBytes);
    this.#messageStreams = new MessageStreams(this.#limits.maxMessageStreams);
    this.#transport = new MessageTransport(handshake, this.#limits, options.acknowledgements);
  }

  get stage(): SessionStage {
    return this.#stage.state;
  }

  /** Bytes of the whole connection, the handshake included. */
  get bytesReceived(): number {
    return this.#transport.receivedBytes;
  }

  /** Memory held for messages of which only a part has arrived. Bytes. */
  get pendingBytes(): number {
    return this.#transport.pendingBytes;
  }

  /** The buffer is borrowed until the events of its bytes are taken; a caller must not write into it. */
  receive(bytes: Buffer): void {
    if (this.#stage.is('closed')) return;
    this.#guard(() => this.#transport.receive(bytes));
    if (this.#stage.is('handshake') && this.#transport.handshakeDone) this.#stage.to('connecting');
  }

  /** Decodes as far as the next event, so a caller that stops taking events stops the work. */
  nextEvent(): SessionEvent | undefined {
    this.#answerConnect();
    while (this.#events.isEmpty && !this.#stage.is('closed')) {
      const more = this.#guard(() => {
        const message = this.#transport.next();
        if (message !== undefined) this.#handle(message);
        return message !== undefined;
      });
      if (more === false) return undefined;
    }
    return this.#events.take();
  }

  takeOutput(): Buffer | undefined {
    this.#answerConnect();
    return this.#transport.takeOutput();
  }

  /** Answers a `publish-request` with NetStream.Publish.Start (RTMP 1.0 7.2.2.6). Without effect once the session is closed. */
  accept(messageStreamId: number): void {
    const publish = this.#publish;
    if (this.#stage.is('closed') || publish?.messageStreamId !== messageStreamId) return;
    if (publish.stage === 'withdrawn') {
      // The peer has changed its mind meanwhile: this publish was accepted, and it is over.
      this.#publish = undefined;
      this.#events.push({ type: 'unpublish', messageStreamId });
      return;
    }
    if (publish.stage !== 'requested') return;
    this.#stage.to('publishing');
    this.#transport.send({ type: 'user-control', event: { type: 'stream-begin', messageStreamId } });
    this.#transport.send(streamStatus(messageStreamId, 'NetStream.Publish.Start', 'Publishing has started.'));
    for (const event of publish.accept()) this.#events.push(event);
  }

  /**
   * Refuses, or ends, what goes on with this message stream and closes the session. Right after a `connected` event,
   * `reject(0, …)` refuses the connection itself.
   */
  reject(messageStreamId: number, reason: StatusReason): void {
    if (this.#stage.is('closed')) return;
    if (this.#unansweredConnect !== undefined) {
      this.#transport.send(connectFailure(this.#unansweredConnect.transactionId, reason));
      this.#unansweredConnect = undefined;
    } else {
      this.#transport.send(streamError(messageStreamId, reason));
    }
    this.#close(undefined);
  }

  /** Ends the session because the peer has hung up, or because the server wants it gone. Nothing is said to the peer. */
  end(): void {
    this.#close(undefined);
  }

  /** Asks the peer for a sign of life (7.1.7). @param timestamp any u32; the answer repeats it, and is not waited for. */
  ping(timestamp = 0): void {
    if (this.#stage.is('handshake', 'closed')) return;
    this.#transport.send({ type: 'user-control', event: { type: 'ping-request', timestamp: timestamp >>> 0 } });
  }

  /** Runs what reads from the peer; whatever it throws closes this session and no more. */
  #guard<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      const error =
        thrown instanceof SluiceError
          ? thrown
          : rtmpError('rtmp.internal', `a message could not be handled: ${String(thrown)}`, { cause: thrown });
      this.#close(error);
      return undefined;
    }
  }

  #close(error: SluiceError | undefined): void {
    if (this.#stage.is('closed')) return;
    this.#unansweredConnect = undefined;
    this.#endPublish();
    this.#stage.to('closed');
    this.#events.push({ type: 'closed', ...(error !== undefined && { error }) });
  }

  #handle(message: SessionMessage): void {
    switch (message.type) {
      case 'command':
        this.#command(message, parseCommand(message));
        return;
      case 'data':
        this.#data(message);
        return;
      default:
        this.#media(message, message.type, message.body);
    }
  }

  #data(message: DataMessage): void {
    const body = metadataBody(message.body);
    if (body !== undefined) this.#media(message, 'script', body);
  }

  #media(message: MediaMessage | DataMessage, kind: MediaEvent['kind'], body: Buffer): void {
    const publish = this.#publish;
    if (publish === undefined || !this.#concerns(publish, message.messageStreamId)) return;
    const { messageStreamId } = publish;
    const event = publish.media({ type: 'media', messageStreamId, kind, timestamp: message.timestamp, body });
    if (event !== undefined) this.#events.push(event);
  }

  /** Some cameras publish on the stream they created and send everything else on stream 0. */
  #concerns(publish: PublishState, messageStreamId: number): boolean {
    return messageStreamId === publish.messageStreamId || messageStreamId === CONTROL_MESSAGE_STREAM;
  }

  #command(message: CommandMessage, command: PeerCommand): void {
    switch (command.type) {
      case 'connect':
        this.#connected(command);
        return;
      case 'other':
        this.#acknowledge(command.transactionId);
        return;
      default:
        this.#streamCommand(message.messageStreamId, command);
    }
  }

  /** The commands that make sense on a connection only. */
  #streamCommand(messageStreamId: number, command: StreamCommand): void {
    const connect = this.#connect;
    if (connect === undefined) {
      throw rtmpError('rtmp.connect', `got the command ${command.type}, expected connect first`);
    }
    switch (command.type) {
      case 'release-stream':
        this.#acknowledge(command.transactionId);
        return;
      case 'fc-publish':
        this.#acknowledge(command.transactionId);
        this.#transport.answer(fcPublished());
        return;
      case 'create-stream':
        this.#transport.send(streamCreated(command.transactionId, this.#messageStreams.create()));
        return;
      case 'publish':
        this.#publishCommand(this.#messageStreams.resolve(messageStreamId), command, connect);
        return;
      case 'play':
        this.#play(this.#messageStreams.resolve(messageStreamId), command.name, connect);
        return;
      case 'fc-unpublish':
        this.#endPublish();
        return;
      case 'close-stream':
        this.#endPublishOn(messageStreamId);
        return;
      case 'delete-stream': {
        const target = command.target ?? messageStreamId;
        this.#messageStreams.delete(target);
        this.#endPublishOn(target);
        return;
      }
    }
  }

  /** Who asks with a transaction id waits for an answer, even to what we have never heard of. */
  #acknowledge(transactionId: number): void {
    if (transactionId !== 0) this.#transport.answer(emptyResult(transactionId));
  }

  #connected(command: ConnectCommand): void {
    const { transactionId, app, tcUrl, flashVer, enhanced } = command;
    if (this.#connect !== undefined) {
      this.#refuseConnect(transactionId, rtmpError('rtmp.connect', 'got a second connect, expected one'));
    } else if (app === undefined) {
      this.#refuseConnect(transactionId, rtmpError('rtmp.connect', 'got a connect without app, expected app'));
    } else {
      let canonical: string;
      try {
        canonical = canonicalApp(app);
      } catch (error) {
        if (!(error instanceof SluiceError)) throw error;
        this.#refuseConnect(transactionId, error);
        return;
      }
      this.#connect = command;
      this.#unansweredConnect = command;
      this.#stage.to('connected');
      this.#events.push({
        type: 'connected',
        app: canonical,
        ...(tcUrl !== undefined && { tcUrl }),
        ...(flashVer !== undefined && { flashVer }),
        enhanced,
      });
    }
  }

  #refuseConnect(transactionId: number, error: SluiceError): void {
    const code = error.code === 'rtmp.app-name' ? 'NetConnection.Connect.InvalidApp' : 'NetConnection.Connect.Rejected';
    this.#transport.send(connectFailure(transactionId, { code, description: error.message }));
    this.#close(error);
  }

  /** The order that hardware encoders need, with the chunk size before the first message longer than the default one. */
  #answerConnect(): void {
    const connect = this.#unansweredConnect;
    if (connect === undefined) return;
    this.#unansweredConnect = undefined;
    this.#transport.send({ type: 'window-acknowledgement-size', windowSize: this.#windowSize });
    this.#transport.send({ type: 'set-peer-bandwidth', windowSize: this.#windowSize, limitType: 'dynamic' });
    this.#transport.send({ type: 'set-chunk-size', chunkSize: this.#chunkSize });
    this.#transport.send(connectSuccess(connect));
  }

  #publishCommand(messageStreamId: number, command: PublishCommand, connect: ConnectCommand): void {
    const current = this.#publish;
    if (current !== undefined) {
      if (command.name === '' && this.#concerns(current, messageStreamId)) this.#unpublishCommand(current);
      else this.#refuseSecondPublish(messageStreamId);
      return;
    }
    const address = this.#address(messageStreamId, command.name, connect, 'NetStream.Publish.BadName');
    if (address === undefined) return;
    this.#publish = new PublishState(messageStreamId, this.#limits.maxEarlyMediaBytes);
    this.#events.push({ type: 'publish-request', messageStreamId, ...address, publishType: command.publishType });
  }

  /** `publish(false)`: the connection stays, so here the encoder does wait for an answer (7.2.2.6). */
  #unpublishCommand({ messageStreamId }: PublishState): void {
    this.#endPublish();
    this.#transport.answer(streamStatus(messageStreamId, 'NetStream.Unpublish.Success', 'Publishing has ended.'));
  }

  #refuseSecondPublish(messageStreamId: number): void {
    const description = 'This connection publishes already; open another one for another stream.';
    this.#transport.answer(streamError(messageStreamId, { code: 'NetStream.Publish.BadName', description }));
  }

  #play(messageStreamId: number, name: string, connect: ConnectCommand): void {
    if (this.#publish !== undefined) {
      const description = 'This connection publishes; open another one to play.';
      this.#transport.answer(streamError(messageStreamId, { code: 'NetStream.Play.Failed', description }));
      return;
    }
    const address = this.#address(messageStreamId, name, connect, 'NetStream.Play.StreamNotFound');
    if (address !== undefined) this.#events.push({ type: 'play-request', messageStreamId, ...address });
  }

  /** The canonical address; if there is none the peer is told so and the session closed. */
  #address(
    messageStreamId: number,
    name: string,
    connect: ConnectCommand,
    code: StatusReason['code'],
  ): StreamAddress | undefined {
    const { app = '', tcUrl = '' } = connect;
    try {
      return canonicalStream({ app, tcUrl, name });
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      this.#transport.send(streamError(messageStreamId, { code, description: error.message }));
      this.#close(error);
      return undefined;
    }
  }

  #endPublishOn(messageStreamId: number): void {
    if (this.#publish !== undefined && this.#concerns(this.#publish, messageStreamId)) this.#endPublish();
  }

  #endPublish(): void {
    const publish = this.#publish;
    if (publish === undefined) return;
    if (publish.stage === 'live') {
      publish.end();
      this.#publish = undefined;
      this.#stage.to('connected');
      this.#events.push({ type: 'unpublish', messageStreamId: publish.messageStreamId });
    } else if (publish.stage === 'requested') {
      publish.withdraw();
    }
  }
}
