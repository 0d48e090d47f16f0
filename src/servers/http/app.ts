// Joins the routes into one Fastify application without a socket, and puts the quick way for media in front of it.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Fastify, { LogController } from 'fastify';
import {
  CONNECTION_OPTIONS,
  type DescriptorGuard,
  installConnectionLimits,
  MAX_CONNECTIONS,
  SOCKET_TIMEOUT,
} from './connections.js';
import type { Delivery } from './delivery/delivery.js';
import { PreparedResponse } from './delivery/prepared-response.js';
import { parseTarget } from './delivery/target.js';
import type { HttpDependencies } from './dependencies.js';
import { loadPages, publicDirectory } from './pages.js';
import { createServices, installSluice } from './plugin.js';
import { describeProblem, sendProblem } from './plugins/errors.js';
import { isLogged, logRequest } from './plugins/request-log.js';
import { setStrictHeaders } from './plugins/security-headers.js';

export interface AppDependencies extends HttpDependencies {
  /** A pino logger. Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined;
  /** Connections open at a time. Default 20 000. */
  readonly maxConnections?: number | undefined;
  /** Keeps descriptors for what runs. Default: none are kept. */
  readonly descriptors?: DescriptorGuard | undefined;
}

export interface HttpApp {
  /** Not listening. */
  readonly app: FastifyInstance;
  /** What the server of `app` does with a request, for further servers in front of the same application. */
  readonly handle: RequestListener;
  readonly delivery: Delivery;
}

/** A ready-made application, not listening. To mount the same routes in an application of your own, register `sluiceHttp`. */
export function buildApp(dependencies: AppDependencies): FastifyInstance {
  return buildHttpApp(dependencies).app;
}

export function buildHttpApp(dependencies: AppDependencies): HttpApp {
  const { logger, maxConnections = MAX_CONNECTIONS, descriptors, ...rest } = dependencies;
  const { error: page } = loadPages(publicDirectory());
  const services = createServices(rest, logger);
  const { delivery } = services;
  const app = Fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    // Fastify's own request lines hold whole URLs, and with them the keys in their queries.
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: 128 * 1024,
    routerOptions: { maxParamLength: 255 },
    serverFactory: (route) => listenerServer((request, response) => dispatch(request, response, route)),
    // A target that cannot be decoded (%zz) never reaches a route or a hook.
    frameworkErrors: (error, request, reply) => {
      setStrictHeaders(reply);
      sendProblem(request, reply, describeProblem(error), { page, mount: '' });
    },
  });

  /** Media that is asked for in the usual way needs no router, hooks and schemas; everything else gets them. */
  const dispatch = (request: IncomingMessage, response: ServerResponse, route: RequestListener): void => {
    const target = request.method === 'GET' || request.method === 'HEAD' ? parseTarget(request.url ?? '') : undefined;
    if (target === undefined) {
      route(request, response);
      return;
    }
    if (logger !== undefined && isLogged(logger)) logRequest(logger, request, response);
    delivery.serve(request, response, target);
  };

  const onClosing = () => {
    delivery.closing = true;
  };
  installConnectionLimits(app, { maxConnections, descriptors, onClosing });
  installSluice(app, rest, { ownsNotFound: true, services });
  return { app, delivery, handle: (request, response) => dispatch(request, response, app.routing) };
}

function listenerServer(listener: RequestListener): Server {
  return createServer({ ...CONNECTION_OPTIONS, ServerResponse: PreparedResponse }, listener).setTimeout(SOCKET_TIMEOUT);
}
