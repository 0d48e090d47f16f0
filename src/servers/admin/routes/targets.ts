// Routes for push targets: list, make, change, start, stop and remove them. Requests may contain a URL with its key, but answers never do.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import { type Static, Type } from 'typebox';
import type { PullSourceState, PushRunState, PushTargetState } from '../../../contracts/relay.js';
import { SluiceError } from '../../../protocols/errors.js';
import type { EpochMilliseconds } from '../../../protocols/units.js';
import type { AuditedChanges } from '../audited-changes.js';
import type { AdminDependencies } from '../dependencies.js';
import { AdminProblem } from '../errors.js';
import { operation } from '../operation.js';
import {
  ChangeTargetBody,
  type ChangeTargetRequest,
  NewTargetBody,
  type NewTargetRequest,
  SourceSchema,
  TargetParameters,
  TargetSchema,
} from '../target-schemas.js';

export interface TargetRouteOptions extends Pick<AdminDependencies, 'targets' | 'sources'> {
  readonly changes: AuditedChanges;
}

const TAG = 'Push targets';
const ADDRESS = '/api/v1/targets/:id';

export async function targetRoutes(
  plain: FastifyInstance,
  { targets, sources, changes }: TargetRouteOptions,
): Promise<void> {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();

  app.get(
    '/api/v1/targets',
    operation({
      id: 'listTargets',
      tag: TAG,
      summary: 'All push targets with their states',
      access: 'operator',
      answer: Type.Object({ targets: Type.Array(TargetSchema) }),
    }),
    (_request, reply) => reply.send({ targets: targets.list().map(shownTarget) } as never),
  );

  app.get(
    '/api/v1/sources',
    operation({
      id: 'listSources',
      tag: 'Pull sources',
      summary: 'Streams that are pulled from other servers, as the configuration says',
      access: 'operator',
      answer: Type.Object({ sources: Type.Array(SourceSchema) }),
    }),
    (_request, reply) => reply.send({ sources: sources().map(shownRun) } as never),
  );

  app.get(
    ADDRESS,
    operation({
      id: 'getTarget',
      tag: TAG,
      summary: 'One push target',
      access: 'operator',
      params: TargetParameters,
      answer: TargetSchema,
      errors: [404],
    }),
    (request, reply) => {
      const found = targets.find(idOf(request.params));
      if (found === undefined) throw new AdminProblem(404, 'admin.not-found', 'no such target');
      return reply.send(shownTarget(found) as never);
    },
  );

  app.post(
    '/api/v1/targets',
    operation({
      id: 'addTarget',
      tag: TAG,
      summary: 'Adds a push target: forwards streams to another RTMP server, from now on and after a restart',
      access: 'admin',
      body: NewTargetBody,
      answer: TargetSchema,
      errors: [409, 503],
    }),
    (request) => {
      const target = request.body as NewTargetRequest;
      const change = { action: 'target.add', target: target.stream, after: auditable(target) };
      return answered(() => changes.make(request, change, async () => shownTarget(await targets.add(target))));
    },
  );

  app.patch(
    ADDRESS,
    operation({
      id: 'changeTarget',
      tag: TAG,
      summary: 'Changes a push target and reconnects it',
      access: 'admin',
      params: TargetParameters,
      body: ChangeTargetBody,
      answer: TargetSchema,
      errors: [404, 409, 503],
    }),
    (request) => {
      const body = request.body as ChangeTargetRequest;
      const id = idOf(request.params);
      const change = { action: 'target.change', target: id, after: auditable(body) };
      return answered(() => changes.make(request, change, async () => shownTarget(await targets.change(id, body))));
    },
  );

  for (const what of ['start', 'stop'] as const) {
    app.post(
      `${ADDRESS}/${what}`,
      operation({
        id: `${what}Target`,
        tag: TAG,
        summary:
          what === 'start'
            ? 'Starts a push target; if it is waiting for its next attempt, it connects now'
            : 'Stops a push target until it is started; one of the configuration file until the gateway restarts',
        access: 'admin',
        params: TargetParameters,
        answer: TargetSchema,
        errors: [404, 503],
      }),
      (request) => {
        const id = idOf(request.params);
        const change = { action: `target.${what}`, target: id };
        return answered(() => changes.make(request, change, async () => shownTarget(await targets[what](id))));
      },
    );
  }

  app.delete(
    ADDRESS,
    operation({
      id: 'removeTarget',
      tag: TAG,
      summary: 'Removes a push target and ends its connections',
      access: 'admin',
      params: TargetParameters,
      answer: Type.Object({ removed: Type.Literal(true) }),
      errors: [404, 409, 503],
    }),
    (request) => {
      const id = idOf(request.params);
      return answered(() =>
        changes.make(request, { action: 'target.remove', target: id }, async () => {
          await targets.remove(id);
          return { removed: true as const };
        }),
      );
    },
  );
}

function idOf(params: unknown): string {
  return (params as Static<typeof TargetParameters>).id;
}

/** The log names what was changed. It must not contain the key. */
function auditable({ url, ca, ...rest }: ChangeTargetRequest): Record<string, string> {
  const shown = Object.entries(rest).map(([key, value]) => [key, String(value)] as const);
  return {
    ...Object.fromEntries(shown),
    ...(url !== undefined && { url: 'changed' }),
    ...(ca !== undefined && { ca: 'changed' }),
  };
}

function shownTarget({ runs, ...rest }: PushTargetState): object {
  return { ...rest, runs: runs.map(shownRun) };
}

function shownRun({ since, lastError, ...rest }: PushRunState | PullSourceState): object {
  const nextAttempt = 'nextAttempt' in rest ? rest.nextAttempt : undefined;
  return {
    ...rest,
    since: date(since),
    ...(nextAttempt !== undefined && { nextAttempt: date(nextAttempt) }),
    ...(lastError && { lastError: { ...lastError, time: date(lastError.time) } }),
  };
}

function date(time: EpochMilliseconds): string {
  return new Date(time).toISOString();
}

/** Turns errors that the operator caused into answers with their own status; other errors stay internal errors. */
async function answered<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    switch (error.code) {
      case 'relay.no-such-target':
        throw new AdminProblem(404, 'admin.not-found', error.message);
      case 'relay.url':
      case 'relay.host':
        throw new AdminProblem(400, 'admin.bad-request', error.message);
      case 'relay.configured':
      case 'relay.target-limit':
        throw new AdminProblem(409, 'admin.conflict', error.message);
      default:
        throw error;
    }
  }
}
