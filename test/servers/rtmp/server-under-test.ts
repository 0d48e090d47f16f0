// A real RTMP server on a port from the kernel, targets that write down what they get, and encoders that are real sockets.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';
import type { SluiceError } from '../../../src/protocols/errors.js';
import { type ClientEvent, ClientSession } from '../../../src/protocols/rtmp/client-session.js';
import { RtmpServer } from '../../../src/servers/rtmp/listener.js';
import type { RtmpServerOptions } from '../../../src/servers/rtmp/options.js';
import type {
  PublishAccess,
  PublishKind,
  PublishRequest,
  PublishTarget,
} from '../../../src/servers/rtmp/publishing.js';

export class RecordingTarget implements PublishTarget {
  readonly request: PublishRequest;
  readonly messages: { kind: PublishKind; timestamp: number; body: Buffer }[] = [];
  readonly ends: (SluiceError | undefined)[] = [];
  /** Resolves at the first end. */
  readonly ended: Promise<SluiceError | undefined>;
  /** Called before each message is written down. */
  onMessage: (() => void) | undefined;
  kick: (reason: SluiceError) => void = () => undefined;
  flow: (flow: 'pause' | 'resume') => void = () => undefined;
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

  onFlow(listener: (flow: 'pause' | 'resume') => void): void {
    this.flow = listener;
  }

  /** Resolves when that many messages have arrived in all. */
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
  readonly logs: LogLine[];
  readonly targets: RecordingTarget[];
  /** The target of the nth claim, when it has been made. */
  target(index?: number): Promise<RecordingTarget>;
}

export interface ServerSetup extends Partial<RtmpServerOptions> {
  readonly check?: PublishAccess['check'];
  readonly claim?: (request: PublishRequest, target: RecordingTarget) => PublishTarget;
}

export async function startServer({ check, claim, ...options }: ServerSetup = {}): Promise<ServerUnderTest> {
  const logs: LogLine[] = [];
  const targets: RecordingTarget[] = [];
  const waiting = new Set<() => void>();
  const log = (level: string) => (fields: object, message: string) => void logs.push({ level, message, ...fields });
  const server = new RtmpServer(
    { host: '127.0.0.1', port: 0, closeGrace: 200, ...options },
    {
      access: { check: check ?? (async () => ({ allowed: true })) },
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
  const { port } = await server.start();
  onTestFinished(() => server.close());
  return {
    server,
    port,
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

/** An encoder: a socket with a client session, which answers pings and so on as long as `socket` is read. */
export class Encoder {
  readonly socket: Socket;
  readonly session: ClientSession;
  readonly closed: Promise<unknown>;
  readonly events: ClientEvent[] = [];
  #wake: () => void = () => undefined;

  constructor(port: number, streamName: string, { app = 'live', flashVer = 'test' } = {}) {
    this.session = new ClientSession({ app, tcUrl: `rtmp://127.0.0.1:${port}/${app}`, streamName, flashVer });
    this.socket = connect({ port, host: '127.0.0.1', noDelay: true });
    this.closed = once(this.socket, 'close');
    this.socket.on('error', () => this.#wake());
    this.socket.on('connect', () => this.flush());
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

  /** The first event of this type. @throws when the connection closes without one. */
  async event<T extends ClientEvent['type']>(type: T): Promise<Extract<ClientEvent, { type: T }>> {
    const gone = this.closed.then(() => true);
    for (;;) {
      const found = this.events.find((event) => event.type === type);
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

/** A peer of raw bytes. */
export async function rawPeer(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true });
  socket.on('error', () => undefined);
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  return socket;
}

/** C0, a C1 without digest, and then C2: everything a handshake needs, whatever the server says. */
export const HANDSHAKE = Buffer.concat([Buffer.from([3]), Buffer.alloc(1536), Buffer.alloc(1536, 1)]);

/** An FLV audio body: AAC raw frame of that many bytes. */
export function audioBody(bytes = 10): Buffer {
  return Buffer.concat([Buffer.from([0xaf, 0x01]), Buffer.alloc(bytes, 0x21)]);
}
