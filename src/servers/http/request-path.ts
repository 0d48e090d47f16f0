// The path of a request, and what a log may show of it. Tickets belong into a path and tokens behind it, but people and programs paste both anywhere, escaped
// or not. A log must never let its readers watch or publish.

import type { IncomingMessage } from 'node:http';

/** A longer path is cut off. It contains no control characters: Node refuses those in a request target. */
const MAX_LENGTH = 256;

const MASK = '…';
/** Names of applications and streams contain no `~`: what follows one is a ticket. */
const TICKET = /~[^/]*/g;
/** What the query should have carried. */
const PARAMETER = /\b(token|key|pass)=[^/]*/gi;
/** A token, or what is left of one. */
const TOKEN = /v1\.[\w-]{4}\.[^/]*/gi;
const ESCAPE = /%(?:25)*([2-7][0-9A-F])/gi;

/** The request target without its query, which may contain a key. */
export function pathOf({ url: target = '' }: Pick<IncomingMessage, 'url'>): string {
  const end = target.indexOf('?');
  return end === -1 ? target : target.slice(0, end);
}

/** The path without its query, with tickets, tokens and keys masked. */
export function maskedPath(request: Pick<IncomingMessage, 'url'>): string {
  const path = pathOf(request);
  const readable = path.replace(ESCAPE, (_, code: string) => String.fromCharCode(Number.parseInt(code, 16)));
  const masked = readable.replace(TICKET, `~${MASK}`).replace(PARAMETER, `$1=${MASK}`).replace(TOKEN, MASK);
  // Without a secret the path is logged as it came.
  return (masked === readable ? path : masked).slice(0, MAX_LENGTH);
}
