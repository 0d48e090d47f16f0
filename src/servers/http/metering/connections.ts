// All connections of the HTTP ports: who may have one, what protocol it gets, what it may take of the process, and its end.

import type { Server as HttpServer, RequestListener } from 'node:http';
import { constants, createServer as createHttp2Server, type Http2Server, type ServerHttp2Session } from 'node:http2';
import type { Socket } from 'node:net';
import type { DescriptorGuard } from '../../../contracts/descriptor-guard.js';
import { AddressTally } from '../../../protocols/address-tally.js';
import type { Milliseconds } from '../../../protocols/units.js';
import type { ClientAddresses } from '../client-address.js';
import { CLOSE_GRACE, SOCKET_TIMEOUT } from '../connections.js';
import { cutOff, type RawRequest, type RawResponse } from '../delivery/exchange.js';
import { connectionOf, joinSession } from './connection-of.js';
import { FramePortions } from './frame-portions.js';
import { MeteredSocket } from './metered-socket.js';
import type { Abuse } from './portions.js';
import type { Overdue } from './request-deadlines.js';
import { RequestPortions } from './request-portions.js';
import { WorkTurns } from './work-turns.js';

/** Requests of one HTTP/2 connection at a time: a player needs a dozen, and each may wait. */
const MAX_CONCURRENT_STREAMS = 128;

/** Requests that are not answered, of all connections of one address: 500 viewers behind it have some 2,000. */
export const MAX_REQUESTS_PER_ADDRESS = 8_192;

/** Between two looks for connections that are late. */
const LOOK_INTERVAL: Milliseconds = 1_000;

const REQUEST_TIMEOUT_ANSWER = 'HTTP/1.1 408 Request Timeout\r\nConnection: close\r\n\r\n';

export interface ConnectionsOptions {
  /** What speaks HTTP/1.1; it need not listen. */
  readonly http: HttpServer;
  /** What is done with a request of HTTP/2. */
  readonly handle: RequestListener;
  readonly addresses: ClientAddresses;
  readonly maxConnections: number;
  readonly maxConnectionsPerAddress: number;
  readonly maxRequestsPerAddress: number;
  readonly descriptors?: DescriptorGuard | undefined;
}

/** What a connection is refused for. */
export type Refusal = 'open-files' | 'connections' | 'connections-per-address';

type RequestRefusal = 'requests-per-address' | 'method';
type Ending = Abuse | Overdue | 'handshake';

export interface ConnectionFigures {
  readonly open: number;
  readonly accepted: number;
  /** Connections closed at once and requests turned away, by what there was too much of. */
  readonly refused: ReadonlyMap<Refusal | RequestRefusal, number>;
  /** Ended for what they sent, or did not send in time. */
  readonly ended: ReadonlyMap<Ending, number>;
}

export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #http2: Http2Server;
  readonly #turns = new WorkTurns();
  /** What was accepted, with what is spoken on it: inside TLS that takes a handshake. */
  readonly #sockets = new Map<Socket, MeteredSocket | undefined>();
  readonly #sessions = new Map<MeteredSocket, ServerHttp2Session>();
  readonly #perAddress = new AddressTally();
  readonly #requestsPerAddress = new AddressTally();
  readonly #refused = new Map<Refusal | RequestRefusal, number>();
  readonly #ended = new Map<Ending, number>();
  readonly #queued = { bytes: 0 };
  #accepted = 0;
  #looking: NodeJS.Timeout | undefined;
  #isClosing = false;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    this.#http2 = createHttp2Server({ settings: { maxConcurrentStreams: MAX_CONCURRENT_STREAMS } });
    this.#http2.setTimeout(SOCKET_TIMEOUT);
    // The compatible classes of HTTP/2 are what Fastify is made for; only their types are strangers to those of HTTP/1.1.
    this.#http2.on('request', options.handle as never);
  }

  get turns(): WorkTurns {
    return this.#turns;
  }

  get figures(): ConnectionFigures {
    const { size: open } = this.#sockets;
    return { open, accepted: this.#accepted, refused: this.#refused, ended: this.#ended };
  }

  /**
   * Gives a socket that was just accepted a place until it closes.
   * @returns what there is too much of, when it was closed at once
   */
  admit(socket: Socket): Refusal | undefined {
    const address = socket.remoteAddress;
    // Reset between the kernel's accept and ours.
    if (address === undefined || this.#isClosing) {
      socket.destroy();
      return undefined;
    }
    // Whose clients are many are the proxies that the operator trusts: they are not counted.
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
      if (counted !== undefined) this.#perAddress.add(counted, -1);
    });
    this.#looking ??= setInterval(() => this.#look(), LOOK_INTERVAL).unref();
    return undefined;
  }

  refusedMethod(): void {
    count(this.#refused, 'method');
  }

  handshakeFailed(): void {
    count(this.#ended, 'handshake');
  }

  /**
   * Speaks HTTP on it.
   * @param inside what is read and written; that of a plain connection is the accepted socket itself
   */
  serve(accepted: Socket, inside: Socket, protocol: 'http/1.1' | 'h2', isSecure: boolean): void {
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
      isSerial: protocol === 'http/1.1',
      portions: protocol === 'h2' ? new FramePortions() : new RequestPortions(),
      turns: this.#turns,
      queued: this.#queued,
      onAbuse: (abuse) => count(this.#ended, abuse),
    });
    this.#sockets.set(accepted, connection);
    if (protocol === 'http/1.1') {
      connection.on('error', () => connection.destroy());
      // Both servers take any connection that is handed to them by this event, as their documentation has it.
      this.#options.http.emit('connection', connection);
      return;
    }
    this.#http2.once('session', (session) => this.#joinSession(session, connection));
    this.#http2.emit('connection', connection);
  }

  /**
   * A request is about to be served.
   * @returns false when it must be turned away, because too many of the same address are not answered
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

  /** Lets answers that are under way go out, and ends every connection a moment later. */
  async close(): Promise<void> {
    this.#isClosing = true;
    clearInterval(this.#looking);
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
    joinSession(session, connection);
    this.#sessions.set(connection, session);
    session.once('close', () => {
      this.#sessions.delete(connection);
      connection.destroy();
    });
    // A session that misbehaves ends; that is not the server's trouble.
    session.on('error', () => session.destroy());
  }

  #look(): void {
    const now = performance.now();
    for (const connection of this.#sockets.values()) {
      if (connection === undefined) continue;
      connection.checkTimeout(now);
      const overdue = connection.deadlines.overdue(now);
      if (overdue === undefined) continue;
      count(this.#ended, overdue.what);
      this.#end(connection, overdue);
    }
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
