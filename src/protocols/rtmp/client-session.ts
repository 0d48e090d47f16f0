// The client side of RTMP as a sans-IO state machine: publishes or plays one stream. Push targets, pull sources, the built-in test pattern
// and the tests use it.

import { type AmfValue, amfObject, amfProperties } from '../amf/values.js';
import { assertNever, SluiceError } from '../errors.js';
import { StateMachine } from '../state-machine.js';
import type { Milliseconds } from '../units.js';
import type { ClientEvent, ClientSessionOptions } from './client-event.js';
import { type EnhancedCapabilities, parseEnhanced } from './commands.js';
import { ownCapabilities } from './enhanced-capabilities.js';
import { rtmpError } from './errors.js';
import { ClientHandshake } from './handshake.js';
import { secureRandomBytes } from './handshake-digest.js';
import { DEFAULT_RTMP_LIMITS } from './limits.js';
import type { MediaBody } from './media-chunks.js';
import { MessageTransport, type SessionMessage } from './message-transport.js';
import { CONTROL_MESSAGE_STREAM, OUTGOING_MEDIA } from './message-types.js';
import { dataMessageBody, scriptBody } from './metadata.js';

/** The chunk size that OBS announces, in bytes: large enough for few headers, small enough to interleave audio. */
const CLIENT_CHUNK_SIZE = 4096;
const DEFAULT_FLASH_VERSION = 'FMLE/3.0 (compatible; Sluice)';

/** How far a player may read ahead, as FFmpeg and Flash announce it. Servers of live streams ignore it, but some wait for the message. */
const PLAY_BUFFER_LENGTH: Milliseconds = 3_000;
/** 7.2.2.1: live if there is such a stream; -2 in the specification, but servers and players count milliseconds. */
const PLAY_START = -2_000;

const RECONNECT_REQUEST = 'NetConnection.Connect.ReconnectRequest';
/** Codes after which a played stream sends nothing more. */
const PLAY_ENDS: readonly string[] = [
  'NetStream.Play.UnpublishNotify',
  'NetStream.Play.Stop',
  'NetStream.Play.Complete',
];

/** Transaction ids of the requests, in order. */
const TRANSACTION = {
  connect: 1,
  releaseStream: 2,
  fcPublish: 3,
  createStream: 4,
  publish: 5,
  play: 5,
  fcUnpublish: 6,
  deleteStream: 7,
} as const;

