// Reads the recordings of earlier processes into the catalogue. Reading many takes long, so the gateway waits only a moment for it and then serves
// while the rest is read: the newest first, and at once what somebody asks for by its id.

import { basename } from 'node:path';
import type { Logger } from '../contracts/logger.js';
import type { Clock } from '../protocols/clock.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import type { Catalogue, CatalogueEntry } from './catalogue.js';
import { idOfDirectory } from './record-path.js';
import { completeRemovals, readRecording, recordingDirectories } from './recording-directory.js';

export interface EarlierRecordingsOptions {
  /** Directory of the recordings. */
  readonly root: string;
  readonly catalogue: Catalogue;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  readonly logger: Logger;
  /** Called when all have been read. */
  readonly onComplete: () => void;
}

/** How long a start waits, so that a gateway with few recordings lists all of them in its first answer. */
const WAIT: Milliseconds = 500;

/** The threads of Node for files, which live streams need too, are as many. */
const READ_AT_ONCE = 4;

/** Each addition to the catalogue moves its sorted ids, so many are added at once. */
const ADDED_AT_ONCE = 512;

export class EarlierRecordings {
  readonly #options: EarlierRecordingsOptions;
  /** Directories that nobody has begun to read, by id. More than one if somebody has copied a recording. */
  readonly #unread = new Map<string, string[]>();
  readonly #beingRead = new Map<string, Promise<void>>();
  /** Read, but not in the catalogue yet. */
  #read: CatalogueEntry[] = [];
  #isComplete = false;
  #all: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(options: EarlierRecordingsOptions) {
    this.#options = options;
  }

  /**
   * Finds all directories, before any new recording is begun, and starts to read them.
   * @returns a promise that resolves when all have been read, or after a moment
   * @throws the system error if the root cannot be read
   */
  async open(): Promise<void> {
    const { root, clock, domain, logger } = this.#options;
    await completeRemovals(root);
    const found: { id: string; directory: string }[] = [];
    for await (const directory of recordingDirectories(root, (...damage) => this.#tellDamaged(...damage))) {
      found.push({ id: idOfDirectory(basename(directory)) ?? '', directory });
    }
    found.sort((a, b) => (a.id > b.id ? -1 : 1));
    for (const { id, directory } of found) this.#unread.set(id, [...(this.#unread.get(id) ?? []), directory]);
    this.#all = domain.settled('reading of recordings', () => this.#readAll());
    let cancel = (): void => undefined;
    const waited = new Promise<void>((resolve) => {
      cancel = clock.after(WAIT, () => {
        logger.info({ recordings: this.#unread.size }, 'recordings of an earlier process are still being read');
        resolve();
      });
    });
    await Promise.race([this.#all, waited]);
    cancel();
  }

  /** Whether some are not in the catalogue yet. */
  get isReading(): boolean {
    return !this.#isComplete;
  }

  /** Adds to the catalogue what has been read. Call before it is listed. */
  add(): void {
    if (this.#read.length === 0) return;
    const entries = this.#read.sort((a, b) => (a.facts.id < b.facts.id ? -1 : 1));
    this.#read = [];
    this.#options.catalogue.setAll(entries);
  }

  /** Resolves when this recording is in the catalogue, if there is such a recording. */
  async one(id: string): Promise<void> {
    await (this.#unread.has(id) ? this.#readOne(id) : this.#beingRead.get(id));
    this.add();
  }

  /** Resolves when all have been read. */
  all(): Promise<void> {
    return this.#all;
  }

  /** Stops reading. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#all;
  }

  async #readAll(): Promise<void> {
    // All readers share the iterator, which skips what has been deleted meanwhile.
    const ids = this.#unread.keys();
    const read = async (): Promise<void> => {
      for (let next = ids.next(); next.done !== true && !this.#closed; next = ids.next()) {
        await this.#readOne(next.value);
        if (this.#read.length >= ADDED_AT_ONCE) this.add();
      }
    };
    await Promise.all(Array.from({ length: READ_AT_ONCE }, read));
    await Promise.all(this.#beingRead.values());
    this.add();
    if (this.#closed) return;
    this.#isComplete = true;
    this.#options.onComplete();
  }

  #readOne(id: string): Promise<void> {
    const directories = this.#unread.get(id) ?? [];
    this.#unread.delete(id);
    const reading = this.#readFirst(id, directories).finally(() => this.#beingRead.delete(id));
    this.#beingRead.set(id, reading);
    return reading;
  }

  /** Only the first directory that can be used is the recording. */
  async #readFirst(id: string, directories: readonly string[]): Promise<void> {
    let isFound = false;
    for (const directory of directories) {
      try {
        if (isFound) throw new Error(`another directory is the recording ${id} too`);
        const found = await readRecording(this.#options.root, directory);
        if (found === undefined) continue;
        isFound = true;
        this.#read.push(found.entry);
        if (found.wasOpen) this.#tellFinished(found.entry);
      } catch (error) {
        this.#tellDamaged(directory, error instanceof Error ? error.message : String(error));
      }
    }
  }

  #tellFinished({ facts: { id: recording, app, name: stream } }: CatalogueEntry): void {
    this.#options.logger.info({ recording, app, stream }, 'a recording of an earlier process was finished');
  }

  #tellDamaged(directory: string, reason: string): void {
    const fields = { code: 'recording.damaged', directory, reason };
    this.#options.logger.warn(fields, 'a recording cannot be used and is left as it is');
  }
}
