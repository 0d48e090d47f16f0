// The RTMP port: accepts publishers within the limits, and ends them all in order when the gateway stops.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type ConnectionContext, RtmpConnection } from './connection.js';
import { createCounters, type RtmpCounters } from './counters.js';
import { rtmpServerError } from './errors.js';
import { plainAddress } from './log-fields.js';
import { LogLimiter } from './log-limiter.js';
import { connectionsWithin, openFileLimit } from './open-file-limit.js';
import { DEFAULT_RTMP_SERVER_OPTIONS, type RtmpServerOptions } from './options.js';
import type { PublishAccess, PublishAdmission, RtmpLogger } from './publishing.js';

export interface RtmpServerDependencies {
  readonly access: PublishAccess;
  readonly admission: PublishAdmission;
  readonly logger: RtmpLogger;
}

export class RtmpServer {
  readonly counters: RtmpCounters = createCounters();
  readonly #options: RtmpServerOptions;
  readonly #context: ConnectionContext;
  readonly #limiter = new LogLimiter();
  readonly #connections = new Set<RtmpConnection>();
  readonly #perAddress = new Map<string, number>();
  readonly #server: Server;
  readonly #maxConnections: number;
  #nextId = 1;

  constructor(options: Partial<RtmpServerOptions>, dependencies: RtmpServerDependencies) {
    this.#options = { ...DEFAULT_RTMP_SERVER_OPTIONS, ...options };
    this.#context = { ...dependencies, options: this.#options, counters: this.counters, limiter: this.#limiter };
    this.#maxConnections = connectionsWithin(this.#options.maxConnections, openFileLimit());
    // Without noDelay the small answers of the handshake and of connect wait for each other's ACKs: 4 × 44 ms before the first frame.
    this.#server = createServer({ noDelay: true }, (socket) => this.#accept(socket));
  }

  /**
   * Starts to listen.
   * @returns the address with the real port.
   * @throws {SluiceError} `rtmp-server.listen`
   */
  async start(): Promise<{ readonly host: string; readonly port: number }> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const failed = (error: NodeJS.ErrnoException): void => {
        reject(
          rtmpServerError('rtmp-server.listen', `cannot listen on ${host}:${port} (${error.code ?? error.message})`),
        );
      };
      this.#server.once('error', failed);
      this.#server.listen({ host, port, backlog: 511 }, () => {
        this.#server.off('error', failed);
        this.#server.on('error', (error: NodeJS.ErrnoException) => this.#acceptFailed(error));
        resolve();
      });
    });
    if (this.#maxConnections < this.#options.maxConnections) {
      this.#context.logger.warn(
        { maxConnections: this.#maxConnections, configured: this.#options.maxConnections },
        'fewer rtmp connections than configured: the limit of open files of this process is too low for them',
      );
    }
    const address = this.#server.address() as AddressInfo;
    return { host: address.address, port: address.port };
  }

  /** Stops accepting, tells every publisher, flushes, and resolves when the last socket is gone: after `closeGrace` at most. */
  async close(): Promise<void> {
    const stopped = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    await Promise.all([...this.#connections].map((connection) => connection.shutDown()));
    await stopped;
  }

  #accept(socket: Socket): void {
    const maxConnections = this.#maxConnections;
    const { maxConnectionsPerIp } = this.#options;
    const address = socket.remoteAddress === undefined ? undefined : plainAddress(socket.remoteAddress);
    if (address === undefined) {
      // Reset between the kernel's accept and ours.
      socket.destroy();
      return;
    }
    const fromAddress = this.#perAddress.get(address) ?? 0;
    if (this.#connections.size >= maxConnections) {
      this.counters.refusedTotalLimit++;
      this.#refuse(socket, address, 'maxConnections', maxConnections);
      return;
    }
    if (fromAddress >= maxConnectionsPerIp) {
      this.counters.refusedAddressLimit++;
      this.#refuse(socket, address, 'maxConnectionsPerIp', maxConnectionsPerIp);
      return;
    }
    const connection = new RtmpConnection(this.#nextId++, socket, address, this.#context);
    this.#connections.add(connection);
    this.#perAddress.set(address, fromAddress + 1);
    this.counters.connections++;
    this.counters.connectionsAccepted++;
    void connection.closed.then(() => this.#forget(connection));
  }

  #forget(connection: RtmpConnection): void {
    this.#connections.delete(connection);
    this.counters.connections--;
    const left = (this.#perAddress.get(connection.remoteAddress) ?? 1) - 1;
    if (left === 0) this.#perAddress.delete(connection.remoteAddress);
    else this.#perAddress.set(connection.remoteAddress, left);
  }

  /** Over a limit nothing is said: whoever floods us costs one accept and one close. */
  #refuse(socket: Socket, peer: string, limit: string, value: number): void {
    socket.on('error', () => socket.destroy());
    socket.destroy();
    const admitted = this.#limiter.admit(limit);
    if (admitted !== undefined) {
      this.#context.logger.warn({ peer, limit, value, ...admitted }, 'rtmp connection refused: too many are open');
    }
  }

  /** Out of file descriptors, most likely: streams that run go on, new ones must try again. */
  #acceptFailed(error: NodeJS.ErrnoException): void {
    this.counters.acceptErrors++;
    const admitted = this.#limiter.admit('accept');
    if (admitted === undefined) return;
    this.#context.logger.warn(
      { reason: error.code ?? error.message, ...admitted },
      'rtmp connection could not be accepted',
    );
  }
}
