// Logs one line per request, with keys, tokens and tickets masked.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import { maskedPath } from '../request-path.js';

/** Logs at `debug`, because a single low-latency viewer makes several requests per second. Internal errors are logged elsewhere. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    write(request.log, request.raw, reply.statusCode, reply.elapsedTime);
    done();
  });
}

/** The levels of a logger at which requests are logged. */
export const REQUEST_LOG_LEVELS: ReadonlySet<string> = new Set(['debug', 'trace']);

/** Logs a request that bypasses Fastify. */
export function logRequest(
  logger: FastifyBaseLogger,
  domain: FailureDomain,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const start = performance.now();
  const closed = (): void => write(logger, request, response.statusCode, performance.now() - start);
  response.once('close', domain.guard('request log', closed));
}

function write(logger: FastifyBaseLogger, request: IncomingMessage, status: number, elapsed: number): void {
  const path = maskedPath(request);
  logger.debug({ method: request.method, path, status, ms: Math.round(elapsed) }, 'request');
}
