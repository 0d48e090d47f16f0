// Finds the connection that a request came by: Node shows a stand-in of it for HTTP/2.

import type { ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import type { RawRequest } from '../delivery/exchange.js';
import { MeteredSocket } from './metered-socket.js';

const connections = new WeakMap<ServerHttp2Session, MeteredSocket>();

/** The session speaks on that connection. */
export function joinSession(session: ServerHttp2Session, connection: MeteredSocket): void {
  connections.set(session, connection);
}

/** @returns undefined for a request of a server that is not ours, or of a session that has ended */
export function connectionOf(request: RawRequest): MeteredSocket | undefined {
  if (!('stream' in request)) return request.socket instanceof MeteredSocket ? request.socket : undefined;
  // Typed as always there; a stream that was destroyed has none.
  const session = request.stream.session as ServerHttp2Session | undefined;
  return session && connections.get(session);
}

/** It came by TLS. */
export function isSecure(request: RawRequest): boolean {
  return connectionOf(request)?.isSecure ?? (request.socket as TLSSocket).encrypted === true;
}

/** The address of who is at the other end of the connection: a client or a proxy. */
export function peerAddress(request: RawRequest): string | undefined {
  return connectionOf(request)?.remoteAddress ?? request.socket.remoteAddress;
}
