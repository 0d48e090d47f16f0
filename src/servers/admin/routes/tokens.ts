// Routes for operator tokens. The first token is made by `sluice token add` on the machine of the gateway.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { AuditedChanges } from '../audited-changes.js';
import type { AdminDependencies } from '../dependencies.js';
import { AdminProblem } from '../errors.js';
import { operation } from '../operation.js';
import { NewTokenBody, TokenParameters, TokenSchema } from '../schemas.js';
import { durationOf } from '../times.js';

export interface TokenRouteOptions extends Pick<AdminDependencies, 'operators' | 'wallClock'> {
  readonly changes: AuditedChanges;
}

const TAG = 'Operator tokens';

export async function tokenRoutes(plain: FastifyInstance, options: TokenRouteOptions): Promise<void> {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { operators, wallClock, changes } = options;

  app.get(
    '/api/v1/tokens',
    operation({
      id: 'listTokens',
      tag: TAG,
      summary: 'All operator tokens, without the secret parts',
      access: 'admin',
      answer: Type.Object({ tokens: Type.Array(TokenSchema) }),
      errors: [503],
    }),
    async () => ({ tokens: [...(await operators.list())] }),
  );

  app.post(
    '/api/v1/tokens',
    operation({
      id: 'addToken',
      tag: TAG,
      summary: 'Makes a token; it is shown only in this answer',
      access: 'admin',
      body: NewTokenBody,
      answer: Type.Object({ token: Type.String(), description: TokenSchema }),
      errors: [503],
    }),
    async (request) => {
      const { role, name, for: lifetime } = request.body as Static<typeof NewTokenBody>;
      const expiresAt = lifetime && new Date(wallClock() + durationOf(lifetime)).toISOString();
      const after = { role, name, ...(expiresAt !== undefined && { expiresAt }) };
      return changes.make(request, { action: 'token.add', target: name, after }, () =>
        operators.add({ role, name, expiresAt }),
      );
    },
  );

  app.delete(
    '/api/v1/tokens/:id',
    operation({
      id: 'revokeToken',
      tag: TAG,
      summary: 'Revokes a token; the next request with it is refused',
      access: 'admin',
      params: TokenParameters,
      answer: Type.Object({ revoked: Type.Literal(true) }),
      errors: [404, 503],
    }),
    async (request) => {
      const { id } = request.params as Static<typeof TokenParameters>;
      const token = (await operators.list()).find((known) => known.id === id);
      if (token === undefined) throw noToken();
      const before = { role: token.role, name: token.name };
      return changes.make(request, { action: 'token.revoke', target: id, before }, async () => {
        if (!(await operators.revoke(id))) throw noToken();
        return { revoked: true as const };
      });
    },
  );
}

const noToken = (): AdminProblem => new AdminProblem(404, 'admin.not-found', 'no such token');
