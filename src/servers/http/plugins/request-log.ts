// One line per request that can never hold a secret: the query is left out whole, since players append keys and tokens to it.

import type { FastifyInstance } from 'fastify';
import { pathOf } from './errors.js';

/** At `debug`, because a single low-latency viewer makes several requests a second; failures of ours are logged as errors elsewhere. */
export function installRequestLog(app: FastifyInstance): void {
  app.addHook('onResponse', (request, reply, done) => {
    request.log.debug(
      { method: request.method, path: pathOf(request), status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
      'request',
    );
    done();
  });
}
