// The HTTP side as a Fastify plugin, to be mounted under any prefix of any application.
//
// There are four entrances. `sluiceHttp` is the public one, for an application of somebody else. `buildHttpApp` (app.ts) makes the gateway's
// own application, with its connections and their limits; `buildApp` gives its Fastify instance alone, for tests that use `inject`. All of
// them end in `registerSluice`, which registers the same hooks and routes.

import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyBaseLogger, FastifyInstance, FastifyPluginAsync } from 'fastify';
import { ClientAddresses } from './client-address.js';
import { Delivery } from './delivery/delivery.js';
import { Edges } from './delivery/edges.js';
import { DEFAULT_UNREAD_LIMITS } from './delivery/unread-answers.js';
import { ViewerGate } from './delivery/viewer-gate.js';
import { Viewers } from './delivery/viewers.js';
import { DEFAULT_WAITING_LIMITS } from './delivery/waiting-room.js';
import type { HttpDependencies } from './dependencies.js';
import { InternalErrors } from './internal-errors.js';
import type { ConnectionFigures } from './metering/connections.js';
import { Metrics } from './metrics/metrics.js';
import { assetLibrary } from './pages/asset-library.js';
import { loadPages, publicDirectory } from './pages/pages.js';
import { installErrorHandler, installNotFoundHandler, installRequestLimits } from './plugins/errors.js';
import { installRequestLog } from './plugins/request-log.js';
import { installSecurityHeaders } from './plugins/security-headers.js';
import { installUnreadAnswers } from './plugins/unread-answers.js';
import { apiRoutes } from './routes/api.js';
import { assetRoutes } from './routes/assets.js';
import { dashRoutes } from './routes/dash.js';
import { edgeRoutes } from './routes/edges.js';
import { eventRoutes } from './routes/events.js';
import { healthRoutes } from './routes/health.js';
import { hlsRoutes } from './routes/hls.js';
import { metricsRoutes } from './routes/metrics.js';
import { pageRoutes } from './routes/pages.js';
import { recordingApiRoutes, recordingRoutes } from './routes/recordings.js';
import { thumbnailRoutes } from './routes/thumbnails.js';

/**
 * Registers all routes of the gateway under Fastify's `prefix`. Its hooks and handlers do not affect other routes of the application; without
 * a prefix, the application keeps its own 404 handler. Stream names may have 255 bytes: for names over 100 bytes, raise the application's
 * `routerOptions.maxParamLength`.
 */
export const sluiceHttp: FastifyPluginAsync<HttpDependencies> = async (app, dependencies) => {
  const services = createServices(dependencies, app.log);
  registerSluice(app, dependencies, { ownsNotFound: app.prefix !== '', services });
};

/** Loopback addresses: a proxy on the same machine belongs to the operator. */
const LOOPBACK_PROXIES: readonly string[] = ['127.0.0.0/8', '::1'];

/** Objects that the routes share. */
export interface HttpServices {
  readonly delivery: Delivery;
  readonly viewers: Viewers;
  readonly addresses: ClientAddresses;
  /** Undefined if everybody may watch. */
  readonly gate: ViewerGate | undefined;
  /** Undefined if no edge has a secret. */
  readonly edges: Edges | undefined;
  readonly errors: InternalErrors;
}

/** @internal */
export function createServices(dependencies: HttpDependencies, logger: FastifyBaseLogger | undefined): HttpServices {
  const { origin, dash, streams, targetDuration = 2, trustedProxies = LOOPBACK_PROXIES } = dependencies;
  const { maxWaiters, maxWaitersPerIp } = DEFAULT_WAITING_LIMITS;
  const addresses = new ClientAddresses(trustedProxies);
  const viewers = new Viewers();
  const errors = new InternalErrors(logger);
  const limits = {
    maxWaiters: dependencies.maxWaiters ?? maxWaiters,
    maxWaitersPerIp: dependencies.maxWaitersPerIp ?? maxWaitersPerIp,
  };
  const { maxBytes, maxBytesPerAddress } = DEFAULT_UNREAD_LIMITS;
  const unread = {
    maxBytes: dependencies.maxUnreadBytes ?? maxBytes,
    maxBytesPerAddress: dependencies.maxUnreadBytesPerIp ?? maxBytesPerAddress,
  };
  const { access } = dependencies;
  const edges = dependencies.edges && new Edges(dependencies.edges);
  const gate = access && new ViewerGate({ access, addresses, edges, domain: errors.shared, logger });
  const shared = { addresses, viewers, gate, edges, errors };
  return {
    ...shared,
    delivery: new Delivery({ origin, dash, streams, targetDuration, limits, unread, ...shared, logger }),
  };
}

