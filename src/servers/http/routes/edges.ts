// Routes for edges that check tickets: they list the sessions that were ended early. An edge that can read a body requests all of them. An edge that
// can read only headers (Varnish) requests those whose ids end with the same character as the session that it checks.

import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { EndedSession, ViewerAccess } from '../../../contracts/access.js';
import type { Milliseconds } from '../../../protocols/units.js';
import type { Edges } from '../delivery/edges.js';
import { carryTicket, TICKET_CHARACTERS } from '../delivery/target.js';
import type { ViewerGate } from '../delivery/viewer-gate.js';
import { HttpProblem } from '../errors.js';
import { matchesEntityTag } from '../negotiation.js';
import { sendGateProblem } from '../plugins/errors.js';
import { StreamParameters } from '../schemas/names.js';

export interface EdgeRouteOptions {
  readonly edges: Edges;
  readonly access: ViewerAccess | undefined;
  readonly gate: ViewerGate | undefined;
}

/** How long an answer is reused, because many edges may ask at the same time. */
const KEPT: Milliseconds = 500;
/** Varnish refuses longer headers by default (`http_resp_hdr_len`). */
const MAX_HEADER_LENGTH = 8_000;
/** Replaces a list that is too long for a header. The edge must then ask the gateway about each request. */
const TOO_MANY = '*';
const NO_STORE = 'no-store';

const TicketParameters = Type.Intersect([
  StreamParameters,
  Type.Object({ ticket: Type.String({ pattern: `^~${TICKET_CHARACTERS}$` }) }),
]);

interface Rendering {
  readonly at: Milliseconds;
  readonly sessions: readonly EndedSession[];
  readonly text: string;
  readonly entityTag: string;
}

/** Registers `/edge/...` on `app`. */
export async function edgeRoutes(app: FastifyInstance, { edges, access, gate }: EdgeRouteOptions): Promise<void> {
  let rendering: Rendering | undefined;

  const current = (): Rendering => {
    const at = performance.now();
    if (rendering !== undefined && at - rendering.at < KEPT) return rendering;
    const sessions = access?.endedSessions?.() ?? [];
    const text = sessions.map(({ sid, until }) => `${sid} ${until}\n`).join('');
    const entityTag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 22)}"`;
    rendering = { at, sessions, text, entityTag };
    return rendering;
  };

  app.addHook('onRequest', (request, reply, done) => {
    reply.header('cache-control', NO_STORE);
    const isEdge = edges.wordOf(request.raw) !== 'none';
    done(isEdge ? undefined : new HttpProblem(403, 'http.edge-only', 'this address is for edges that know the secret'));
  });

  app.get('/edge/ended-sessions', { exposeHeadRoute: true }, (request: FastifyRequest, reply: FastifyReply) => {
    const { text, entityTag } = current();
    reply.header('etag', entityTag).type('text/plain; charset=utf-8');
    return matchesEntityTag(request.headers['if-none-match'], entityTag) ? reply.code(304).send() : reply.send(text);
  });

  app.get<{ Params: { last: string } }>(
    '/edge/ended-sessions/:last',
    { schema: { params: Type.Object({ last: Type.String({ pattern: '^[\\w-]$' }) }) }, exposeHeadRoute: true },
    (request, reply) => {
      const { last } = request.params;
      const sids = current()
        .sessions.filter(({ sid }) => sid.endsWith(last))
        .map(({ sid }) => sid);
      const list = `,${sids.join(',')},`;
      return reply
        .header('cache-control', 'public, max-age=1')
        .header('x-sluice-ended', list.length > MAX_HEADER_LENGTH ? TOO_MANY : list)
        .type('text/plain; charset=utf-8')
        .send('');
    },
  );

  // For an edge that cannot compute a MAC (nginx without modules): it asks the gateway, and caches the answer for some seconds.
  app.get<{ Params: { ticket: string; app: string; name: string } }>(
    '/edge/tickets/:ticket/:app/:name',
    { schema: { params: TicketParameters }, exposeHeadRoute: true },
    async (request, reply) => {
      const { ticket, app: application, name } = request.params;
      carryTicket(request.raw, ticket);
      const pass = await gate?.authorize(request.raw, { app: application, name }, 'hls', false);
      if (pass?.allowed !== false) return reply.code(204).send();
      // Such an edge cannot pass on the body of a refusal, but it can pass on a header.
      return sendGateProblem(reply.header('x-sluice-code', pass.problem.code), pass.problem);
    },
  );
}
