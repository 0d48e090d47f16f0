// Files below the media directory, replaced atomically: what a web server reads there is at every instant a valid HLS tree.
import { close, constants, open, read, rename, unlink, writev } from 'node:fs';
import { lstat, mkdir, open as openHandle, readdir, realpath, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../../protocols/system-error.js';
import { hlsError } from '../errors.js';
import type { SegmentStore, StorePath } from './segment-store.js';

/** Suffix of files being written; they are never served and are cleaned at start. */
export const TEMPORARY_SUFFIX = '.tmp';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
const NEW_TEMPORARY = O_WRONLY | O_CREAT | O_EXCL;
/** Over what an earlier attempt may have left, but through no link. */
const NEW_FILE = O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW;
/** Less the umask. */
const FILE_MODE = 0o666;

/** app (up to a few levels) / name / rendition / file. */
const DEEPEST = 16;

export class DiskStore implements SegmentStore {
  readonly #root: string;
  #realRoot: string | undefined;
  readonly #made = new Set<string>();
  #temporaryFiles = 0;

  /** @param root the media directory; made when it is first needed */
  constructor(root: string) {
    this.#root = root;
  }

  async write(path: StorePath, bytes: Buffer | readonly Buffer[], unread = false): Promise<void> {
    const file = this.#resolve(path);
    const directory = dirname(file);
    try {
      if (!this.#made.has(directory)) await this.#makeDirectory(directory);
      const pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes;
      if (unread) await writeFile(file, NEW_FILE, pieces);
      else await this.#replace(file, pieces);
    } catch (error) {
      // Somebody removed the directory, and with it more than this file: the next write makes it again.
      this.#made.delete(directory);
      throw error;
    }
  }

  async read(path: StorePath): Promise<Buffer | undefined> {
    try {
      const handle = await openHandle(this.#resolve(path), constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        return await handle.readFile();
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async readInto(path: StorePath, start: number, into: Buffer): Promise<number | undefined> {
    const file = this.#resolve(path);
    try {
      const descriptor = await called<number>((done) => open(file, constants.O_RDONLY | constants.O_NOFOLLOW, done));
      try {
        return await readAll(descriptor, start, into);
      } finally {
        await called((done) => close(descriptor, done));
      }
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async size(path: StorePath): Promise<number | undefined> {
    try {
      const found = await lstat(this.#resolve(path));
      return found.isFile() ? found.size : undefined;
    } catch (error) {
      if (isMissing(error)) return undefined;
      throw error;
    }
  }

  async remove(path: StorePath): Promise<void> {
    const file = this.#resolve(path);
    try {
      await called((done) => unlink(file, done));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async removeDirectory(path: StorePath): Promise<void> {
    const directory = this.#resolve(path);
    this.#made.delete(directory);
    try {
      await rmdir(directory);
    } catch (error) {
      const code = systemCode(error);
      if (!isMissing(error) && code !== 'ENOTEMPTY' && code !== 'EEXIST') throw error;
    }
  }

  async list(directory: StorePath): Promise<StorePath[]> {
    const paths: StorePath[] = [];
    await this.#collect(directory, 0, paths);
    return paths.sort();
  }

  async #collect(directory: StorePath, depth: number, into: StorePath[]): Promise<void> {
    const entries = await readdir(directory === '' ? this.#root : this.#resolve(directory), {
      withFileTypes: true,
    }).catch((error: unknown) => {
      if (isMissing(error)) return [];
      throw error;
    });
    for (const entry of entries) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      // A symbolic link is neither: what it points to is not ours.
      if (entry.isFile()) into.push(path);
      else if (entry.isDirectory() && depth < DEEPEST) await this.#collect(path, depth + 1, into);
    }
  }

  async #replace(file: string, pieces: readonly Buffer[]): Promise<void> {
    this.#temporaryFiles += 1;
    const temporary = `${file}.${process.pid}-${this.#temporaryFiles}${TEMPORARY_SUFFIX}`;
    await writeFile(temporary, NEW_TEMPORARY, pieces);
    try {
      await called((done) => rename(temporary, file, done));
    } catch (error) {
      // The first failure is the one to tell; what stays is never served, and removed at the next start.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #makeDirectory(directory: string): Promise<void> {
    await mkdir(directory, { recursive: true });
    this.#realRoot ??= await realpath(this.#root);
    const expected = join(this.#realRoot, directory.slice(join(this.#root).length));
    const real = await realpath(directory);
    if (real !== expected)
      throw hlsError('hls.store', `${directory} leads to ${real}: symbolic links are not followed`);
    this.#made.add(directory);
  }

  #resolve(path: StorePath): string {
    const names = path.split('/');
    for (const name of names) {
      if (name === '' || name === '.' || name === '..' || name.includes('\0') || name.includes('\\')) {
        throw hlsError('hls.store', `got path ${JSON.stringify(path)}, expected plain names separated by /`);
      }
    }
    return join(this.#root, ...names);
  }
}

/** @returns how many bytes there were before the end of the file, `into.length` at most */
async function readAll(descriptor: number, start: number, into: Buffer): Promise<number> {
  let filled = 0;
  while (filled < into.length) {
    const at = filled;
    const bytes = await called<number>((done) => read(descriptor, into, at, into.length - at, start + at, done));
    if (bytes === 0) break;
    filled += bytes;
  }
  return filled;
}

/**
 * The four calls of a small file, in callbacks: the handles and promises of `node:fs/promises` cost more than the calls.
 * What cannot be written whole is removed.
 */
async function writeFile(file: string, flags: number, pieces: readonly Buffer[]): Promise<void> {
  const descriptor = await called<number>((done) => open(file, flags, FILE_MODE, done));
  try {
    try {
      await writeAll(descriptor, pieces);
    } finally {
      await called((done) => close(descriptor, done));
    }
  } catch (error) {
    // Half a file must not stay; where it cannot be removed either, the first failure is the one to tell.
    await rm(file, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** One system call for all pieces, whatever their number; the rest, should the disk take less, in more of them. */
async function writeAll(descriptor: number, pieces: readonly Buffer[]): Promise<void> {
  let left = pieces.filter(({ length }) => length > 0);
  while (left.length > 0) {
    const writing = left;
    let written = await called<number>((done) => writev(descriptor, writing, done));
    left = [];
    for (const piece of writing) {
      if (written < piece.length) left.push(written > 0 ? piece.subarray(written) : piece);
      written = Math.max(0, written - piece.length);
    }
  }
}

/** @param call with a callback of Node's kind */
function called<T = void>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null ? resolve(value as T) : reject(error)));
  });
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}