interface InstallOptions {
  readonly ownsNotFound: boolean;
  readonly services: HttpServices;
  /** Figures of our own ports; undefined if another server accepts the connections. */
  readonly connections?: () => ConnectionFigures;
}

/** @internal Registers hooks and routes on the given instance: that of `sluiceHttp`, or that of the gateway itself. */
export function registerSluice(
  app: FastifyInstance,
  dependencies: HttpDependencies,
  { ownsNotFound, services, connections }: InstallOptions,
): void {
  const directory = publicDirectory();
  const pages = loadPages(directory);
  const { delivery, viewers, gate, edges, errors } = services;
  const isProtected = gate !== undefined && dependencies.access?.isOpen !== true;
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  installSecurityHeaders(app);
  installRequestLimits(app);
  installRequestLog(app);
  installUnreadAnswers(app, delivery, errors.shared);
  installErrorHandler(app, pages.error);
  if (ownsNotFound) installNotFoundHandler(app, pages.error);
  app.addHook('onClose', async () => {
    delivery.close();
    gate?.close();
  });

  void app.register(hlsRoutes, { delivery });
  void app.register(thumbnailRoutes, { thumbnails: dependencies.thumbnails, gate });
  if (dependencies.dash !== undefined) void app.register(dashRoutes, { delivery, dash: dependencies.dash, gate });
  void app.register(apiRoutes, {
    streams: dependencies.streams,
    viewers,
    rtmpPort: dependencies.rtmpPort ?? (() => undefined),
    publishApp: dependencies.publishApp ?? 'live',
    publishProof: dependencies.publishProof ?? 'key',
    // The reader of the list has no token for the thumbnails of protected streams.
    thumbnails: dependencies.thumbnails !== undefined && !isProtected,
    isProtected,
    recordings: dependencies.recordings,
  });
  if (edges !== undefined) void app.register(edgeRoutes, { edges, gate, access: dependencies.access });
  const { recordings, events } = dependencies;
  if (recordings !== undefined) {
    void app.register(recordingRoutes, { recordings, gate });
    void app.register(recordingApiRoutes, { recordings, gate });
  }
  if (events !== undefined) {
    void app.register(eventRoutes, { events, gate, addresses: services.addresses, domain: errors.shared });
  }
  void app.register(healthRoutes, { health: dependencies.health });
  const policy = dependencies.metricsPolicy ?? 'admin';
  if (policy !== 'off') {
    const metrics = new Metrics({
      source: dependencies.metrics,
      delivery,
      connections: connections ?? (() => undefined),
      viewers,
      gate,
      streams: dependencies.streams,
    });
    void app.register(metricsRoutes, { metrics, source: dependencies.metrics, isPublic: policy === 'public' });
  }
  const library = assetLibrary(directory);
  void app.register(assetRoutes, { library });
  void app.register(pageRoutes, {
    pages,
    recordings: recordings !== undefined,
    streams: dependencies.streams,
    // Programs that preview a link have no token, so they cannot load the thumbnail of a protected stream.
    thumbnails: dependencies.thumbnails !== undefined && !isProtected,
    isProtected,
    publicUrl: dependencies.publicUrl,
    version: library.version,
    pageFrameAncestors: dependencies.pageFrameAncestors ?? "'self'",
    embedFrameAncestors: dependencies.embedFrameAncestors ?? '*',
  });
}
