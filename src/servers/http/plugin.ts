// The HTTP side as one Fastify plugin, so that it can be mounted under any prefix of any application.

import type { FastifyPluginAsync } from 'fastify';
import type { HttpDependencies } from './dependencies.js';

/** Registers every route of the gateway. Options: the dependencies, and Fastify's own `prefix`. */
export const sluiceHttp: FastifyPluginAsync<HttpDependencies> = async (app, dependencies) => {
  app.get('/healthz', async () => ({ status: 'ok', ready: dependencies.health.ready().ready }));
};
