// The HTTP side as one Fastify plugin, so that it can be mounted under any prefix of any application.

import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyPluginAsync } from 'fastify';
import type { HttpDependencies } from './dependencies.js';
import { loadPages, publicDirectory } from './pages.js';
import { installErrorHandler, installNotFoundHandler, installRequestLimits } from './plugins/errors.js';
import { installRequestLog } from './plugins/request-log.js';
import { installSecurityHeaders } from './plugins/security-headers.js';
import { apiRoutes } from './routes/api.js';
import { assetRoutes } from './routes/assets.js';
import { healthRoutes } from './routes/health.js';
import { hlsRoutes } from './routes/hls.js';
import { pageRoutes } from './routes/pages.js';

/**
 * Registers every route of the gateway under Fastify's `prefix`. Hooks and handlers stay inside the plugin's own scope; without a
 * prefix the 404 of the host application is left alone too. Names may be 255 bytes long: raise the host's
 * `routerOptions.maxParamLength` (default 100) if streams are named so.
 */
export const sluiceHttp: FastifyPluginAsync<HttpDependencies> = async (app, dependencies) => {
  installSluice(app, dependencies, { ownsNotFound: app.prefix !== '' });
};

/** @internal The same on an instance that is ours altogether. */
export function installSluice(
  app: FastifyInstance,
  dependencies: HttpDependencies,
  { ownsNotFound }: { readonly ownsNotFound: boolean },
): void {
  const directory = publicDirectory();
  const pages = loadPages(directory);
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  installSecurityHeaders(app);
  installRequestLimits(app);
  installRequestLog(app);
  installErrorHandler(app, pages.error);
  if (ownsNotFound) installNotFoundHandler(app, pages.error);

  void app.register(hlsRoutes, { origin: dependencies.origin, targetDuration: dependencies.targetDuration ?? 2 });
  void app.register(apiRoutes, {
    streams: dependencies.streams,
    rtmpPort: dependencies.rtmpPort ?? (() => undefined),
    publishApp: dependencies.publishApp ?? 'live',
  });
  void app.register(healthRoutes, { health: dependencies.health });
  void app.register(assetRoutes, { directory });
  void app.register(pageRoutes, {
    pages,
    pageFrameAncestors: dependencies.pageFrameAncestors ?? "'self'",
    embedFrameAncestors: dependencies.embedFrameAncestors ?? '*',
  });
}
