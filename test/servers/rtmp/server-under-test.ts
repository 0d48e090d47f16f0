// A real RTMP server on a port from the kernel, targets that record what they get, and encoders with real sockets.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { onTestFinished } from 'vitest';
import type { PlayRequest, PublishAccess, PublishRequest } from '../../../src/contracts/access.js';
import { decodeAmf0 } from '../../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { type AmfValue, amfObject, amfProperties } from '../../../src/protocols/amf/values.js';
import type { SluiceError } from '../../../src/protocols/errors.js';
import { ChunkDecoder } from '../../../src/protocols/rtmp/chunk-decoder.js';
import type { ClientEvent } from '../../../src/protocols/rtmp/client-event.js';
import { ClientSession } from '../../../src/protocols/rtmp/client-session.js';
import { DEFAULT_RTMP_LIMITS } from '../../../src/protocols/rtmp/limits.js';
import type { RawMessage } from '../../../src/protocols/rtmp/messages.js';
import { RtmpServer, type RtmpServerDependencies } from '../../../src/servers/rtmp/listener.js';
import type { RtmpServerOptions } from '../../../src/servers/rtmp/options.js';
import type { PlayItem, PlayListener, PlaySource } from '../../../src/servers/rtmp/playing.js';
import type { PublishKind, PublishTarget } from '../../../src/servers/rtmp/publishing.js';
import { WireWriter } from '../../protocols/rtmp/wire-writer.js';

export class RecordingTarget implements PublishTarget {
  readonly request: PublishRequest;
  readonly messages: { kind: PublishKind; timestamp: number; body: Buffer }[] = [];
  readonly ends: (SluiceError | undefined)[] = [];
  /** Resolves at the first end. */
  readonly ended: Promise<SluiceError | undefined>;
  /** Called before each message is recorded. */
  onMessage: (() => void) | undefined;
  kick: (reason: SluiceError) => void = () => undefined;
  #resolveEnd: (reason: SluiceError | undefined) => void = () => undefined;
  readonly #waiting: { count: number; resolve: () => void }[] = [];

  constructor(request: PublishRequest) {
    this.request = request;
    this.ended = new Promise((resolve) => {
      this.#resolveEnd = resolve;
    });
  }

