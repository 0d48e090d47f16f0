// The timed events of a stream as server-sent events (HTML Standard 9.2), for pages, dashboards and monitors.

import type { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Static } from 'typebox';
import type { EventFeed } from '../../../contracts/timed-event.js';
import { addressGroup } from '../../../protocols/address-group.js';
import type { FailureDomain } from '../../../protocols/failure-domain.js';
import type { Milliseconds } from '../../../protocols/units.js';
import type { ClientAddresses } from '../client-address.js';
import type { GateDecision, ViewerGate } from '../delivery/viewer-gate.js';
import { HttpProblem } from '../errors.js';
import { peerAddress } from '../metering/connections.js';
import { setCorsHeaders } from '../plugins/cors.js';
import { sendGateProblem } from '../plugins/errors.js';
import { StreamParameters } from '../schemas/names.js';
import { EventReaders } from './event-readers.js';

export interface EventRouteOptions {
  readonly events: EventFeed;
  /** Undefined if everybody may watch. */
  readonly gate: ViewerGate | undefined;
  readonly addresses: ClientAddresses;
  readonly domain: FailureDomain;
  /** Default 15 s. */
  readonly heartbeat?: Milliseconds | undefined;
}

/** Proxies close connections that are idle for 30 to 60 s. Permissions are also checked again at this interval. */
const HEARTBEAT: Milliseconds = 15_000;
/** How long a reader waits before it reconnects. */
const RETRY: Milliseconds = 3_000;

export async function eventRoutes(
  app: FastifyInstance,
  { events, gate, addresses, domain, heartbeat = HEARTBEAT }: EventRouteOptions,
): Promise<void> {
  const readers = new EventReaders();
  const beat = domain.guard('event heartbeat', () => readers.beat());
  const timer = setInterval(beat, heartbeat).unref();
  // The server waits for open answers before it closes, and these never end by themselves.
  app.addHook('preClose', async () => {
    clearInterval(timer);
    readers.close();
  });

  app.get<{ Params: Static<typeof StreamParameters> }>(
    '/api/v1/streams/:app/:name/events',
    // An answer to HEAD would keep its place among the readers.
    { schema: { params: StreamParameters }, exposeHeadRoute: false },
    async (request, reply) => {
      setCorsHeaders(reply);
      reply.header('cache-control', 'no-store');
      const { app: application, name } = request.params;
      const stream = { app: application, name };
      const pass = await gate?.authorize(request.raw, stream, 'hls', true);
      if (pass?.allowed === false) return sendGateProblem(reply, pass.problem);
      const address = addresses.of(peerAddress(request.raw), request.headers['x-forwarded-for']?.toString());
      const reader = readers.open(addressGroup(address ?? ''), isAllowed(request, stream, pass));
      if (reader === undefined) {
        reply.header('retry-after', RETRY / 1000);
        throw new HttpProblem(503, 'http.too-many-readers', 'too many connections read events');
      }
      const reading = events.read(application, name, lastEventId(request), {
        // An error here must not reach the publisher whose message is passed on.
        onEvent: domain.guard('event sent', (logged) => reader.send(logged)),
        onEnd: domain.guard('events over', () => reader.sendEnd()),
      });
      if (reading === undefined) {
        reader.drop();
        throw new HttpProblem(404, 'http.stream-not-found', 'no such stream');
      }
      reader.onClose = () => reading.close();
      // With an id from the beginning, a reader who is interrupted before its first event misses none (HTML Standard 9.2.6).
      reader.begin(`id: ${reading.seq}\nretry: ${RETRY}\n\n`, reading.earlier);
      return sendEvents(reply, reader.body);
    },
  );

  /** Whether the viewer may still read, because tokens expire and viewers may be banned. */
  function isAllowed(
    request: FastifyRequest,
    stream: { readonly app: string; readonly name: string },
    pass: GateDecision | undefined,
  ): () => boolean {
    const ticket = pass?.allowed === true ? pass.ticket : undefined;
    return () => ticket === undefined || gate?.recheck(request.raw, stream, 'hls', ticket).allowed !== false;
  }
}

function sendEvents(reply: FastifyReply, body: Readable): FastifyReply {
  // nginx would otherwise collect the events before it passes them on.
  return reply.type('text/event-stream; charset=utf-8').header('x-accel-buffering', 'no').send(body);
}

/** EventSource sends the last id that it received; `?after=` is for programs that cannot set headers. */
function lastEventId(request: FastifyRequest): number | undefined {
  const { after } = request.query as { readonly after?: unknown };
  const given = request.headers['last-event-id'] ?? after;
  return typeof given === 'string' && /^\d{1,16}$/.test(given) ? Number(given) : undefined;
}
