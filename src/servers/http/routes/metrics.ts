// Prometheus metrics, where they are public. They reveal more than viewers need to know, so by default only the admin listener has them.

import type { FastifyInstance } from 'fastify';
import type { MetricsSource } from '../metrics/figures.js';
import type { Metrics } from '../metrics/metrics.js';

export interface MetricsRouteOptions {
  readonly metrics: Metrics;
  readonly source: MetricsSource | undefined;
  readonly isPublic: boolean;
}

export async function metricsRoutes(
  app: FastifyInstance,
  { metrics, source, isPublic }: MetricsRouteOptions,
): Promise<void> {
  source?.offer?.(metrics);
  app.addHook('onClose', async () => {
    source?.offer?.(undefined);
    metrics.close();
  });
  if (!isPublic) return;

  app.get('/metrics', { exposeHeadRoute: true }, async (_request, reply) =>
    reply
      .header('cache-control', 'no-store')
      .type(metrics.contentType)
      .send(await metrics.render()),
  );
}
