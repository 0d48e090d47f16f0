// The HLS tree: each handler hands checked names to the origin and its answer to `sendOriginAnswer`.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Seconds } from '../../../protocols/units.js';
import { cacheControl } from '../cache-control.js';
import type { HlsOrigin, OriginAnswer, OriginAnswerKind } from '../dependencies.js';
import { sendOriginAnswer } from '../origin-reply.js';
import { installCors } from '../plugins/cors.js';
import { NOT_FOUND, sendTextProblem } from '../plugins/errors.js';
import { DeliveryDirectiveQuery, FileParameters, RenditionParameters, StreamParameters } from '../schemas/names.js';

export interface HlsRouteOptions {
  readonly origin: HlsOrigin;
  readonly targetDuration: Seconds;
}

/** Registers `/hls/...` on `app`, in a scope of its own so that CORS covers this tree, its errors, and nothing else. */
export async function hlsRoutes(app: FastifyInstance, { origin, targetDuration }: HlsRouteOptions): Promise<void> {
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();
  installCors(app);

  const relay = async (
    request: FastifyRequest,
    reply: FastifyReply,
    asked: OriginAnswerKind,
    answer: Promise<OriginAnswer>,
  ): Promise<FastifyReply> => {
    try {
      return sendOriginAnswer(request, reply, await answer, asked, targetDuration);
    } catch (error) {
      // The client left: its waiter is freed and there is nobody to answer.
      if (request.signal.aborted) return reply.hijack();
      reply.header('cache-control', cacheControl({ status: 500, kind: asked, blocking: false, targetDuration }));
      throw error;
    }
  };

  routes.get(
    '/hls/:app/:name/index.m3u8',
    { schema: { params: StreamParameters }, exposeHeadRoute: true },
    (request, reply) => {
      const { app: application, name } = request.params;
      return relay(request, reply, 'multivariant', origin.multivariant(application, name, request.signal));
    },
  );

  routes.get(
    '/hls/:app/:name/:rendition/index.m3u8',
    { schema: { params: RenditionParameters, querystring: DeliveryDirectiveQuery }, exposeHeadRoute: true },
    (request, reply) => {
      const { app: application, name, rendition } = request.params;
      const { _HLS_msn: msn, _HLS_part: part, _HLS_skip: skip } = request.query;
      const answer = origin.mediaPlaylist(application, name, rendition, { msn, part, skip }, request.signal);
      return relay(request, reply, 'media-playlist', answer);
    },
  );

  routes.get(
    '/hls/:app/:name/:rendition/:file',
    { schema: { params: FileParameters }, exposeHeadRoute: true },
    (request, reply) => {
      const { app: application, name, rendition, file } = request.params;
      return relay(request, reply, 'segment', origin.file(application, name, rendition, file, request.signal));
    },
  );

  // Anything else below /hls/ ends here rather than in the application's own 404, to keep CORS and the short text.
  routes.route({
    method: ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/hls/*',
    handler: (_request, reply) => sendTextProblem(reply, NOT_FOUND),
  });
}
