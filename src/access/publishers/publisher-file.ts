// The file of publishers: one line of JSON for each key and each user. It contains the hashes of keys, not the keys. People may edit it.

import { join } from 'node:path';
import type { SluiceError } from '../../protocols/errors.js';
import { accessError } from '../errors.js';
import { isAddressOrBlock } from '../policy/address-list.js';
import type { StateFile } from '../state-file.js';

/** What a key or a user may publish. An absent property means no restriction. */
export interface PublishScope {
  readonly apps?: readonly string[] | undefined;
  /** Public stream names. */
  readonly names?: readonly string[] | undefined;
  /** IP addresses and CIDR blocks from which publishing is allowed. */
  readonly addresses?: readonly string[] | undefined;
  /** For operators; also shown with the stream. */
  readonly title?: string | undefined;
}

export interface StoredKey extends PublishScope {
  /** The id of the key. Not secret. */
  readonly key: string;
  /** SHA-256 of the secret in base64url. A slow hash, as for passwords, is not needed, because nobody can guess 192 random bits. */
  readonly hash: string;
  /** The first characters of the secret, so that people can recognize it. */
  readonly hint: string;
  /** ISO 8601, as all times here. */
  readonly createdAt: string;
  readonly expiresAt?: string | undefined;
  readonly revokedAt?: string | undefined;
  /** Publishers that already used the key when it was revoked are not ended. */
  readonly keepRunning?: boolean | undefined;
}

export interface StoredUser extends PublishScope {
  /** The user name. */
  readonly user: string;
  /** `adobe:SALT:DIGEST`, see `hashPassword`. */
  readonly hash: string;
  readonly createdAt: string;
}

export interface StoredPublishers {
  readonly keys: readonly StoredKey[];
  readonly users: readonly StoredUser[];
}

export const MAX_PUBLISHERS = 20_000;
/** 20,000 lines of about 800 bytes. */
const MAX_BYTES = 16 * 1024 * 1024;
const MAX_LIST = 1_000;
const FILE = 'publishers.jsonl';

const ID = /^[\w-]{1,32}$/;
const HASH = /^[\w-]{43}$/;
const USER = /^[A-Za-z0-9._@-]{1,64}$/;
const PASSWORD_HASH = /^adobe:[A-Za-z0-9_-]{8,64}:[A-Za-z0-9+/]{22}==$/;
const NAME = /^(?!\.{1,2}$)[0-9A-Za-z_.][0-9A-Za-z_.-]{0,254}$/;
/** No control characters, which could change what a terminal shows. */
const TITLE = /^[^\p{C}]{0,120}$/u;

export function publisherFile(stateDir: string): StateFile {
  const path = join(stateDir, FILE);
  const error = (what: string, cause?: unknown): SluiceError =>
    accessError('access.publishers', `file of publishers ${path}: ${what}`, cause === undefined ? {} : { cause });
  return { path, maxBytes: MAX_BYTES, whenFull: 'remove keys that nobody uses', error };
}

/**
 * @param text undefined if there is no file.
 * @throws {SluiceError} the error of the file; its message names the line
 */
export function parsePublishers(file: StateFile, text = ''): StoredPublishers {
  const keys: StoredKey[] = [];
  const users: StoredUser[] = [];
  const seen = new Set<string>();
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const entry = parseLine(line);
    const fault = typeof entry === 'string' ? entry : faultOf(entry, seen);
    // The line is not quoted, because somebody may have written a secret into it.
    if (fault !== undefined) throw file.error(`line ${index + 1}: ${fault}`);
    if (isKey(entry)) keys.push(entry);
    else users.push(entry as unknown as StoredUser);
    if (keys.length + users.length > MAX_PUBLISHERS) {
      throw file.error(`line ${index + 1}: expected at most ${MAX_PUBLISHERS} keys and users`);
    }
  }
  return { keys, users };
}

export function publishersText({ keys, users }: StoredPublishers): string {
  return [...keys, ...users].map((entry) => `${JSON.stringify(entry)}\n`).join('');
}

/** What is wrong with a scope; undefined if nothing is. */
export function faultOfScope({ apps, names, addresses, title }: PublishScope): string | undefined {
  if (!isListOf(apps, (app) => app.split('/').every((part) => NAME.test(part))))
    return 'apps: expected names of applications';
  if (!isListOf(names, (name) => NAME.test(name))) return 'names: expected names of streams';
  if (!isListOf(addresses, isAddressOrBlock)) return 'addresses: expected IP addresses or CIDR blocks';
  if (title !== undefined && (typeof title !== 'string' || !TITLE.test(title)))
    return 'title: expected up to 120 characters, no control characters';
  return undefined;
}

type Entry = Readonly<Record<string, unknown>>;

function parseLine(line: string): Entry | string {
  try {
    const entry: unknown = JSON.parse(line);
    return typeof entry === 'object' && entry !== null && !Array.isArray(entry)
      ? (entry as Entry)
      : 'expected an object';
  } catch {
    return 'it is not JSON';
  }
}

const isKey = (entry: unknown): entry is StoredKey => typeof entry === 'object' && entry !== null && 'key' in entry;

function faultOf(entry: Entry, seen: Set<string>): string | undefined {
  const fault = faultOfScope(entry as PublishScope) ?? ('key' in entry ? faultOfKey(entry) : faultOfUser(entry));
  if (fault !== undefined) return fault;
  const id = 'key' in entry ? `key ${String(entry.key)}` : `user ${String(entry.user)}`;
  if (seen.has(id)) return `${id} is there twice`;
  seen.add(id);
  return undefined;
}

function faultOfKey({ key, hash, hint, createdAt, expiresAt, revokedAt, keepRunning }: Entry): string | undefined {
  if (typeof key !== 'string' || !ID.test(key)) return 'key: expected up to 32 letters, digits, _ and -';
  if (typeof hash !== 'string' || !HASH.test(hash)) return 'hash: expected 43 characters of base64url';
  if (typeof hint !== 'string' || hint.length > 8) return 'hint: expected up to 8 characters';
  if (!isTime(createdAt)) return `createdAt: ${EXPECTED_TIME}`;
  if (expiresAt !== undefined && !isTime(expiresAt)) return `expiresAt: ${EXPECTED_TIME}`;
  if (revokedAt !== undefined && !isTime(revokedAt)) return `revokedAt: ${EXPECTED_TIME}`;
  return keepRunning === undefined || typeof keepRunning === 'boolean'
    ? undefined
    : 'keepRunning: expected true or false';
}

function faultOfUser({ user, hash, createdAt }: Entry): string | undefined {
  if (typeof user !== 'string' || !USER.test(user))
    return 'expected a key or a user, named by letters, digits and . _ @ -';
  if (typeof hash !== 'string' || !PASSWORD_HASH.test(hash)) return 'hash: expected adobe:SALT:DIGEST';
  return isTime(createdAt) ? undefined : `createdAt: ${EXPECTED_TIME}`;
}

const EXPECTED_TIME = 'expected a time such as 2030-12-31T18:00:00Z';
const isTime = (value: unknown): boolean => typeof value === 'string' && !Number.isNaN(Date.parse(value));

function isListOf(list: unknown, matches: (entry: string) => boolean): boolean {
  if (list === undefined) return true;
  if (!Array.isArray(list) || list.length === 0 || list.length > MAX_LIST) return false;
  return list.every((entry) => typeof entry === 'string' && matches(entry));
}
