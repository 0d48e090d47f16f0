// Terminates TLS for RTMPS, so that the rest of the server sees plain sockets on both ports.

import type { Socket } from 'node:net';
import { createServer, type Server } from 'node:tls';
import type { CertificateSource } from '../../contracts/certificate.js';
import type { Milliseconds } from '../../protocols/units.js';

export interface TlsUnwrapperOptions {
  readonly certificate: CertificateSource;
  readonly handshakeTimeout: Milliseconds;
  /** @param inside carries the decrypted data. @param outside the socket given to `unwrap` */
  readonly onSecure: (inside: Socket, outside: Socket, peer: string) => void;
  /** Called when the TLS handshake has failed; the socket closes. */
  readonly onFailed: (error: Error, peer: string) => void;
}

interface Wrapped {
  readonly socket: Socket;
  readonly peer: string;
}

export class TlsUnwrapper {
  readonly #server: Server;
  /** By address and port of the peer, which the inner socket also reports. */
  readonly #wrapped = new Map<string, Wrapped>();
  readonly #stopWatching: () => void;

  constructor({ certificate, handshakeTimeout, onSecure, onFailed }: TlsUnwrapperOptions) {
    // This server never listens: it gets sockets that the limits have already admitted.
    this.#server = createServer({ ...certificate.current, handshakeTimeout });
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
    this.#stopWatching = certificate.onChange((pair) => this.#server.setSecureContext(pair));
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
