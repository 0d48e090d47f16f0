// Joins the routes into one Fastify application without a socket, and puts the quick way for media in front of it.

import {
  createServer,
  type IncomingMessage,
  METHODS,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Fastify, { LogController } from 'fastify';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import type { Seconds } from '../../protocols/units.js';
import { CONNECTION_OPTIONS, installConnectionLimits, MAX_CONNECTIONS, SOCKET_TIMEOUT } from './connections.js';
import type { Delivery } from './delivery/delivery.js';
import { isGone } from './delivery/exchange.js';
import { parseTarget } from './delivery/target.js';
import type { HttpDependencies } from './dependencies.js';
import { LimitedLog } from './limited-log.js';
import { isSecure } from './metering/connection-of.js';
import { Connections, MAX_REQUESTS_PER_ADDRESS } from './metering/connections.js';
import { loadPages, publicDirectory } from './pages.js';
import { createServices, installSluice } from './plugin.js';
import { describeProblem, READING_METHODS, sendProblem } from './plugins/errors.js';
import { isLogged, logRequest } from './plugins/request-log.js';
import { setStrictHeaders } from './plugins/security-headers.js';
import { METHOD_NOT_ALLOWED, sendRawProblem, TOO_MANY_REQUESTS } from './raw-problem.js';

/** Of all connections, what one address may have: proxies that are trusted are not counted, and 500 viewers have some 3,000. */
const CONNECTIONS_PER_ADDRESS_SHARE = 1 / 4;

export interface AppDependencies extends HttpDependencies {
  /** A pino logger. Without one nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined;
  /** Connections open at a time. Default 20 000. */
  readonly maxConnections?: number | undefined;
  /** Requests of one address that are not answered. Default 8192. */
  readonly maxRequestsPerAddress?: number | undefined;
  /** Of `Strict-Transport-Security`, on answers by HTTPS from ports of our own. Default 0: no such header. */
  readonly hstsMaxAge?: Seconds | undefined;
  /** Keeps descriptors for what runs. Default: none are kept. */
  readonly descriptors?: DescriptorGuard | undefined;
}

export interface HttpApp {
  /** Not listening. */
  readonly app: FastifyInstance;
  /** For the ports in front of it. */
  readonly connections: Connections;
  readonly log: LimitedLog;
  readonly delivery: Delivery;
}

/** A ready-made application, not listening. To mount the same routes in an application of your own, register `sluiceHttp`. */
export function buildApp(dependencies: AppDependencies): FastifyInstance {
  return buildHttpApp(dependencies).app;
}

export function buildHttpApp(dependencies: AppDependencies): HttpApp {
  const {
    logger,
    maxConnections = MAX_CONNECTIONS,
    hstsMaxAge = 0,
    descriptors,
    maxRequestsPerAddress,
    ...rest
  } = dependencies;
  const { error: page } = loadPages(publicDirectory());
  const services = createServices(rest, logger);
  const { delivery } = services;
  const log = new LimitedLog(logger);
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
  const serve = (request: IncomingMessage, response: ServerResponse, route: RequestListener): void => {
    const target = request.method === 'GET' || request.method === 'HEAD' ? parseTarget(request.url ?? '') : undefined;
    if (target === undefined) {
      route(request, response);
      return;
    }
    if (logger !== undefined && isLogged(logger)) logRequest(logger, request, response);
    delivery.serve(request, response, target);
  };

  const refuseMethod = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '' } = request;
    if (!METHODS.includes(method)) log.write('warn', { method: method.slice(0, 32) }, 'unknown methods are refused');
    connections.refusedMethod();
    sendRawProblem(request, response, METHOD_NOT_ALLOWED);
  };

  const dispatch = (request: IncomingMessage, response: ServerResponse, route: RequestListener): void => {
    // Of HTTP/2, where a client may reset what it has just asked for: nobody would read the answer.
    if (isGone(response)) return;
    const began = request.httpVersionMajor > 1 ? performance.now() : undefined;
    if (!connections.open(request, response)) sendRawProblem(request, response, TOO_MANY_REQUESTS);
    // Not every method that HTTP/2 lets through is one that the router knows.
    else if (READING_METHODS.includes(request.method ?? '')) serve(request, response, route);
    else refuseMethod(request, response);
    // Of HTTP/1.1 this is part of what the connection has spent on reading.
    if (began !== undefined) connections.turns.note(performance.now() - began);
  };

  const onClosing = () => {
    delivery.closing = true;
  };
  // RFC 6797 section 7.2: not on answers by plain HTTP.
  app.addHook('onRequest', (request, reply, done) => {
    if (hstsMaxAge > 0 && isSecure(request.raw)) reply.header('strict-transport-security', `max-age=${hstsMaxAge}`);
    done();
  });
  installConnectionLimits(app, { maxConnections, descriptors, onClosing });
  installSluice(app, rest, { ownsNotFound: true, services, connections: () => connections.figures });
  const connections = new Connections({
    http: app.server,
    handle: (request, response) => dispatch(request, response, app.routing),
    addresses: services.addresses,
    maxConnections,
    maxConnectionsPerAddress: Math.ceil(maxConnections * CONNECTIONS_PER_ADDRESS_SHARE),
    maxRequestsPerAddress: maxRequestsPerAddress ?? MAX_REQUESTS_PER_ADDRESS,
    descriptors,
  });
  app.addHook('onClose', async () => log.close());
  return { app, connections, log, delivery };
}

function listenerServer(listener: RequestListener): Server {
  return createServer(CONNECTION_OPTIONS, listener).setTimeout(SOCKET_TIMEOUT);
}
