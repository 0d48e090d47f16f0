// A listening port: HTTP, or HTTPS with HTTP/2 and HTTP/1.1 (chosen by ALPN). It accepts connections and passes them to the `Connections`
// that all ports share.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { CertificateSource } from '../../contracts/certificate.js';
import { listenReason } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { TLS_HANDSHAKE_TIMEOUT } from './connection-limits.js';
import { httpError } from './errors.js';
import type { LimitedLog } from './limited-log.js';
import type { Connections } from './metering/connections.js';

/** Time that counts against the turn when a TLS handshake begins. It cannot be measured: Node does most of the work later. */
const HANDSHAKE_WORK: Milliseconds = 2.5;

export interface WebPortOptions {
  readonly host: string;
  readonly port: number;
  readonly connections: Connections;
  readonly log: LimitedLog;
  /** If set, the port uses TLS. */
  readonly certificate?: CertificateSource | undefined;
  /** Called if accepting failed, usually for lack of file descriptors. */
  readonly onAcceptFailed?: (() => void) | undefined;
}

export class WebPort {
  readonly #options: WebPortOptions;
  readonly #server: Server;
  /** Stops listening for a renewed certificate. */
  #stopWatching: () => void = () => undefined;

  constructor(options: WebPortOptions) {
    this.#options = options;
    const { certificate, connections } = options;
    if (certificate !== undefined) {
      this.#server = this.#createTlsServer(certificate);
      return;
    }
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (this.#admit(socket)) connections.serve(socket, socket, 'http/1.1', false);
    });
  }

  /**
   * @returns where it listens, with the real port
   * @throws {SluiceError} `http.listen`
   */
  async listen(): Promise<AddressInfo> {
    const { host, port, certificate, log, onAcceptFailed } = this.#options;
    try {
      this.#server.listen({ host, port, backlog: 511 });
      await once(this.#server, 'listening');
    } catch (cause) {
      this.#stopWatching();
      const option = certificate === undefined ? 'httpPort' : 'httpsPort';
      throw httpError('http.listen', `cannot listen on ${host}:${port} (${option}): ${listenReason(cause, port)}`, {
        cause,
      });
    }
    // Accepting failed for lack of descriptors or memory. Without a listener, the event would end the process.
    this.#server.on('error', (error) => {
      onAcceptFailed?.();
      log.write('warn', { err: error }, 'a connection could not be accepted');
    });
    return this.#server.address() as AddressInfo;
  }

  /** Stops accepting. Resolves when the last connection has ended, which `Connections.close` brings about. */
  async close(): Promise<void> {
    this.#stopWatching();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  /** @returns the server that accepts. It passes the sockets on to a TLS server, a few in each pass of the event loop. */
  #createTlsServer(certificate: CertificateSource): Server {
    const { connections } = this.#options;
    /** Accepted sockets by the peer's address and port, which the TLS socket has as well. */
    const accepted = new Map<string, Socket>();
    const tls = createTlsServer({
      ...certificate.current,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: TLS_HANDSHAKE_TIMEOUT,
    });
    tls.on('secureConnection', (inside: TLSSocket) => {
      const socket = accepted.get(endOf(inside));
      if (socket === undefined) inside.destroy();
      else connections.serve(socket, inside, inside.alpnProtocol === 'h2' ? 'h2' : 'http/1.1', true);
    });
    tls.on('tlsClientError', (_error, inside) => {
      inside.destroy();
      connections.handshakeFailed();
    });
    this.#stopWatching = certificate.onChange((pair) => tls.setSecureContext(pair));
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      if (!this.#admit(socket)) return;
      const end = endOf(socket);
      accepted.set(end, socket);
      const begin = (): void => {
        if (connections.turns.isUsedUp) {
          connections.turns.enqueue(begin, false);
          return;
        }
        connections.turns.charge(HANDSHAKE_WORK);
        // Documented: a TLS server adopts any connection that is passed to it with this event.
        tls.emit('connection', socket);
      };
      socket.once('close', () => {
        accepted.delete(end);
        connections.turns.cancel(begin);
      });
      begin();
    });
  }

  #admit(socket: Socket): boolean {
    const refusal = this.#options.connections.admit(socket);
    if (refusal !== undefined) this.#options.log.write('warn', { limit: refusal }, REFUSALS[refusal]);
    return refusal === undefined && !socket.destroyed;
  }
}

const REFUSALS = {
  'open-files': 'connections are refused: too many files are open in this process',
  connections: 'connections are refused: too many are open',
  'connections-per-address': 'connections are refused: too many are open from one address',
} as const;

/** Unique among the open connections of one port. */
function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
