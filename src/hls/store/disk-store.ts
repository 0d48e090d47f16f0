// Files below the media directory, replaced atomically: at every instant a web server finds a valid HLS tree there. The disk thread performs the
// writes, removals and checks of a pass; reads for viewers do not wait behind them.
import { close, constants, open, read, realpath, type Stats } from 'node:fs';
import { lstat, open as openHandle, readdir, rmdir } from 'node:fs/promises';
import { dirname as directoryAbove, join } from 'node:path';
import { dirname } from 'node:path/posix';
import { systemCode } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { hlsError } from '../errors.js';
import type { DiskStep } from './disk-job.js';
import { DiskThread } from './disk-thread-client.js';
import { type DiskFailure, type JobDone, NOT_THE_ROOT } from './disk-work.js';
import { TEMPORARY_SUFFIX } from './own-files.js';
import type { SegmentStore, StepAnswer, StorePath, StoreStep, TakenSteps } from './segment-store.js';

const { O_NOFOLLOW } = constants;

/** Maximum depth: app (up to a few levels), name, rendition, file. */
const DEEPEST = 16;

/** Longer than the time between two segments of any stream, so that the thread ends only when no stream is live. */
const IDLE: Milliseconds = 30_000;

/** How much later segments may be written. Within this time, the audio and video segment of most streams are both complete and share one pass. */
const GATHERS: Milliseconds = 200;

/** Whether this process is the owner of the media directory. */
export interface MediaClaim {
  /** Whether another gateway has taken the directory. */
  readonly isLost: boolean;
  /** Whether the lock of this process is in `directory`. If so, the media directory was moved there. */
  isAt(directory: string): Promise<boolean>;
}

export class DiskStore implements SegmentStore {
  readonly gathers = GATHERS;
  readonly #root: string;
  readonly #claim: MediaClaim | undefined;
  readonly #thread: DiskThread;
  /** Real path of the media directory. It may itself be a symbolic link, but nothing in it may be one. */
  #realRoot: string | undefined;
  /** Directories that exist, as far as is known. */
  readonly #made = new Set<StorePath>();
  #temporaryFiles = 0;

  /**
   * @param root the media directory; created when it is first needed
   * @param claim checked before every write or removal; undefined if no other program can use the directory
   * @param idle how long the disk thread stays alive without work
   */
  constructor(root: string, claim?: MediaClaim, idle: Milliseconds = IDLE) {
    this.#root = root;
    this.#claim = claim;
    this.#thread = new DiskThread({ root, idle, realRoot: () => this.#realRoot });
  }

  async write(path: StorePath, bytes: Buffer | readonly Buffer[], unlisted = false): Promise<void> {
    await this.#takeOne({ kind: 'write', path, bytes, unlisted });
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
    // The directory may be gone together with the file; then the next write must create it again.
    if (stats === undefined) this.#made.delete(dirname(path));
    return stats?.isFile() ? stats.size : undefined;
  }

  /** Whether the file belongs to the user of this process, or to the owner of the media directory. */
  async hasOurOwner(path: StorePath): Promise<boolean> {
    const [root, stats] = await Promise.all([lstatIfThere(`${this.#root}/.`), this.#stats(path)]);
    return stats !== undefined && (stats.uid === root?.uid || stats.uid === process.geteuid?.());
  }

  async remove(path: StorePath): Promise<void> {
    await this.#takeOne({ kind: 'remove', path });
  }

  async #takeOne(step: StoreStep): Promise<void> {
    const { failure } = await this.take([step]);
    if (failure !== undefined) throw failure.cause;
  }

  async take(steps: readonly StoreStep[]): Promise<TakenSteps> {
    const answers: StepAnswer[] = [];
    try {
      let failure = await this.#run(steps, answers);
      if (failure?.code === NOT_THE_ROOT) {
        // The thread does not know the media directory yet, or the directory has been moved. `#findRoot` decides whether it is still ours.
        await this.#findRoot();
        failure = await this.#run(steps.slice(answers.length), answers);
      }
      if (failure !== undefined) throw errorOf(failure);
      return { answers, failure: undefined };
    } catch (cause) {
      // Somebody removed the directory, perhaps with more files; the next write must create it again.
      const failed = steps[answers.length];
      if (failed?.kind === 'write') this.#made.delete(dirname(failed.path));
      return { answers, failure: { cause } };
    }
  }

  /** @param answers receives the results of the steps */
  async #run(steps: readonly StoreStep[], answers: StepAnswer[]): Promise<DiskFailure | undefined> {
    const isChange = steps.some(({ kind }) => kind === 'write' || kind === 'remove');
    if (isChange) this.#checkClaim();
    const done = await this.#thread.run(steps.map((step) => this.#diskStep(step)));
    for (const [i, answer] of done.answers.entries()) {
      const step = steps[i];
      if (step !== undefined) answers.push(this.#learn(step, answer));
    }
    return done.failure;
  }

  #diskStep(step: StoreStep): DiskStep {
    const names = namesOf(step.path);
    if (step.kind !== 'write') return { kind: step.kind, names };
    this.#temporaryFiles += 1;
    const { bytes, unlisted } = step;
    return {
      kind: 'write',
      names,
      temporary: unlisted ? undefined : `${names.at(-1)}.${process.pid}-${this.#temporaryFiles}${TEMPORARY_SUFFIX}`,
      make: !this.#made.has(dirname(step.path)),
      pieces: Buffer.isBuffer(bytes) ? [bytes] : bytes,
    };
  }

  /** Keeps `#made` true. @returns the result of a step in the form that the method of its name returns */
  #learn({ kind, path }: StoreStep, answer: JobDone['answers'][number]): StepAnswer {
    if (kind === 'write') this.#made.add(dirname(path));
    // The directory may be gone together with the file; then the next write must create it again.
    else if (kind === 'size' && answer === undefined) this.#made.delete(dirname(path));
    if (typeof answer !== 'object') return answer;
    if (answer.length === 0) this.#made.delete(path);
    return answer.map((name) => `${path}/${name}`).sort();
  }

  async removeDirectory(path: StorePath): Promise<void> {
    const directory = this.#resolve(path);
    this.#made.delete(path);
    try {
      await this.#checkPlace(directoryAbove(directory));
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
      this.#made.delete(directory);
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

  /** Nothing is removed through a symbolic link; see `#checkPlace` of the disk thread. */
  async #checkPlace(directory: string): Promise<void> {
    this.#checkClaim();
    const inside = directory.slice(join(this.#root).length);
    const real = await realPathOf(directory);
    if (this.#realRoot !== undefined && real === join(this.#realRoot, inside)) return;
    if (real === join(await this.#findRoot(), inside)) return;
    throw hlsError('hls.store', `${directory} leads to ${real}, and symbolic links are not followed`);
  }

  #checkClaim(): void {
    if (this.#claim?.isLost === true) throw hlsError('hls.store', `another gateway has taken ${this.#root}`);
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
    return join(this.#root, ...namesOf(path));
  }
}

function namesOf(path: StorePath): string[] {
  const names = path.split('/');
  for (const name of names) {
    if (name === '' || name === '.' || name === '..' || name.includes('\0') || name.includes('\\')) {
      throw hlsError('hls.store', `got path ${JSON.stringify(path)}, expected plain names separated by /`);
    }
  }
  return names;
}

/** Turns a failure reported by the thread into the system's error or our own. */
function errorOf({ message, code }: DiskFailure): Error {
  if (code === undefined || code === 'refused' || code === NOT_THE_ROOT) return hlsError('hls.store', message);
  return Object.assign(new Error(message), { code });
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
