// All connections of the HTTP ports: admits them, counts them against the limits, passes them to Node's HTTP servers, and ends them.

import type { Server as HttpServer, RequestListener } from 'node:http';
import { constants, createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { DescriptorGuard } from '../../../contracts/descriptor-guard.js';
import { AddressTally } from '../../../protocols/address-tally.js';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { Milliseconds } from '../../../protocols/units.js';
import type { ClientAddresses } from '../client-address.js';
import { CLOSE_GRACE, SOCKET_TIMEOUT } from '../connection-limits.js';
import { cutOff, type RawRequest, type RawResponse } from '../delivery/exchange.js';
import type { InternalErrors } from '../internal-errors.js';
import { FramePortions } from './frame-portions.js';
import { MeteredSocket } from './metered-socket.js';
import type { Abuse } from './portions.js';
import { RequestPortions } from './portions.js';
import type { Overdue } from './request-deadlines.js';
import { WorkTurns } from './work-turns.js';

/** Maximum number of concurrent requests on one HTTP/2 connection. A player needs a dozen, and each may be a blocking reload. */
const MAX_CONCURRENT_STREAMS = 128;

/** Maximum number of unanswered requests on all connections of one address. 500 viewers behind one address have some 2,000. */
export const MAX_REQUESTS_PER_ADDRESS = 8_192;

/** How often connections are checked for missed deadlines. */
const CHECK_INTERVAL: Milliseconds = 1_000;

const REQUEST_TIMEOUT_ANSWER = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

export interface ConnectionsOptions {
  /** The HTTP/1.1 server that gets the connections. It need not listen itself. */
  readonly http: HttpServer;
  /** Handles the requests that arrive by HTTP/2. */
  readonly handle: RequestListener;
  readonly addresses: ClientAddresses;
  readonly errors: InternalErrors;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxRequestsPerAddress: number;
  readonly descriptors?: DescriptorGuard | undefined;
}

/** The limit because of which a connection is refused. */
export type Refusal = 'open-files' | 'connections' | 'connections-per-address';

type RequestRefusal = 'requests-per-address' | 'method';
type Ending = Abuse | Overdue | 'handshake' | 'internal';

export interface ConnectionFigures {
  readonly open: number;
  readonly accepted: number;
  /** Number of connections closed on arrival and of refused requests, by limit. */
  readonly refused: ReadonlyMap<Refusal | RequestRefusal, number>;
  /** Number of connections ended because of what they sent, or did not send in time, or by an internal error. */
  readonly ended: ReadonlyMap<Ending, number>;
}

const connectionOfSession = new WeakMap<ServerHttp2Session, MeteredSocket>();

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #http2: Http2Server;
  readonly #turns = new WorkTurns();
  /** Each accepted socket, with its metered connection. A TLS socket has none until its handshake is complete. */
  readonly #sockets = new Map<Socket, MeteredSocket | undefined>();
  readonly #sessions = new Map<MeteredSocket, ServerHttp2Session>();
  readonly #perAddress = new AddressTally();
  readonly #requestsPerAddress = new AddressTally();
  readonly #refused = new Map<Refusal | RequestRefusal, number>();
  readonly #ended = new Map<Ending, number>();
  readonly #queued = { bytes: 0 };
  #accepted = 0;
  #checking: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#http2 = createHttp2Server({ settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS } });
    this.#http2.setTimeout(SOCKET_TIMEOUT);
    // Fastify accepts the request and response classes of Node's HTTP/2 compatibility API; only their types differ from those of HTTP/1.1.
    this.#http2.on('request', options.handle as never);
  }

  get turns(): WorkTurns {
    return this.#turns;
  }

  get errors(): InternalErrors {
    return this.#options.errors;
  }

  get figures(): ConnectionFigures {
    const { size: open } = this.#sockets;
    return { open, accepted: this.#accepted, refused: this.#refused, ended: this.#ended };
  }

  /** @returns the failure domain of a newly accepted socket: an internal error closes this connection and no other */
  domainOf(socket: Socket): FailureDomain {
    return this.#options.errors.connection(() => {
      if (!socket.destroyed) count(this.#ended, 'internal');
      this.#sockets.get(socket)?.destroy();
      socket.destroy();
    });
  }

  /**
   * Counts a newly accepted socket until it closes.
   * @returns the limit that is reached; then the socket has been closed
   */
  admit(socket: Socket, domain: FailureDomain): Refusal | undefined {
    const address = socket.remoteAddress;
    // The client reset the connection after the kernel had accepted it.
    if (address === undefined || this.#isClosing) {
      socket.destroy();
      return undefined;
    }
    // Trusted proxies are not counted, because they connect on behalf of many clients.
    const counted = this.#options.addresses.of(address, undefined);
    const refusal = this.#refusal(counted);
    if (refusal !== undefined) {
      socket.destroy();
      count(this.#refused, refusal);
      return refusal;
    }
    this.#accepted++;
    this.#sockets.set(socket, undefined);
    if (counted !== undefined) this.#perAddress.add(counted, 1);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => {
      this.#sockets.delete(socket);
      if (counted !== undefined) domain.attempt('http close', () => this.#perAddress.add(counted, -1));
    });
    const check = this.errors.shared.guard('http deadlines', () => this.#checkDeadlines());
    this.#checking ??= setInterval(check, CHECK_INTERVAL).unref();
    return undefined;
  }

  refusedMethod(): void {
    count(this.#refused, 'method');
  }

  handshakeFailed(): void {
    count(this.#ended, 'handshake');
  }

  /**
   * Passes a connection to the HTTP server for its protocol.
   * @param inside the socket that carries HTTP: the TLS socket, or the accepted socket itself on a plain connection
   */
  serve(
    accepted: Socket,
    inside: Socket,
    { protocol, isSecure, domain }: { protocol: 'http/1.1' | 'h2'; isSecure: boolean; domain: FailureDomain },
  ): void {
    const { remoteAddress } = accepted;
    if (remoteAddress === undefined || this.#isClosing || !this.#sockets.has(accepted)) {
      accepted.destroy();
      return;
    }
    const connection: MeteredSocket = new MeteredSocket({
      socket: inside,
      remoteAddress,
      countedFor: this.#options.addresses.of(remoteAddress, undefined),
      isSecure,
      domain,
      isSerial: protocol === 'http/1.1',
      portions: protocol === 'h2' ? new FramePortions() : new RequestPortions(),
      turns: this.#turns,
      queued: this.#queued,
      onAbuse: (abuse) => count(this.#ended, abuse),
    });
    this.#sockets.set(accepted, connection);
    if (protocol === 'http/1.1') {
      connection.on('error', () => connection.destroy());
      // Documented by Node: a server adopts any stream that is passed to it with this event.
      this.#options.http.emit('connection', connection);
      return;
    }
    const join = (session: ServerHttp2Session): void => this.#joinSession(session, connection);
    this.#http2.once('session', join);
    try {
      this.#http2.emit('connection', connection);
    } finally {
      // If no session was created, this listener must not take the next connection for its own.
      this.#http2.off('session', join);
    }
  }

  /**
   * Call before a request is served.
   * @returns false if it must be refused, because its address has too many unanswered requests
   */
  open(request: RawRequest, response: RawResponse): boolean {
    const connection = connectionOf(request);
    if (connection === undefined) return true;
    const counted = connection.countedFor;
    if (counted === undefined) {
      connection.opened(request, response);
      return true;
    }
    this.#requestsPerAddress.add(counted, 1);
    connection.opened(request, response, () => this.#requestsPerAddress.add(counted, -1));
    if (this.#requestsPerAddress.of(counted) <= this.#options.maxRequestsPerAddress) return true;
    count(this.#refused, 'requests-per-address');
    return false;
  }

  /** Lets pending answers complete, and closes all connections when `CLOSE_GRACE` is over. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#checking);
    const gone = [...this.#sockets].map(([socket, connection]) => {
      const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
      const session = connection && this.#sessions.get(connection);
      if (session !== undefined) session.close();
      else if (connection === undefined || connection.deadlines.open === 0) socket.destroy();
      return closed;
    });
    const grace = setTimeout(() => {
      for (const socket of this.#sockets.keys()) socket.destroy();
    }, CLOSE_GRACE);
    await Promise.all(gone);
    clearTimeout(grace);
  }

  #refusal(counted: string | undefined): Refusal | undefined {
    const { descriptors, maxConnections, maxConnectionsPerAddress } = this.#options;
    if (descriptors?.refuses() === true) return 'open-files';
    if (this.#sockets.size >= maxConnections) return 'connections';
    const isFull = counted !== undefined && this.#perAddress.of(counted) >= maxConnectionsPerAddress;
    return isFull ? 'connections-per-address' : undefined;
  }

  #joinSession(session: ServerHttp2Session, connection: MeteredSocket): void {
    connectionOfSession.set(session, connection);
    this.#sessions.set(connection, session);
    session.once('close', () => {
      this.#sessions.delete(connection);
      connection.destroy();
    });
    // A protocol error ends this session and nothing else.
    session.on('error', () => session.destroy());
  }

  #checkDeadlines(): void {
    const now = performance.now();
    for (const connection of this.#sockets.values()) {
      connection?.domain.attempt('http deadline', () => this.#checkDeadline(connection, now));
    }
  }

  #checkDeadline(connection: MeteredSocket, now: Milliseconds): void {
    connection.checkTimeout(now);
    const overdue = connection.deadlines.overdue(now);
    if (overdue === undefined) return;
    count(this.#ended, overdue.what);
    this.#end(connection, overdue);
  }

  #end(
    connection: MeteredSocket,
    { what, response }: { readonly what: Overdue; readonly response?: RawResponse },
  ): void {
    const session = this.#sessions.get(connection);
    if (session !== undefined && response !== undefined) cutOff(response, constants.NGHTTP2_CANCEL);
    else if (session !== undefined) session.destroy();
    else if (what === 'idle' || response?.headersSent === true) connection.destroy();
    else connection.hangUp(REQUEST_TIMEOUT_ANSWER);
  }
}

function count<Key>(counts: Map<Key, number>, key: Key): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

/**
 * The connection on which a request arrived.
 * @returns undefined if another server accepted it, or if its HTTP/2 session has ended
 */
export function connectionOf(request: RawRequest): MeteredSocket | undefined {
  if (!('stream' in request)) return request.socket instanceof MeteredSocket ? request.socket : undefined;
  // By its type there is always a session, but a destroyed stream has none.
  const session = request.stream.session as ServerHttp2Session | undefined;
  return session && connectionOfSession.get(session);
}

/** Whether a request arrived over TLS. */
export function isSecure(request: RawRequest): boolean {
  return connectionOf(request)?.isSecure ?? (request.socket as TLSSocket).encrypted === true;
}

/** The address at the other end of the connection: a client or a proxy. */
export function peerAddress(request: RawRequest): string | undefined {
  return connectionOf(request)?.remoteAddress ?? request.socket.remoteAddress;
}
