// Provides the publish key: the configured one, or a generated one in a file that survives restarts, so that encoders need no new settings.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { accessError } from './errors.js';

export interface PublishKey {
  /** The secret; null if publishing is open to everyone. Never log it. */
  readonly key: string | null;
  /** With `kept` and `generated` the key is in the file at `path`. */
  readonly origin: 'configured' | 'open' | 'generated' | 'kept';
  readonly path?: string;
}

/** 144 bits: more than the required 128, and exactly 24 base64url characters without padding. */
const KEY_BYTES = 18;
const KEY_FILE = 'publish-key';
const MAX_KEY_LENGTH = 256;
/** Enough for a key with white space around it. */
const MAX_FILE_BYTES = 1024;
/** The same characters as in the option `publishKey`: those that need no escaping in a query. */
const KEY_TEXT = /^[A-Za-z0-9._~!@$*:,=/-]{1,256}$/;

/** Path of the file with the generated key. */
export function publishKeyPath(stateDir: string): string {
  return join(stateDir, KEY_FILE);
}

/**
 * @param configured the option `publishKey`: a key, `none`, or undefined for a generated one, the only case in which a file is written
 * @param stateDir absolute directory for the generated key; created with mode 0700
 * @throws {SluiceError} `access.key-file`
 */
export async function resolvePublishKey(configured: string | undefined, stateDir: string): Promise<PublishKey> {
  if (configured === 'none') return { key: null, origin: 'open' };
  if (configured !== undefined) return { key: configured, origin: 'configured' };

  const path = publishKeyPath(stateDir);
  try {
    const kept = await readKey(path);
    if (kept !== undefined) return { key: kept, origin: 'kept', path };
    await mkdir(stateDir, { recursive: true, mode: 0o700 });
    const generated = randomBytes(KEY_BYTES).toString('base64url');
    if (await createKey(path, generated)) return { key: generated, origin: 'generated', path };
    // Another gateway started at the same moment and created its key first: use that.
    const other = await readKey(path);
    if (other !== undefined) return { key: other, origin: 'kept', path };
  } catch (error) {
    throw withReason(path, error);
  }
  throw keyFileError(path, 'it vanished while being read');
}

/**
 * Checks the key file without creating or changing anything.
 * @returns whether there is a key
 * @throws {SluiceError} `access.key-file`
 */
export async function inspectPublishKey(stateDir: string): Promise<boolean> {
  const path = publishKeyPath(stateDir);
  try {
    return (await readKey(path, { closeMode: false })) !== undefined;
  } catch (error) {
    throw withReason(path, error);
  }
}

/** Undefined if there is no file. Symbolic links are not followed: whoever can create one must not choose which file we read and change. */
async function readKey(path: string, { closeMode = true } = {}): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
        return undefined;
      case 'ELOOP':
        throw keyFileError(path, 'it is a symbolic link, which is not followed; put the key itself there', error);
      case 'EACCES':
        throw keyFileError(path, `the user of this process may not read it; ${GIVE_IT}`, error);
      default:
        throw error;
    }
  }
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw keyFileError(path, `it is a directory, expected a file; ${REMOVE_IT}`);
    if (!stats.isFile()) throw keyFileError(path, `it is not a regular file; ${REMOVE_IT}`);
    if (stats.size > MAX_FILE_BYTES) throw keyFileError(path, `it has ${stats.size} bytes; ${ONE_LINE}`);
    // The file may have been copied or restored with a mode that others can read: restrict it before using it. Windows has no such modes.
    if (closeMode && process.platform !== 'win32' && (stats.mode & 0o077) !== 0) await closeToOthers(file, path);
    return readableKey(await file.readFile('utf8'), path);
  } finally {
    await file.close();
  }
}

async function closeToOthers(file: Awaited<ReturnType<typeof open>>, path: string): Promise<void> {
  try {
    await file.chmod(0o600);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
    throw keyFileError(path, `others may read it, and it belongs to another user; ${GIVE_IT}`, error);
  }
}

const ONE_LINE = 'expected one line, the key; write that, or remove the file and the next start makes a new key';
const REMOVE_IT = 'remove it, and the next start makes a new key';
const GIVE_IT = 'give it to the user that runs the gateway (chown), or remove it';

function readableKey(text: string, path: string): string {
  const key = text.trim();
  if (key === '') throw keyFileError(path, `it is empty; ${ONE_LINE}`);
  const lines = key.split(/\r\n|\r|\n/).length;
  if (lines > 1) throw keyFileError(path, `it has ${lines} lines; ${ONE_LINE}`);
  if (key === 'none') {
    throw keyFileError(path, 'it says "none", which is no key; to open publishing, set the option publishKey to none');
  }
  if (key.length > MAX_KEY_LENGTH) throw keyFileError(path, `the key has ${key.length} characters, expected up to 256`);
  if (!KEY_TEXT.test(key)) {
    throw keyFileError(path, 'the key has other characters than letters, digits and . _ ~ ! @ $ * : , = / -');
  }
  return key;
}

/** False if the file exists. The file appears complete or not at all, because it is written under another name and then linked. */
async function createKey(path: string, key: string): Promise<boolean> {
  const aside = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(`${key}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await chmod(aside, 0o600);
    await link(aside, path);
    return true;
  } catch (error) {
    if (systemCode(error) === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(aside);
  }
}

/** Turns system errors into errors with words; our own errors are returned unchanged. */
function withReason(path: string, error: unknown): unknown {
  return systemCode(error) === undefined ? error : keyFileError(path, systemReason(error), error);
}

function keyFileError(path: string, what: string, cause?: unknown): SluiceError {
  return accessError(
    'access.key-file',
    `publish key file ${path}: ${what}`,
    cause === undefined ? undefined : { cause },
  );
}
