// Routes that list publishers and viewers, end them, and ban them.

import { isIP } from 'node:net';
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { type Static, Type } from 'typebox';
import type { Ban, Grant } from '../../../contracts/grant.js';
import { NameSchema } from '../../http/schemas/names.js';
import type { AuditedChanges } from '../audited-changes.js';
import type { AdminDependencies } from '../dependencies.js';
import { AdminProblem } from '../errors.js';
import { operation } from '../operation.js';
import {
  BanSchema,
  EndedSchema,
  EndQuery,
  type EndRequest,
  NewBanBody,
  PageQuery,
  SessionListSchema,
  SessionParameters,
  StreamParameters,
} from '../schemas.js';
import { durationOf } from '../times.js';

export interface SessionRouteOptions extends Pick<AdminDependencies, 'grants' | 'wallClock' | 'revokeSession'> {
  readonly changes: AuditedChanges;
}

const TAG = 'Publishers and viewers';
const DEFAULT_PAGE = 100;
const REASON = 'the operator ended this';
/** Without a ban, most encoders reconnect before the operator sees that they were ended. */
const COMES_BACK = 'Most encoders and players connect again within seconds. Use ?ban=10m to refuse it for 10 minutes.';
const STAYS_AWAY = 'It cannot return before bannedUntil. DELETE /api/v1/bans/{id} removes the ban earlier.';
const VIEWER_NOTE =
  'Refused until its token expires; over HTTP from the next playlist request on. Behind a CDN, only requests that reach the gateway, or an edge that asks it, are refused.';

const SessionQuery = Type.Object(
  {
    app: Type.Optional(NameSchema),
    name: Type.Optional(NameSchema),
    action: Type.Optional(Type.Union([Type.Literal('publish'), Type.Literal('play')])),
    ...PageQuery,
  },
  { additionalProperties: false },
);

