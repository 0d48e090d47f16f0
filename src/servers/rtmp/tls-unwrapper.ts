// RTMPS is RTMP inside TLS: this takes the TLS off, so that everything behind it sees the same sockets on both ports.

import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import type { Milliseconds } from '../../protocols/units.js';

export interface KeyPair {
  /** PEM. */
  readonly cert: Buffer;
  readonly key: Buffer;
}

/** Where the certificate comes from; it may be replaced while connections are open. */
export interface CertificateSource {
  readonly current: KeyPair;
  /** @returns stops the calls. */
  onChange(listener: (pair: KeyPair) => void): () => void;
}

export interface TlsUnwrapperOptions {
  readonly certificate: CertificateSource;
  readonly handshakeTimeout: Milliseconds;
  /** @param inside carries what the peer says. @param outside the socket given to `unwrap`. */
  readonly onSecure: (inside: Socket, outside: Socket, peer: string) => void;
  /** The peer spoke no TLS, or none that we take; its socket closes. */
  readonly onFailed: (error: Error, peer: string) => void;
}

interface Wrapped {
  readonly socket: Socket;
  readonly peer: string;
}

export class TlsUnwrapper {
  readonly #server: Server;
  /** By address and port of the peer, which the socket inside shows as well. */
  readonly #wrapped = new Map<string, Wrapped>();
  readonly #stopWatching: () => void;

  constructor({ certificate, handshakeTimeout, onSecure, onFailed }: TlsUnwrapperOptions) {
    // Never listens: it is handed sockets that are within the limits already.
    this.#server = createServer({ ...settings(certificate.current), handshakeTimeout });
    this.#server.on('secureConnection', (inside) => {
      const wrapped = this.#wrapped.get(endOf(inside));
      if (wrapped === undefined) inside.destroy();
      else onSecure(inside, wrapped.socket, wrapped.peer);
    });
    this.#server.on('tlsClientError', (error, inside) => {
      const wrapped = this.#wrapped.get(endOf(inside));
      inside.destroy();
      onFailed(error, wrapped?.peer ?? 'unknown');
    });
    this.#stopWatching = certificate.onChange((pair) => this.#server.setSecureContext(settings(pair)));
  }

  unwrap(socket: Socket, peer: string): void {
    const end = endOf(socket);
    this.#wrapped.set(end, { socket, peer });
    socket.once('close', () => this.#wrapped.delete(end));
    this.#server.emit('connection', socket);
  }

  close(): void {
    this.#stopWatching();
  }
}

/** Unique among the open connections of one port. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function settings({ cert, key }: KeyPair) {
  return { cert, key, minVersion: 'TLSv1.2' } as const;
}
