// Serves scripts, styles and images of the pages. Addresses with a version may be cached for ever; plain ones are revalidated.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { HttpProblem } from '../errors.js';
import { chooseCoding, matchesEntityTag } from '../negotiation.js';
import type { AssetLibrary } from '../pages/asset-library.js';
import { setCorsHeaders } from '../plugins/cors.js';

const IMMUTABLE = 'public, max-age=31536000, immutable';
/** Caches may keep it, but must ask each time whether it has changed. */
const REVALIDATED = 'no-cache';

/** `~VERSION/PATH`, where PATH is below `public/`. */
const VERSIONED = /^~([\w-]+)\/(.+)$/;

/** Registers `/assets/PATH`, `/assets/~VERSION/PATH`, and `/favicon.ico`, which browsers and crawlers request by themselves. */
export async function assetRoutes(
  app: FastifyInstance,
  { library }: { readonly library: AssetLibrary },
): Promise<void> {
  // Sandboxed frames need this, because they request module scripts with `Origin: null`, and so do pages with COEP.
  app.addHook('onRequest', (_request, reply, done) => {
    setCorsHeaders(reply);
    done();
  });

  app.addHook('onListen', async () => library.prepare());

  app.get<{ Params: { '*': string } }>('/assets/*', { exposeHeadRoute: true }, (request, reply) => {
    const asked = request.params['*'];
    const [, version, path = asked] = VERSIONED.exec(asked) ?? [];
    // A page of another version of the gateway gets the current file: it may fit, and is better than a 404.
    const lifetime = version === library.version ? IMMUTABLE : REVALIDATED;
    return sendAsset(request, reply, { library, path, lifetime });
  });

  app.get('/favicon.ico', { exposeHeadRoute: true }, (request, reply) =>
    sendAsset(request, reply, { library, path: 'favicon.ico', lifetime: 'public, max-age=86400' }),
  );
}

interface AssetRequest {
  readonly library: AssetLibrary;
  readonly path: string;
  readonly lifetime: string;
}

async function sendAsset(
  request: FastifyRequest,
  reply: FastifyReply,
  { library, path, lifetime }: AssetRequest,
): Promise<FastifyReply> {
  const asset = library.find(path);
  if (asset === undefined) throw new HttpProblem(404, 'http.not-found', 'no such address');
  const { coding, body } = await asset.encoded(chooseCoding(request.headers['accept-encoding']));
  const entityTag = coding === 'identity' ? `"${asset.digest}"` : `"${asset.digest}-${coding}"`;
  reply.headers({ 'cache-control': lifetime, etag: entityTag, vary: 'Accept-Encoding' });
  if (matchesEntityTag(request.headers['if-none-match'], entityTag)) return reply.code(304).send();
  if (coding !== 'identity') reply.header('content-encoding', coding);
  return reply.type(asset.type).send(body);
}
