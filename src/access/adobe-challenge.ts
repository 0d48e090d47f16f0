// The three steps of authmod=adobe, which encoders call "Use authentication". Each step is a new connection, so the server must recognise
// its own challenge when it comes back, without storing every challenge that it has issued.
//
// 1. connect without user          -> code=403 need auth; authmod=adobe
// 2. connect?authmod=adobe&user=U  -> ?reason=needauth&user=U&salt=S&challenge=C&opaque=C
// 3. connect?authmod=adobe&user=U&challenge=C2&response=R&opaque=C, where
//    R = base64(md5(base64(md5(U + S + password)) + C + C2))

import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Milliseconds } from '../protocols/units.js';
import { md5Base64 } from './password-hash.js';
import { sameText, type UserDirectory } from './user-directory.js';

const PREFIX = '[ AccessManager.Reject ] : [';
/** Step 1. FFmpeg, librtmp and GStreamer search for parts of exactly this text. */
export const NEED_AUTH = `${PREFIX} code=403 need auth; authmod=adobe ]`;
/** The same text for a wrong password and for an unknown user. */
export const AUTH_FAILED = `${PREFIX} authmod=adobe ] : ?reason=authfailed`;

/** Encoders answer at once; a minute is enough for the slowest network. */
const CHALLENGE_LIFE: Milliseconds = 60_000;
/**
 * Used challenges that are remembered, so that none is accepted twice. Only correct answers are recorded, so nobody can evict them without
 * knowing a password.
 */
const MAX_USED = 10_000;

const EXPIRY_BYTES = 6;
const NONCE_BYTES = 9;
const MAC_BYTES = 15;

export interface ChallengeResponse {
  readonly user: string;
  /** The challenge chosen by the client. */
  readonly challenge: string;
  readonly response: string;
  /** The challenge from step 2, sent back. */
  readonly opaque: string;
}

export class AdobeChallenge {
  readonly #users: UserDirectory;
  readonly #secret = randomBytes(32);
  /** Challenges that were answered correctly, with the time at which they expire. */
  readonly #used = new Map<string, Milliseconds>();

  constructor(users: UserDirectory) {
    this.#users = users;
  }

  /** Step 2, the same for known and unknown users. @param now monotonic clock */
  challenge(user: string, remoteAddress: string, now: Milliseconds): string {
    const head = Buffer.alloc(EXPIRY_BYTES + NONCE_BYTES);
    head.writeUIntBE(Math.floor(now) + CHALLENGE_LIFE, 0, EXPIRY_BYTES);
    randomBytes(NONCE_BYTES).copy(head, EXPIRY_BYTES);
    const challenge = Buffer.concat([head, this.#mac(head, user, remoteAddress)]).toString('base64url');
    const { salt } = this.#users.stored(user);
    return `${PREFIX} authmod=adobe ] : ?reason=needauth&user=${user}&salt=${salt}&challenge=${challenge}&opaque=${challenge}`;
  }

  /**
   * Step 3.
   * @returns true if we issued this challenge, it was for this user and address, it has neither expired nor been used, and the answer is
   * correct
   */
  check({ user, challenge, response, opaque }: ChallengeResponse, remoteAddress: string, now: Milliseconds): boolean {
    const expected = md5Base64(this.#users.stored(user).digest, opaque, challenge);
    const right = sameText(response, expected);
    const expiry = this.#expiry(opaque, user, remoteAddress);
    if (!right || !this.#users.has(user) || expiry === undefined || expiry < now || this.#used.has(opaque))
      return false;
    // Copied, because the text is a slice of a query, which may be long and would stay in memory with it.
    this.#use(Buffer.from(opaque, 'latin1').toString('latin1'), expiry, now);
    return true;
  }

  /** Undefined if we did not issue this challenge. */
  #expiry(opaque: string, user: string, remoteAddress: string): Milliseconds | undefined {
    const bytes = Buffer.from(opaque, 'base64url');
    const head = bytes.subarray(0, EXPIRY_BYTES + NONCE_BYTES);
    const mac = bytes.subarray(EXPIRY_BYTES + NONCE_BYTES);
    // Other encodings of the same bytes are rejected, because each would count as unused.
    if (mac.length !== MAC_BYTES || bytes.toString('base64url') !== opaque) return undefined;
    if (!timingSafeEqual(mac, this.#mac(head, user, remoteAddress))) return undefined;
    return head.readUIntBE(0, EXPIRY_BYTES);
  }

  #use(opaque: string, expiry: Milliseconds, now: Milliseconds): void {
    for (const [old, until] of this.#used) {
      if (until >= now && this.#used.size < MAX_USED) break;
      this.#used.delete(old);
    }
    this.#used.set(opaque, expiry);
  }

  #mac(head: Buffer, user: string, remoteAddress: string): Buffer {
    const mac = createHmac('sha256', this.#secret).update(head).update(`${user}\n${remoteAddress}`).digest();
    return mac.subarray(0, MAC_BYTES);
  }
}
