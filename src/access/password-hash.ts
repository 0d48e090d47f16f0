// The stored form of a password: enough to check an encoder's answer to the challenge, without storing the password itself.
//
// authmod=adobe, which OBS, FFmpeg, GStreamer and librtmp use, proves knowledge of base64(md5(user + salt + password)). The server must
// therefore store that value, and anybody who reads it can answer the challenge: it is a credential and must be protected like one.

import { createHash, randomBytes } from 'node:crypto';

export interface PasswordHash {
  /** base64url, so that it needs no escaping in a query. */
  readonly salt: string;
  /** base64 of 16 bytes. */
  readonly digest: string;
}

const STORED = /^adobe:([A-Za-z0-9_-]{8,64}):([A-Za-z0-9+/]{22}==)$/;
const SALT_BYTES = 12;

/** A new salt. */
function randomSalt(): string {
  return randomBytes(SALT_BYTES).toString('base64url');
}

/** base64(md5(user + salt + password)), the value on which the challenge is based. */
export function passwordDigest(user: string, salt: string, password: string): string {
  return md5Base64(user, salt, password);
}

/** The form used in the configuration: `adobe:SALT:DIGEST`. */
export function hashPassword(user: string, password: string, salt = randomSalt()): string {
  return `adobe:${salt}:${passwordDigest(user, salt, password)}`;
}

/** @throws {RangeError} if the text does not have that form; the configuration has already checked it */
export function parsePasswordHash(stored: string): PasswordHash {
  const [, salt, digest] = STORED.exec(stored) ?? [];
  if (salt === undefined || digest === undefined) throw new RangeError('expected adobe:SALT:DIGEST');
  return { salt, digest };
}

/** MD5 of the concatenated parts, in base64. */
export function md5Base64(...parts: readonly string[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}
