// The path of a request, and the part of it that a log may show. Tickets belong in a path and tokens in the query, but people and programs
// paste both anywhere, escaped or not. Readers of a log must never be able to watch or publish with it.

import type { IncomingMessage } from 'node:http';

/** A longer path is truncated. It contains no control characters, because Node refuses those in a request target. */
const MAX_LENGTH = 256;

const MASK = '…';
/** Names of applications and streams contain no `~`, so the text after one is a ticket. */
const TICKET = /~[^/]*/g;
/** Parameters that belong in the query. */
const PARAMETER = /\b(token|jwt|key|pass)=[^/]*/gi;
/** A play token or a JWT, or a part of one. */
const TOKEN = /(?:v1\.[\w-]{4}\.|eyJ[\w-]{8,}\.)[^/]*/gi;
/** What is left of a ticket or a play token whose beginning was damaged: anybody could repair it. */
const DAMAGED = /\.[0-9a-z]{1,8}\.[\w-]{1,32}\.\d{0,4}[sa][\w-]{22}[^/]*|\.[\w-]{2,900}\.[\w-]{43}[^/]*/g;
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
  const masked = readable
    .replace(TICKET, `~${MASK}`)
    .replace(PARAMETER, `$1=${MASK}`)
    .replace(TOKEN, MASK)
    .replace(DAMAGED, MASK);
  // A path without a secret is logged unchanged.
  return (masked === readable ? path : masked).slice(0, MAX_LENGTH);
}
