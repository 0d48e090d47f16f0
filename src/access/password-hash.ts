// The stored form of a password: what the challenge of encoders can be checked against, and nothing that is sent in the clear.
//
// authmod=adobe, which OBS, FFmpeg, GStreamer and librtmp speak, proves knowledge of base64(md5(user + salt + password)). So
// that is what a server must keep, and whoever reads it can answer the challenge: it is a credential, to be guarded like one.

import { createHash, randomBytes } from 'node:crypto';

export interface PasswordHash {
  /** base64url: it travels in a query without escapes. */
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

/** base64(md5(user + salt + password)), the form that the challenge is built on. */
export function passwordDigest(user: string, salt: string, password: string): string {
  return md5Base64(user, salt, password);
}

/** What goes into the configuration: `adobe:SALT:DIGEST`. */
export function hashPassword(user: string, password: string, salt = randomSalt()): string {
  return `adobe:${salt}:${passwordDigest(user, salt, password)}`;
}

/** @throws {RangeError} when the text is not of that form; the configuration has checked it. */
export function parsePasswordHash(stored: string): PasswordHash {
  const [, salt, digest] = STORED.exec(stored) ?? [];
  if (salt === undefined || digest === undefined) throw new RangeError('expected adobe:SALT:DIGEST');
  return { salt, digest };
}

/** md5 of the parts one after the other, in base64. */
export function md5Base64(...parts: readonly string[]): string {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest('base64');
}
