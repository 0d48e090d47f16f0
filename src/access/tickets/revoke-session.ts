// Adds a session to the file of revoked sessions, and removes those whose time is over. One process at a time changes the file: it holds a
// lock file, writes the new file under another name, and renames it. A process that is killed on the way changes nothing.

import { mkdir, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode, systemReason } from '../../protocols/system-error.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import { createsForeignFiles, giveTo, type Owner, ownDirectories, stateOwner } from '../state-owner.js';
import {
  isOver,
  MAX_REVOCATION_BYTES,
  type Revocation,
  readRevocations,
  revocationError,
  revocationLine,
  revocationPath,
} from './revocation-file.js';

/** A change takes less than a second. A lock that is older was left by a process that was killed. */
const STALE_LOCK: Milliseconds = 10_000;
const LOCK_RETRY: Milliseconds = 20;
const LOCK_PATIENCE: Milliseconds = 30_000;

/**
 * Adds a session to the file. Running gateways with this state directory read it within half a second.
 * @throws {SluiceError} `access.revocations` if the file cannot be read or written, or if the gateway could not read the new one
 */
export async function revokeSession(
  stateDir: string,
  revocation: Revocation,
  now: EpochMilliseconds = Date.now(),
): Promise<void> {
  const path = revocationPath(stateDir);
  try {
    const owner = await stateOwner(stateDir);
    if (createsForeignFiles(owner)) {
      const what = `it must belong to user ${owner.uid}, who runs the gateway; run this command as that user, or as root`;
      throw revocationError(path, what);
    }
    await ownDirectories(stateDir, () => mkdir(dirname(path), { recursive: true, mode: 0o700 }));
    await locked(`${path}.lock`, () => replace(path, revocation, owner, now));
  } catch (error) {
    throw systemCode(error) === undefined ? error : revocationError(path, systemReason(error), error);
  }
}

async function replace(path: string, added: Revocation, owner: Owner, now: EpochMilliseconds): Promise<void> {
  const kept = await readRevocations(path);
  const lines =
    kept === undefined || kept === 'unchanged'
      ? []
      : [
          // Lines that are not understood stay: a later version may have written them.
          ...kept.strange.map(({ line }) => `${line}\n`),
          ...kept.revocations.filter((revocation) => !isOver(revocation, now)).map(revocationLine),
        ];
  const text = Buffer.from([...lines, revocationLine(added)].join(''));
  if (text.length > MAX_REVOCATION_BYTES) {
    const what = `it would have ${text.length} bytes, expected at most ${MAX_REVOCATION_BYTES}`;
    throw revocationError(path, `${what}; change the secret, which ends every link`);
  }
  const next = `${path}.new`;
  await removeIfPresent(next);
  const file = await open(next, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await giveTo(file, owner);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(next, path);
}

/** Runs `work` while this process alone has the lock file. */
async function locked(lock: string, work: () => Promise<void>): Promise<void> {
  const deadline = performance.now() + LOCK_PATIENCE;
  while (!(await takeLock(lock))) {
    if (performance.now() > deadline)
      throw revocationError(lock, 'another command holds the lock; remove it if no other runs');
    await sleep(LOCK_RETRY);
  }
  try {
    await work();
  } finally {
    await removeIfPresent(lock);
  }
}

async function takeLock(lock: string): Promise<boolean> {
  try {
    await (await open(lock, 'wx', 0o600)).close();
    return true;
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
  }
  const age = await ageOf(lock);
  if (age !== undefined && age > STALE_LOCK) {
    // Renaming decides between two processes that find the same stale lock: the second one finds nothing to rename.
    const aside = `${lock}.${process.pid}`;
    await rename(lock, aside).then(
      () => removeIfPresent(aside),
      (error: unknown) => {
        if (systemCode(error) !== 'ENOENT') throw error;
      },
    );
  }
  return false;
}

async function ageOf(path: string): Promise<Milliseconds | undefined> {
  try {
    return Date.now() - (await stat(path)).mtimeMs;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
