// The secrets with which play tokens and tickets are signed. The first one signs. All of them verify, so that a secret can be replaced
// while tokens and tickets signed with the old one are still in use.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';

export interface SigningKey {
  /**
   * Shows which key signed. It is derived from the secret, so that every instance with the same secret has the same id. It is not secret
   * itself.
   */
  readonly id: string;
  readonly secret: Buffer;
}

/** A token contains this many base64url characters that name its key. */
const KEY_ID_LENGTH = 4;

/** RFC 2104 section 3 discourages keys that are shorter than the hash. */
export const LEAST_SECRET_BYTES = 32;

export class SigningKeys {
  readonly #keys: readonly [SigningKey, ...SigningKey[]];

  /**
   * @param secrets at least one; the first one signs
   * @throws {RangeError} without secrets, or if one has less than 32 bytes
   */
  constructor(secrets: readonly Buffer[]) {
    const [first, ...others] = secrets.map(signingKey);
    if (first === undefined) throw new RangeError('expected at least one secret');
    this.#keys = [first, ...others];
  }

  /** The id of the key that signs. */
  get current(): string {
    return this.#keys[0].id;
  }

  /** HMAC-SHA256 of the text with the current key, 32 bytes. */
  sign(text: string): Buffer {
    return hmac(this.#keys[0].secret, text);
  }

  /**
   * Whether the key with this id made the code. Takes the same time for all codes of the same length.
   * @param mac the first bytes of an HMAC-SHA256, at least 16
   */
  verify(keyId: string, text: string, mac: Buffer): boolean {
    if (mac.length < 16) return false;
    for (const { id, secret } of this.#keys) {
      if (id === keyId && timingSafeEqual(hmac(secret, text).subarray(0, mac.length), mac)) return true;
    }
    return false;
  }
}

function signingKey(secret: Buffer): SigningKey {
  if (secret.length < LEAST_SECRET_BYTES)
    throw new RangeError(`got a secret of ${secret.length} bytes, expected at least ${LEAST_SECRET_BYTES}`);
  // Because of the prefix, the id is not the hash of the secret itself, which somebody may publish for another purpose.
  const id = createHash('sha256').update('sluice key id\n').update(secret).digest('base64url').slice(0, KEY_ID_LENGTH);
  return { id, secret };
}

function hmac(secret: Buffer, text: string): Buffer {
  return createHmac('sha256', secret).update(text).digest();
}
