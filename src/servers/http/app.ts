// Builds the Fastify application, without a listening socket. Usual requests for media bypass its router and go straight to the delivery.

import {
  createServer,
  type IncomingMessage,
  METHODS,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import { constants } from 'node:http2';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';
import Fastify, { LogController } from 'fastify';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import type { Seconds } from '../../protocols/units.js';
import { CONNECTION_OPTIONS, installConnectionLimits, MAX_CONNECTIONS, SOCKET_TIMEOUT } from './connection-limits.js';
import type { Delivery } from './delivery/delivery.js';
import { cutOff, isGone } from './delivery/exchange.js';
import { parseTarget, takeTicket } from './delivery/target.js';
import type { HttpDependencies } from './dependencies.js';
import { LimitedLog } from './limited-log.js';
import { Connections, isSecure, MAX_REQUESTS_PER_ADDRESS } from './metering/connections.js';
import { loadPages, publicDirectory } from './pages/pages.js';
import { createServices, registerSluice } from './plugin.js';
import { describeProblem, READING_METHODS, sendProblem } from './plugins/errors.js';
import { logRequest, REQUEST_LOG_LEVELS } from './plugins/request-log.js';
import { setStrictHeaders } from './plugins/security-headers.js';
import { INTERNAL, METHOD_NOT_ALLOWED, sendRawProblem, TOO_MANY_REQUESTS } from './raw-problem.js';
import { maskedPath } from './request-path.js';
import { isClipRequest } from './routes/recordings.js';

/** The share of all connections that one address may have. 500 viewers have about 3,000; trusted proxies are not counted. */
const CONNECTIONS_PER_ADDRESS_SHARE = 1 / 4;

export interface AppDependencies extends HttpDependencies {
  /** A pino logger. Without it, nothing is logged. */
  readonly logger?: FastifyBaseLogger | undefined;
  /** Open connections. Default 20 000. */
  readonly maxConnections?: number | undefined;
  /** Unanswered requests per address. Default 8192. */
  readonly maxRequestsPerAddress?: number | undefined;
  /** `max-age` of `Strict-Transport-Security`, sent on HTTPS answers of our own ports. Default 0: the header is not sent. */
  readonly hstsMaxAge?: Seconds | undefined;
  /** Reserves file descriptors for running streams. Default: none are reserved. */
  readonly descriptors?: DescriptorGuard | undefined;
}

export interface HttpApp {
  /** Not listening: `WebPort`s accept its connections. */
  readonly app: FastifyInstance;
  /** The connections of all `WebPort`s. */
  readonly connections: Connections;
  readonly log: LimitedLog;
  readonly delivery: Delivery;
}

/**
 * Only the Fastify instance of `buildHttpApp`, which answers `inject`. To mount the routes in your own application, register `sluiceHttp`
 * instead.
 */
export function buildApp(dependencies: AppDependencies): FastifyInstance {
  return buildHttpApp(dependencies).app;
}

/** The application of the gateway with its connections. It does not listen: `WebPort` does. */
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
  const { delivery, errors } = services;
  const log = new LimitedLog(logger, errors.shared);
  const app = Fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    // Fastify's own request lines contain whole URLs, and so the keys in their queries.
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

  /** Usual requests for media skip router, hooks and schemas; all others go through them. */
  const serve = (request: IncomingMessage, response: ServerResponse, route: RequestListener): void => {
    const url = takeTicket(request);
    if (url !== request.url) request.url = url;
    const target = request.method === 'GET' || request.method === 'HEAD' ? parseTarget(url) : undefined;
    if (target === undefined) {
      route(request, response);
      return;
    }
    if (logger !== undefined && REQUEST_LOG_LEVELS.has(logger.level))
      logRequest(logger, errors.shared, request, response);
    delivery.serve(request, response, target);
  };

  const refuseMethod = (request: IncomingMessage, response: ServerResponse): void => {
    const { method = '' } = request;
    if (!METHODS.includes(method))
      log.write('warn', { method: method.slice(0, 32) }, 'a request with an unknown method was refused');
    connections.refusedMethod();
    sendRawProblem(request, response, METHOD_NOT_ALLOWED);
  };

  /** The only thing that viewers may write, if the operator lets them. */
  const mayClip = dependencies.recordings?.viewersMayClip === true;

  const dispatch = (request: IncomingMessage, response: ServerResponse, route: RequestListener): void => {
    // The client of HTTP/2 may already have reset the request: nobody would read the answer.
    if (isGone(response)) return;
    const began = request.httpVersionMajor > 1 ? performance.now() : undefined;
    try {
      if (!connections.open(request, response)) sendRawProblem(request, response, TOO_MANY_REQUESTS);
      // HTTP/2 also delivers methods that the router does not know.
      else if (READING_METHODS.includes(request.method ?? '')) serve(request, response, route);
      else if (mayClip && isClipRequest(request)) route(request, response);
      else refuseMethod(request, response);
    } catch (failure) {
      // A bug in the gateway fails this request and does not end the process.
      log.write('error', { err: failure, path: maskedPath(request) }, 'request failed');
      errors.shared.attempt('http refusal', () => {
        if (response.headersSent) cutOff(response, constants.NGHTTP2_INTERNAL_ERROR);
        else sendRawProblem(request, response, INTERNAL);
      });
    }
    // For HTTP/1.1 the metered socket counts this time as part of its reading.
    if (began !== undefined) connections.turns.charge(performance.now() - began);
  };

  const onClosing = () => {
    delivery.closing = true;
  };
  // RFC 6797 section 7.2: not on answers over plain HTTP.
  app.addHook('onRequest', (request, reply, done) => {
    if (hstsMaxAge > 0 && isSecure(request.raw)) reply.header('strict-transport-security', `max-age=${hstsMaxAge}`);
    done();
  });
  installConnectionLimits(app, { maxConnections, descriptors, onClosing, domain: errors.shared });
  registerSluice(app, rest, { ownsNotFound: true, services, connections: () => connections.figures });
  const connections = new Connections({
    http: app.server,
    handle: (request, response) => dispatch(request, response, app.routing),
    addresses: services.addresses,
    errors,
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
