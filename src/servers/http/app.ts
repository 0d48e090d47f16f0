// Joins the routes into one Fastify application without a socket, so that tests inject and gateways listen.

import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Fastify, { LogController } from 'fastify';
import { CONNECTION_OPTIONS, installConnectionLimits } from './connections.js';
import type { HttpDependencies } from './dependencies.js';
import { loadPages, publicDirectory } from './pages.js';
import { installSluice } from './plugin.js';
import { describeProblem, sendProblem } from './plugins/errors.js';
import { setStrictHeaders } from './plugins/security-headers.js';

export interface AppDependencies extends HttpDependencies {
  /** A pino logger. Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined;
}

/** A ready-made application, not listening. To mount the same routes in an application of your own, register `sluiceHttp`. */
export function buildApp(dependencies: AppDependencies): FastifyInstance {
  const { logger, ...rest } = dependencies;
  const { error: page } = loadPages(publicDirectory());
  const app = Fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    // Fastify's own request lines hold whole URLs, and with them the keys in their queries.
    logController: new LogController({ disableRequestLogging: true }),
    ...CONNECTION_OPTIONS,
    bodyLimit: 128 * 1024,
    routerOptions: { maxParamLength: 255 },
    // A target that cannot be decoded (%zz) never reaches a route or a hook.
    frameworkErrors: (error, request, reply) => {
      setStrictHeaders(reply);
      sendProblem(request, reply, describeProblem(error), { page, mount: '' });
    },
  });
  installConnectionLimits(app);
  installSluice(app, rest, { ownsNotFound: true });
  return app;
}
