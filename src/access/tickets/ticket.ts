// A ticket proves in every later request that a viewer may watch. It is a segment of the path, so that relative URIs keep it in every player and an
// edge server can remove it. It is stateless: a restarted gateway, or another one with the same secret, accepts it.
//
//   ~1KEYID.EXPIRY.SID.KIND+MAC
//   EXPIRY = seconds since 1970 in base 36
//   KIND = s for one stream, a for every stream of an application; before it up to four digits, the maximum height of the picture, if it has one
//   MAC = base64url of the first 16 bytes of HMAC-SHA256(secret, "~1KEYID.EXPIRY.SID.KIND" + "\n" + SCOPE)
//   SCOPE = "app/name" for KIND s, "app/" for KIND a

import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import type { SigningKeys } from './signing-keys.js';

/** The content of a ticket. */
export interface Ticket {
  readonly sid: string;
  /** Seconds since 1970. */
  readonly until: number;
  /** Maximum height of the picture, in lines; undefined: no limit. */
  readonly maxHeight?: number | undefined;
}

export interface TicketScope {
  readonly app: string;
  /** Undefined for every stream of the application. */
  readonly name: string | undefined;
}

export type TicketResult =
  | { readonly ok: true; readonly ticket: Ticket }
  | { readonly ok: false; readonly fault: 'forged' | 'expired' };

/** A longer path segment is not examined. */
export const MAX_TICKET_LENGTH = 96;
const MAC_BYTES = 16;
const FORMAT = /^~1([\w-]{4})\.([0-9a-z]{1,8})\.([\w-]{1,32})\.([1-9]\d{0,3})?([sa])([\w-]{22})$/;

/** @returns the path segment, at most {@link MAX_TICKET_LENGTH} characters of `~`, `.`, `_`, `-`, letters and digits */
export function createTicket({ sid, until, maxHeight }: Ticket, scope: TicketScope, keys: SigningKeys): string {
  const kind = scope.name === undefined ? 'a' : 's';
  const head = `~1${keys.current}.${until.toString(36)}.${sid}.${maxHeight ?? ''}${kind}`;
  const mac = keys.sign(`${head}\n${scope.app}/${scope.name ?? ''}`).subarray(0, MAC_BYTES);
  return `${head}${mac.toString('base64url')}`;
}

/**
 * @param text any path segment, with its `~`
 * @param skew how far clocks may differ. Never throws.
 */
export function verifyTicket(
  text: string,
  { app, name }: { readonly app: string; readonly name: string },
  keys: SigningKeys,
  now: EpochMilliseconds,
  skew: Seconds,
): TicketResult {
  const match = text.length > MAX_TICKET_LENGTH ? null : FORMAT.exec(text);
  if (match === null) return { ok: false, fault: 'forged' };
  const [, keyId = '', expiry = '', sid = '', height = '', kind = '', code = ''] = match;
  const mac = Buffer.from(code, 'base64url');
  // The last character of 16 bytes in base64url has unused bits: only our own spelling is accepted.
  if (mac.toString('base64url') !== code) return { ok: false, fault: 'forged' };
  const head = `~1${keyId}.${expiry}.${sid}.${height}${kind}`;
  const scope = kind === 's' ? `${app}/${name}` : `${app}/`;
  if (!keys.verify(keyId, `${head}\n${scope}`, mac)) return { ok: false, fault: 'forged' };
  const until = Number.parseInt(expiry, 36);
  return ticketInTime({ sid, until, ...(height !== '' && { maxHeight: Number(height) }) }, now, skew);
}

/** Whether a genuine ticket has not expired. */
export function ticketInTime(ticket: Ticket, now: EpochMilliseconds, skew: Seconds): TicketResult {
  return now / 1000 > ticket.until + skew ? { ok: false, fault: 'expired' } : { ok: true, ticket };
}
