// Routes for publish keys and users. A running gateway follows their file, so a change takes effect within a second; publishers whose key or user is
// revoked are ended.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { NewKey } from '../../../access/publishers/change-publishers.js';
import type { StoredKey, StoredUser } from '../../../access/publishers/publisher-file.js';
import type { AuditedChanges } from '../audited-changes.js';
import type { AdminDependencies } from '../dependencies.js';
import { AdminProblem } from '../errors.js';
import { operation } from '../operation.js';
import {
  KeyParameters,
  KeySchema,
  NewKeyBody,
  NewKeySchema,
  RevokeKeyQuery,
  RotateKeyBody,
  UserParameters,
  UserSchema,
} from '../publisher-schemas.js';
import { durationOf } from '../times.js';

export interface PublisherRouteOptions extends Pick<AdminDependencies, 'publishers' | 'wallClock'> {
  readonly changes: AuditedChanges;
}

const TAG = 'Keys and users';

export async function publisherRoutes(plain: FastifyInstance, options: PublisherRouteOptions): Promise<void> {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { publishers, wallClock, changes } = options;

  app.get(
    '/api/v1/keys',
    operation({
      id: 'listKeys',
      tag: TAG,
      summary: 'All publish keys, without their secrets',
      access: 'operator',
      answer: Type.Object({ keys: Type.Array(KeySchema) }),
      errors: [503],
    }),
    async (_request, reply) => reply.send({ keys: (await publishers.list()).keys.map(shownKey) } as never),
  );

  app.post(
    '/api/v1/keys',
    operation({
      id: 'addKey',
      tag: TAG,
      summary: 'Makes a publish key; its secret is shown only in this answer',
      access: 'operator',
      body: NewKeyBody,
      answer: NewKeySchema,
      errors: [503],
    }),
    async (request) => {
      const { for: lifetime, ...scope } = request.body as Static<typeof NewKeyBody>;
      const expiresAt = lifetime === undefined ? undefined : wallClock() + durationOf(lifetime);
      const after = { ...scope, ...(lifetime !== undefined && { for: lifetime }) };
      return changes.make(request, { action: 'key.add', ...(scope.title && { target: scope.title }), after }, () =>
        publishers.addKey(scope, expiresAt),
      );
    },
  );

  app.post(
    '/api/v1/keys/:id/rotate',
    operation({
      id: 'rotateKey',
      tag: TAG,
      summary: 'Makes a new key with the same scope; the old one stays valid for a while',
      access: 'operator',
      params: KeyParameters,
      body: RotateKeyBody,
      answer: NewKeySchema,
      errors: [404, 503],
    }),
    async (request): Promise<NewKey> => {
      const { id } = request.params as Static<typeof KeyParameters>;
      const { grace } = request.body as Static<typeof RotateKeyBody>;
      if (!(await publishers.list()).keys.some(({ key, revokedAt }) => key === id && revokedAt === undefined))
        throw noKey();
      return changes.make(request, { action: 'key.rotate', target: id, after: { grace } }, async () => {
        const made = await publishers.rotateKey(id, durationOf(grace));
        if (made === undefined) throw noKey();
        return made;
      });
    },
  );

  app.delete(
    '/api/v1/keys/:id',
    operation({
      id: 'revokeKey',
      tag: TAG,
      summary: 'Revokes a key, and ends the publishers that use it',
      access: 'operator',
      params: KeyParameters,
      query: RevokeKeyQuery,
      answer: Type.Object({ revoked: Type.Literal(true) }),
      errors: [404, 503],
    }),
    async (request) => {
      const { id } = request.params as Static<typeof KeyParameters>;
      const { keepRunning = 'false' } = request.query as Static<typeof RevokeKeyQuery>;
      const key = (await publishers.list()).keys.find((known) => known.key === id);
      if (key === undefined) throw noKey();
      const before = { hint: key.hint, ...(key.title !== undefined && { title: key.title }) };
      return changes.make(request, { action: 'key.revoke', target: id, before, after: { keepRunning } }, async () => {
        if (!(await publishers.revokeKey(id, keepRunning === 'true'))) throw noKey();
        return { revoked: true as const };
      });
    },
  );

  app.get(
    '/api/v1/users',
    operation({
      id: 'listUsers',
      tag: TAG,
      summary: 'Users of the state directory who may publish; the users of the configuration file are not listed',
      access: 'operator',
      answer: Type.Object({ users: Type.Array(UserSchema) }),
      errors: [503],
    }),
    async (_request, reply) => reply.send({ users: (await publishers.list()).users.map(shownUser) } as never),
  );

  app.delete(
    '/api/v1/users/:user',
    operation({
      id: 'removeUser',
      tag: TAG,
      summary: 'Removes a user, and ends the streams that this user publishes',
      access: 'operator',
      params: UserParameters,
      answer: Type.Object({ removed: Type.Literal(true) }),
      errors: [404, 503],
    }),
    async (request) => {
      const { user } = request.params as Static<typeof UserParameters>;
      if (!(await publishers.list()).users.some((known) => known.user === user)) throw noUser();
      return changes.make(request, { action: 'user.remove', target: user }, async () => {
        if (!(await publishers.removeUser(user))) throw noUser();
        return { removed: true as const };
      });
    },
  );
}

const noKey = (): AdminProblem => new AdminProblem(404, 'admin.not-found', 'no such key, or it is revoked');
const noUser = (): AdminProblem => new AdminProblem(404, 'admin.not-found', 'no such user');

function shownKey({ key, hash: _, ...rest }: StoredKey): object {
  return { id: key, ...rest };
}

function shownUser({ hash: _, ...rest }: StoredUser): object {
  return rest;
}
