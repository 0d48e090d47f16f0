// The few file operations of recordings. No file is ever changed in place except playlists, to which lines are appended.

import { constants } from 'node:fs';
import { appendFile, copyFile, link, mkdir, open, rename, rm, statfs, truncate } from 'node:fs/promises';
import { systemCode } from '../protocols/system-error.js';

/** What `link` answers where hard links are not possible: another file system, too many links, or a file system without them. */
const NO_LINK = new Set(['EXDEV', 'EMLINK', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EACCES', 'ENOENT']);

/** Replaces the whole file: a reader sees the old text or the new one. */
export async function replaceFile(path: string, text: string): Promise<void> {
  const next = `${path}.new`;
  try {
    const file = await open(next, 'w', 0o644);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, path);
  } catch (error) {
    // It must not stay; the first failure is reported.
    await rm(next, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Appends lines, and creates the file if necessary. If that fails, the file may end with a part of them. */
export async function appendLines(path: string, text: string): Promise<void> {
  await appendFile(path, text, { mode: 0o644 });
}

/** Free bytes on the disk of a directory, for users without privileges. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** Cuts a file to this length; does nothing if there is none. */
export async function cutFile(path: string, length: number): Promise<void> {
  try {
    await truncate(path, length);
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw error;
  }
}

export async function makeDirectory(path: string): Promise<void> {
  await mkdir(path, { recursive: true });
}

/** Writes a file that nobody knows yet. An incomplete one is removed. */
export async function writeFileOnce(path: string, pieces: readonly Buffer[]): Promise<void> {
  const file = await open(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_TRUNC | constants.O_NOFOLLOW,
    0o644,
  );
  try {
    try {
      let left = pieces.filter(({ length }) => length > 0);
      while (left.length > 0) {
        let { bytesWritten } = await file.writev(left);
        left = left.flatMap((piece) => {
          const taken = Math.min(bytesWritten, piece.length);
          bytesWritten -= taken;
          return taken === piece.length ? [] : [piece.subarray(taken)];
        });
      }
    } finally {
      await file.close();
    }
  } catch (error) {
    await rm(path, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Gives a file a second name. @returns false if the file systems do not allow it, or the file has gone */
export async function linkIfPossible(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    const code = systemCode(error) ?? '';
    // An earlier attempt has made it.
    if (code === 'EEXIST') return true;
    if (NO_LINK.has(code)) return false;
    throw error;
  }
}

/** @returns false if there is no such file */
export async function copyIfPresent(from: string, to: string): Promise<boolean> {
  try {
    await copyFile(from, to, constants.COPYFILE_FICLONE);
    return true;
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false;
    throw error;
  }
}