  publish(kind: PublishKind, timestamp: number, body: Buffer): void {
    this.onMessage?.();
    this.messages.push({ kind, timestamp, body });
    for (const { count, resolve } of this.#waiting) if (this.messages.length >= count) resolve();
  }

  end(reason?: SluiceError): void {
    this.ends.push(reason);
    this.#resolveEnd(reason);
  }

  onKick(listener: (reason: SluiceError) => void): void {
    this.kick = listener;
  }

  /** Resolves when this many messages have arrived in total. */
  async received(count: number): Promise<void> {
    if (this.messages.length >= count) return;
    await new Promise<void>((resolve) => this.#waiting.push({ count, resolve }));
  }
}

export interface LogLine {
  readonly level: string;
  readonly message: string;
  readonly [field: string]: unknown;
}

export interface ServerUnderTest {
  readonly server: RtmpServer;
  readonly port: number;
  /** The RTMPS port, if there is a certificate. */
  readonly tlsPort: number;
  readonly logs: LogLine[];
  readonly targets: RecordingTarget[];
  /** The target of the nth claim, once it has been made. */
  target(index?: number): Promise<RecordingTarget>;
}

export interface ServerSetup
  extends Partial<RtmpServerOptions>,
    Pick<Partial<RtmpServerDependencies>, 'certificate' | 'observer' | 'play'> {
  readonly connect?: PublishAccess['connect'];
  readonly check?: PublishAccess['check'];
  readonly claim?: (request: PublishRequest, target: RecordingTarget) => PublishTarget;
}

export async function startServer(setup: ServerSetup = {}): Promise<ServerUnderTest> {
  const { check, connect, claim, certificate, observer, play, ...options } = setup;
  const logs: LogLine[] = [];
  const targets: RecordingTarget[] = [];
  const waiting = new Set<() => void>();
  const log = (level: string) => (fields: object, message: string) => void logs.push({ level, message, ...fields });
  const server = new RtmpServer(
    { host: '127.0.0.1', port: 0, tlsPort: 0, closeGrace: 200, ...options },
    {
      access: { check: check ?? (async () => ({ allowed: true })), ...(connect && { connect }) },
      ...(certificate && { certificate }),
      ...(observer && { observer }),
      ...(play && { play }),
      admission: {
        claim: (request) => {
          const target = new RecordingTarget(request);
          const claimed = claim?.(request, target) ?? target;
          targets.push(target);
          for (const resolve of waiting) resolve();
          return claimed;
        },
      },
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
    },
  );
  const { port, tls } = await server.start();
  onTestFinished(() => server.close());
  return {
    server,
    port,
    tlsPort: tls?.port ?? 0,
    logs,
    targets,
    async target(index = 0) {
      for (;;) {
        const target = targets[index];
        if (target !== undefined) return target;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    },
  };
}

/** An encoder: a socket with a client session, which answers pings and similar messages as long as `socket` is read. */
export class Encoder {
  readonly socket: Socket;
  readonly session: ClientSession;
  readonly closed: Promise<unknown>;
  readonly events: ClientEvent[] = [];
  #wake: () => void = () => undefined;

  /** @param options `from`: its own address on the loopback. `preamble`: bytes before its own, as a proxy sends them */
  constructor(
    port: number,
    streamName: string,
    { app = 'live', flashVer = 'test', tls = false, from = '127.0.0.1', preamble = '' } = {},
  ) {
    this.session = new ClientSession({ app, tcUrl: `rtmp://127.0.0.1:${port}/${app}`, streamName, flashVer });
    this.socket = tls
      ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
      : connect({ port, host: '127.0.0.1', noDelay: true, localAddress: from });
    this.closed = once(this.socket, 'close');
    this.socket.on('error', () => this.#wake());
    this.socket.on(tls ? 'secureConnect' : 'connect', () => {
      if (preamble !== '') this.socket.write(preamble, 'latin1');
      this.flush();
    });
    this.socket.on('data', (bytes) => {
      this.session.receive(bytes);
      for (let event = this.session.nextEvent(); event !== undefined; event = this.session.nextEvent()) {
        this.events.push(event);
      }
      this.flush();
      this.#wake();
    });
    onTestFinished(() => void this.socket.destroy());
  }

  /** The first event of one of these types; wait for one at a time. @throws when the connection closes without one. */
  async event<T extends ClientEvent['type']>(...types: readonly T[]): Promise<Extract<ClientEvent, { type: T }>> {
    const gone = this.closed.then(() => true);
    for (;;) {
      const found = this.events.find((event) => types.some((type) => event.type === type));
      if (found !== undefined) return found as Extract<ClientEvent, { type: T }>;
      const woken = new Promise<false>((resolve) => {
        this.#wake = () => resolve(false);
      });
      if (await Promise.race([woken, gone])) throw new Error(`closed after ${JSON.stringify(this.events)}`);
    }
  }

  send(kind: PublishKind, timestamp: number, body: Buffer): void {
    this.session.send(kind, timestamp, body);
    this.flush();
  }

  flush(): void {
    const output = this.session.takeOutput();
    if (output !== undefined && !this.socket.destroyed) this.socket.write(output);
  }
}

/** A peer that sends raw bytes. */
export async function rawPeer(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** C0, a C1 without digest, and C2: a whole handshake, which does not depend on the server's answer. */
export const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536), Buffer.alloc(1536, 1)]);

/** An FLV audio body: AAC raw frame of that many bytes. */
export function audioBody(bytes = 10): Buffer {
  return Buffer.concat([Buffer.from([0xaf, 0x01]), Buffer.alloc(bytes, 0x21)]);
}

/** A player or other peer that sends commands by hand and reads all answers. */
export class CommandPeer {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  /** Everything after the handshake. */
  readonly messages: RawMessage[] = [];
  readonly #writer = new WireWriter();
  readonly #decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
  #skip = 1 + 1536 + 1536;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    // Not once(): that would fail on the reset of a refused connection.
    this.closed = new Promise<void>((resolve) => {
      socket.on('close', () => {
        resolve();
        this.#wake();
      });
    });
    socket.on('data', (bytes) => {
      const handshake = Math.min(this.#skip, bytes.length);
      this.#skip -= handshake;
      this.#decoder.push(bytes.subarray(handshake));
      for (let message = this.#decoder.next(); message !== undefined; message = this.#decoder.next()) {
        this.messages.push(message);
      }
      this.#wake();
    });
  }

  /** Performs the handshake and sends connect. */
  static async open(port: number, properties: readonly (readonly [string, AmfValue])[] = []): Promise<CommandPeer> {
    const peer = new CommandPeer(await rawPeer(port));
    peer.socket.write(HANDSHAKE);
    peer.command('connect', 1, [amfObject([['app', 'live'], ...properties])]);
    return peer;
  }

  command(name: string, transactionId: number, values: AmfValue[] = [null], messageStreamId = 0): void {
    const body = encodeAmf0([name, transactionId, ...values]);
    this.send(20, body, { messageStreamId });
  }

  send(type: number, body: Buffer, { timestamp = 0, messageStreamId = 1 } = {}): void {
    const bytes = this.#writer.message({ chunkStreamId: type === 20 ? 3 : 6, timestamp, type, messageStreamId, body });
    if (!this.socket.destroyed) this.socket.write(bytes);
  }

  /** createStream and publish. */
  publish(name: string, messageStreamId = 1): void {
    this.command('createStream', 2);
    this.command('publish', 3, [null, name, 'live'], messageStreamId);
  }

  /** createStream and play. */
  play(name: string): void {
    this.command('createStream', 2);
    this.command('play', 0, [null, name, -1000], 1);
  }

  /** Codes of `onStatus` and `_error`, in order. */
  get codes(): unknown[] {
    return this.#information.map((information) => information?.get('code'));
  }

  get descriptions(): unknown[] {
    return this.#information.map((information) => information?.get('description'));
  }

  /** Audio, video and metadata. */
  get media(): RawMessage[] {
    return this.messages.filter(
      ({ type, body }) => type === 8 || type === 9 || (type === 18 && decodeAmf0(body)[0] === 'onMetaData'),
    );
  }

  /** Resolves when the condition holds. @throws when the connection closes first. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.socket.destroyed) throw new Error(`closed after ${JSON.stringify(this.codes)}`);
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async untilCode(code: string): Promise<void> {
    await this.until(() => this.codes.includes(code));
  }

  get #information(): (ReadonlyMap<string, AmfValue> | undefined)[] {
    return this.messages
      .filter(({ type }) => type === 20)
      .map(({ body }) => decodeAmf0(body))
      .filter(([name]) => name === 'onStatus' || name === '_error')
      .map((values) => amfProperties(values[3]));
  }
}

/** A live stream for players, written by the test. */
export class StreamForPlayers {
  readonly listeners = new Set<PlayListener>();
  readonly requests: PlayRequest[] = [];
  /** The messages with which a new player starts. */
  start: PlayItem[] = [];
  live = true;
  closed = 0;
  readonly #queues = new Map<PlayListener, PlayItem[]>();
  #ended = false;

  readonly open = (request: PlayRequest, listener: PlayListener): PlaySource | undefined => {
    this.requests.push(request);
    if (!this.live) return undefined;
    const queue = [...this.start];
    this.listeners.add(listener);
    this.#queues.set(listener, queue);
    if (queue.length > 0) queueMicrotask(() => listener.onReadable());
    const self = this;
    return {
      take: () => queue.shift(),
      get ended() {
        return self.#ended;
      },
      droppedTags: 3,
      close: () => {
        if (this.listeners.delete(listener)) this.closed++;
      },
    };
  };

  push(...items: PlayItem[]): void {
    for (const listener of this.listeners) {
      const queue = this.#queues.get(listener) ?? [];
      const wasEmpty = queue.length === 0;
      queue.push(...items);
      if (wasEmpty) listener.onReadable();
    }
  }

  /** Number of messages that wait for all players together. */
  get waiting(): number {
    return [...this.#queues.values()].reduce((sum, queue) => sum + queue.length, 0);
  }

  end(): void {
    this.#ended = true;
    this.live = false;
    for (const listener of this.listeners) listener.onEnd();
  }
}
