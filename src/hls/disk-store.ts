// Files below the media directory, replaced atomically: what a web server reads there is at every instant a valid HLS tree.
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, readdir, realpath, rename, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { hlsError } from './errors.js';
import type { SegmentStore, StorePath } from './segment-store.js';

/** Suffix of files being written; they are never served and are cleaned at start. */
export const TEMPORARY_SUFFIX = '.tmp';

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

  async write(path: StorePath, bytes: Buffer | readonly Buffer[]): Promise<void> {
    const file = this.#resolve(path);
    try {
      await this.#replace(file, bytes);
    } catch (error) {
      // Somebody removed the directory, and with it more than this file: the next write makes it again.
      this.#made.delete(dirname(file));
      throw error;
    }
  }

  async read(path: StorePath): Promise<Buffer | undefined> {
    try {
      const handle = await open(this.#resolve(path), constants.O_RDONLY | constants.O_NOFOLLOW);
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

  async remove(path: StorePath): Promise<void> {
    await rm(this.#resolve(path), { force: true });
  }

  async removeDirectory(path: StorePath): Promise<void> {
    const directory = this.#resolve(path);
    this.#made.delete(directory);
    try {
      await rmdir(directory);
    } catch (error) {
      const code = codeOf(error);
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

  async #replace(file: string, bytes: Buffer | readonly Buffer[]): Promise<void> {
    await this.#makeDirectory(dirname(file));
    this.#temporaryFiles += 1;
    const temporary = `${file}.${process.pid}-${this.#temporaryFiles}${TEMPORARY_SUFFIX}`;
    try {
      const handle = await open(temporary, 'wx');
      try {
        await writeAll(handle, Buffer.isBuffer(bytes) ? [bytes] : bytes);
      } finally {
        await handle.close();
      }
      await rename(temporary, file);
    } catch (error) {
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  async #makeDirectory(directory: string): Promise<void> {
    if (this.#made.has(directory)) return;
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

/** One system call for all pieces, whatever their number; the rest, should the disk take less, piece by piece. */
async function writeAll(handle: FileHandle, pieces: readonly Buffer[]): Promise<void> {
  if (pieces.length === 0) return;
  let { bytesWritten } = await handle.writev(pieces);
  for (const piece of pieces) {
    const rest = piece.subarray(Math.min(piece.length, bytesWritten));
    bytesWritten -= piece.length - rest.length;
    if (rest.length > 0) await handle.writeFile(rest);
  }
}

function isMissing(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}
