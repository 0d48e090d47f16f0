// A listening port: HTTP, or HTTPS with HTTP/2 and HTTP/1.1 (chosen by ALPN). It accepts connections and passes them to the `Connections`
// that all ports share.

import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import type { CertificateSource } from '../../contracts/certificate.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import { listenReason } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { TLS_HANDSHAKE_TIMEOUT } from './connection-limits.js';
import { httpError } from './errors.js';
import type { LimitedLog } from './limited-log.js';
import type { Connections } from './metering/connections.js';

/** Time that is charged when a TLS handshake begins. It cannot be measured, because Node does most of the work later. */
const HANDSHAKE_WORK: Milliseconds = 2.5;

export interface WebPortOptions {
  readonly host: string;
  readonly port: number;
  readonly connections: Connections;
  readonly log: LimitedLog;
  /** The option that sets the port, for messages. Default `httpPort`, with TLS `httpsPort`. */
  readonly option?: string | undefined;
  /** If set, the port uses TLS. */
  readonly certificate?: CertificateSource | undefined;
  /** Called if accepting failed, usually for lack of file descriptors. */
  readonly onAcceptFailed?: (() => void) | undefined;
}

export class WebPort {
  readonly #options: WebPortOptions;
  readonly #server: Server;
  /** Removes the listener for a renewed certificate. */
  #stopWatching: () => void = () => undefined;

  constructor(options: WebPortOptions) {
    this.#options = options;
    const { certificate, connections } = options;
    if (certificate !== undefined) {
      this.#server = this.#createTlsServer(certificate);
      return;
    }
    this.#server = this.#createServer((socket, domain) => {
      connections.serve(socket, socket, { protocol: 'http/1.1', isSecure: false, domain });
    });
  }

  /**
   * @returns where it listens, with the actual port
   * @throws {SluiceError} `http.listen`
   */
  async listen(): Promise<AddressInfo> {
    const { host, port, certificate, connections, log, onAcceptFailed } = this.#options;
    try {
      this.#server.listen({ host, port, backlog: 511 });
      await once(this.#server, 'listening');
    } catch (cause) {
      this.#stopWatching();
      const option = this.#options.option ?? (certificate === undefined ? 'httpPort' : 'httpsPort');
      throw httpError('http.listen', `cannot listen on ${host}:${port} (${option}): ${listenReason(cause, port)}`, {
        cause,
      });
    }
    // Accepting failed for lack of descriptors or memory. Without this listener, the event would end the process.
    const failed = connections.errors.shared.guard('http accept failed', (error: Error) => {
      onAcceptFailed?.();
      log.write('warn', { err: error }, 'a connection could not be accepted');
    });
    this.#server.on('error', failed);
    return this.#server.address() as AddressInfo;
  }

  /** Stops accepting. Resolves when the last connection has ended, which `Connections.close` causes. */
  async close(): Promise<void> {
    this.#stopWatching();
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    await closed;
  }

  /**
   * @returns a server that admits connections.
   * @param begin called for each connection; if it throws, that connection is closed
   */
  #createServer(begin: (socket: Socket, domain: FailureDomain) => void): Server {
    return createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      const domain = this.#options.connections.domainOf(socket);
      domain.attempt('http accept', () => {
        if (this.#admit(socket, domain)) begin(socket, domain);
      });
    });
  }

  /** @returns the server that accepts connections. It passes sockets to a TLS server, a few in each pass of the event loop. */
  #createTlsServer(certificate: CertificateSource): Server {
    const { connections } = this.#options;
    /** Accepted sockets by the peer's address and port, which the TLS socket also has. */
    const accepted = new Map<string, { readonly socket: Socket; readonly domain: FailureDomain }>();
    const tls = createTlsServer({
      ...certificate.current,
      ALPNProtocols: ['h2', 'http/1.1'],
      handshakeTimeout: TLS_HANDSHAKE_TIMEOUT,
    });
    tls.on('secureConnection', (inside: TLSSocket) => {
      const outside = accepted.get(endOf(inside));
      if (outside === undefined) {
        inside.destroy();
        return;
      }
      const { socket, domain } = outside;
      const protocol = inside.alpnProtocol === 'h2' ? 'h2' : 'http/1.1';
      domain.attempt('http secured', () => connections.serve(socket, inside, { protocol, isSecure: true, domain }));
    });
    const failed = connections.errors.shared.guard('https handshake failed', (_error: Error, inside: TLSSocket) => {
      inside.destroy();
      connections.handshakeFailed();
    });
    tls.on('tlsClientError', failed);
    this.#stopWatching = certificate.onChange((pair) => tls.setSecureContext(pair));
    return this.#createServer((socket, domain) => {
      const end = endOf(socket);
      accepted.set(end, { socket, domain });
      const begin = domain.guard('https handshake', () => {
        if (connections.turns.isUsedUp) {
          connections.turns.enqueue(begin, false);
          return;
        }
        connections.turns.charge(HANDSHAKE_WORK);
        // Documented by Node: a TLS server adopts any connection that is passed to it with this event.
        tls.emit('connection', socket);
      });
      socket.once('close', () => {
        accepted.delete(end);
        connections.turns.cancel(begin);
      });
      begin();
    });
  }

  #admit(socket: Socket, domain: FailureDomain): boolean {
    const refusal = this.#options.connections.admit(socket, domain);
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
