// The thumbnail of a stream, for lists and posters. Cached like a playlist, because it changes as often.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance } from 'fastify';
import type { Seconds } from '../../../protocols/units.js';
import type { ViewerGate } from '../delivery/viewer-gate.js';
import type { ThumbnailSource } from '../dependencies.js';
import { matchesEntityTag } from '../negotiation.js';
import { installCors } from '../plugins/cors.js';
import { sendGateProblem, sendTextProblem } from '../plugins/errors.js';
import { installTickets, withTickets } from '../plugins/tickets.js';
import { StreamParameters } from '../schemas/names.js';

/** How long caches may keep a 404. Short, because a stream may start at any moment. */
const MISSING_MAX_AGE: Seconds = 1;

/** Registers `/hls/APP/NAME/thumbnail.jpg` on `app`. Without a source every answer is 404. */
export async function thumbnailRoutes(
  app: FastifyInstance,
  { thumbnails, gate }: { readonly thumbnails: ThumbnailSource | undefined; readonly gate: ViewerGate | undefined },
): Promise<void> {
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();
  installCors(app);
  installTickets(app);

  for (const root of withTickets('/hls')) {
    routes.get(
      `${root}/:app/:name/thumbnail.jpg`,
      { schema: { params: StreamParameters }, exposeHeadRoute: true },
      async (request, reply) => {
        const { app: application, name } = request.params;
        const pass = await gate?.authorize(request.raw, { app: application, name }, 'thumbnail', true);
        if (pass?.allowed === false) return sendGateProblem(reply, pass.problem);
        const thumbnail = await thumbnails?.get(application, name);
        if (thumbnail === undefined) {
          const message = `there is no thumbnail of ${application}/${name}`;
          const problem = { status: 404, code: 'http.thumbnail-not-found', message };
          return sendTextProblem(reply, problem, `public, max-age=${MISSING_MAX_AGE}`);
        }
        const { body, entityTag, maxAge } = thumbnail;
        // If the viewer came with a token, the address contains it, and must not become a key in a cache.
        const lifetime = pass?.ticket === undefined ? `public, max-age=${maxAge}` : 'private, no-store';
        reply.headers({ 'cache-control': lifetime, etag: entityTag });
        if (matchesEntityTag(request.headers['if-none-match'], entityTag)) return reply.code(304).send();
        return reply.type('image/jpeg').send(body);
      },
    );
  }
}
