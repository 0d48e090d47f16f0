// Joins the routes into one Fastify application without a socket, so that tests inject and gateways listen.

import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Fastify from 'fastify';
import type { HttpDependencies } from './dependencies.js';
import { sluiceHttp } from './plugin.js';

export interface AppDependencies extends HttpDependencies {
  /** A pino logger. Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined;
}

/** A ready-made application, not listening. To mount the same routes in an application of your own, register `sluiceHttp`. */
export function buildApp(dependencies: AppDependencies): FastifyInstance {
  const { logger, ...rest } = dependencies;
  const app = Fastify({ ...(logger === undefined ? {} : { loggerInstance: logger }) });
  void app.register(sluiceHttp, rest);
  return app;
}
