// Where the publish key comes from: the operator, or a file of ours that survives restarts so that encoders need no new settings.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { accessError } from './errors.js';

export interface PublishKey {
  /** The secret; null when publishing is open to everyone. Never log it. */
  readonly key: string | null;
  /** `kept` and `generated` are in the file at `path`. */
  readonly origin: 'configured' | 'open' | 'generated' | 'kept';
  readonly path?: string;
}

/** 144 bits: more than the 128 asked for, and 24 base64url characters without padding. */
const KEY_BYTES = 18;
const KEY_FILE = 'publish-key';
/** The same characters as the option `publishKey` takes: what travels in a query without escapes. */
const KEY_TEXT = /^[A-Za-z0-9._~!@$*:,=/-]{1,256}$/;

/** Where the generated key is kept. */
export function publishKeyPath(stateDir: string): string {
  return join(stateDir, KEY_FILE);
}

/**
 * @param configured the option `publishKey`: a key, `none`, or undefined for a generated one; nothing is written unless undefined.
 * @param stateDir absolute directory for the generated key; made with mode 0700.
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
    // Another gateway started at the same moment and was faster: its key is the key.
    const other = await readKey(path);
    if (other !== undefined) return { key: other, origin: 'kept', path };
  } catch (error) {
    if (systemCode(error) === undefined) throw error;
    throw keyFileError(path, systemReason(error), error);
  }
  throw keyFileError(path, 'it vanished while being read');
}

/** Undefined when there is no file. Links are not followed: whoever can place one must not choose what we read and change. */
async function readKey(path: string): Promise<string | undefined> {
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile()) throw keyFileError(path, 'not a regular file');
    if (stats.size > 1024) throw keyFileError(path, `${stats.size} bytes, expected one line`);
    // Copied or restored with a careless mode: close it again before relying on it. Windows has no such modes.
    if (process.platform !== 'win32' && (stats.mode & 0o077) !== 0) await file.chmod(0o600);
    const key = (await file.readFile('utf8')).trim();
    if (!KEY_TEXT.test(key) || key === 'none') {
      throw keyFileError(
        path,
        'expected one line of up to 256 letters, digits or . _ ~ ! @ $ * : , = / - (not "none")',
      );
    }
    return key;
  } finally {
    await file.close();
  }
}

/** False when the file exists. It appears with its content or not at all: it is written aside and then linked. */
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

function keyFileError(path: string, what: string, cause?: unknown): SluiceError {
  return accessError(
    'access.key-file',
    `publish key file ${path}: ${what}`,
    cause === undefined ? undefined : { cause },
  );
}
