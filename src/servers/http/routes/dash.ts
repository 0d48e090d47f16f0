// The MPD of a stream, and the clock to which it refers. The media is served below /hls/.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { Delivery } from '../delivery/delivery.js';
import { manifestTarget } from '../delivery/target.js';
import type { ViewerGate } from '../delivery/viewer-gate.js';
import type { DashOrigin } from '../dependencies.js';
import { installCors } from '../plugins/cors.js';
import { NOT_FOUND, sendGateProblem, sendTextProblem } from '../plugins/errors.js';
import { installTickets, withTickets } from '../plugins/tickets.js';
import { StreamParameters } from '../schemas/names.js';
import { foreignHeaders } from './hls.js';

export interface DashRouteOptions {
  readonly delivery: Delivery;
  readonly dash: DashOrigin;
  readonly gate: ViewerGate | undefined;
}

/** Registers `/dash/...` on `app`. CORS applies to these routes and their errors only. */
export async function dashRoutes(app: FastifyInstance, { delivery, dash, gate }: DashRouteOptions): Promise<void> {
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();
  installCors(app);
  installTickets(app);

  for (const root of withTickets('/dash')) {
    routes.get(
      `${root}/:app/:name/manifest.mpd`,
      { schema: { params: StreamParameters }, exposeHeadRoute: true },
      (request, reply) => {
        const target = manifestTarget(request.params.app, request.params.name);
        reply.hijack();
        delivery.serve(request.raw, reply.raw, target, foreignHeaders(reply));
      },
    );

    // UTCTiming http-iso, ISO/IEC 23009-1 5.8.4.11. Must not be cached.
    routes.get(
      `${root}/:app/:name/time`,
      { schema: { params: StreamParameters }, exposeHeadRoute: true },
      async (request, reply) => {
        const { app: application, name } = request.params;
        // Otherwise somebody who may not watch could learn from it whether the stream is live.
        const pass = await gate?.authorize(request.raw, { app: application, name }, 'dash', true);
        if (pass?.allowed === false) return sendGateProblem(reply, pass.problem);
        const now = dash.time(application, name);
        if (now === undefined) return sendTextProblem(reply, NOT_FOUND);
        return reply
          .header('cache-control', 'no-store')
          .type('text/plain; charset=utf-8')
          .send(new Date(now).toISOString());
      },
    );
  }

  routes.route({
    method: ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/dash/*',
    handler: (_request, reply) => sendTextProblem(reply, NOT_FOUND),
  });
}
