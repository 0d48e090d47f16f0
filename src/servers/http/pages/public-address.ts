// The address under which viewers reach the server, for link previews and oEmbed, which need absolute URLs.

import type { FastifyRequest } from 'fastify';
import { connectionOf, isSecure } from '../metering/connections.js';

/**
 * The configured `publicUrl`; otherwise the Host of the request, if it equals the address to which the connection was made, or is
 * `localhost` on loopback. Any other Host is only a claim of the client, and must not get into a page that a cache may give to others.
 * @returns without a final slash; undefined if the address is not certain
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
  // A dual-stack socket shows an IPv4 address as IPv4-mapped IPv6.
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
