// The file of revoked sessions: one line of JSON for each.

import { join } from 'node:path';
import type { SluiceError } from '../../protocols/errors.js';
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';
import { accessError } from '../errors.js';
import { readStateFile, type StateFile } from '../state-file.js';

/** A revoked session. */
export interface Revocation {
  readonly sid: string;
  /** When its token ends, in seconds since 1970. */
  readonly until: number;
}

export interface RevocationLines {
  /** Changes whenever the file changes. */
  readonly version: string;
  readonly revocations: readonly Revocation[];
  /** Lines that were not understood, with their numbers, which start at 1. */
  readonly strange: readonly { readonly number: number; readonly line: string }[];
}

const REVOCATION_FILE = 'revoked-sessions.jsonl';
/** About 400,000 sessions. */
export const MAX_REVOCATION_BYTES = 32 * 1024 * 1024;
/** The longest `clockSkew`: a token may still be accepted this long after its end. */
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
 * @param known a version that was read before and need not be read again
 * @returns undefined if there is no file; `known` if the file has that version
 * @throws {SluiceError} `access.revocations`
 */
export async function readRevocations(
  path: string,
  known?: string,
): Promise<RevocationLines | 'unchanged' | undefined> {
  const found = await readStateFile(revocationFile(path), known);
  return found === undefined || found === 'unchanged'
    ? found
    : { version: found.version, ...parseRevocations(found.text) };
}

export function parseRevocations(text: string): Pick<RevocationLines, 'revocations' | 'strange'> {
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

/** @param path as returned by `revocationPath` */
export function revocationFile(path: string): StateFile {
  return {
    path,
    maxBytes: MAX_REVOCATION_BYTES,
    whenFull: 'change the secret, which ends every link',
    error: (what, cause) => revocationError(path, what, cause),
  };
}

function revocationError(path: string, what: string, cause?: unknown): SluiceError {
  const text = `file of revoked sessions ${path}: ${what}`;
  return accessError('access.revocations', text, cause === undefined ? undefined : { cause });
}
