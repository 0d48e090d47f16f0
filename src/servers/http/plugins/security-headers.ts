// Headers that keep a page a page: what it may load, who may frame it, what it may ask of the browser.

import type { FastifyInstance, FastifyReply } from 'fastify';

/** For answers that are no page: nothing may run, nobody may frame. */
const NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'";

/** For pages: own scripts and styles only, nothing inline; hls.js plays through blob: URLs. */
export function pagePolicy(frameAncestors: string): string {
  return [
    "default-src 'self'",
    "media-src 'self' blob:",
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

/** Sets the strict defaults on every answer of `app`, errors included; a page relaxes them with `pagePolicy`. */
export function installSecurityHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (_request, reply, done) => {
    setStrictHeaders(reply);
    done();
  });
}

/** What every answer gets that is no page. */
export const STRICT_HEADERS = {
  'x-content-type-options': 'nosniff',
  'content-security-policy': NOTHING_POLICY,
  'referrer-policy': 'same-origin',
  'cross-origin-opener-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
} as const;

/** The same for answers that no hook sees: those to a target the router could not decode. */
export function setStrictHeaders(reply: FastifyReply): void {
  reply.headers(STRICT_HEADERS);
}
