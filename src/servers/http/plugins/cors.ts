// Lets any site's player read the media, on failures too: without the header a browser hides the status of an error.

import type { FastifyInstance, FastifyReply } from 'fastify';

/** No credentials are involved, so any origin may read. */
export const CORS_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Length, Content-Range, Date, Age',
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
} as const;

/** What players add to their requests, none of which changes an answer's rights: CMCD as CTA-5004 sends it, and what caches are told. */
const ALLOWED_HEADERS = [
  ...['Range', 'Authorization', 'Cache-Control', 'Pragma', 'If-None-Match', 'If-Modified-Since', 'X-Requested-With'],
  ...['CMCD-Request', 'CMCD-Object', 'CMCD-Status', 'CMCD-Session'],
].join(', ');

export function setCorsHeaders(reply: FastifyReply): void {
  reply.headers(CORS_HEADERS);
}

/** CORS for every route of `app`, and the answer to its preflights. */
export function installCors(app: FastifyInstance): void {
  app.addHook('onRequest', (request, reply, done) => {
    setCorsHeaders(reply);
    if (request.method !== 'OPTIONS') return done();
    reply
      .code(204)
      .header('access-control-allow-methods', 'GET, HEAD, OPTIONS')
      .header('access-control-allow-headers', ALLOWED_HEADERS)
      .header('access-control-max-age', '86400')
      .send();
  });
}
