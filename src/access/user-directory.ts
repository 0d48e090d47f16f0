// Checks passwords of users. Neither text nor timing shows whether a user is unknown or the password is wrong.

import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { type PasswordHash, parsePasswordHash, passwordDigest } from './password-hash.js';

/** A user as in the configuration. */
export interface PublishUser {
  readonly name: string;
  /** `adobe:SALT:DIGEST`, see `hashPassword`. */
  readonly hash: string;
  /** Applications and stream names that this user may publish; if absent, all. */
  readonly apps?: readonly string[] | undefined;
  readonly names?: readonly string[] | undefined;
}

interface KnownUser extends PublishUser {
  readonly stored: PasswordHash;
}

export class UserDirectory {
  readonly #configured: readonly PublishUser[];
  #users: ReadonlyMap<string, KnownUser>;
  /** Derived from the users only, so that an unknown name keeps its salt over restarts, as a known one does. */
  readonly #decoySecret: Buffer;

  constructor(users: readonly PublishUser[]) {
    this.#configured = users;
    this.#users = knownUsers(users);
    this.#decoySecret = createHash('sha256')
      .update(users.map(({ name, hash }) => `${name}\n${hash}\n`).join(''))
      .digest();
  }

  /** Replaces the users from all sources but the configuration. If two have the same name, the one in the configuration counts. */
  setOthers(users: readonly PublishUser[]): void {
    this.#users = knownUsers([...users, ...this.#configured]);
  }

  get isEmpty(): boolean {
    return this.#users.size === 0;
  }

  /** The stored form of this user's password, or one that no password matches. */
  stored(name: string): PasswordHash {
    const known = this.#users.get(name);
    if (known !== undefined) return known.stored;
    const decoy = createHmac('sha256', this.#decoySecret).update(name).digest();
    return { salt: decoy.subarray(0, 12).toString('base64url'), digest: decoy.subarray(16).toString('base64') };
  }

  /** Compares in constant time, and checks only afterwards whether the user exists. */
  checkPassword(name: string, password: string): boolean {
    const { salt, digest } = this.stored(name);
    return sameText(passwordDigest(name, salt, password), digest) && this.#users.has(name);
  }

  has(name: string): boolean {
    return this.#users.has(name);
  }

  /** Whether the user may publish there; false for an unknown user. */
  mayPublish(user: string, app: string, name: string): boolean {
    const known = this.#users.get(user);
    if (known === undefined) return false;
    return (known.apps?.includes(app) ?? true) && (known.names?.includes(name) ?? true);
  }
}

function knownUsers(users: readonly PublishUser[]): ReadonlyMap<string, KnownUser> {
  return new Map(users.map((user) => [user.name, { ...user, stored: parsePasswordHash(user.hash) }]));
}

/** Compares in a time that reveals nothing about either text, not even its length. */
export function sameText(a: string, b: string): boolean {
  return timingSafeEqual(textDigest(a), textDigest(b));
}

function textDigest(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
