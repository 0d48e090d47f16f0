// The token with which an operator or a program manages the gateway: `sla_ID_SECRET`. It is shown once, when it is made; the file contains
// only its hash.

import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

export interface NewToken {
  /** Identifies the token. Not secret. */
  readonly id: string;
  /** Secret: gives the rights of its role. */
  readonly token: string;
  /** SHA-256 of the token in base64url. A slow hash, as for passwords, is not needed, because nobody can guess 256 random bits. */
  readonly hash: string;
}

const ID_BYTES = 4;
const SECRET_BYTES = 32;
const FORMAT = /^sla_([0-9a-f]{8})_[\w-]{43}$/;
const NO_HASH = Buffer.alloc(32);

export function newToken(): NewToken {
  const id = randomBytes(ID_BYTES).toString('hex');
  const token = `sla_${id}_${randomBytes(SECRET_BYTES).toString('base64url')}`;
  return { id, token, hash: sha256(token).toString('base64url') };
}

/** The id in a token; undefined if the text does not have the form of a token. Never throws. */
export function idOfToken(token: string): string | undefined {
  return FORMAT.exec(token)?.[1];
}

/** Whether the token has this hash. Takes the same time if there is no hash. */
export function matchesToken(token: string, hash: string | undefined): boolean {
  const stored = hash === undefined ? NO_HASH : Buffer.from(hash, 'base64url');
  return timingSafeEqual(sha256(token), stored.length === NO_HASH.length ? stored : NO_HASH);
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
