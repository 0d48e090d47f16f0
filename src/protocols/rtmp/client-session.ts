// The publishing client side of RTMP as a sans-IO state machine. The built-in test pattern and the tests use it. It publishes one stream.

import { type AmfValue, amfObject, amfProperties } from '../amf/values.js';
import { assertNever, SluiceError } from '../errors.js';
import { StateMachine } from '../state-machine.js';
import type { Milliseconds } from '../units.js';
import { rtmpError } from './errors.js';
import { ClientHandshake } from './handshake.js';
import { type RandomBytes, secureRandomBytes } from './handshake-digest.js';
import { DEFAULT_RTMP_LIMITS } from './limits.js';
import { MessageTransport, type SessionMessage } from './message-transport.js';
import { CONTROL_MESSAGE_STREAM } from './message-types.js';
import { dataMessageBody } from './metadata.js';

/** The chunk size that OBS announces, in bytes: large enough for few headers, small enough to interleave audio. */
const CLIENT_CHUNK_SIZE = 4096;
const DEFAULT_FLASH_VERSION = 'FMLE/3.0 (compatible; Sluice)';

/** Transaction ids of a publisher's requests, in order. */
const TRANSACTION = {
  connect: 1,
  releaseStream: 2,
  fcPublish: 3,
  createStream: 4,
  publish: 5,
  fcUnpublish: 6,
  deleteStream: 7,
} as const;

export interface ClientSessionOptions {
  readonly app: string;
  readonly tcUrl: string;
  /** The stream key: a name, followed by `?key=…` if the server asks for one. */
  readonly streamName: string;
  readonly flashVer?: string;
  /** Bytes. */
  readonly chunkSize?: number;
  readonly randomBytes?: RandomBytes;
}

export type ClientEvent =
  | { readonly type: 'publishing' }
  /** The status code and description sent by the server; `closed` follows. */
  | { readonly type: 'rejected'; readonly code: string; readonly description: string }
  | { readonly type: 'closed'; readonly error?: SluiceError };

/**
 * It is used like the server session: after each `receive`, take the events, then write the result of `takeOutput`. The first output is
 * available at once.
 */
export class ClientSession {
  readonly #options: ClientSessionOptions;
  readonly #transport: MessageTransport;
  readonly #stage = new StateMachine<'handshake' | 'connecting' | 'connected' | 'publishing' | 'closed'>(
    'rtmp client session',
    'handshake',
    {
      handshake: ['connecting', 'closed'],
      connecting: ['connected', 'closed'],
      connected: ['publishing', 'closed'],
      publishing: ['closed'],
      closed: [],
    },
  );
  readonly #events: ClientEvent[] = [];
  #messageStreamId = 0;

  constructor(options: ClientSessionOptions) {
    this.#options = options;
    const handshake = new ClientHandshake(options.randomBytes ?? secureRandomBytes);
    this.#transport = new MessageTransport(handshake, DEFAULT_RTMP_LIMITS);
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

  /**
   * Queues one message. Does nothing unless the session is publishing, because the server may end the publish at any moment.
   * @param timestamp taken modulo 2^32
   * @param body body of an FLV tag; for `script`, AMF0 that starts with "onMetaData"
   */
  send(kind: 'audio' | 'video' | 'script', timestamp: Milliseconds, body: Buffer): void {
    if (!this.#stage.is('publishing')) return;
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

  /** Ends the publish as encoders do, without waiting for an answer. */
  unpublish(): void {
    if (this.#stage.is('publishing')) {
      this.#command('FCUnpublish', TRANSACTION.fcUnpublish, [null, this.#options.streamName]);
      this.#command('deleteStream', TRANSACTION.deleteStream, [null, this.#messageStreamId]);
    }
    this.#close(undefined);
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
    const { app, tcUrl, flashVer = DEFAULT_FLASH_VERSION, chunkSize = CLIENT_CHUNK_SIZE } = this.#options;
    this.#stage.to('connecting');
    this.#transport.send({ type: 'set-chunk-size', chunkSize });
    this.#command('connect', TRANSACTION.connect, [
      amfObject([
        ['app', app],
        ['type', 'nonprivate'],
        ['flashVer', flashVer],
        ['tcUrl', tcUrl],
      ]),
    ]);
  }

  #handle(message: SessionMessage): void {
    if (message.type !== 'command') return;
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
      const { streamName } = this.#options;
      this.#command('releaseStream', TRANSACTION.releaseStream, [null, streamName]);
      this.#command('FCPublish', TRANSACTION.fcPublish, [null, streamName]);
      this.#command('createStream', TRANSACTION.createStream, [null]);
    } else if (transactionId === TRANSACTION.createStream && this.#stage.is('connected')) {
      const id = values[1];
      if (typeof id !== 'number' || !Number.isInteger(id) || id < 1 || id > 0xffffffff) {
        throw rtmpError('rtmp.command', `got message stream id ${String(id)}, expected 1 or more`);
      }
      this.#messageStreamId = id;
      this.#command('publish', TRANSACTION.publish, [null, this.#options.streamName, 'live'], id);
    }
  }

  /** Servers that do not know releaseStream and FCPublish answer with an error, which is harmless. */
  #failed(transactionId: number, values: readonly AmfValue[]): void {
    if (transactionId === TRANSACTION.releaseStream || transactionId === TRANSACTION.fcPublish) return;
    this.#rejected(values);
  }

  #status(values: readonly AmfValue[]): void {
    const information = amfProperties(values[1]);
    if (information?.get('level') === 'error') this.#rejected(values);
    else if (information?.get('code') === 'NetStream.Publish.Start' && this.#stage.is('connected')) {
      this.#stage.to('publishing');
      this.#events.push({ type: 'publishing' });
    }
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
