// The pages people see: static files, because everything about a stream comes from the API as text, never as markup.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { Pages } from '../pages.js';
import { pagePolicy } from '../plugins/security-headers.js';
import { StreamParameters } from '../schemas/names.js';

export interface PageRouteOptions {
  readonly pages: Pages;
  readonly pageFrameAncestors: string;
  readonly embedFrameAncestors: string;
}

export async function pageRoutes(app: FastifyInstance, options: PageRouteOptions): Promise<void> {
  const { pages, pageFrameAncestors, embedFrameAncestors } = options;
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();

  routes.get('/', { exposeHeadRoute: true }, (request, reply) => {
    // Mounted at /video, that address without its slash would resolve the page's relative links one level too high.
    const path = request.raw.url?.split('?', 1)[0] ?? '/';
    if (!path.endsWith('/')) return reply.redirect(`${path.slice(path.lastIndexOf('/') + 1)}/`, 308);
    return sendPage(reply, pages.list, pageFrameAncestors);
  });

  const forStream = { schema: { params: StreamParameters }, exposeHeadRoute: true };
  routes.get('/watch/:app/:name', forStream, (_request, reply) => sendPage(reply, pages.watch, pageFrameAncestors));
  routes.get('/embed/:app/:name', forStream, (_request, reply) => {
    reply.header('cross-origin-resource-policy', 'cross-origin');
    return sendPage(reply, pages.embed, embedFrameAncestors);
  });
}

function sendPage(reply: FastifyReply, page: string, frameAncestors: string): FastifyReply {
  return reply
    .header('content-security-policy', pagePolicy(frameAncestors))
    .header('cache-control', 'no-cache')
    .type('text/html; charset=utf-8')
    .send(page);
}
