// Small files in the state directory that the gateway and commands read and change. Opening one never waits (for example for a pipe),
// follows no symbolic link, and reads no more than the file may hold. A change is written under another name and then renamed, so a process
// that is killed meanwhile changes nothing.

import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { SluiceError } from '../protocols/errors.js';
import { systemCode, systemReason } from '../protocols/system-error.js';
import { locked, removeIfPresent } from './file-lock.js';
import { createsForeignFiles, giveTo, type Owner, ownDirectories, stateOwner } from './state-owner.js';

export interface StateFile {
  /** Path of the file, directly in the state directory. */
  readonly path: string;
  readonly maxBytes: number;
  /** What to do if the file would become too large; appended to the error message. */
  readonly whenFull: string;
  /**
   * Makes the error for users of this file.
   * @param what why it cannot be used
   */
  readonly error: (what: string, cause?: unknown) => SluiceError;
}

export interface StateText {
  /** Changes whenever the file changes. */
  readonly version: string;
  readonly text: string;
}

/**
 * @param known a version that was read before and need not be read again
 * @returns undefined if there is no file; `unchanged` if the file has the known version
 * @throws {SluiceError} the error of the file
 */
export async function readStateFile(file: StateFile): Promise<StateText | undefined>;
export async function readStateFile(file: StateFile, known?: string): Promise<StateText | 'unchanged' | undefined>;
export async function readStateFile(file: StateFile, known?: string): Promise<StateText | 'unchanged' | undefined> {
  const { path, maxBytes } = file;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
    const stats = await handle.stat();
    if (!stats.isFile()) throw file.error(`it is ${stats.isDirectory() ? 'a directory' : 'not a file'}`);
    const version = `${stats.ino}:${stats.size}:${stats.mtimeMs}:${stats.ctimeMs}`;
    if (version === known) return 'unchanged';
    if (stats.size > maxBytes) throw file.error(`it has ${stats.size} bytes, expected at most ${maxBytes}`);
    return { version, text: await readAtMost(handle, stats.size) };
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'ELOOP') throw file.error('it is a symbolic link, which is not followed', error);
    if (code === 'EACCES') {
      const advice = 'give it to the user that runs the gateway (chown)';
      throw file.error(`the user of this process may not read it; ${advice}`, error);
    }
    throw code === undefined ? error : file.error(systemReason(error), error);
  } finally {
    await handle?.close();
  }
}

/** Reads no more than this, because the file may grow meanwhile. */
async function readAtMost(file: FileHandle, bytes: number): Promise<string> {
  const text = Buffer.alloc(bytes);
  let filled = 0;
  for (;;) {
    const { bytesRead } = await file.read(text, filled, bytes - filled, filled);
    filled += bytesRead;
    if (bytesRead === 0 || filled === bytes) return text.toString('utf8', 0, filled);
  }
}

/**
 * Replaces the content of the file by the result of `change`, with mode 0600. Creates the state directory if it is missing.
 * @param change gets the text of the file, or undefined if there is none; if it throws or returns undefined, nothing changes
 * @throws {SluiceError} the error of the file if it cannot be read or written, or if the gateway could not read the new content
 */
export async function changeStateFile(
  file: StateFile,
  change: (text: string | undefined) => string | undefined,
): Promise<void> {
  const { path } = file;
  const stateDir = dirname(path);
  try {
    const owner = await stateOwner(stateDir);
    if (createsForeignFiles(owner)) {
      const what = `it must belong to user ${owner.uid}, who runs the gateway; run this command as that user, or as root`;
      throw file.error(what);
    }
    await ownDirectories(stateDir, () => mkdir(stateDir, { recursive: true, mode: 0o700 }));
    const lock = `${path}.lock`;
    const busy = () => file.error(`another command holds the lock ${lock}; remove it if no other runs`);
    await locked(lock, busy, async () => {
      const text = change((await readStateFile(file))?.text);
      if (text !== undefined) await replace(file, Buffer.from(text), owner);
    });
  } catch (error) {
    throw systemCode(error) === undefined ? error : file.error(systemReason(error), error);
  }
}

async function replace({ path, maxBytes, whenFull, error }: StateFile, text: Buffer, owner: Owner): Promise<void> {
  if (text.length > maxBytes)
    throw error(`it would have ${text.length} bytes, expected at most ${maxBytes}; ${whenFull}`);
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
