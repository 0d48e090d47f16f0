// Scripts, styles and hls.js of the pages, from disk, revalidated so that a new version of the gateway never mixes with an old one.

import { readFileSync } from 'node:fs';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { hlsModulePath } from '../pages.js';

export async function assetRoutes(app: FastifyInstance, { directory }: { readonly directory: string }): Promise<void> {
  const hlsModule = readFileSync(hlsModulePath());

  app.get('/assets/vendor/hls.mjs', { exposeHeadRoute: true }, (_request, reply) =>
    reply.type('text/javascript; charset=utf-8').header('cache-control', 'public, max-age=3600').send(hlsModule),
  );

  await app.register(fastifyStatic, {
    root: directory,
    prefix: '/assets/',
    // The host application may have decorated its replies already.
    decorateReply: false,
    index: false,
    dotfiles: 'ignore',
    cacheControl: false,
    allowedPath: (path) => !path.endsWith('.html'),
    setHeaders: (response) => {
      response.setHeader('cache-control', 'no-cache');
    },
  });
}