export async function sessionRoutes(plain: FastifyInstance, options: SessionRouteOptions): Promise<void> {
  const app = plain.withTypeProvider<TypeBoxTypeProvider>();
  const { grants, wallClock, changes, revokeSession } = options;

  app.get(
    '/api/v1/sessions',
    operation({
      id: 'listSessions',
      tag: TAG,
      summary: 'Publishers, RTMP players, and viewers with a ticket, oldest first',
      description: 'Viewers of open streams over HTTP have no session; their number is shown with the stream.',
      access: 'viewer',
      query: SessionQuery,
      answer: SessionListSchema,
    }),
    (request, reply) => {
      const { app: application, name, action, after, limit } = request.query as Static<typeof SessionQuery>;
      const found = inOrder(grants.listGrants()).filter(
        (grant) =>
          (application === undefined || grant.app === application) &&
          (name === undefined || grant.name === name) &&
          (action === undefined || grant.action === action),
      );
      // By its place and not by its session, which may have ended since.
      const rest = after === undefined ? found : found.filter((grant) => isAfter(grant, placeIn(after)));
      const page = rest.slice(0, Number(limit ?? DEFAULT_PAGE));
      const last = page.at(-1);
      const more = page.length < rest.length && last !== undefined;
      return reply.send({ sessions: page.map(shown), ...(more && { next: `${last.since}-${last.id}` }) } as never);
    },
  );

  const end = (request: FastifyRequest, which: readonly Grant[], action: string, target: string) => {
    const { ban, reason = REASON } = request.query as EndRequest;
    const banFor = ban && durationOf(ban);
    const before = which.map(({ id, app: of, name, protocol, holder }) => ({
      ...{ id, stream: `${of}/${name}`, protocol, proof: holder.proof },
      ...(holder.id !== undefined && { holder: holder.id }),
    }));
    const after = { reason, ...(ban !== undefined && { ban }) };
    return changes.make(request, { action, target, before, after }, async () => {
      for (const session of tokenSessions(which)) await revokeSession(session);
      const ended = which.filter(({ id }) => grants.end(id, reason, banFor === '' ? undefined : banFor)).length;
      if (ended === 0) throw new AdminProblem(404, 'admin.not-found', 'it has already left');
      const haveSessions = which.every(({ session }) => session !== undefined);
      const note = haveSessions ? VIEWER_NOTE : ban === undefined ? COMES_BACK : STAYS_AWAY;
      return {
        ended,
        ...(banFor !== undefined && banFor !== '' && { bannedUntil: new Date(wallClock() + banFor).toISOString() }),
        note,
      };
    });
  };

  app.delete(
    '/api/v1/streams/:app/:name/publisher',
    operation({
      id: 'endPublisher',
      tag: TAG,
      summary: 'Ends the publisher of a stream within a second, and optionally bans it',
      description: 'A ban applies to its key or user, or to its address if it has neither.',
      access: 'operator',
      params: StreamParameters,
      query: EndQuery,
      answer: EndedSchema,
      errors: [404, 503],
    }),
    async (request) => {
      const { app: application, name } = request.params as Static<typeof StreamParameters>;
      const publishing = grants
        .listGrants()
        .filter((grant) => grant.action === 'publish' && grant.app === application && grant.name === name);
      if (publishing.length === 0) throw new AdminProblem(404, 'admin.not-found', 'nobody publishes this stream');
      return end(request, publishing, 'publisher.end', `${application}/${name}`);
    },
  );

  app.delete(
    '/api/v1/sessions/:id',
    operation({
      id: 'endSession',
      tag: TAG,
      summary: 'Ends a publisher or a viewer',
      description:
        'The id is that of the session, or that of a token: the `sid` of a play token, the `sid` or `jti` of a JWT. Then all viewers of that token are ended.',
      access: 'operator',
      params: SessionParameters,
      query: EndQuery,
      answer: EndedSchema,
      errors: [404, 503],
    }),
    async (request) => {
      const { id } = request.params as Static<typeof SessionParameters>;
      const which = grants.listGrants().filter((grant) => grant.id === id || grant.session === id);
      if (which.length === 0) throw new AdminProblem(404, 'admin.not-found', 'no such session');
      return end(request, which, 'session.end', id);
    },
  );

  app.get(
    '/api/v1/bans',
    operation({
      id: 'listBans',
      tag: TAG,
      summary: 'The bans in force',
      access: 'viewer',
      answer: Type.Object({ bans: Type.Array(BanSchema) }),
    }),
    (_request, reply) => reply.send({ bans: grants.listBans().map(shownBan) } as never),
  );

  app.post(
    '/api/v1/bans',
    operation({
      id: 'addBan',
      tag: TAG,
      summary: 'Bans an address for some time',
      description:
        'Ends its publishers and RTMP players at once. Its viewers over HTTP are refused from their next request on, whether the stream is open or protected; requests that wait for media are ended.',
      access: 'operator',
      body: NewBanBody,
      answer: BanSchema,
      errors: [503],
    }),
    async (request) => {
      const { address, action, for: lifetime, reason = REASON } = request.body as Static<typeof NewBanBody>;
      if (isIP(address) === 0) throw new AdminProblem(400, 'admin.bad-request', 'address: expected an IP address');
      const until = wallClock() + durationOf(lifetime);
      const after = { for: lifetime, reason, ...(action !== undefined && { action }) };
      return changes.make(request, { action: 'ban.add', target: address, after }, () =>
        shownBan(grants.ban({ address, action, until, reason })),
      );
    },
  );

  app.delete(
    '/api/v1/bans/:id',
    operation({
      id: 'liftBan',
      tag: TAG,
      summary: 'Removes a ban',
      access: 'operator',
      params: SessionParameters,
      answer: Type.Object({ lifted: Type.Literal(true) }),
      errors: [404, 503],
    }),
    async (request) => {
      const { id } = request.params as Static<typeof SessionParameters>;
      const ban = grants.listBans().find((known) => known.id === id);
      if (ban === undefined) throw new AdminProblem(404, 'admin.not-found', 'no such ban');
      const before = { reason: ban.reason, until: new Date(ban.until).toISOString() };
      return changes.make(request, { action: 'ban.lift', target: id, before }, () => {
        if (!grants.liftBan(id)) throw new AdminProblem(404, 'admin.not-found', 'no such ban');
        return { lifted: true as const };
      });
    },
  );
}

type Place = Pick<Grant, 'since' | 'id'>;

/** Oldest first. The id decides between grants of the same moment, so that the order of two requests is the same. */
function inOrder(grants: readonly Grant[]): readonly Grant[] {
  return [...grants].sort((a, b) => (isAfter(a, b) ? 1 : -1));
}

function isAfter(a: Place, b: Place): boolean {
  return a.since === b.since ? a.id > b.id : a.since > b.since;
}

function placeIn(after: string): Place {
  const [, since, id] = /^(\d{1,16})-([\w-]+)$/.exec(after) ?? [];
  if (since === undefined || id === undefined)
    throw new AdminProblem(400, 'admin.bad-request', 'after: expected `next` of the previous page');
  return { since: Number(since), id };
}

/**
 * The sessions of play tokens, each once. They are also revoked in the file, which holds them as long as their tokens are valid.
 */
function tokenSessions(which: readonly Grant[]): readonly { readonly sid: string; readonly until: number }[] {
  const sessions = new Map<string, number>();
  for (const { action, holder, until } of which) {
    if (action !== 'play' || holder.proof !== 'token' || holder.id === undefined || until === undefined) continue;
    const last = sessions.get(holder.id) ?? 0;
    sessions.set(holder.id, Math.max(last, Math.ceil(until / 1000)));
  }
  return [...sessions].map(([sid, until]) => ({ sid, until }));
}

function shown({ since, until, options: _, ...grant }: Grant) {
  return {
    ...grant,
    since: new Date(since).toISOString(),
    ...(until !== undefined && { until: new Date(until).toISOString() }),
  };
}

function shownBan({ until, ...ban }: Ban) {
  return { ...ban, until: new Date(until).toISOString() } as Static<typeof BanSchema>;
}
