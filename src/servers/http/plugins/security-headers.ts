// Security headers: what a page may load, which sites may frame it, and which browser features it may use.

import type { FastifyInstance, FastifyReply } from 'fastify';

/** For answers that are not pages: nothing may be loaded, and no site may frame them. */
const NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** For pages: only scripts and styles of this server, nothing inline. hls.js plays through blob: URLs. */
export function pagePolicy(frameAncestors: string): string {
  return [
    "default-src 'self'",
    // hls.js gives the text tracks of captions and timed events the source `data:,WEBVTT`; without it the browser shows none of their cues.
    "media-src 'self' blob: data:",
    "worker-src 'self' blob:",
    "connect-src 'self'",
    "img-src 'self' data:",
    "style-src 'self'",
    "script-src 'self'",
    "object-src 'none'",
    "base-uri 'self'",
    "form-action 'none'",
    `frame-ancestors ${frameAncestors}`,
  ].join('; ');
}

/** Sets the strict defaults on every answer of `app`, errors included. Pages replace the policy with `pagePolicy`. */
export function installSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    setStrictHeaders(reply);
    done();
  });
}

/** Headers of all answers that are not pages. */
export const STRICT_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': NOTHING_POLICY,
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const;

/** Sets the strict headers on answers for which no hook runs, because the router cannot decode the target. */
export function setStrictHeaders(reply: FastifyReply): void {
  reply.headers(STRICT_HEADERS);
}
