// The RTMP ports, plain and TLS: accepts peers within the limits, and ends all connections properly when the gateway stops.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import { addressGroup, plainAddress } from '../../protocols/address-group.js';
import { AddressTally } from '../../protocols/address-tally.js';
import { FailureDomain } from '../../protocols/failure-domain.js';
import { listenReason } from '../../protocols/system-error.js';
import { RtmpConnection } from './connection.js';
import { countEnd, createCounters, type RtmpCounters } from './counters.js';
import { DescriptorReserve } from './descriptor-reserve.js';
import { rtmpServerError } from './errors.js';
import { printable } from './log-fields.js';
import { LogLimiter } from './log-limiter.js';
import { connectionsWithin, openFileLimit } from './open-file-limit.js';
import { DEFAULT_RTMP_SERVER_OPTIONS, type RtmpServerOptions } from './options.js';
import type { ConnectionContext } from './peer.js';
import { ProxyPeers } from './proxy-peers.js';
import type { RtmpAddress, RtmpServerDependencies } from './server-dependencies.js';
import { ReadMemory, Turns } from './session-pump.js';
import { TlsUnwrapper } from './tls-unwrapper.js';

export type { RtmpAddress, RtmpServerDependencies } from './server-dependencies.js';

export class RtmpServer {
  readonly counters: RtmpCounters = createCounters();
  readonly #options: RtmpServerOptions;
  readonly #context: ConnectionContext;
  readonly #limiter = new LogLimiter();
  /** Each accepted socket, with its connection as soon as there is one: with TLS only after the handshake. */
  readonly #sockets = new Map<Socket, RtmpConnection | undefined>();
  readonly #perAddress = new AddressTally();
  readonly #plain: Server;
  readonly #tls: { readonly server: Server; readonly unwrapper: TlsUnwrapper } | undefined;
  readonly #proxies: ProxyPeers;
  readonly #maxConnections: number;
  /** Shared with the other servers of the process, from `start` to the end of `close`. */
  readonly descriptors: DescriptorReserve;
  readonly #guard: DescriptorGuard;
  /** For events that belong to no connection. The server goes on after a fault. */
  readonly #domain = new FailureDomain('rtmp server', ({ cause }) => this.#logInternal(cause));
  #nextId = 1;

