// A lock file with which one process at a time, the gateway or a command, changes a file of the state directory.

import { open, rename, stat, unlink } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { systemCode } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';

/** A change takes less than a second. An older lock was left by a process that was killed. */
const STALE_LOCK: Milliseconds = 10_000;
const LOCK_RETRY: Milliseconds = 20;
const LOCK_PATIENCE: Milliseconds = 30_000;

/**
 * Runs `work` while only this process holds the lock file.
 * @param busy makes the error that is thrown if another process keeps the lock for 30 s
 */
export async function locked<Result>(lock: string, busy: () => Error, work: () => Promise<Result>): Promise<Result> {
  const deadline = performance.now() + LOCK_PATIENCE;
  while (!(await takeLock(lock))) {
    if (performance.now() > deadline) throw busy();
    await sleep(LOCK_RETRY);
  }
  try {
    return await work();
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
  // The clock may have been set back since a killed process left the lock.
  if (age !== undefined && Math.abs(age) > STALE_LOCK) {
    // If two processes find the same stale lock, the rename decides: the second one finds nothing to rename.
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

export async function removeIfPresent(path: string): Promise<void> {
  try {
    await unlink(path);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}
