// Bounds what a peer can hold by doing nothing, and ends every connection when the server does.

import type { ServerOptions } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import type { Milliseconds } from '../../protocols/units.js';

/** Connections open at a time; one more is closed at once. */
export const MAX_CONNECTIONS = 20_000;

/** From the accept, or the first byte of a later request, to the end of the headers; 408 afterwards. */
export const HEADERS_TIMEOUT: Milliseconds = 15_000;

/** The same to the end of the body. The wait for the answer does not count: blocking reloads may take long. */
export const REQUEST_TIMEOUT: Milliseconds = 30_000;

/** From the accept to the end of the TLS handshake. */
export const TLS_HANDSHAKE_TIMEOUT: Milliseconds = 10_000;

/** Between two requests. More than the 60 s that proxies keep a connection: the one to close an idle one must not be us. */
export const KEEP_ALIVE_TIMEOUT: Milliseconds = 72_000;

/** No byte in either direction while a request is answered. More than three target durations of 30 s, the longest wait. */
export const SOCKET_TIMEOUT: Milliseconds = 120_000;

/** What keeps one connection out keeps out those after it. */
const WARNING_INTERVAL: Milliseconds = 10_000;

/** How often Node looks for requests that are late. */
const CHECK_INTERVAL: Milliseconds = 5_000;

/** From `close()` to the end of connections that still wait or are not read; the answers already given go out before. */
export const CLOSE_GRACE: Milliseconds = 500;

/** For `http.createServer`. */
export const CONNECTION_OPTIONS = {
  requestTimeout: REQUEST_TIMEOUT,
  headersTimeout: HEADERS_TIMEOUT,
  keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
  connectionsCheckingInterval: CHECK_INTERVAL,
} as const satisfies ServerOptions;

export interface ConnectionLimits {
  readonly maxConnections: number;
  readonly descriptors?: DescriptorGuard | undefined;
  /** From now on it ends. */
  readonly onClosing: () => void;
}

/**
 * Closes what the guard refuses before anybody has read of it, and tells it of failures. Call once the server listens.
 * @param warn of the first, and at most every 10 s
 */
export function guardDescriptors(
  server: Server,
  guard: DescriptorGuard | undefined,
  warn: (fields: object, message: string) => void,
): void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  const warnAgain: typeof warn = (fields, message) => {
    const now = performance.now();
    if (now - warnedAt < WARNING_INTERVAL) return;
    warnedAt = now;
    warn(fields, message);
  };
  server.prependListener('connection', (socket: Socket) => {
    if (guard?.refuses() !== true) return;
    socket.destroy();
    warnAgain({ limit: 'openFiles' }, 'connections are refused: too many files are open in this process');
  });
  // A connection that could not be accepted, for want of descriptors or memory. Without a listener it would end the process.
  server.on('error', (error) => {
    guard?.acceptFailed();
    warnAgain({ err: error }, 'a connection could not be accepted');
  });
}

/** Installs what no option of a server says, for an application whose server is ours. */
export function installConnectionLimits(app: FastifyInstance, limits: ConnectionLimits): void {
  const { maxConnections, descriptors, onClosing } = limits;
  app.server.maxConnections = maxConnections;
  app.addHook('onListen', (done) => {
    guardDescriptors(app.server, descriptors, (fields, message) => app.log.warn(fields, message));
    done();
  });
  let closing = false;
  let grace: NodeJS.Timeout | undefined;

  app.addHook('preClose', (done) => {
    closing = true;
    onClosing();
    // Where ports of our own stand before it, they end their connections themselves.
    if (!app.server.listening) return done();
    // Node closes the connections that are idle now, and would wait for the others for as long as they like.
    grace = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE).unref();
    app.server.once('close', () => clearTimeout(grace));
    done();
  });
  // Otherwise a connection that gets its answer from now on would be kept alive for its next request.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
}
