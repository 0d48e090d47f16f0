// Files below the media directory, replaced atomically: at every instant a web server finds a valid HLS tree there.
import { close, constants, open, read, realpath, rename, type Stats, unlink, writev } from 'node:fs';
import { lstat, mkdir, open as openHandle, readdir, rm, rmdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { systemCode } from '../../protocols/system-error.js';
import { hlsError } from '../errors.js';
import { TEMPORARY_SUFFIX } from './own-files.js';
import type { SegmentStore, StorePath } from './segment-store.js';

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
/** With O_EXCL, open fails if the name exists, even as a symbolic link. */
const NEW_FILE = O_WRONLY | O_CREAT | O_EXCL;
/** Reduced by the umask. */
const FILE_MODE = 0o666;

/** Maximum depth: app (up to a few levels), name, rendition, file. */
const DEEPEST = 16;

/** Whether this process is the owner of the media directory. */
export interface MediaClaim {
  /** Whether another gateway has taken the directory. */
  readonly isLost: boolean;
  /** Whether the lock of this process is in `directory`. If so, the media directory was moved there. */
  isAt(directory: string): Promise<boolean>;
}

export class DiskStore implements SegmentStore {
  readonly #root: string;
  readonly #claim: MediaClaim | undefined;
  /** Real path of the media directory. It may itself be a symbolic link, but nothing in it may be one. */
  #realRoot: string | undefined;
  readonly #made = new Set<string>();
  #temporaryFiles = 0;

  /**
   * @param root the media directory; created when it is first needed
   * @param claim checked before every write or removal; undefined if no other program can use the directory
   */
  constructor(root: string, claim?: MediaClaim) {
    this.#root = root;
    this.#claim = claim;
  }

  async write(path: StorePath, bytes: Buffer | readonly Buffer[], unlisted = false): Promise<void> {
    const file = this.#resolve(path);
    const directory = dirname(file);
    try {
      if (!this.#made.has(directory)) await this.#makeDirectory(path);
      await this.#checkPlace(directory);
      const pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes;
      if (unlisted) await writeUnlisted(file, pieces);
      else await this.#replace(file, pieces);
    } catch (error) {
      // Somebody removed the directory, perhaps with other files: the next write creates it again.
      this.#made.delete(directory);
      throw error;
    }
  }

  async read(path: StorePath): Promise<Buffer | undefined> {
    try {
      const handle = await openHandle(this.#resolve(path), constants.O_RDONLY | O_NOFOLLOW);
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
      const descriptor = await called<number>((done) => open(file, constants.O_RDONLY | O_NOFOLLOW, done));
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
    const stats = await this.#stats(path);
    // The caller learns that the file is gone. The directory may be gone too: the next write creates it again if necessary.
    if (stats === undefined) this.#made.delete(dirname(this.#resolve(path)));
    return stats?.isFile() ? stats.size : undefined;
  }

  /** Whether the file belongs to the user of this process, or to the owner of the media directory. */
  async hasOurOwner(path: StorePath): Promise<boolean> {
    const [root, stats] = await Promise.all([lstatIfThere(`${this.#root}/.`), this.#stats(path)]);
    return stats !== undefined && (stats.uid === root?.uid || stats.uid === process.geteuid?.());
  }

  async remove(path: StorePath): Promise<void> {
    const file = this.#resolve(path);
    try {
      await this.#checkPlace(dirname(file));
      await called((done) => unlink(file, done));
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  }

  async removeDirectory(path: StorePath): Promise<void> {
    const directory = this.#resolve(path);
    this.#made.delete(directory);
    try {
      await this.#checkPlace(dirname(directory));
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
      if (!isMissing(error)) throw error;
      this.#made.delete(join(this.#root, directory));
      return [];
    });
    for (const entry of entries) {
      const path = directory === '' ? entry.name : `${directory}/${entry.name}`;
      // A symbolic link is neither a file nor a directory, so it is left out: its target is not ours.
      if (entry.isFile()) into.push(path);
      else if (entry.isDirectory() && depth < DEEPEST) await this.#collect(path, depth + 1, into);
    }
  }

  async #stats(path: StorePath): Promise<Stats | undefined> {
    return lstatIfThere(this.#resolve(path));
  }

  async #replace(file: string, pieces: readonly Buffer[]): Promise<void> {
    this.#temporaryFiles += 1;
    const temporary = `${file}.${process.pid}-${this.#temporaryFiles}${TEMPORARY_SUFFIX}`;
    await writeNew(temporary, pieces);
    try {
      await called((done) => rename(temporary, file, done));
    } catch (error) {
      // The first failure is the one to report. The temporary file is never served, and is removed at the next start.
      await rm(temporary, { force: true }).catch(() => undefined);
      throw error;
    }
  }

  /** Creates one directory at a time: `mkdir` with `recursive` would also create directories behind a symbolic link. */
  async #makeDirectory(path: StorePath): Promise<void> {
    let directory = join(this.#root);
    await mkdir(directory, { recursive: true });
    await this.#findRoot();
    for (const name of path.split('/').slice(0, -1)) {
      directory = join(directory, name);
      await mkdir(directory).catch((error: unknown) => {
        if (systemCode(error) !== 'EEXIST') throw error;
      });
      const stats = await lstat(directory);
      if (stats.isSymbolicLink())
        throw hlsError('hls.store', `${directory} is a symbolic link, and links are not followed`);
      if (!stats.isDirectory()) throw hlsError('hls.store', `${directory} is not a directory`);
    }
    this.#made.add(directory);
  }

  /**
   * Nothing is written or removed through a symbolic link. Checked each time, because a directory may be replaced by a link at any time;
   * one system call resolves the whole path.
   */
  async #checkPlace(directory: string): Promise<void> {
    if (this.#claim?.isLost === true) throw hlsError('hls.store', `another gateway has taken ${this.#root}`);
    const inside = directory.slice(join(this.#root).length);
    const real = await realPathOf(directory);
    if (this.#realRoot !== undefined && real === join(this.#realRoot, inside)) return;
    if (real === join(await this.#findRoot(), inside)) return;
    throw hlsError('hls.store', `${directory} leads to ${real}, and symbolic links are not followed`);
  }

  /** The media directory itself may be a symbolic link, even one that was created when the directory was moved; its target must be ours. */
  async #findRoot(): Promise<string> {
    const root = await realPathOf(this.#root);
    if (root !== this.#realRoot && (await this.#claim?.isAt(root)) === false)
      throw hlsError('hls.store', `${root} is not the media directory of this gateway any more`);
    this.#realRoot = root;
    return root;
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

/** @returns the number of bytes read before the end of the file, at most `into.length` */
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

function realPathOf(path: string): Promise<string> {
  return called<string>((done) => realpath.native(path, done));
}

async function lstatIfThere(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Writes under the final name. A file left there by an earlier attempt is removed, not overwritten: a hard link may share it with somebody
 * else.
 */
async function writeUnlisted(file: string, pieces: readonly Buffer[]): Promise<void> {
  try {
    await writeNew(file, pieces);
  } catch (error) {
    if (systemCode(error) !== 'EEXIST') throw error;
    // Fails for a link or a directory, and reports why.
    await called<number>((done) => open(file, O_WRONLY | O_NOFOLLOW, done)).then((descriptor) =>
      called((done) => close(descriptor, done)),
    );
    await called((done) => unlink(file, done));
    await writeNew(file, pieces);
  }
}

/**
 * The four calls for a small file, with callbacks: handles and promises of `node:fs/promises` cost more than the calls themselves. A file
 * that cannot be written completely is removed.
 */
async function writeNew(file: string, pieces: readonly Buffer[]): Promise<void> {
  const descriptor = await called<number>((done) => open(file, NEW_FILE, FILE_MODE, done));
  try {
    try {
      await writeAll(descriptor, pieces);
    } finally {
      await called((done) => close(descriptor, done));
    }
  } catch (error) {
    // An incomplete file must not stay. If its removal fails too, the first failure is reported.
    await rm(file, { force: true }).catch(() => undefined);
    throw error;
  }
}

/** Writes all pieces with one system call; if the disk takes less, the rest with further calls. */
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

/** @param call a function with a Node-style callback */
function called<T = void>(call: (done: (error: Error | null, value?: T) => void) => void): Promise<T> {
  return new Promise((resolve, reject) => {
    call((error, value) => (error === null ? resolve(value as T) : reject(error)));
  });
}

function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === 'ENOENT' || code === 'ENOTDIR' || code === 'ELOOP';
}
