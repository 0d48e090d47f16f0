// Serves scripts, styles and pictures of the pages: for ever under an address with their version, revalidated under the plain one.

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { AssetLibrary } from '../assets/asset-library.js';
import { chooseCoding } from '../delivery/content-coding.js';
import { matchesEntityTag } from '../entity-tag.js';
import { HttpProblem } from '../errors.js';
import { setCorsHeaders } from '../plugins/cors.js';

const IMMUTABLE = 'public, max-age=31536000, immutable';
/** Kept, but asked for each time whether it has changed. */
const REVALIDATED = 'no-cache';

/** `~VERSION/` in front of the path; what follows is the path below `public/`. */
const VERSIONED = /^~([\w-]+)\/(.+)$/;

/** Registers `/assets/PATH`, `/assets/~VERSION/PATH` and `/favicon.ico`, which browsers and crawlers ask for without being told to. */
export async function assetRoutes(
  app: FastifyInstance,
  { library }: { readonly library: AssetLibrary },
): Promise<void> {
  // Module scripts of a sandboxed frame come with `Origin: null`, and a page with COEP takes nothing that does not say who may use it.
  app.addHook('onRequest', (_request, reply, done) => {
    setCorsHeaders(reply);
    done();
  });

  app.addHook('onListen', async () => library.prepare());

  app.get<{ Params: { '*': string } }>('/assets/*', { exposeHeadRoute: true }, (request, reply) => {
    const asked = request.params['*'];
    const [, version, path = asked] = VERSIONED.exec(asked) ?? [];
    // A page of another version of the gateway gets what there is: an answer that may fit is worth more than none.
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
