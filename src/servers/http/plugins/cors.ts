// CORS lets players on any site read the media, and also errors, because without the header a browser hides their status.

import type { FastifyInstance, FastifyReply } from 'fastify';

/** Any origin may read, because no credentials are involved. */
export const CORS_HEADERS = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Length, Content-Range, Date, Age',
  'cross-origin-resource-policy': 'cross-origin',
  'timing-allow-origin': '*',
} as const;

/** Request headers that players add: CMCD (CTA-5004), cache directives and the like. None of them grants access to anything. */
const ALLOWED_HEADERS = [
  ...['Range', 'Authorization', 'Cache-Control', 'Pragma', 'If-None-Match', 'If-Modified-Since', 'X-Requested-With'],
  ...['CMCD-Request', 'CMCD-Object', 'CMCD-Status', 'CMCD-Session'],
].join(', ');

export function setCorsHeaders(reply: FastifyReply): void {
  reply.headers(CORS_HEADERS);
}

/** Sets CORS headers on every route of `app`, and answers preflight requests. */
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
