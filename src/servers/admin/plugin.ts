// The management API as a Fastify plugin that can be mounted under any prefix of any application.

import { TypeBoxValidatorCompiler } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyPluginAsync, FastifyRequest } from 'fastify';
import { InternalErrors } from '../http/internal-errors.js';
import { LimitedLog } from '../http/limited-log.js';
import { MAX_TARGET_BYTES } from '../http/plugins/errors.js';
import { installRequestLog } from '../http/plugins/request-log.js';
import { installSecurityHeaders } from '../http/plugins/security-headers.js';
import { AuditedChanges } from './audited-changes.js';
import { installAuthentication } from './authentication.js';
import type { AdminDependencies } from './dependencies.js';
import { AdminProblem } from './errors.js';
import { openApiRoutes, registerOpenApi } from './openapi.js';
import { installOwnNames } from './own-names.js';
import { installProblems, type ShownProblem } from './problems.js';
import { eventRoutes } from './routes/events.js';
import { publisherRoutes } from './routes/publishers.js';
import { recordingRoutes } from './routes/recordings.js';
import { sessionRoutes } from './routes/sessions.js';
import { stateRoutes } from './routes/state.js';
import { targetRoutes } from './routes/targets.js';
import { tokenRoutes } from './routes/tokens.js';

/**
 * Registers the management API under Fastify's `prefix`. Its hooks and handlers do not affect other routes of the application. Every
 * request needs an operator token. The application itself must refuse wrong host names, use TLS, and limit connections.
 */
export const sluiceAdmin: FastifyPluginAsync<AdminDependencies> = async (app, dependencies) => {
  const log = new LimitedLog(app.log, new InternalErrors(app.log).shared);
  app.addHook('onClose', async () => log.close());
  registerAdmin(app, dependencies, { log, refused: new Map(), ownsNotFound: app.prefix !== '' });
};

export interface AdminServices {
  readonly log: Pick<LimitedLog, 'write'>;
  /** Number of refused requests, by error code. */
  readonly refused: Map<string, number>;
  readonly ownsNotFound: boolean;
}

/** @internal Registers hooks and routes on the given instance: that of `sluiceAdmin`, or the gateway's own. */
export function registerAdmin(
  app: FastifyInstance,
  dependencies: AdminDependencies,
  { log, refused, ownsNotFound }: AdminServices,
): void {
  const { hosts = [], origins = [], auditRequired = true } = dependencies;
  const changes = new AuditedChanges(dependencies.audit, auditRequired, log);
  app.setValidatorCompiler(TypeBoxValidatorCompiler);
  // Accepts only JSON: a page of another site could send text without a preflight request.
  app.removeContentTypeParser('text/plain');
  installSecurityHeaders(app);
  app.addHook('onRequest', async (request, reply) => {
    reply.header('cache-control', 'no-store');
    const { url = '' } = request.raw;
    if (url.length > MAX_TARGET_BYTES) throw new AdminProblem(414, 'admin.bad-request', 'the address is too long');
  });
  installRequestLog(app);
  const onRefused = (request: FastifyRequest, problem: ShownProblem) => changes.refused(request, problem);
  installProblems(app, { log, refused, ownsNotFound, onRefused });
  registerOpenApi(app, dependencies.version);
  installOwnNames(app, { hosts: hosts.map((host) => host.toLowerCase()), origins });
  installAuthentication(app, dependencies.operators);
  void app.register(openApiRoutes);
  void app.register(stateRoutes, dependencies);
  void app.register(sessionRoutes, { ...dependencies, changes });
  void app.register(recordingRoutes, { ...dependencies, changes });
  void app.register(eventRoutes, dependencies);
  void app.register(publisherRoutes, { ...dependencies, changes });
  void app.register(targetRoutes, { ...dependencies, changes });
  void app.register(tokenRoutes, { ...dependencies, changes });
}
