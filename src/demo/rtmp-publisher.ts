// A publisher over real RTMP inside this process. Unlike FFmpeg with a URL, it does not show the stream key in the process list.

import { connect, type Socket } from 'node:net';
import type { SluiceError } from '../protocols/errors.js';
import { ClientSession } from '../protocols/rtmp/client-session.js';
import { systemReason } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';
import { demoError } from './errors.js';

export interface RtmpPublisherTarget {
  /** IP address or host name of the server. */
  readonly host: string;
  readonly port: number;
  readonly app: string;
  /** Stream key as an encoder sends it: `NAME?key=SECRET`. */
  readonly streamName: string;
}

/** If more bytes are queued in the socket, {@link RtmpPublisher.send} asks the caller to wait. */
const HIGH_WATER = 1024 * 1024;
const CONNECT_TIMEOUT: Milliseconds = 15_000;
const CLOSE_GRACE: Milliseconds = 1_000;
/** Not a name of an encoder: encoders are asked for a user if users are configured, but this publisher uses the key. */
const FLASH_VERSION = 'Sluice demo';

export class RtmpPublisher {
  readonly #socket: Socket;
  readonly #session: ClientSession;
  readonly #closed: Promise<void>;
  #failure: SluiceError | undefined;
  #publishing: (() => void) | undefined;

  constructor(target: RtmpPublisherTarget) {
    const { host, port, app, streamName } = target;
    const urlHost = host.includes(':') ? `[${host}]` : host;
    this.#session = new ClientSession({
      app,
      tcUrl: `rtmp://${urlHost}:${port}/${app}`,
      streamName,
      flashVer: FLASH_VERSION,
    });
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on('connect', () => this.#flush());
    this.#socket.on('data', (bytes) => {
      this.#session.receive(bytes);
      this.#handleEvents();
      this.#flush();
    });
    this.#socket.on('error', (cause) => {
      const reason = systemReason(cause);
      this.#failure ??= demoError('demo.connection', `connection to the gateway failed (${reason})`, { cause });
    });
    this.#socket.setTimeout(CONNECT_TIMEOUT, () => {
      this.#failure ??= demoError('demo.connection', `no answer from the gateway within ${CONNECT_TIMEOUT} ms`);
      this.#socket.destroy();
    });
    this.#closed = new Promise((resolve) => {
      this.#socket.on('close', () => resolve());
    });
  }

  /**
   * Resolves when the server has accepted the publish.
   * @throws {SluiceError} `demo.rejected` with the server's description, `demo.connection`
   */
  async ready(): Promise<void> {
    const accepted = new Promise<true>((resolve) => {
      this.#publishing = () => resolve(true);
    });
    if (await Promise.race([accepted, this.#closed.then(() => false)])) return;
    throw this.failure;
  }

  /** Why the connection ended; also set if the server hung up without a reason. */
  get failure(): SluiceError {
    return this.#failure ?? demoError('demo.connection', 'the gateway closed the connection');
  }

  /** Resolves when the socket is closed, whoever closed it. */
  get closed(): Promise<void> {
    return this.#closed;
  }

  /** Sends one FLV tag body. @returns false if the caller should wait for {@link drained} */
  send(kind: 'audio' | 'video' | 'script', timestamp: Milliseconds, body: Buffer): boolean {
    if (this.#socket.destroyed || this.#socket.writableEnded) return true;
    this.#session.send(kind, timestamp, body);
    this.#flush();
    return this.#socket.writableLength < HIGH_WATER;
  }

  /** Resolves when the socket has taken everything, or is closed. */
  async drained(): Promise<void> {
    if (this.#socket.writableLength === 0 || this.#socket.destroyed) return;
    await Promise.race([new Promise<void>((resolve) => this.#socket.once('drain', () => resolve())), this.#closed]);
  }

  /** Ends the publish as an encoder does, and waits at most 1 s for the socket to close. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return this.#closed;
    this.#session.unpublish();
    this.#flush();
    this.#socket.end();
    const grace = setTimeout(() => this.#socket.destroy(), CLOSE_GRACE);
    await this.#closed;
    clearTimeout(grace);
  }

  #handleEvents(): void {
    for (let event = this.#session.nextEvent(); event !== undefined; event = this.#session.nextEvent()) {
      switch (event.type) {
        case 'publishing':
          this.#socket.setTimeout(0);
          this.#publishing?.();
          break;
        case 'rejected':
          this.#failure ??= demoError(
            'demo.rejected',
            `the gateway refused the stream: ${event.description} (${event.code})`,
          );
          this.#socket.end();
          break;
        case 'closed':
          this.#failure ??= event.error;
          this.#socket.end();
          break;
      }
    }
  }

  #flush(): void {
    const output = this.#session.takeOutput();
    if (output !== undefined && !this.#socket.destroyed && !this.#socket.writableEnded) this.#socket.write(output);
  }
}
