// The file of revoked sessions: one line of JSON for each. Opening never waits (a pipe), follows no symbolic link, and reads no more than the
// file may hold.

import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { join } from 'node:path';
import type { SluiceError } from '../../protocols/errors.js';
import { systemCode, systemReason } from '../../protocols/system-error.js';
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';

/** A revoked session. */
export interface Revocation {
  readonly sid: string;
  /** When its token ends, in seconds since 1970. */
  readonly until: number;
}

export interface RevocationLines {
  /** Changes whenever the file does. */
  readonly version: string;
  readonly revocations: readonly Revocation[];
  /** Lines that were not understood, with their numbers, from 1. */
  readonly strange: readonly { readonly number: number; readonly line: string }[];
}

const REVOCATION_FILE = 'revoked-sessions.jsonl';
/** About 400,000 sessions. */
export const MAX_REVOCATION_BYTES = 32 * 1024 * 1024;
/** The longest `clockSkew`. A token may be accepted for so long after its end. */
const LONGEST_SKEW: Seconds = 300;
const SID = /^[\w-]{1,32}$/;

/** Path of the file with revoked sessions. */
export function revocationPath(stateDir: string): string {
  return join(stateDir, REVOCATION_FILE);
}

/** Whether the token of the session would be refused anyway. */
export function isOver({ until }: Pick<Revocation, 'until'>, now: EpochMilliseconds): boolean {
  return until + LONGEST_SKEW < now / 1000;
}

export function revocationLine({ sid, until }: Revocation): string {
  return `${JSON.stringify({ sid, until })}\n`;
}

/**
 * Reads the file.
 * @param known a version that need not be read again
 * @returns undefined if there is no file; `known` if the file has that version
 * @throws {SluiceError} `access.revocations`
 */
export async function readRevocations(
  path: string,
  known?: string,
): Promise<RevocationLines | 'unchanged' | undefined> {
  let file: FileHandle | undefined;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await file.stat();
    if (!stats.isFile()) throw revocationError(path, `it is ${stats.isDirectory() ? 'a directory' : 'not a file'}`);
    const version = `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
    if (version === known) return 'unchanged';
    if (stats.size > MAX_REVOCATION_BYTES)
      throw revocationError(path, `it has ${stats.size} bytes, expected at most ${MAX_REVOCATION_BYTES}`);
    return { version, ...parse(await readAtMost(file, stats.size)) };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw revocationError(path, 'it is a symbolic link, which is not followed', error);
    if (code === 'EACCES')
      throw revocationError(
        path,
        'the user of this process may not read it; give it to the user that runs the gateway (chown)',
        error,
      );
    if (code !== undefined) throw revocationError(path, systemReason(error), error);
    throw error;
  } finally {
    await file?.close();
  }
}

/** The file may grow while it is read. */
async function readAtMost(file: FileHandle, bytes: number): Promise<string> {
  const text = Buffer.alloc(bytes);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(text, filled, bytes - filled, filled);
    filled += bytesRead;
    if (bytesRead === 0 || filled === bytes) return text.toString('utf8', 0, filled);
  }
}

function parse(text: string): Pick<RevocationLines, 'revocations' | 'strange'> {
  const revocations: Revocation[] = [];
  const strange: { number: number; line: string }[] = [];
  for (const [index, line] of text.split('\n').entries()) {
    if (line.trim() === '') continue;
    const revocation = parseLine(line);
    if (revocation === undefined) strange.push({ number: index + 1, line });
    else revocations.push(revocation);
  }
  return { revocations, strange };
}

function parseLine(line: string): Revocation | undefined {
  try {
    const { sid, until } = JSON.parse(line) as Record<string, unknown>;
    return typeof sid === 'string' && SID.test(sid) && typeof until === 'number' ? { sid, until } : undefined;
  } catch {
    return undefined;
  }
}

export function revocationError(path: string, what: string, cause?: unknown): SluiceError {
  const text = `file of revoked sessions ${path}: ${what}`;
  return accessError('access.revocations', text, cause === undefined ? undefined : { cause });
}
