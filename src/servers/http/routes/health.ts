// Liveness and readiness probes. They are separate: a restart helps if the first fails, waiting helps if the second fails.

import type { FastifyInstance } from 'fastify';
import type { Health } from '../dependencies.js';

export async function healthRoutes(app: FastifyInstance, { health }: { readonly health: Health }): Promise<void> {
  app.addHook('onRequest', (_request, reply, done) => {
    reply.header('cache-control', 'no-store');
    done();
  });

  app.get('/healthz', { exposeHeadRoute: true }, (_request, reply) => reply.send({ status: 'ok' }));

  app.get('/readyz', { exposeHeadRoute: true }, (_request, reply) => {
    const { ready, reasons } = health.ready();
    return reply.code(ready ? 200 : 503).send({ ready, reasons });
  });
}