  constructor(options: Partial<RtmpServerOptions>, dependencies: RtmpServerDependencies) {
    const { certificate, ...rest } = dependencies;
    this.#options = { ...DEFAULT_RTMP_SERVER_OPTIONS, ...options };
    this.#context = {
      ...rest,
      options: this.#options,
      counters: this.counters,
      limiter: this.#limiter,
      turns: new Turns(),
      readMemory: new ReadMemory(),
    };
    this.#proxies = new ProxyPeers(this.#context, this.#domain);
    const fileLimit = openFileLimit();
    this.#maxConnections = connectionsWithin(this.#options.maxConnections, fileLimit);
    this.descriptors = new DescriptorReserve(fileLimit, this.#domain);
    this.#guard = this.descriptors.guard('encoders');
    // Without noDelay, each small answer of handshake and connect waits for an ACK: 4 × 44 ms before the first frame.
    this.#plain = createServer({ noDelay: true }, (socket) => {
      this.#serve(socket, (peer) => this.#connect(socket, socket, peer));
    });
    if (certificate === undefined) return;
    const unwrapper = new TlsUnwrapper({
      certificate,
      handshakeTimeout: this.#options.handshakeTimeout,
      onSecure: (inside, outside, peer) => {
        try {
          this.#connect(inside, outside, peer);
        } catch (cause) {
          this.#broke(outside, cause);
        }
      },
      onFailed: this.#domain.guard('rtmps handshake failed', (error, peer) => this.#tlsFailed(error, peer)),
    });
    const server = createServer({ noDelay: true }, (socket) => {
      this.#serve(socket, (peer) => unwrapper.unwrap(socket, peer));
    });
    this.#tls = { server, unwrapper };
  }

  /**
   * Starts to listen.
   * @returns the addresses with the actual ports
   * @throws {SluiceError} `rtmp-server.listen`
   */
  async start(): Promise<RtmpAddress & { readonly tls?: RtmpAddress }> {
    const { port, tlsPort } = this.#options;
    this.descriptors.open();
    const plain = await this.#listen(this.#plain, port, 'rtmpPort');
    const tls = this.#tls === undefined ? undefined : await this.#listen(this.#tls.server, tlsPort, 'rtmpsPort');
    if (this.#maxConnections < this.#options.maxConnections) {
      this.#context.logger.warn(
        { maxConnections: this.#maxConnections, configured: this.#options.maxConnections },
        'fewer rtmp connections are allowed than configured: the open file limit of this process is too low',
      );
    }
    return { ...plain, ...(tls !== undefined && { tls }) };
  }

  /**
   * Stops accepting, tells every peer, flushes, and resolves when the last socket is closed. That takes at most `closeGrace`, plus
   * `reconnectGrace` if a publisher was asked to reconnect.
   */
  async close(): Promise<void> {
    const servers = [this.#plain, ...(this.#tls === undefined ? [] : [this.#tls.server])];
    const stopped = servers.map((server) => new Promise<void>((resolve) => server.close(() => resolve())));
    const ended = [...this.#sockets].map(([socket, connection]) => {
      if (connection !== undefined) return connection.shutDown();
      socket.destroy();
      return undefined;
    });
    await Promise.all(ended);
    await Promise.all(stopped);
    this.#tls?.unwrapper.close();
    this.descriptors.close();
  }

  /** The actual ports while it listens. */
  get ports(): number[] {
    return [this.#plain, this.#tls?.server].flatMap((server) => {
      const address = server?.address();
      return typeof address === 'object' && address !== null ? [address.port] : [];
    });
  }

  /** @param option name of the option that sets the port */
  async #listen(server: Server, port: number, option: string): Promise<RtmpAddress> {
    const { host } = this.#options;
    await new Promise<void>((resolve, reject) => {
      const failed = (cause: Error): void => {
        const reason = listenReason(cause, port);
        reject(
          rtmpServerError('rtmp-server.listen', `cannot listen on ${host}:${port} (${option}): ${reason}`, { cause }),
        );
      };
      server.once('error', failed);
      server.listen({ host, port, backlog: 511 }, () => {
        server.off('error', failed);
        const acceptFailed = (error: NodeJS.ErrnoException): void => this.#acceptFailed(error);
        server.on('error', this.#domain.guard('rtmp accept failed', acceptFailed));
        resolve();
      });
    });
    const address = server.address() as AddressInfo;
    return { host: address.address, port: address.port };
  }

  /** Whether there is room for one more. @returns the peer's address, or undefined if the socket was closed */
  #admit(socket: Socket): string | undefined {
    const maxConnections = this.#maxConnections;
    const address = socket.remoteAddress === undefined ? undefined : plainAddress(socket.remoteAddress);
    if (address === undefined) {
      // The connection was reset after the kernel had accepted it.
      socket.destroy();
      return undefined;
    }
    if (this.#guard.refuses()) {
      this.counters.refusedTotalLimit++;
      this.#refuse(socket, address, 'openFiles', this.#sockets.size);
      return undefined;
    }
    if (this.#sockets.size >= maxConnections) {
      this.counters.refusedTotalLimit++;
      this.#refuse(socket, address, 'maxConnections', maxConnections);
      return undefined;
    }
    return address;
  }

  /**
   * Counts the socket against the limits until it closes.
   * @param address of the peer, or of the client for which a proxy has connected
   * @returns false if the socket was closed
   */
  #count(socket: Socket, address: string): boolean {
    const { maxConnectionsPerIp } = this.#options;
    const fromAddress = this.#perAddress.of(address);
    if (fromAddress >= maxConnectionsPerIp && this.#holding(address) >= maxConnectionsPerIp) {
      this.counters.refusedAddressLimit++;
      this.#refuse(socket, address, 'maxConnectionsPerIp', maxConnectionsPerIp);
      return false;
    }
    this.#sockets.set(socket, undefined);
    this.#perAddress.add(address, 1);
    this.counters.connections++;
    this.counters.connectionsAccepted++;
    socket.once('close', () => this.#forget(socket, address));
    return true;
  }

  /**
   * Number of connections of this address that count against its limit. Delayed refusals do not count, so that encoders with a wrong key
   * cannot lock out others behind the same address. But only up to the limit: otherwise the delay would no longer slow down guessing.
   */
  #holding(address: string): number {
    const open = this.#perAddress.of(address);
    const { maxConnectionsPerIp } = this.#options;
    if (open >= 2 * maxConnectionsPerIp) return open;
    const group = addressGroup(address);
    let delayed = 0;
    for (const connection of this.#sockets.values()) {
      if (connection?.awaitsDecision === true && addressGroup(connection.remoteAddress) === group) delayed++;
    }
    return open - Math.min(delayed, maxConnectionsPerIp);
  }

  #serve(socket: Socket, serve: (peer: string) => void): void {
    try {
      const peer = this.#admit(socket);
      if (peer === undefined) return;
      if (this.#proxies.has(peer)) this.#awaitClient(socket, peer, serve);
      else this.#serveCounted(socket, peer, serve);
    } catch (cause) {
      this.#broke(socket, cause);
    }
  }

  /** A connection of a proxy is served when the proxy has named its client. Until then it counts against the total limit only. */
  #awaitClient(socket: Socket, proxy: string, serve: (peer: string) => void): void {
    this.#sockets.set(socket, undefined);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#proxies.awaitClient(socket, proxy, (client) => this.#serveCounted(socket, client, serve));
  }

  /** Before a connection has its own failure domain, a failure affects this socket only. */
  #serveCounted(socket: Socket, peer: string, serve: (peer: string) => void): void {
    try {
      if (this.#count(socket, peer)) serve(peer);
    } catch (cause) {
      this.#broke(socket, cause);
    }
  }

  #broke(socket: Socket, cause: unknown): void {
    socket.destroy();
    this.#logInternal(cause);
  }

  #logInternal(cause: unknown): void {
    countEnd(this.counters, 'rtmp-server.internal');
    const admitted = this.#limiter.admit('rtmp-server.internal');
    if (admitted === undefined) return;
    this.#context.logger.error({ err: cause, ...admitted }, 'internal error: a connection could not be served');
  }

  /**
   * @param inside the socket that carries RTMP
   * @param outside the socket that counts against the limits
   */
  #connect(inside: Socket, outside: Socket, peer: string): void {
    const connection = new RtmpConnection(this.#nextId++, inside, peer, this.#context);
    this.#sockets.set(outside, connection);
  }

  #forget(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    this.counters.connections--;
    this.#domain.attempt('rtmp place free', () => this.#perAddress.add(address, -1));
  }

  /** A peer over a limit gets no answer, so that a flood costs only one accept and one close each. */
  #refuse(socket: Socket, peer: string, limit: string, value: number): void {
    socket.on('error', () => socket.destroy());
    socket.destroy();
    const admitted = this.#limiter.admit(limit);
    if (admitted !== undefined) {
      this.#context.logger.warn({ peer, limit, value, ...admitted }, 'rtmp connection refused: too many are open');
    }
  }

  #tlsFailed(error: Error, peer: string): void {
    this.counters.tlsErrors++;
    const admitted = this.#limiter.admit('tls');
    if (admitted === undefined) return;
    this.#context.logger.info({ peer, reason: printable(error.message), ...admitted }, 'rtmps handshake failed');
  }

  /** Most likely no file descriptors are left: running streams continue, new peers must try again. */
  #acceptFailed(error: NodeJS.ErrnoException): void {
    this.counters.acceptErrors++;
    this.#guard.acceptFailed();
    const admitted = this.#limiter.admit('accept');
    if (admitted === undefined) return;
    this.#context.logger.warn(
      { reason: error.code ?? error.message, ...admitted },
      'rtmp connection could not be accepted',
    );
  }
}
