// HTTPS beside HTTP: the same application over TLS, HTTP/2 for who offers it by ALPN and HTTP/1.1 for the others (B3.16).

import { once } from 'node:events';
import type { RequestListener } from 'node:http';
import { createSecureServer, type Http2SecureServer, type ServerHttp2Session } from 'node:http2';
import type { AddressInfo, Socket } from 'node:net';
import { listenReason } from '../../protocols/system-error.js';
import {
  CLOSE_GRACE,
  CONNECTION_OPTIONS,
  type DescriptorGuard,
  guardDescriptors,
  MAX_CONNECTIONS,
  SOCKET_TIMEOUT,
} from './connections.js';
import { httpError } from './errors.js';

/** PEM. */
export interface KeyPair {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly minVersion: 'TLSv1.2';
}

/** A certificate that may be replaced while connections are open. */
export interface CertificateSource {
  readonly current: KeyPair;
  /** @returns stops listening */
  onChange(listener: (pair: KeyPair) => void): () => void;
}

/** Requests of one connection at a time: a player needs a dozen, and each may wait. */
const MAX_CONCURRENT_STREAMS = 128;

export interface SecureServerOptions {
  readonly host: string;
  readonly port: number;
  readonly certificate: CertificateSource;
  /** Open at a time. Default 20 000. */
  readonly maxConnections?: number;
  readonly descriptors?: DescriptorGuard;
  /** What the plain server does with a request. */
  readonly handle: RequestListener;
}

export class SecureServer {
  readonly #options: SecureServerOptions;
  readonly #server: Http2SecureServer;
  readonly #sessions = new Set<ServerHttp2Session>();
  readonly #sockets = new Set<Socket>();
  readonly #ignoreCertificate: () => void;

  constructor(options: SecureServerOptions) {
    this.#options = options;
    const { certificate, handle } = options;
    this.#server = createSecureServer({
      ...certificate.current,
      ...CONNECTION_OPTIONS,
      allowHTTP1: true,
      settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS },
    });
    this.#server.maxConnections = options.maxConnections ?? MAX_CONNECTIONS;
    this.#server.setTimeout(SOCKET_TIMEOUT);
    // The compatible classes of HTTP/2 are what Fastify is made for; only their types are strangers to those of HTTP/1.1.
    this.#server.on('request', handle as never);
    this.#server.on('session', (session) => this.#keepSession(session));
    this.#server.on('secureConnection', (socket) => keep(this.#sockets, socket));
    this.#ignoreCertificate = certificate.onChange((pair) => this.#server.setSecureContext(pair));
  }

  /**
   * @returns where it listens, with the real port
   * @throws {SluiceError} `http.listen`
   */
  async listen(): Promise<AddressInfo> {
    const { host, port } = this.#options;
    try {
      this.#server.listen({ host, port });
      await once(this.#server, 'listening');
    } catch (cause) {
      this.#ignoreCertificate();
      const reason = listenReason(cause, port);
      throw httpError('http.listen', `cannot listen on ${host}:${port} (httpsPort): ${reason}`, { cause });
    }
    // The plain server, where all of that is told, shares the descriptors.
    guardDescriptors(this.#server, this.#options.descriptors, () => undefined);
    return this.#server.address() as AddressInfo;
  }

  /** Lets answers that are under way go out, and ends every connection a moment later. */
  async close(): Promise<void> {
    this.#ignoreCertificate();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    for (const session of this.#sessions) session.close();
    const grace = setTimeout(() => {
      for (const socket of this.#sockets) socket.destroy();
    }, CLOSE_GRACE);
    await closed;
    clearTimeout(grace);
  }

  #keepSession(session: ServerHttp2Session): void {
    this.#sessions.add(session);
    session.once('close', () => this.#sessions.delete(session));
    // A session that misbehaves ends; that is not the server's trouble.
    session.on('error', () => session.destroy());
  }
}

function keep(sockets: Set<Socket>, socket: Socket): void {
  sockets.add(socket);
  socket.once('close', () => sockets.delete(socket));
}
