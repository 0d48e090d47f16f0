// Refuses requests that a web page sends through the browser of its reader: those with a host name that is not ours (DNS rebinding), and
// changes requested by pages of other sites. Such pages do not know the token, because it is not in a cookie; this is an additional
// protection.

import { isIP } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { AdminProblem } from './errors.js';

export interface OwnNames {
  /** In lower case. */
  readonly hosts: readonly string[];
  readonly origins: readonly string[];
}

const ALLOWED_METHODS = 'GET, HEAD, OPTIONS, POST, PUT, PATCH, DELETE';
const READING: readonly string[] = ['GET', 'HEAD'];
const PREFLIGHT_SECONDS = 600;

export function installOwnNames(app: FastifyInstance, names: OwnNames): void {
  app.addHook('onRequest', async (request, reply) => {
    const host = hostOf(request);
    if (!isOwnHost(host, names.hosts)) {
      throw new AdminProblem(421, 'admin.host', 'got a host name that is not one of this listener: see adminHosts');
    }
    const { origin } = request.headers;
    if (origin === undefined) return;
    reply.header('vary', 'Origin');
    if (names.origins.includes(origin)) {
      reply.header('access-control-allow-origin', origin).header('access-control-expose-headers', 'Retry-After');
      return;
    }
    // The page of this listener sends its origin too, but needs no permission to read the answer.
    const isOwn = origin === `http://${host}` || origin === `https://${host}`;
    if (!isOwn && !READING.includes(request.method)) {
      throw new AdminProblem(403, 'admin.origin', 'got a request from a page of another web site: see adminOrigins');
    }
  });

  // Preflight requests contain no token.
  app.options('/*', { config: { access: 'open' }, schema: { hide: true } }, (_request, reply) =>
    reply
      .code(204)
      .header('allow', ALLOWED_METHODS)
      .header('access-control-allow-methods', ALLOWED_METHODS)
      .header('access-control-allow-headers', 'Authorization, Content-Type')
      .header('access-control-max-age', String(PREFLIGHT_SECONDS))
      .send(),
  );
}

/** Host and port as requested by the client; HTTP/2 has them in a pseudo header. */
function hostOf({ headers }: FastifyRequest): string {
  const authority = headers[':authority'];
  return (typeof authority === 'string' ? authority : (headers.host ?? '')).toLowerCase();
}

/**
 * A web page can make its host name resolve to any address, but then the request has that name; it cannot make the request have an IP
 * address as its host.
 */
export function isOwnHost(host: string, hosts: readonly string[]): boolean {
  const [, bracketed, plain = ''] = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/.exec(host) ?? [];
  if (bracketed !== undefined) return isIP(bracketed) === 6;
  const name = plain.replace(/\.$/, '');
  return isIP(name) === 4 || name === 'localhost' || name.endsWith('.localhost') || hosts.includes(name);
}
