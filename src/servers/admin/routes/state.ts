// Routes that only read: health, streams, metrics, the configuration, the audit log.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { StreamSchema } from '../../http/schemas/streams.js';
import type { AdminDependencies } from '../dependencies.js';
import { AdminProblem } from '../errors.js';
import { operation } from '../operation.js';
import { HealthSchema, StreamParameters } from '../schemas.js';

const AuditQuery = Type.Object(
  {
    since: Type.Optional(
      Type.String({
        pattern: '^\\d{4}-\\d\\d-\\d\\d(T[0-9:.]{5,12}(Z|[+-]\\d\\d:\\d\\d)?)?$',
        description: 'ISO 8601',
      }),
    ),
    after: Type.Optional(Type.String({ pattern: '^\\d{1,15}$', description: '`next` of the previous page' })),
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|[1-4][0-9]{2}|500)$' })),
  },
  { additionalProperties: false },
);

/** docs/admin.md describes the fields; `before` and `after` depend on the kind of change. */
const AuditEntrySchema = Type.Object(
  {
    seq: Type.Integer(),
    time: Type.String(),
    actor: Type.Object({ id: Type.String(), role: Type.String(), name: Type.Optional(Type.String()) }),
    address: Type.Optional(Type.String()),
    action: Type.String(),
    target: Type.Optional(Type.String()),
    before: Type.Optional(Type.Unknown()),
    after: Type.Optional(Type.Unknown()),
    result: Type.String({ description: 'accepted, refused or failed' }),
    code: Type.Optional(Type.String()),
    request: Type.Optional(Type.String()),
    prev: Type.String({ description: 'SHA-256 of the previous line' }),
  },
  { title: 'AuditEntry' },
);

const DEFAULT_PAGE = 100;

export async function stateRoutes(plain: FastifyInstance, dependencies: AdminDependencies): Promise<void> {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { health, streams, version, audit, configuration, metrics } = dependencies;

  app.get(
    '/api/v1/health',
    operation({
      id: 'getHealth',
      tag: 'Gateway',
      summary: 'Health and version',
      access: 'viewer',
      answer: HealthSchema,
    }),
    () => {
      const { ready, reasons } = health.ready();
      return { ready, reasons: [...reasons], version, node: process.version, uptime: process.uptime() };
    },
  );

  app.get(
    '/api/v1/streams',
    operation({
      id: 'listStreams',
      tag: 'Streams',
      summary: 'All streams, with what is missing from each',
      access: 'viewer',
      answer: Type.Object({ streams: Type.Array(StreamSchema) }),
    }),
    (_request, reply) => reply.send({ streams: streams.list() as never }),
  );

  app.get(
    '/api/v1/streams/:app/:name',
    operation({
      id: 'getStream',
      tag: 'Streams',
      summary: 'One stream',
      access: 'viewer',
      params: StreamParameters,
      answer: StreamSchema,
      errors: [404],
    }),
    (request, reply) => {
      const { app: application, name } = request.params as { app: string; name: string };
      const stream = streams.get(application, name);
      if (stream === undefined) throw new AdminProblem(404, 'admin.not-found', 'no such stream');
      return reply.send(stream as never);
    },
  );

  app.get(
    '/api/v1/config',
    operation({
      id: 'getConfiguration',
      tag: 'Gateway',
      summary: 'The current configuration, without secrets',
      access: 'admin',
      answer: Type.Object({
        options: Type.Array(Type.Object({ key: Type.String(), value: Type.Optional(Type.Unknown()) })),
      }),
    }),
    () => ({ options: [...configuration()] }),
  );

  app.get(
    '/api/v1/audit',
    operation({
      id: 'listAudit',
      tag: 'Audit',
      summary: 'Changes by operators, accepted or refused, oldest first',
      access: 'admin',
      query: AuditQuery,
      answer: Type.Object({ entries: Type.Array(AuditEntrySchema), next: Type.Optional(Type.String()) }),
      errors: [503],
    }),
    async (request, reply) => {
      const { since, after, limit } = request.query as { since?: string; after?: string; limit?: string };
      if (since !== undefined && Number.isNaN(Date.parse(since)))
        throw new AdminProblem(400, 'admin.bad-request', 'since: expected a time such as 2030-12-31T18:00:00Z');
      const size = Number(limit ?? DEFAULT_PAGE);
      const entries = await audit.read({ since, after: Number(after ?? 0), limit: size });
      const last = entries.at(-1);
      return reply.send({
        entries,
        ...(entries.length === size && last !== undefined && { next: String(last.seq) }),
      } as never);
    },
  );

  app.get(
    '/metrics',
    operation({
      id: 'getMetrics',
      tag: 'Gateway',
      summary: 'Metrics in the text format of Prometheus',
      access: 'viewer',
      answer: Type.String(),
      errors: [404],
    }),
    async (_request, reply) => {
      const page = metrics();
      if (page === undefined) throw new AdminProblem(404, 'admin.metrics-off', 'there are no metrics');
      // Sent unchanged, because the schema would convert it to JSON.
      return reply
        .type(page.contentType)
        .serializer(String)
        .send(await page.render());
    },
  );
}
