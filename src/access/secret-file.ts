// A generated secret in a file that survives restarts: one line, readable only for the user of this process. Symbolic links are not
// followed, because somebody who can create a link must not choose which file we read and change.

import { randomBytes } from 'node:crypto';
import { constants } from 'node:fs';
import { chmod, link, mkdir, open, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { accessError } from './errors.js';
import { giveTo, ownDirectories, stateOwner } from './state-owner.js';

export interface SecretFile {
  readonly path: string;
  /** How messages name the file and the content of its line: `publish key file`, `key`. */
  readonly name: string;
  readonly noun: string;
  /** @returns what is wrong with the line; undefined if nothing is */
  readonly faultOf: (line: string) => string | undefined;
}

/** Enough for a line with white space around it. */
const MAX_FILE_BYTES = 1024;

/**
 * Returns the secret in the file. If there is no file, creates it with mode 0600, and its directory with 0700.
 * @throws {SluiceError} `access.key-file`
 */
export async function keepSecret(
  file: SecretFile,
  generate: () => string,
): Promise<{ readonly secret: string; readonly generated: boolean }> {
  try {
    const kept = await read(file);
    if (kept !== undefined) return { secret: kept, generated: false };
    const directory = dirname(file.path);
    await ownDirectories(directory, () => mkdir(directory, { recursive: true, mode: 0o700 }));
    const secret = generate();
    if (await create(file.path, secret)) return { secret, generated: true };
    // Another gateway started at the same moment and created its secret first: uses that one.
    const other = await read(file);
    if (other !== undefined) return { secret: other, generated: false };
  } catch (error) {
    throw withReason(file, error);
  }
  throw fileError(file, 'it vanished while being read');
}

/**
 * Reads the file without creating or changing anything.
 * @returns undefined if there is none
 * @throws {SluiceError} `access.key-file`
 */
export async function inspectSecret(file: SecretFile): Promise<string | undefined> {
  try {
    return await read(file, { closeMode: false });
  } catch (error) {
    throw withReason(file, error);
  }
}

async function read(secretFile: SecretFile, { closeMode = true } = {}): Promise<string | undefined> {
  const { path, noun } = secretFile;
  let file: Awaited<ReturnType<typeof open>>;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    switch (systemCode(error)) {
      case 'ENOENT':
        return undefined;
      case 'ELOOP':
        throw fileError(
          secretFile,
          `it is a symbolic link, which is not followed; put the ${noun} itself there`,
          error,
        );
      case 'EACCES':
        throw fileError(secretFile, `the user of this process may not read it; ${giveIt(noun)}`, error);
      default:
        throw error;
    }
  }
  try {
    const stats = await file.stat();
    if (stats.isDirectory()) throw fileError(secretFile, `it is a directory, expected a file; ${removeIt(noun)}`);
    if (!stats.isFile()) throw fileError(secretFile, `it is not a regular file; ${removeIt(noun)}`);
    if (stats.size > MAX_FILE_BYTES) throw fileError(secretFile, `it has ${stats.size} bytes; ${oneLine(noun)}`);
    // The file may have been copied or restored with a mode that lets others read it: it is restricted before use. Windows has no such
    // modes.
    if (closeMode && process.platform !== 'win32' && (stats.mode & 0o077) !== 0) await closeToOthers(file, secretFile);
    return readableLine(await file.readFile('utf8'), secretFile);
  } finally {
    await file.close();
  }
}

async function closeToOthers(file: Awaited<ReturnType<typeof open>>, secretFile: SecretFile): Promise<void> {
  try {
    await file.chmod(0o600);
  } catch (error) {
    if (systemCode(error) !== 'EPERM') throw error;
    const { noun } = secretFile;
    throw fileError(secretFile, `others may read it, and it belongs to another user; ${giveIt(noun)}`, error);
  }
}

const removeIt = (noun: string): string => `remove it, and the next start makes a new ${noun}`;
const giveIt = (noun: string): string => `give it to the user that runs the gateway (chown), or ${removeIt(noun)}`;
const oneLine = (noun: string): string =>
  `expected one line, the ${noun}; write that, or remove the file and the next start makes a new ${noun}`;

function readableLine(text: string, file: SecretFile): string {
  const line = text.trim();
  if (line === '') throw fileError(file, `it is empty; ${oneLine(file.noun)}`);
  const lines = line.split(/\r\n|\r|\n/).length;
  if (lines > 1) throw fileError(file, `it has ${lines} lines; ${oneLine(file.noun)}`);
  const fault = file.faultOf(line);
  if (fault !== undefined) throw fileError(file, fault);
  return line;
}

/** @returns false if the file exists. The file is written under another name and then linked, so it appears complete or not at all. */
async function create(path: string, secret: string): Promise<boolean> {
  const aside = `${path}.${process.pid}-${randomBytes(6).toString('hex')}`;
  const file = await open(aside, 'wx', 0o600);
  try {
    await file.writeFile(`${secret}\n`);
    await giveTo(file, await stateOwner(dirname(path)));
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

/** Explains system errors in words; our own errors are returned unchanged. */
function withReason(file: SecretFile, error: unknown): unknown {
  return systemCode(error) === undefined ? error : fileError(file, systemReason(error), error);
}

function fileError({ name, path }: SecretFile, what: string, cause?: unknown): SluiceError {
  return accessError('access.key-file', `${name} ${path}: ${what}`, cause === undefined ? undefined : { cause });
}
