// Files in the state directory must belong to the user that runs the gateway. Commands such as `sluice sign` are often run by root. Files that root
// creates are given to that user, because it could not read them otherwise.

import { lchown, lstat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../protocols/system-error.js';

/** Name of the lock file that a running gateway has in its state directory. */
export const STATE_LOCK = 'gateway.lock';

const ROOT = 0;

export interface Owner {
  readonly uid: number;
  readonly gid: number;
}

/** The part of a file handle that changes the owner. */
interface OwnedFile {
  stat(): Promise<Owner>;
  chown(uid: number, gid: number): Promise<void>;
}

/**
 * The user that runs the gateway: the owner of its lock file while it runs, otherwise of the state directory, otherwise of the nearest
 * existing directory above it.
 */
export async function stateOwner(stateDir: string): Promise<Owner> {
  const locked = await ownerOf(join(stateDir, STATE_LOCK));
  if (locked !== undefined) return locked;
  for (let path = stateDir; ; path = dirname(path)) {
    const owner = await ownerOf(path);
    if (owner !== undefined || dirname(path) === path) return owner ?? { uid: ROOT, gid: ROOT };
  }
}

/** Whether a file created by this process would belong to somebody other than `owner`, and this process may not change that. */
export function createsForeignFiles({ uid }: Owner): boolean {
  const own = process.geteuid?.();
  return own !== undefined && own !== ROOT && own !== uid;
}

/** Gives a file that this process has created to its proper owner. Does nothing unless this process runs as root. */
export async function giveTo(file: OwnedFile, { uid, gid }: Owner): Promise<void> {
  if (process.geteuid?.() !== ROOT) return;
  const now = await file.stat();
  if (now.uid !== uid || now.gid !== gid) await file.chown(uid, gid);
}

/** Runs `create`, which may create the directory and some above it, and gives these to their proper owner. */
export async function ownDirectories<T>(stateDir: string, create: () => Promise<T>): Promise<T> {
  const owner = await stateOwner(stateDir);
  const missing: string[] = [];
  for (let path = stateDir; (await ownerOf(path)) === undefined && dirname(path) !== path; path = dirname(path)) {
    missing.unshift(path);
  }
  const result = await create();
  if (process.geteuid?.() === ROOT) for (const path of missing) await lchown(path, owner.uid, owner.gid);
  return result;
}

async function ownerOf(path: string): Promise<Owner | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    // EACCES: this user may not look into the directory, but the directory above it shows who owns it.
    if (['ENOENT', 'ENOTDIR', 'EACCES'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}
