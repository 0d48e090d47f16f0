// Builds the application of the admin listener, not yet listening, with the same limits on connections as the public one.

import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { constants } from 'node:http2';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply } from 'fastify';
import Fastify, { LogController } from 'fastify';
import type { DescriptorGuard } from '../../contracts/descriptor-guard.js';
import { ClientAddresses } from '../http/client-address.js';
import { CONNECTION_OPTIONS, installConnectionLimits, SOCKET_TIMEOUT } from '../http/connection-limits.js';
import { cutOff, isGone } from '../http/delivery/exchange.js';
import { InternalErrors } from '../http/internal-errors.js';
import { LimitedLog } from '../http/limited-log.js';
import { Connections } from '../http/metering/connections.js';
import { setStrictHeaders } from '../http/plugins/security-headers.js';
import { INTERNAL, sendRawProblem, TOO_MANY_REQUESTS } from '../http/raw-problem.js';
import { maskedPath } from '../http/request-path.js';
import type { AdminDependencies } from './dependencies.js';
import { registerAdmin } from './plugin.js';
import { describeError, sendShown } from './problems.js';

/** Operators are few. Connections beyond this number are closed at once. */
const MAX_ADMIN_CONNECTIONS = 256;
/** From one address (IPv6: one /64), so that one client cannot lock out the others. */
const MAX_OF_ADDRESS = 128;
/** Unanswered requests from one address. */
const MAX_REQUESTS = 256;
const MAX_BODY_BYTES = 64 * 1024;
const METHODS: readonly string[] = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'];
const UNKNOWN_METHOD = { status: 405, code: 'admin.method', message: `expected ${METHODS.join(', ')}` } as const;

export interface AdminAppDependencies extends AdminDependencies {
  readonly logger?: FastifyBaseLogger | undefined;
  readonly descriptors?: DescriptorGuard | undefined;
}

export interface AdminApp {
  /** Not listening; a `WebPort` passes connections to it. */
  readonly app: FastifyInstance;
  readonly connections: Connections;
  readonly log: LimitedLog;
  /** Number of refused requests since the start, by error code. */
  readonly refused: ReadonlyMap<string, number>;
}

export function buildAdminApp({ logger, descriptors, ...dependencies }: AdminAppDependencies): AdminApp {
  const errors = new InternalErrors(logger);
  const log = new LimitedLog(logger, errors.shared);
  const refused = new Map<string, number>();
  const app = Fastify({
    ...(logger === undefined ? {} : { loggerInstance: logger }),
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: MAX_BODY_BYTES,
    routerOptions: { maxParamLength: 255 },
    serverFactory: (route) => listenerServer((request, response) => dispatch(request, response, route)),
    // A target that cannot be decoded (%zz) never reaches a route or a hook.
    frameworkErrors: (error, _request, reply) => {
      setStrictHeaders(reply);
      sendShown(reply as FastifyReply, describeError(error));
    },
  });

  const dispatch = (request: IncomingMessage, response: ServerResponse, route: RequestListener): void => {
    if (isGone(response)) return;
    const began = request.httpVersionMajor > 1 ? performance.now() : undefined;
    try {
      if (!connections.open(request, response)) sendRawProblem(request, response, TOO_MANY_REQUESTS);
      else if (METHODS.includes(request.method ?? '')) route(request, response);
      else sendRawProblem(request, response, UNKNOWN_METHOD, METHODS);
    } catch (failure) {
      log.write('error', { err: failure, path: maskedPath(request) }, 'management request failed');
      errors.shared.attempt('admin refusal', () => {
        if (response.headersSent) cutOff(response, constants.NGHTTP2_INTERNAL_ERROR);
        else sendRawProblem(request, response, INTERNAL);
      });
    }
    if (began !== undefined) connections.turns.charge(performance.now() - began);
  };

  installConnectionLimits(app, {
    maxConnections: MAX_ADMIN_CONNECTIONS,
    descriptors,
    onClosing: () => undefined,
    domain: errors.shared,
  });
  const connections = new Connections({
    http: app.server,
    handle: (request, response) => dispatch(request, response, app.routing),
    // No proxy is trusted: a proxy in front of this listener counts as one client.
    addresses: new ClientAddresses([]),
    errors,
    maxConnections: MAX_ADMIN_CONNECTIONS,
    maxConnectionsPerAddress: MAX_OF_ADDRESS,
    maxRequestsPerAddress: MAX_REQUESTS,
    descriptors,
  });
  registerAdmin(app, dependencies, { log, refused, ownsNotFound: true });
  app.addHook('onClose', async () => log.close());
  return { app, connections, log, refused };
}

function listenerServer(listener: RequestListener): Server {
  return createServer(CONNECTION_OPTIONS, listener).setTimeout(SOCKET_TIMEOUT);
}
