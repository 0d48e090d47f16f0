// Prometheus metrics. By default only this machine can read them, because they reveal more than viewers need to know.

import type { FastifyInstance } from 'fastify';
import { type ClientAddresses, isLoopback } from '../client-address.js';
import { HttpProblem } from '../errors.js';
import { peerAddress } from '../metering/connections.js';
import type { Metrics } from '../metrics/metrics.js';

export interface MetricsRouteOptions {
  readonly metrics: Metrics;
  readonly policy: 'public' | 'loopback';
  readonly addresses: ClientAddresses;
}

export async function metricsRoutes(app: FastifyInstance, options: MetricsRouteOptions): Promise<void> {
  const { metrics, policy, addresses } = options;
  metrics.start();
  app.addHook('onClose', async () => metrics.close());

  app.get('/metrics', { exposeHeadRoute: true }, async (request, reply) => {
    reply.header('cache-control', 'no-store');
    if (policy === 'loopback') {
      const peer = peerAddress(request.raw);
      const forwarded = request.headers['x-forwarded-for'];
      const address = addresses.of(peer, Array.isArray(forwarded) ? forwarded.join(',') : forwarded) ?? peer ?? '';
      // A proxy on this machine that does not name its client still sends a Via header.
      if (!isLoopback(address) || (forwarded === undefined && request.headers.via !== undefined)) {
        throw new HttpProblem(403, 'http.forbidden', 'metrics can be read on this machine only');
      }
    }
    return reply.type(metrics.contentType).send(await metrics.render());
  });
}
