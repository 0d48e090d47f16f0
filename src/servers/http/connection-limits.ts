// Limits and timeouts of HTTP connections, so that an idle or slow peer cannot hold one for ever. Also closes all of them with the server.

import type { ServerOptions } from 'node:http';
import type { Server, Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Milliseconds } from '../../protocols/units.js';

/** Maximum number of open connections; one more is closed on arrival. */
export const MAX_CONNECTIONS = 20_000;

/** From the accept, or the first byte of a later request, to the end of the headers. After that the answer is 408. */
export const HEADERS_TIMEOUT: Milliseconds = 15_000;

/** From the same moment to the end of the body. Waiting for the answer does not count, because blocking reloads may take long. */
export const REQUEST_TIMEOUT: Milliseconds = 30_000;

/** From the accept to the end of the TLS handshake. */
export const TLS_HANDSHAKE_TIMEOUT: Milliseconds = 10_000;

/**
 * The longest time between two requests. Longer than the 60 s for which proxies keep idle connections, so that the proxy closes them, not
 * us.
 */
export const KEEP_ALIVE_TIMEOUT: Milliseconds = 72_000;

/**
 * The longest time without a byte in either direction. Longer than three target durations of 30 s, the longest wait of a blocking reload.
 */
export const SOCKET_TIMEOUT: Milliseconds = 120_000;

/** The first refusal is logged, and later ones at most once per interval, because the cause usually lasts. */
const WARNING_INTERVAL: Milliseconds = 10_000;

/** How often Node checks for late requests. */
const CHECK_INTERVAL: Milliseconds = 5_000;

/** From `close()` until connections with pending requests or unread answers are destroyed. */
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
  /** Called when the server begins to close. */
  readonly onClosing: () => void;
  /** Handles the events of the server. */
  readonly domain: FailureDomain;
}

/**
 * Closes the connections that the guard refuses, before any of their bytes is read, and tells the guard when accepting fails. Call this
 * when the server listens.
 * @param warn called for the first refusal or failure, and then at most every 10 s
 */
function guardDescriptors(
  server: Server,
  guard: DescriptorGuard | undefined,
  domain: FailureDomain,
  warn: (fields: object, message: string) => void,
): void {
  let warnedAt = Number.NEGATIVE_INFINITY;
  const warnAgain: typeof warn = (fields, message) => {
    const now = performance.now();
    if (now - warnedAt < WARNING_INTERVAL) return;
    warnedAt = now;
    warn(fields, message);
  };
  const admit = domain.guard('descriptors checked', (socket: Socket) => {
    if (guard?.refuses() !== true) return;
    socket.destroy();
    warnAgain({ limit: 'openFiles' }, 'connections are refused: too many files are open in this process');
  });
  server.prependListener('connection', admit);
  // Accepting failed for lack of descriptors or memory. Without this listener, the event would end the process.
  const failed = domain.guard('accept failed', (error: Error) => {
    guard?.acceptFailed();
    warnAgain({ err: error }, 'a connection could not be accepted');
  });
  server.on('error', failed);
}

/** Installs the limits that are not options of a server, for an application that owns its server. */
export function installConnectionLimits(app: FastifyInstance, limits: ConnectionLimits): void {
  const { maxConnections, descriptors, onClosing, domain } = limits;
  app.server.maxConnections = maxConnections;
  app.addHook('onListen', (done) => {
    guardDescriptors(app.server, descriptors, domain, (fields, message) => app.log.warn(fields, message));
    done();
  });
  let closing = false;
  let grace: NodeJS.Timeout | undefined;

  app.addHook('preClose', (done) => {
    closing = true;
    onClosing();
    // If our own ports accept the connections, the ports also end them.
    if (!app.server.listening) return done();
    // Node closes idle connections at once, but would wait for the others without a limit.
    grace = setTimeout(() => app.server.closeAllConnections(), CLOSE_GRACE).unref();
    app.server.once('close', () => clearTimeout(grace));
    done();
  });
  // Without this, connections that get an answer while the server closes would stay open.
  app.addHook('onSend', (_request, reply, payload, done) => {
    if (closing) reply.header('connection', 'close');
    done(null, payload);
  });
}
