// The HTTP side as one Fastify plugin, so that it can be mounted under any prefix of any application.

import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync } from 'fastify';
import { assetLibrary } from './assets/asset-library.js';
import { ClientAddresses } from './client-address.js';
import { Delivery } from './delivery/delivery.js';
import { DEFAULT_UNSENT_LIMITS } from './delivery/unsent-answers.js';
import { Viewers } from './delivery/viewers.js';
import { DEFAULT_WAITING_LIMITS } from './delivery/waiting-room.js';
import type { HttpDependencies } from './dependencies.js';
import type { ConnectionFigures } from './metering/connections.js';
import { Metrics } from './metrics/metrics.js';
import { loadPages, publicDirectory } from './pages.js';
import { installErrorHandler, installNotFoundHandler, installRequestLimits } from './plugins/errors.js';
import { installRequestLog } from './plugins/request-log.js';
import { installSecurityHeaders } from './plugins/security-headers.js';
import { installUnsentAnswers } from './plugins/unsent-answers.js';
import { apiRoutes } from './routes/api.js';
import { assetRoutes } from './routes/assets.js';
import { dashRoutes } from './routes/dash.js';
import { healthRoutes } from './routes/health.js';
import { hlsRoutes } from './routes/hls.js';
import { metricsRoutes } from './routes/metrics.js';
import { pageRoutes } from './routes/pages.js';
import { thumbnailRoutes } from './routes/thumbnails.js';

/**
 * Registers every route of the gateway under Fastify's `prefix`. Hooks and handlers stay inside the plugin's own scope; without a
 * prefix the 404 of the host application is left alone too. Names may be 255 bytes long: raise the host's
 * `routerOptions.maxParamLength` (default 100) if streams are named so.
 */
export const sluiceHttp: FastifyPluginAsync<HttpDependencies> = async (app, dependencies) => {
  const services = createServices(dependencies, app.log);
  installSluice(app, dependencies, { ownsNotFound: app.prefix !== '', services });
};

/** Addresses of the machine itself: a proxy on it is the operator's own. */
const LOOPBACK_PROXIES: readonly string[] = ['127.0.0.0/8', '::1'];

/** What the routes share. */
export interface HttpServices {
  readonly delivery: Delivery;
  readonly viewers: Viewers;
  readonly addresses: ClientAddresses;
}

/** @internal */
export function createServices(dependencies: HttpDependencies, logger: FastifyBaseLogger | undefined): HttpServices {
  const { origin, dash, targetDuration = 2, trustedProxies = LOOPBACK_PROXIES } = dependencies;
  const { maxWaiters, maxWaitersPerIp } = DEFAULT_WAITING_LIMITS;
  const addresses = new ClientAddresses(trustedProxies);
  const viewers = new Viewers();
  const limits = {
    maxWaiters: dependencies.maxWaiters ?? maxWaiters,
    maxWaitersPerIp: dependencies.maxWaitersPerIp ?? maxWaitersPerIp,
  };
  const { maxBytes, maxBytesPerAddress } = DEFAULT_UNSENT_LIMITS;
  const unsent = {
    maxBytes: dependencies.maxUnreadBytes ?? maxBytes,
    maxBytesPerAddress: dependencies.maxUnreadBytesPerIp ?? maxBytesPerAddress,
  };
  return {
    addresses,
    viewers,
    delivery: new Delivery({ origin, dash, targetDuration, limits, unsent, addresses, viewers, logger }),
  };
}

interface InstallOptions {
  readonly ownsNotFound: boolean;
  readonly services: HttpServices;
  /** Of ports of our own. */
  readonly connections?: () => ConnectionFigures;
}

/** @internal The same on an instance that is ours altogether. */
export function installSluice(
  app: FastifyInstance,
  dependencies: HttpDependencies,
  { ownsNotFound, services, connections }: InstallOptions,
): void {
  const directory = publicDirectory();
  const pages = loadPages(directory);
  const { delivery, viewers, addresses } = services;
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  installSecurityHeaders(app);
  installRequestLimits(app);
  installRequestLog(app);
  installUnsentAnswers(app, delivery);
  installErrorHandler(app, pages.error);
  if (ownsNotFound) installNotFoundHandler(app, pages.error);
  app.addHook('onClose', async () => delivery.close());

  void app.register(hlsRoutes, { delivery });
  void app.register(thumbnailRoutes, { thumbnails: dependencies.thumbnails });
  if (dependencies.dash !== undefined) void app.register(dashRoutes, { delivery, dash: dependencies.dash });
  void app.register(apiRoutes, {
    streams: dependencies.streams,
    viewers,
    rtmpPort: dependencies.rtmpPort ?? (() => undefined),
    publishApp: dependencies.publishApp ?? 'live',
    publishProof: dependencies.publishProof ?? 'key',
    thumbnails: dependencies.thumbnails !== undefined,
  });
  void app.register(healthRoutes, { health: dependencies.health });
  const policy = dependencies.metricsPolicy ?? 'loopback';
  if (policy !== 'off') {
    const metrics = new Metrics({
      source: dependencies.metrics,
      delivery,
      connections: connections ?? (() => undefined),
      viewers,
      streams: dependencies.streams,
    });
    void app.register(metricsRoutes, { metrics, policy, addresses });
  }
  const library = assetLibrary(directory);
  void app.register(assetRoutes, { library });
  void app.register(pageRoutes, {
    pages,
    streams: dependencies.streams,
    thumbnails: dependencies.thumbnails !== undefined,
    publicUrl: dependencies.publicUrl,
    version: library.version,
    pageFrameAncestors: dependencies.pageFrameAncestors ?? "'self'",
    embedFrameAncestors: dependencies.embedFrameAncestors ?? '*',
  });
}
