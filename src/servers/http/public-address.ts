// The address under which viewers reach the server, for what needs absolute URLs: link previews and oEmbed.

import type { FastifyRequest } from 'fastify';
import { connectionOf, isSecure } from './metering/connection-of.js';

/**
 * The configured `publicUrl`; else the Host of the request where it is the very address that the connection came to, or loopback.
 * Any other Host is the client's word alone, which must not be repeated in a page that a cache may give to others.
 * @returns without a slash at its end; undefined where it is not known for certain
 */
export function publicAddress(
  request: FastifyRequest,
  configured: string | undefined,
  prefix: string,
): string | undefined {
  if (configured !== undefined) return configured.replace(/\/+$/, '');
  const { localAddress, localPort } = connectionOf(request.raw) ?? request.raw.socket;
  const host = request.headers.host;
  if (localAddress === undefined || host === undefined) return undefined;
  // A dual-stack socket writes an IPv4 address as one of IPv6.
  const address = localAddress.replace(/^::ffff:/, '');
  const own = [address.includes(':') ? `[${address}]` : address, ...(isLoopback(address) ? ['localhost'] : [])];
  const secure = isSecure(request.raw);
  const standard = secure ? 443 : 80;
  const names = own.flatMap((name) => [`${name}:${localPort}`, ...(localPort === standard ? [name] : [])]);
  return names.includes(host) ? `${secure ? 'https' : 'http'}://${host}${prefix}` : undefined;
}

function isLoopback(address: string): boolean {
  return address === '::1' || address.startsWith('127.');
}
