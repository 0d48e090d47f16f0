// The file operations that recordings need. Files are replaced and never changed in place; only playlists grow, by appended lines.

import { constants } from 'node:fs';
import { appendFile, copyFile, link, mkdir, open, rename, rm, statfs, truncate } from 'node:fs/promises';
import { systemCode } from '../protocols/system-error.js';

/** Errors of `link` that mean "copy instead": another file system, too many links, no support for hard links, or no such file. */
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
    // The temporary file must not stay. The caller gets the first error, not one of this removal.
    await rm(next, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Appends lines, and creates the file if necessary. If that fails, the file may end with some of them, or with half a line. */
export async function appendLines(path: string, text: string): Promise<void> {
  await appendFile(path, text, { mode: 0o644 });
}

/** Bytes that an unprivileged user may still write on the disk of this directory. */
export async function freeBytes(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

/** Truncates a file to this length. Does nothing if there is no such file. */
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

/** Writes a new file that nothing refers to yet, so it need not be replaced atomically. Removes it if writing fails. */
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

/** Makes a hard link. @returns false if the file system does not allow it, or if `from` no longer exists */
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
