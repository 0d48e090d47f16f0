// Allows one gateway per directory: two that do not know about each other would delete and overwrite files of the other.

import { randomUUID } from 'node:crypto';
import { constants } from 'node:fs';
import { type FileHandle, mkdir, open, realpath, rename, rm, rmdir, stat, unlink, writeFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../contracts/logger.js';
import { systemCode } from '../protocols/system-error.js';
import type { Milliseconds } from '../protocols/units.js';
import { pipelineError } from './errors.js';
import { describeHolder, type LockRecord, parseLockRecord, renderLockRecord } from './lock-record.js';
import { findProcess, identifyProcess } from './process-identity.js';

/** The holder increments the count in its lock at this interval. */
const BEAT: Milliseconds = 2_000;

/**
 * If the process of a holder cannot be checked, because it is in another container or on another machine, its lock is watched for this
 * long.
 */
const WATCH: Milliseconds = 7_000;
const WATCH_STEP: Milliseconds = 250;

/**
 * If a lock file was not written for this long, its holder is gone. Only times of the file system are compared, because clocks may differ.
 */
const ABANDONED: Milliseconds = 30_000;

/** How long to compete with others that take the lock at the same moment. */
const TAKING: Milliseconds = 5_000;

export interface DirectoryLockOptions {
  /** Path of the lock file, such as `/var/lib/sluice/media/.sluice-lock`. Its directory exists. */
  readonly path: string;
  readonly logger: Logger;
  /** Called with each beat. After a rejection it is called again with the next beat. */
  readonly onBeat?: () => Promise<void>;
  /** Default 2 s. */
  readonly beat?: Milliseconds;
  /** Default 7 s. */
  readonly watch?: Milliseconds;
}

/**
 * Node has no documented lock that the system releases by itself. So the lock is a file, with two ways to detect that its holder is gone:
 * its process id and start time, where these can be checked; otherwise a count that no longer changes. This covers a power cut, a reused
 * process id, and two containers in which both gateways are process 1.
 */
export class DirectoryLock {
  readonly #options: DirectoryLockOptions;
  readonly #id = randomUUID();
  readonly #since = new Date().toISOString();
  #beats = 0;
  /** The work of the beats. Never rejects. */
  #kept: Promise<void> = Promise.resolve();
  #lostTo: LockRecord | undefined;
  /** Real path of the directory, with symbolic links resolved. */
  #realDirectory = '';
  readonly #releasing = new AbortController();

  private constructor(options: DirectoryLockOptions) {
    this.#options = options;
  }

  /**
   * @throws {SluiceError} `pipeline.directory-in-use` if another gateway holds the lock
   * @throws the system error if no file can be written there
   */
  static async take(options: DirectoryLockOptions): Promise<DirectoryLock> {
    const lock = new DirectoryLock(options);
    await lock.#take();
    lock.#realDirectory = await realpath(dirname(options.path));
    lock.#kept = lock.#keep();
    return lock;
  }

  /**
   * Whether another gateway has taken the lock although this one runs. This happens if this process was suspended for long, or if somebody
   * changed the lock file.
   */
  get isLost(): boolean {
    return this.#lostTo !== undefined;
  }

  /** Whether the lock of this name in `directory` is this very lock, which means that the directory was moved. */
  async isAt(directory: string): Promise<boolean> {
    const there = await readLock(join(directory, basename(this.#options.path)));
    return there?.record?.id === this.#id;
  }

  /** Removes the lock file if it is still ours. Never rejects. */
  async release(): Promise<void> {
    this.#releasing.abort();
    await this.#kept;
    const { path, logger } = this.#options;
    try {
      if ((await readLock(path))?.record?.id === this.#id) await unlink(path);
    } catch (error) {
      // The next gateway detects that the lock is abandoned.
      logger.debug({ err: error, path }, 'the lock of a directory could not be removed');
    }
  }

  async #take(): Promise<void> {
    const { path } = this.#options;
    const deadline = performance.now() + TAKING + (this.#options.watch ?? WATCH);
    for (;;) {
      if (await this.#create()) return;
      const there = await readLock(path);
      // The lock was just released.
      if (there === undefined) continue;
      if (!(await this.#isAbandoned(there))) throw this.#inUse(there.record);
      if (await this.#replace(there)) return;
      if (performance.now() > deadline) throw this.#inUse(there.record);
      await sleep(WATCH_STEP);
    }
  }

  async #create(): Promise<boolean> {
    try {
      await writeFile(this.#options.path, this.#text(), { flag: 'wx', mode: 0o644 });
      return true;
    } catch (error) {
      if (systemCode(error) === 'EEXIST') return false;
      throw error;
    }
  }

  async #isAbandoned({ record, text, writtenAt }: FoundLock): Promise<boolean> {
    const { path, logger } = this.#options;
    switch (record === undefined ? 'elsewhere' : findProcess(record)) {
      case 'running':
        return false;
      case 'gone':
        return true;
      case 'elsewhere': {
        if ((await fileSystemTime(path)) - writtenAt > ABANDONED) return true;
        const watch = this.#options.watch ?? WATCH;
        logger.info(
          { path, holder: record && describeHolder(record) },
          `waiting ${watch / 1000} s to see whether the gateway that locked this directory still runs`,
        );
        for (let waited = 0; waited < watch; waited += WATCH_STEP) {
          await sleep(WATCH_STEP);
          const now = await readLock(path);
          // Released meanwhile: the caller tries to take it again.
          if (now === undefined) return true;
          if (now.text !== text) return false;
        }
        return true;
      }
    }
  }

  /**
   * Several gateways may find the same abandoned lock. The one that creates the directory named after the lock wins. It then checks that
   * the lock is still the abandoned one; otherwise another gateway won earlier.
   */
  async #replace({ text, record }: FoundLock): Promise<boolean> {
    const { path } = this.#options;
    const claim = `${path}.${record?.id ?? 'unreadable'}`;
    try {
      await mkdir(claim);
    } catch (error) {
      if (systemCode(error) !== 'EEXIST') throw error;
      // The process that created it may have died before it finished.
      const made = await stat(claim).catch(() => undefined);
      if (made !== undefined && (await fileSystemTime(path)) - made.mtimeMs > ABANDONED) await rmdir(claim);
      return false;
    }
    try {
      if ((await readLock(path))?.text !== text) return false;
      const mine = `${path}.${this.#id}`;
      await writeFile(mine, this.#text(), { flag: 'wx', mode: 0o644 });
      await rename(mine, path);
      return true;
    } finally {
      await rmdir(claim);
    }
  }

  async #keep(): Promise<void> {
    const { path, logger, beat = BEAT } = this.#options;
    const { signal } = this.#releasing;
    while (this.#lostTo === undefined) {
      try {
        await sleep(beat, undefined, { ref: false, signal });
        await this.#beat();
      } catch (error) {
        if (signal.aborted) return;
        // The disk is full or unavailable: the lock stays as it is, and the streams report the problem.
        logger.debug({ err: error, path }, 'the lock of a directory could not be renewed');
      }
    }
  }

  async #beat(): Promise<void> {
    const { path, logger, onBeat } = this.#options;
    this.#beats += 1;
    const directory = await realpath(dirname(path));
    // If the path is a symbolic link now, its target is ours only if our lock is there. Then the directory was moved.
    if (directory !== this.#realDirectory && !(await this.isAt(directory))) return;
    this.#realDirectory = directory;
    const file = await openLock(path);
    if (file === undefined) {
      // Somebody emptied the directory, so the lock is written again. A removed directory is created again by the next writer.
      await this.#create();
      await onBeat?.();
      return;
    }
    try {
      const found = parseLockRecord(await file.readFile('utf8'));
      if (found === undefined || found.id === this.#id) await writeWhole(file, this.#text());
      else this.#lostTo = found;
    } finally {
      await file.close();
    }
    if (this.#lostTo === undefined) await onBeat?.();
    else {
      const holder = describeHolder(this.#lostTo);
      logger.error(
        { path },
        `another gateway has taken this directory, ${holder}: nothing is written into it any more`,
      );
    }
  }

  #text(): string {
    const identity = identifyProcess(process.pid) ?? { pid: process.pid };
    return renderLockRecord({ ...identity, id: this.#id, host: hostname(), since: this.#since, beats: this.#beats });
  }

  #inUse(record: LockRecord | undefined): Error {
    const holder = record === undefined ? '' : ` (${describeHolder(record)})`;
    return pipelineError(
      'pipeline.directory-in-use',
      `${dirname(this.#options.path)} is in use by another gateway${holder}. Stop it, or give this one directories and ports of ` +
        'its own: --media-dir media-2 --state-dir .sluice-2 --rtmp-port 0 --http-port 0 (after npm start or npm run demo: -- first)',
    );
  }
}

interface FoundLock {
  readonly text: string;
  /** Undefined if it cannot be parsed: a power cut truncated it, or no gateway wrote it. */
  readonly record: LockRecord | undefined;
  readonly writtenAt: Milliseconds;
}

async function openLock(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, constants.O_RDWR | constants.O_NOFOLLOW);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function readLock(path: string): Promise<FoundLock | undefined> {
  try {
    const file = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
    try {
      const { mtimeMs } = await file.stat();
      const text = await file.readFile('utf8');
      return { text, record: parseLockRecord(text), writtenAt: mtimeMs };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')) return undefined;
    throw error;
  }
}

/** The current time of the clock that dates the files: on a network drive, the clock of the server. */
async function fileSystemTime(path: string): Promise<Milliseconds> {
  const probe = `${path}.${randomUUID()}`;
  await writeFile(probe, '', { flag: 'wx' });
  try {
    return (await stat(probe)).mtimeMs;
  } finally {
    await rm(probe, { force: true });
  }
}

async function writeWhole(file: FileHandle, text: string): Promise<void> {
  const bytes = Buffer.from(text);
  await file.write(bytes, 0, bytes.length, 0);
  await file.truncate(bytes.length);
}
