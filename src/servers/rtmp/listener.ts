// The RTMP ports, plain and inside TLS: accepts peers within the limits, and ends them all in order when the gateway stops.

import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { PlayAccess, PublishAccess } from '../../contracts/access.js';
import type { CertificateSource } from '../../contracts/certificate.js';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import type { Logger } from '../../contracts/logger.js';
import { addressGroup, plainAddress } from '../../protocols/address-group.js';
import { AddressTally } from '../../protocols/address-tally.js';
import { listenReason } from '../../protocols/system-error.js';
import { RtmpConnection } from './connection.js';
import { createCounters, type RtmpCounters } from './counters.js';
import { DescriptorReserve } from './descriptor-reserve.js';
import { rtmpServerError } from './errors.js';
import { printable } from './log-fields.js';
import { LogLimiter } from './log-limiter.js';
import { connectionsWithin, openFileLimit } from './open-file-limit.js';
import { DEFAULT_RTMP_SERVER_OPTIONS, type RtmpServerOptions } from './options.js';
import type { ConnectionContext } from './peer.js';
import type { PlayAdmission } from './playing.js';
import type { PublishAdmission, PublishObserver } from './publishing.js';
import { TlsUnwrapper } from './tls-unwrapper.js';
import { Turns } from './turns.js';

export interface RtmpServerDependencies {
  readonly access: PublishAccess;
  readonly admission: PublishAdmission;
  readonly observer?: PublishObserver;
  /** Without it nobody can watch over RTMP. */
  readonly play?: { readonly access: PlayAccess; readonly admission: PlayAdmission };
  /** With it RTMPS is listened on as well. */
  readonly certificate?: CertificateSource;
  readonly logger: Logger;
}

export interface RtmpAddress {
  readonly host: string;
  /** The real port. */
  readonly port: number;
}

export class RtmpServer {
  readonly counters: RtmpCounters = createCounters();
  readonly #options: RtmpServerOptions;
  readonly #context: ConnectionContext;
  readonly #limiter = new LogLimiter();
  /** Each accepted socket, with its connection as soon as there is one: inside TLS that takes a handshake. */
  readonly #sockets = new Map<Socket, RtmpConnection | undefined>();
  readonly #perAddress = new AddressTally();
  readonly #plain: Server;
  readonly #tls: { readonly server: Server; readonly unwrapper: TlsUnwrapper } | undefined;
  readonly #maxConnections: number;
  /** For the other servers of the process too, from `start` to the end of `close`. */
  readonly descriptors: DescriptorReserve;
  readonly #guard: DescriptorGuard;
  #nextId = 1;
  #closing = false;

  constructor(options: Partial<RtmpServerOptions>, dependencies: RtmpServerDependencies) {
    const { certificate, ...rest } = dependencies;
    this.#options = { ...DEFAULT_RTMP_SERVER_OPTIONS, ...options };
    this.#context = {
      ...rest,
      options: this.#options,
      counters: this.counters,
      limiter: this.#limiter,
      turns: new Turns(),
    };
    const fileLimit = openFileLimit();
    this.#maxConnections = connectionsWithin(this.#options.maxConnections, fileLimit);
    this.descriptors = new DescriptorReserve(fileLimit);
    this.#guard = this.descriptors.guard('encoders');
    // Without noDelay the small answers of the handshake and of connect wait for each other's ACKs: 4 × 44 ms before the first frame.
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
      onFailed: (error, peer) => this.#tlsFailed(error, peer),
    });
    const server = createServer({ noDelay: true }, (socket) => {
      this.#serve(socket, (peer) => unwrapper.unwrap(socket, peer));
    });
    this.#tls = { server, unwrapper };
  }

  /**
   * Starts to listen.
   * @returns the addresses with the real ports.
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
        'fewer rtmp connections than configured: the limit of open files of this process is too low for them',
      );
    }
    return { ...plain, ...(tls !== undefined && { tls }) };
  }

  /**
   * Stops accepting, tells every peer, flushes, and resolves when the last socket is gone: after `closeGrace` at most, or
   * `reconnectGrace` more where a publisher was asked to connect anew.
   */
  async close(): Promise<void> {
    this.#closing = true;
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

  /** @param option where the port is set */
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
        server.on('error', (error: NodeJS.ErrnoException) => this.#acceptFailed(error));
        resolve();
      });
    });
    const address = server.address() as AddressInfo;
    return { host: address.address, port: address.port };
  }

  /** Gives the socket a place within the limits until it closes. @returns the peer's address, or undefined when it was closed. */
  #admit(socket: Socket): string | undefined {
    const maxConnections = this.#maxConnections;
    const { maxConnectionsPerIp } = this.#options;
    const address = socket.remoteAddress === undefined ? undefined : plainAddress(socket.remoteAddress);
    if (address === undefined) {
      // Reset between the kernel's accept and ours.
      socket.destroy();
      return undefined;
    }
    if (this.#guard.refuses()) {
      this.counters.refusedTotalLimit++;
      this.#refuse(socket, address, 'openFiles', this.#sockets.size);
      return undefined;
    }
    const fromAddress = this.#perAddress.of(address);
    if (this.#sockets.size >= maxConnections) {
      this.counters.refusedTotalLimit++;
      this.#refuse(socket, address, 'maxConnections', maxConnections);
      return undefined;
    }
    if (fromAddress >= maxConnectionsPerIp && this.#holding(address) >= maxConnectionsPerIp) {
      this.counters.refusedAddressLimit++;
      this.#refuse(socket, address, 'maxConnectionsPerIp', maxConnectionsPerIp);
      return undefined;
    }
    this.#sockets.set(socket, undefined);
    this.#perAddress.add(address, 1);
    this.counters.connections++;
    this.counters.connectionsAccepted++;
    socket.once('close', () => this.#forget(socket, address));
    return address;
  }

  /**
   * C3.09: connections of this address without those whose refusal is delayed. Encoders with a wrong key must not shut out
   * the others behind the same address; but no more of them than the limit are left out, or guessing would not be slowed
   * down any more.
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

  /** What fails before a connection has a domain of its own costs this socket alone. */
  #serve(socket: Socket, serve: (peer: string) => void): void {
    try {
      const peer = this.#admit(socket);
      if (peer !== undefined) serve(peer);
    } catch (cause) {
      this.#broke(socket, cause);
    }
  }

  #broke(socket: Socket, cause: unknown): void {
    socket.destroy();
    const admitted = this.#limiter.admit('rtmp-server.internal');
    if (admitted === undefined) return;
    this.#context.logger.error({ err: cause, ...admitted }, 'internal error: a connection could not be served');
  }

  /** @param inside what RTMP is spoken on. @param outside the socket that holds the place. */
  #connect(inside: Socket, outside: Socket, peer: string): void {
    const connection = new RtmpConnection(this.#nextId++, inside, peer, this.#context);
    this.#sockets.set(outside, connection);
    if (this.#closing) connection.domain.run('rtmp late shutdown', () => connection.shutDown());
  }

  #forget(socket: Socket, address: string): void {
    this.#sockets.delete(socket);
    this.counters.connections--;
    this.#perAddress.add(address, -1);
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

  #tlsFailed(error: Error, peer: string): void {
    this.counters.tlsErrors++;
    const admitted = this.#limiter.admit('tls');
    if (admitted === undefined) return;
    this.#context.logger.info({ peer, reason: printable(error.message), ...admitted }, 'rtmps handshake failed');
  }

  /** Out of file descriptors, most likely: streams that run go on, new ones must try again. */
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
