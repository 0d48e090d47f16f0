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

/** The same for answers that no hook sees: those to a target the router could not decode. */
export function setStrictHeaders(reply: FastifyReply): void {
  reply.header('x-content-type-options', 'nosniff');
  reply.header('content-security-policy', NOTHING_POLICY);
  reply.header('referrer-policy', 'same-origin');
  reply.header('permissions-policy', 'camera=(), microphone=(), geolocation=()');
}