/**
 * It is used like the server session: after each `receive`, take the events, then write the result of `takeOutput`. The first output is
 * available at once.
 */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #transport: MessageTransport;
  readonly #stage = new StateMachine<'handshake' | 'connecting' | 'connected' | 'active' | 'closed'>(
    'rtmp client session',
    'handshake',
    {
      handshake: ['connecting', 'closed'],
      connecting: ['connected', 'closed'],
      connected: ['active', 'closed'],
      active: ['closed'],
      closed: [],
    },
  );
  readonly #events: ClientEvent[] = [];
  /** Before the answer to createStream no message belongs to it. */
  #messageStreamId = -1;
  #capabilities: EnhancedCapabilities = {};

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    const handshake = new ClientHandshake(options.randomBytes ?? secureRandomBytes);
    this.#transport = new MessageTransport(handshake, DEFAULT_RTMP_LIMITS);
  }

  /** What the server announced in its answer to `connect`; empty before, and for a server without Enhanced RTMP. */
  get capabilities(): EnhancedCapabilities {
    return this.#capabilities;
  }

  /** Never throws because of what a server sends: the session ends in a `closed` event with an error. */
  receive(bytes: Buffer): void {
    if (this.#stage.is('closed')) return;
    this.#guard(() => {
      this.#transport.receive(bytes);
      if (this.#stage.is('handshake') && this.#transport.handshakeDone) this.#connect();
    });
  }

  nextEvent(): ClientEvent | undefined {
    while (this.#events.length === 0 && !this.#stage.is('closed')) {
      const more = this.#guard(() => {
        const message = this.#transport.next();
        if (message !== undefined) this.#handle(message);
        return message !== undefined;
      });
      if (more === false) return undefined;
    }
    return this.#events.shift();
  }

  takeOutput(): Buffer | undefined {
    return this.#transport.takeOutput();
  }

  /** Like `takeOutput`, as a list for a vectored write. Bodies given to `sendShared` are included as views, not copied. */
  takeOutputBuffers(): Buffer[] {
    return this.#transport.takeOutputBuffers();
  }

  /** Like {@link send}, for a body that other connections send too: it is not copied, so it must never change. */
  sendShared(kind: 'audio' | 'video', timestamp: Milliseconds, body: MediaBody): void {
    if (!this.#isPublishing) return;
    this.#transport.sendShared(OUTGOING_MEDIA[kind], this.#messageStreamId, timestamp >>> 0, body);
  }

  /**
   * Queues one message. Does nothing unless the session is publishing, because the server may end the publish at any moment.
   * @param timestamp taken modulo 2^32
   * @param body body of an FLV tag; for `script`, AMF0 that starts with "onMetaData"
   */
  send(kind: 'audio' | 'video' | 'script', timestamp: Milliseconds, body: Buffer): void {
    if (!this.#isPublishing) return;
    const head = { messageStreamId: this.#messageStreamId, timestamp: timestamp >>> 0 };
    switch (kind) {
      case 'audio':
      case 'video':
        this.#transport.send({ type: kind, ...head, body });
        return;
      case 'script':
        this.#transport.send({ type: 'data', ...head, body: dataMessageBody(body) });
        return;
      default:
        assertNever(kind);
    }
  }

  /** Ends the publish or play as encoders and players do, without waiting for an answer. */
  unpublish(): void {
    if (this.#stage.is('active')) {
      if (this.#isPublishing) this.#command('FCUnpublish', TRANSACTION.fcUnpublish, [null, this.#options.streamName]);
      this.#command('deleteStream', TRANSACTION.deleteStream, [null, this.#messageStreamId]);
    }
    this.#close(undefined);
  }

  get #isPublishing(): boolean {
    return this.#options.role !== 'play' && this.#stage.is('active');
  }

  #guard<T>(read: () => T): T | undefined {
    try {
      return read();
    } catch (thrown) {
      if (!(thrown instanceof SluiceError)) throw thrown;
      this.#close(thrown);
      return undefined;
    }
  }

  #close(error: SluiceError | undefined): void {
    if (this.#stage.is('closed')) return;
    this.#stage.to('closed');
    this.#events.push({ type: 'closed', ...(error !== undefined && { error }) });
  }

  #connect(): void {
    const {
      app,
      tcUrl,
      flashVer = DEFAULT_FLASH_VERSION,
      chunkSize = CLIENT_CHUNK_SIZE,
      role,
      enhanced,
    } = this.#options;
    this.#stage.to('connecting');
    this.#transport.send({ type: 'set-chunk-size', chunkSize });
    this.#command('connect', TRANSACTION.connect, [
      amfObject([
        ['app', app],
        ...(role === 'play' ? [] : [['type', 'nonprivate'] as [string, AmfValue]]),
        ['flashVer', flashVer],
        ['tcUrl', tcUrl],
        ...(enhanced === true ? ownCapabilities() : []),
      ]),
    ]);
  }

  #handle(message: SessionMessage): void {
    if (message.type !== 'command') {
      this.#media(message);
      return;
    }
    switch (message.name) {
      case '_result':
        this.#result(message.transactionId, message.values);
        return;
      case '_error':
        this.#failed(message.transactionId, message.values);
        return;
      case 'onStatus':
        this.#status(message.values);
        return;
      default:
      // Servers send messages that a publisher does not need: onBWDone, onFCPublish, pings in other forms.
    }
  }

  #result(transactionId: number, values: readonly AmfValue[]): void {
    if (transactionId === TRANSACTION.connect && this.#stage.is('connecting')) {
      this.#stage.to('connected');
      const { streamName, role } = this.#options;
      this.#capabilities = parseEnhanced(amfProperties(values[0]), amfProperties(values[1]));
      if (role !== 'play') {
        this.#command('releaseStream', TRANSACTION.releaseStream, [null, streamName]);
        this.#command('FCPublish', TRANSACTION.fcPublish, [null, streamName]);
      }
      this.#command('createStream', TRANSACTION.createStream, [null]);
    } else if (transactionId === TRANSACTION.createStream && this.#stage.is('connected')) {
      const id = values[1];
      if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > 0xffffffff) {
        throw rtmpError('rtmp.command', 'got no usable message stream id, expected 1 or more');
      }
      this.#messageStreamId = id;
      this.#request(id);
    }
  }

  #request(messageStreamId: number): void {
    const { role, streamName } = this.#options;
    if (role !== 'play') {
      this.#command('publish', TRANSACTION.publish, [null, streamName, 'live'], messageStreamId);
      return;
    }
    this.#command('play', TRANSACTION.play, [null, streamName, PLAY_START], messageStreamId);
    const event = { type: 'set-buffer-length', messageStreamId, bufferLength: PLAY_BUFFER_LENGTH } as const;
    this.#transport.send({ type: 'user-control', event });
  }

  /** Servers that do not know releaseStream and FCPublish answer with an error, which is harmless. */
  #failed(transactionId: number, values: readonly AmfValue[]): void {
    if (transactionId === TRANSACTION.releaseStream || transactionId === TRANSACTION.fcPublish) return;
    this.#rejected(values);
  }

  #status(values: readonly AmfValue[]): void {
    const information = amfProperties(values[1]);
    const code = information?.get('code');
    if (code === RECONNECT_REQUEST) {
      const tcUrl = information?.get('tcUrl');
      const description = String(information?.get('description') ?? '');
      this.#events.push({ type: 'reconnect', tcUrl: typeof tcUrl === 'string' ? tcUrl : undefined, description });
    } else if (information?.get('level') === 'error' || code === 'NetStream.Play.StreamNotFound') {
      this.#rejected(values);
    } else if (this.#options.role !== 'play') {
      if (code === 'NetStream.Publish.Start') this.#begin();
    } else if (code === 'NetStream.Play.Start') {
      this.#begin();
    } else if (typeof code === 'string' && PLAY_ENDS.includes(code) && this.#stage.is('active')) {
      this.#events.push({ type: 'ended' });
    }
  }

  #begin(): void {
    if (!this.#stage.is('connected')) return;
    this.#stage.to('active');
    this.#events.push(this.#options.role === 'play' ? { type: 'playing' } : { type: 'publishing' });
  }

  /** Some servers send media without announcing it with NetStream.Play.Start. */
  #media(message: Exclude<SessionMessage, { readonly type: 'command' }>): void {
    if (this.#options.role !== 'play' || message.messageStreamId !== this.#messageStreamId) return;
    const { timestamp } = message;
    const kind = message.type === 'data' ? 'script' : message.type;
    const body = message.type === 'data' ? scriptBody(message.body, DEFAULT_RTMP_LIMITS.amf) : message.body;
    if (body === undefined) return;
    this.#begin();
    if (this.#stage.is('active')) this.#events.push({ type: 'media', kind, timestamp, body });
  }

  #rejected(values: readonly AmfValue[]): void {
    const information = amfProperties(values[1]);
    const code = String(information?.get('code') ?? 'unknown');
    const description = String(information?.get('description') ?? '');
    this.#events.push({ type: 'rejected', code, description });
    this.#close(rtmpError('rtmp.rejected', `the server refused with ${code}: ${description}`));
  }

  #command(
    name: string,
    transactionId: number,
    values: readonly AmfValue[],
    messageStreamId: number = CONTROL_MESSAGE_STREAM,
  ): void {
    this.#transport.send({ type: 'command', name, transactionId, values, messageStreamId });
  }
}
