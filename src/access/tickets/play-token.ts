// A signed token that allows a viewer to watch. Whoever knows the secret can make one, on this machine or in a back end. It is checked once: at the
// entry playlist, the page or the RTMP play command. docs/access.md has the format, with test vectors.
//
//   v1.KEYID.PAYLOAD.MAC
//   PAYLOAD = base64url(JSON), MAC = base64url(HMAC-SHA256(secret, "v1.KEYID.PAYLOAD"))

import { randomBytes } from 'node:crypto';
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import type { SigningKeys } from './signing-keys.js';

/** The claims of a token. Times are seconds since 1970. */
export interface PlayClaims {
  /** `app/name`, or `app/*` for every stream of an application. */
  readonly stream: string;
  /** End: after this time nothing is served. */
  readonly until: number;
  /** After this time the token is no longer exchanged for a ticket, but viewers who have one may continue. */
  readonly start_by?: number;
  /** The token is not accepted before this time. */
  readonly not_before?: number;
  /** Maximum height of the picture over HLS and DASH, in lines; if every rendition is taller, the lowest one is shown. */
  readonly max_height?: number;
  /** Name of the session; everybody who shares a token shares the session. If it is left out, a random one is used. */
  readonly sid?: string;
}

export type TokenFault =
  /** The text is not a token, or none of our keys signed it. */
  | 'forged'
  | 'too-early'
  /** The time is later than `until`. */
  | 'expired';

export type TokenResult =
  | {
      readonly ok: true;
      readonly claims: PlayClaims;
      /** False after `start_by`: only those who are already watching may continue. */
      readonly mayStart: boolean;
    }
  | { readonly ok: false; readonly fault: TokenFault };

const VERSION = 'v1';
/** A token must fit into a query beside other parameters. */
const MAX_TOKEN_LENGTH = 1_024;
const FORMAT = /^v1\.([\w-]{4})\.([\w-]{2,900})\.([\w-]{43})$/;
/** Application and stream name as in URLs: one path segment each, neither `.` nor `..`. */
const STREAM = /^(?!\.{1,2}\/)[\w.-]{1,255}\/(?:\*|(?!\.{1,2}$)[\w.-]{1,255})$/;
const SID = /^[\w-]{1,32}$/;
const SID_BYTES = 9;
/** 9999-12-31T23:59:59Z. */
const LATEST = 253_402_300_799;
const MAC_BYTES = 32;
/** A ticket has room for four digits. */
export const MAX_HEIGHT = 9_999;

/** @throws {RangeError} if a claim is invalid */
export function createPlayToken(claims: PlayClaims, keys: SigningKeys): string {
  const fault = faultOfClaims(claims);
  if (fault !== undefined) throw new RangeError(fault);
  const payload = Buffer.from(JSON.stringify({ ...claims, sid: claims.sid ?? newSid() })).toString('base64url');
  const signed = `${VERSION}.${keys.current}.${payload}`;
  return `${signed}.${keys.sign(signed).toString('base64url')}`;
}

/** A session name that nobody can guess: 72 bits. */
export function newSid(): string {
  return randomBytes(SID_BYTES).toString('base64url');
}

/** @param skew how far clocks may differ; every time is extended by it. Never throws. */
export function readPlayToken(token: string, keys: SigningKeys, now: EpochMilliseconds, skew: Seconds): TokenResult {
  const claims = verifyPlayToken(token, keys);
  if (claims === undefined) return { ok: false, fault: 'forged' };
  const seconds = now / 1000;
  if (seconds < (claims.not_before ?? 0) - skew) return { ok: false, fault: 'too-early' };
  if (seconds > claims.until + skew) return { ok: false, fault: 'expired' };
  return { ok: true, claims, mayStart: seconds <= (claims.start_by ?? claims.until) + skew };
}

/** The claims of a token, whatever the time is; undefined if it is forged. Never throws. */
export function verifyPlayToken(token: string, keys: SigningKeys): PlayClaims | undefined {
  if (token.length > MAX_TOKEN_LENGTH) return undefined;
  const [, keyId = '', payload = '', code = ''] = FORMAT.exec(token) ?? [];
  const mac = Buffer.from(code, 'base64url');
  // The last character has unused bits. Only one spelling of a code is accepted, so that each token has only one form.
  if (mac.length !== MAC_BYTES || mac.toString('base64url') !== code) return undefined;
  if (!keys.verify(keyId, `${VERSION}.${keyId}.${payload}`, mac)) return undefined;
  try {
    const claims: unknown = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8'));
    return faultOfClaims(claims) === undefined ? (claims as PlayClaims) : undefined;
  } catch {
    // Signed by somebody who knows the secret, but not JSON.
    return undefined;
  }
}

/** What is wrong with claims; undefined if they are valid. Unknown claims are allowed and ignored. */
export function faultOfClaims(claims: unknown): string | undefined {
  if (typeof claims !== 'object' || claims === null) return 'expected an object of claims';
  const { stream, until, start_by, not_before, max_height, sid } = claims as Readonly<Record<string, unknown>>;
  if (typeof stream !== 'string' || !STREAM.test(stream)) return 'stream: expected app/name or app/*';
  if (!isTime(until)) return 'until: expected seconds since 1970';
  if (start_by !== undefined && !isTime(start_by)) return 'start_by: expected seconds since 1970';
  if (not_before !== undefined && !isTime(not_before)) return 'not_before: expected seconds since 1970';
  if (
    max_height !== undefined &&
    !(Number.isSafeInteger(max_height) && Number(max_height) >= 1 && Number(max_height) <= MAX_HEIGHT)
  )
    return `max_height: expected a number from 1 to ${MAX_HEIGHT}`;
  if (sid !== undefined && (typeof sid !== 'string' || !SID.test(sid)))
    return 'sid: expected up to 32 of A-Z a-z 0-9 _ -';
  return undefined;
}

const isTime = (value: unknown): boolean =>
  Number.isSafeInteger(value) && Number(value) >= 0 && Number(value) <= LATEST;

/** Whether claims are for this stream. */
export function coversStream({ stream }: Pick<PlayClaims, 'stream'>, app: string, name: string): boolean {
  return stream === `${app}/${name}` || stream === `${app}/*`;
}

/** A token without `sid`, made by a back end, is a session of its own: everybody with the same token is in the same session. */
export function sessionOf({ sid }: PlayClaims, token: string): string {
  return sid ?? token.slice(-22);
}
