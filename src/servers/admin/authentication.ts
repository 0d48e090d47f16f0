// Checks the token of a request and the role of its operator before the body is read. Each route declares the role that it needs.

import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AttemptLimit } from '../../access/attempt-limit.js';
import { OPERATOR_ROLES, type Operator, type OperatorRole } from '../../contracts/operators.js';
import { peerAddress } from '../http/metering/connections.js';
import type { AdminDependencies } from './dependencies.js';
import { AdminProblem } from './errors.js';

/** Who may use a route: operators with at least this role, or everybody. */
export type RouteAccess = OperatorRole | 'open';

declare module 'fastify' {
  interface FastifyContextConfig {
    access?: RouteAccess;
  }
  interface FastifyRequest {
    /** The operator whose token the request contains; null on open routes and before the check. */
    operator: Operator | null;
  }
}

const BEARER = /^Bearer +(\S{1,128})$/i;
const CHALLENGE = { 'www-authenticate': 'Bearer' } as const;

export function installAuthentication(app: FastifyInstance, operators: AdminDependencies['operators']): void {
  const wrong = new AttemptLimit();
  app.decorateRequest('operator', null);

  app.addHook('onRoute', ({ url, method, config }) => {
    if (config?.access === undefined)
      throw new TypeError(`route ${String(method)} ${url} does not declare who may use it`);
  });

  app.addHook('onRequest', async (request) => {
    const { access } = request.routeOptions.config;
    // If there is no route, nothing needs protection. But without a token nobody should learn which routes exist.
    if (access === 'open') return;
    request.operator = await authenticate(request);
    if (access !== undefined && !mayUse(request.operator.role, access)) {
      throw new AdminProblem(403, 'admin.role', `got the role ${request.operator.role}, expected ${access}`);
    }
  });

  async function authenticate(request: FastifyRequest): Promise<Operator> {
    const { authorization } = request.headers;
    if (authorization === undefined) {
      throw new AdminProblem(401, 'admin.token-required', 'expected Authorization: Bearer TOKEN', CHALLENGE);
    }
    const operator = await operators.check(BEARER.exec(authorization)?.[1] ?? '');
    if (operator !== undefined) return operator;
    const blockedFor = wrong.record(addressOf(request), performance.now());
    if (blockedFor > 0) {
      const headers = { 'retry-after': String(blockedFor) };
      throw new AdminProblem(429, 'admin.too-many-attempts', 'too many wrong tokens from this address', headers);
    }
    throw new AdminProblem(401, 'admin.token-denied', 'this token is not valid', CHALLENGE);
  }
}

function mayUse(role: OperatorRole, needed: OperatorRole): boolean {
  return OPERATOR_ROLES.indexOf(role) >= OPERATOR_ROLES.indexOf(needed);
}

/** The address of the connection. Forwarding headers are not trusted. */
export function addressOf(request: FastifyRequest): string {
  return peerAddress(request.raw) ?? '';
}
