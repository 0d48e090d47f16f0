// One line per request that can never hold a secret: the query is left out whole, since players append keys and tokens to it.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import { pathOf } from './errors.js';

/** Characters of a path that a record shows; Node lets no control character into a request target. */
const MAX_PATH = 256;

/** At `debug`, because a single low-latency viewer makes several requests a second; failures of ours are logged as errors elsewhere. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    write(request.log, request.raw, reply.statusCode, reply.elapsedTime);
    done();
  });
}

export function isLogged({ level }: FastifyBaseLogger): boolean {
  return level === 'debug' || level === 'trace';
}

/** The same for a request that no hook sees. */
export function logRequest(logger: FastifyBaseLogger, request: IncomingMessage, response: ServerResponse): void {
  const start = performance.now();
  response.once('close', () => write(logger, request, response.statusCode, performance.now() - start));
}

function write(logger: FastifyBaseLogger, request: IncomingMessage, status: number, elapsed: number): void {
  const path = pathOf(request).slice(0, MAX_PATH);
  logger.debug({ method: request.method, path, status, ms: Math.round(elapsed) }, 'request');
}
