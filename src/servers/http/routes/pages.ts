// The pages. Their scripts load the state of a stream from the API. Only the head is filled in here, for programs that run no scripts.

import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { sendCompressed } from '../compressed-reply.js';
import type { StreamDirectory } from '../dependencies.js';
import { HttpProblem } from '../errors.js';
import { streamHead } from '../pages/link-preview.js';
import { describeEmbed, type EmbedQuery } from '../pages/oembed.js';
import type { Pages } from '../pages/pages.js';
import { publicAddress } from '../pages/public-address.js';
import { pagePolicy } from '../plugins/security-headers.js';
import { StreamParameters } from '../schemas/names.js';
import { RecordingParameters } from '../schemas/recordings.js';

export interface PageRouteOptions {
  readonly pages: Pages;
  readonly pageFrameAncestors: string;
  readonly embedFrameAncestors: string;
  readonly streams: StreamDirectory;
  readonly thumbnails: boolean;
  /** Whether there are pages of recordings. */
  readonly recordings: boolean;
  /** Whether viewers need a token, which is in the address of the page. */
  readonly isProtected: boolean;
  readonly publicUrl: string | undefined;
  /** Version of the assets. */
  readonly version: string;
}

export async function pageRoutes(app: FastifyInstance, options: PageRouteOptions): Promise<void> {
  const { pages, pageFrameAncestors, embedFrameAncestors, streams, version } = options;
  const routes = app.withTypeProvider<TypeBoxTypeProvider>();

  const baseOf = (request: FastifyRequest): string | undefined => publicAddress(request, options.publicUrl, app.prefix);

  const hasThumbnail = (application: string, name: string): boolean =>
    options.thumbnails && streams.get(application, name)?.source?.video !== undefined;

  const withHead = (page: string, request: FastifyRequest, application: string, name: string): string => {
    const state = streams.get(application, name);
    const picture = hasThumbnail(application, name);
    const { isProtected } = options;
    const base = baseOf(request);
    const stream = { app: application, name, state, hasThumbnail: picture, isProtected, base, version };
    return page.replace('<title>Sluice</title>', () => streamHead(stream));
  };

  routes.get('/', { exposeHeadRoute: true }, (request, reply) => {
    // A page mounted at /video needs the address /video/: otherwise its relative links would lead one level too high.
    const path = request.raw.url?.split('?', 1)[0] ?? '/';
    if (!path.endsWith('/')) return reply.redirect(`${path.slice(path.lastIndexOf('/') + 1)}/`, 308);
    return sendPage(request, reply, pages.list, pageFrameAncestors);
  });

  const forStream = { schema: { params: StreamParameters }, exposeHeadRoute: true };
  // The token in the address of a page must not leave the browser, not even to this server: it would appear in logs of proxies.
  if (options.isProtected) {
    app.addHook('onSend', async (_request, reply) => {
      reply.header('referrer-policy', 'no-referrer');
    });
  }
  routes.get('/watch/:app/:name', forStream, (request, reply) => {
    const { app: application, name } = request.params;
    return sendPage(request, reply, withHead(pages.watch, request, application, name), pageFrameAncestors);
  });
  routes.get('/embed/:app/:name', forStream, (request, reply) => {
    const { app: application, name } = request.params;
    // A page with COEP may frame this page only if the answer has both headers.
    reply.headers({ 'cross-origin-resource-policy': 'cross-origin', 'cross-origin-embedder-policy': 'require-corp' });
    return sendPage(request, reply, withHead(pages.embed, request, application, name), embedFrameAncestors);
  });

  if (options.recordings) {
    routes.get('/recordings', { exposeHeadRoute: true }, (request, reply) =>
      sendPage(request, reply, pages.recordings, pageFrameAncestors),
    );
    routes.get(
      '/recordings/:id',
      { schema: { params: RecordingParameters }, exposeHeadRoute: true },
      (request, reply) => sendPage(request, reply, pages.recording, pageFrameAncestors),
    );
  }

  app.get<{ Querystring: EmbedQuery }>('/oembed', { exposeHeadRoute: true }, (request, reply) => {
    const base = baseOf(request);
    if (base === undefined) {
      throw new HttpProblem(404, 'http.not-found', 'oEmbed needs the public address of this server: set publicUrl');
    }
    reply.headers({ 'cache-control': 'public, max-age=300', 'access-control-allow-origin': '*' });
    return reply.send(describeEmbed(request.query, { base, hasThumbnail }));
  });
}

function sendPage(
  request: FastifyRequest,
  reply: FastifyReply,
  page: string,
  frameAncestors: string,
): Promise<FastifyReply> {
  reply
    .header('content-security-policy', pagePolicy(frameAncestors))
    .header('cache-control', 'no-cache')
    .type('text/html; charset=utf-8');
  return sendCompressed(request, reply, page);
}
