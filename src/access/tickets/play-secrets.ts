// Provides the secrets that sign play tokens: the configured ones, or a generated one in a file that survives restarts.

import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { inspectSecret, keepSecret, type SecretFile } from '../secret-file.js';
import { LEAST_SECRET_BYTES, SigningKeys } from './signing-keys.js';

const SECRET_FILE = 'play-secret';
const MAX_SECRET_LENGTH = 256;

/** Path of the file with the generated secret. */
export function playSecretPath(stateDir: string): string {
  return join(stateDir, SECRET_FILE);
}

/**
 * @param configured the option `playSecrets`; if it is empty, a secret is generated and kept
 * @param stateDir absolute directory for the generated secret; created with mode 0700
 * @throws {SluiceError} `access.key-file`
 */
export async function resolvePlaySecrets(configured: readonly string[], stateDir: string): Promise<SigningKeys> {
  if (configured.length > 0) return signingKeys(configured);
  const generate = () => randomBytes(LEAST_SECRET_BYTES).toString('base64url');
  return signingKeys([(await keepSecret(secretFile(stateDir), generate)).secret]);
}

/**
 * Checks the secret file without creating or changing anything.
 * @returns whether there is a secret
 * @throws {SluiceError} `access.key-file`
 */
export async function inspectPlaySecret(stateDir: string): Promise<boolean> {
  return (await inspectSecret(secretFile(stateDir))) !== undefined;
}

/** The bytes of a secret are the bytes of its text, so that programs in every language can sign with it as it is written. */
function signingKeys(secrets: readonly string[]): SigningKeys {
  return new SigningKeys(secrets.map((secret) => Buffer.from(secret, 'utf8')));
}

function secretFile(stateDir: string): SecretFile {
  return { path: playSecretPath(stateDir), name: 'play secret file', noun: 'secret', faultOf };
}

function faultOf(secret: string): string | undefined {
  if (secret.length < LEAST_SECRET_BYTES || secret.length > MAX_SECRET_LENGTH)
    return `the secret has ${secret.length} characters, expected ${LEAST_SECRET_BYTES} to ${MAX_SECRET_LENGTH}`;
  return undefined;
}
