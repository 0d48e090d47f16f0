// Provides the publish key: the configured one, or a generated one in a file that survives restarts, so that encoders need no new settings.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inspectSecret, keepSecret, type SecretFile } from './secret-file.js';

export interface PublishKey {
  /** The secret; null if publishing is open to everyone. Never log it. */
  readonly key: string | null;
  /** With `kept` and `generated` the key is in the file at `path`. */
  readonly origin: 'configured' | 'open' | 'generated' | 'kept';
  readonly path?: string;
}

/** 144 bits, which is more than the required 128 and exactly 24 base64url characters without padding. */
const KEY_BYTES = 18;
const KEY_FILE = 'publish-key';
const MAX_KEY_LENGTH = 256;
/** The same characters as in the option `publishKey`: those that need no escaping in a query. */
const KEY_TEXT = /^[A-Za-z0-9._~!@$*:,=/-]{1,256}$/;

/** Path of the file with the generated key. */
export function publishKeyPath(stateDir: string): string {
  return join(stateDir, KEY_FILE);
}

/**
 * @param configured the option `publishKey`: a key, or `none`; undefined for a generated key, which is the only case in which a file is
 * written
 * @param stateDir absolute directory for the generated key; created with mode 0700
 * @throws {SluiceError} `access.key-file`
 */
export async function resolvePublishKey(configured: string | undefined, stateDir: string): Promise<PublishKey> {
  if (configured === 'none') return { key: null, origin: 'open' };
  if (configured !== undefined) return { key: configured, origin: 'configured' };
  const file = keyFile(stateDir);
  const { secret, generated } = await keepSecret(file, () => randomBytes(KEY_BYTES).toString('base64url'));
  return { key: secret, origin: generated ? 'generated' : 'kept', path: file.path };
}

/**
 * Checks the key file without creating or changing anything.
 * @returns whether there is a key
 * @throws {SluiceError} `access.key-file`
 */
export async function inspectPublishKey(stateDir: string): Promise<boolean> {
  return (await inspectSecret(keyFile(stateDir))) !== undefined;
}

function keyFile(stateDir: string): SecretFile {
  return { path: publishKeyPath(stateDir), name: 'publish key file', noun: 'key', faultOf };
}

function faultOf(key: string): string | undefined {
  if (key === 'none') return 'it says "none", which is no key; to open publishing, set the option publishKey to none';
  if (key.length > MAX_KEY_LENGTH) return `the key has ${key.length} characters, expected up to 256`;
  if (!KEY_TEXT.test(key)) return 'the key has other characters than letters, digits and . _ ~ ! @ $ * : , = / -';
  return undefined;
}
