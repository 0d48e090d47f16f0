// The HLS routes of Fastify. They handle unusual requests, which `parseTarget` rejects, and all requests if the gateway is mounted in
// another application.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Delivery } from '../delivery/delivery.js';
import { MEDIA_HEADERS } from '../delivery/media-headers.js';
import {
  type DeliveryTarget,
  fileTarget,
  iFramePlaylistTarget,
  mediaPlaylistTarget,
  multivariantTarget,
} from '../delivery/target.js';
import { installCors } from '../plugins/cors.js';
import { NOT_FOUND, sendTextProblem } from '../plugins/errors.js';
import { STRICT_HEADERS } from '../plugins/security-headers.js';
import { installTickets, withTickets } from '../plugins/tickets.js';
import { DeliveryDirectiveQuery, FileParameters, RenditionParameters, StreamParameters } from '../schemas/names.js';

/** Registers `/hls/...` on `app`. CORS applies to these routes and their errors only. */
export async function hlsRoutes(app: FastifyInstance, { delivery }: { readonly delivery: Delivery }): Promise<void> {
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();
  installCors(app);
  installTickets(app);

  const serve = (request: FastifyRequest, reply: FastifyReply, target: DeliveryTarget): void => {
    reply.hijack();
    delivery.serve(request.raw, reply.raw, target, foreignHeaders(reply));
  };

  for (const root of withTickets('/hls')) {
    routes.get(
      `${root}/:app/:name/index.m3u8`,
      { schema: { params: StreamParameters }, exposeHeadRoute: true },
      (request, reply) => serve(request, reply, multivariantTarget(request.params.app, request.params.name)),
    );

    for (const [file, target] of [
      ['index.m3u8', mediaPlaylistTarget],
      ['iframes.m3u8', iFramePlaylistTarget],
    ] as const) {
      routes.get(
        `${root}/:app/:name/:rendition/${file}`,
        { schema: { params: RenditionParameters, querystring: DeliveryDirectiveQuery }, exposeHeadRoute: true },
        (request, reply) => {
          const { app: application, name, rendition } = request.params;
          const { _HLS_msn: msn, _HLS_part: part, _HLS_skip: skip } = request.query;
          serve(request, reply, target(application, name, rendition, { msn, part, skip }));
        },
      );
    }

    routes.get(
      `${root}/:app/:name/:rendition/:file`,
      { schema: { params: FileParameters }, exposeHeadRoute: true },
      (request, reply) => {
        const { app: application, name, rendition, file } = request.params;
        serve(request, reply, fileTarget(application, name, rendition, file));
      },
    );
  }

  // All other addresses below /hls/. The application's own 404 would have neither the CORS headers nor the short text.
  routes.route({
    method: ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'],
    url: '/hls/*',
    handler: (_request, reply) => sendTextProblem(reply, NOT_FOUND),
  });
}

/** Headers that the delivery sets itself. */
const OWN = new Set([
  ...MEDIA_HEADERS.filter((_text, index) => index % 2 === 0),
  ...Object.keys(STRICT_HEADERS),
  ...['cache-control', 'content-type', 'content-length', 'content-encoding', 'content-range', 'accept-ranges', 'etag'],
]);

/** Headers set by hooks of the surrounding application, which may want them on every answer. */
export function foreignHeaders(reply: FastifyReply): readonly string[] | undefined {
  const foreign: string[] = [];
  for (const [name, value] of Object.entries(reply.getHeaders())) {
    if (OWN.has(name) || value === undefined) continue;
    for (const one of Array.isArray(value) ? value : [value]) foreign.push(name, String(one));
  }
  return foreign.length === 0 ? undefined : foreign;
}
