// Changes the file of publishers, for commands and for the admin API. A running gateway follows the file and applies changes within a
// second.

import { createHash, randomBytes } from 'node:crypto';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { changeStateFile } from '../state-file.js';
import {
  type PublishScope,
  parsePublishers,
  publisherFile,
  publishersText,
  type StoredKey,
  type StoredPublishers,
  type StoredUser,
} from './publisher-file.js';

export interface NewKey {
  readonly id: string;
  /** Secret: with it anybody can publish. It is shown once, because the file contains only its hash. */
  readonly secret: string;
}

/** 192 bits. */
const SECRET_BYTES = 24;
const ID_BYTES = 6;
const HINT_LENGTH = 4;
/** How long revoked and expired keys stay in the list. */
const KEEP_ENDED: Milliseconds = 30 * 86_400_000;

export function hashOfSecret(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url');
}

/** @throws {SluiceError} `access.publishers`, as do all functions of this file */
export async function addKey(
  stateDir: string,
  scope: PublishScope,
  expiresAt: EpochMilliseconds | undefined,
  now: EpochMilliseconds = Date.now(),
): Promise<NewKey> {
  const { stored, secret } = makeKey(scope, expiresAt, now);
  await change(stateDir, (publishers) => ({ ...publishers, keys: [...withoutOld(publishers.keys, now), stored] }));
  return { id: stored.key, secret };
}

/**
 * Makes a new key with the same scope; the old one stays valid for a while.
 * @returns undefined if there is no such key, or if it was revoked
 */
export async function rotateKey(
  stateDir: string,
  id: string,
  grace: Milliseconds,
  now: EpochMilliseconds = Date.now(),
): Promise<NewKey | undefined> {
  let made: NewKey | undefined;
  await change(stateDir, (publishers) => {
    const old = publishers.keys.find(({ key, revokedAt }) => key === id && revokedAt === undefined);
    if (old === undefined) return undefined;
    const { apps, names, addresses, title } = old;
    const { stored, secret } = makeKey({ apps, names, addresses, title }, undefined, now);
    made = { id: stored.key, secret };
    const end = Math.min(
      now + grace,
      old.expiresAt === undefined ? Number.POSITIVE_INFINITY : Date.parse(old.expiresAt),
    );
    const ending = { ...old, expiresAt: new Date(end).toISOString() };
    return { ...publishers, keys: [...publishers.keys.map((key) => (key === old ? ending : key)), stored] };
  });
  return made;
}

/**
 * @param keepRunning publishers that already use the key are not ended.
 * @returns false if there is no such key
 */
export async function revokeKey(
  stateDir: string,
  id: string,
  keepRunning = false,
  now: EpochMilliseconds = Date.now(),
): Promise<boolean> {
  let found = false;
  await change(stateDir, (publishers) => {
    found = publishers.keys.some(({ key }) => key === id);
    if (!found) return undefined;
    return {
      ...publishers,
      keys: publishers.keys.map((key) => (key.key === id ? revoked(key, keepRunning, now) : key)),
    };
  });
  return found;
}

/**
 * Adds a user, or replaces the user with that name.
 * @param hash result of `hashPassword`
 */
export async function setUser(
  stateDir: string,
  user: string,
  hash: string,
  scope: PublishScope,
  now: EpochMilliseconds = Date.now(),
): Promise<void> {
  const stored: StoredUser = { user, hash, ...scope, createdAt: new Date(now).toISOString() };
  await change(stateDir, ({ keys, users }) => ({
    keys,
    users: [...users.filter((known) => known.user !== user), stored],
  }));
}

/** @returns false if there is no such user */
export async function removeUser(stateDir: string, user: string): Promise<boolean> {
  let found = false;
  await change(stateDir, ({ keys, users }) => {
    found = users.some((known) => known.user === user);
    return found ? { keys, users: users.filter((known) => known.user !== user) } : undefined;
  });
  return found;
}

async function change(
  stateDir: string,
  changed: (publishers: StoredPublishers) => StoredPublishers | undefined,
): Promise<void> {
  const file = publisherFile(stateDir);
  await changeStateFile(file, (text) => {
    const next = changed(parsePublishers(file, text));
    if (next === undefined) return undefined;
    const written = publishersText(next);
    // Checks that the gateway will be able to read the new content.
    parsePublishers(file, written);
    return written;
  });
}

function makeKey(
  scope: PublishScope,
  expiresAt: EpochMilliseconds | undefined,
  now: EpochMilliseconds,
): { readonly stored: StoredKey; readonly secret: string } {
  const secret = randomBytes(SECRET_BYTES).toString('base64url');
  const stored: StoredKey = {
    key: randomBytes(ID_BYTES).toString('hex'),
    hash: hashOfSecret(secret),
    hint: secret.slice(0, HINT_LENGTH),
    ...scope,
    createdAt: new Date(now).toISOString(),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt).toISOString() }),
  };
  return { stored, secret };
}

/** A second revocation can only be stricter: it ends publishers that the first one kept, and keeps none that the first one has ended. */
function revoked(
  { keepRunning: kept = false, ...key }: StoredKey,
  keepRunning: boolean,
  now: EpochMilliseconds,
): StoredKey {
  const keeps = keepRunning && (key.revokedAt === undefined || kept);
  return { ...key, revokedAt: key.revokedAt ?? new Date(now).toISOString(), ...(keeps && { keepRunning: true }) };
}

function withoutOld(keys: readonly StoredKey[], now: EpochMilliseconds): StoredKey[] {
  return keys.filter(({ revokedAt, expiresAt, keepRunning }) => {
    // Without its key in the file, a publisher that may go on would be ended.
    const end = keepRunning === true ? expiresAt : (revokedAt ?? expiresAt);
    return end === undefined || Date.parse(end) + KEEP_ENDED > now;
  });
}
