// Knows which files of one stream are in the store, and checks whether they still exist.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds } from '../../protocols/units.js';
import { I_FRAMES, PLAYLIST } from '../window/segment.js';
import { parseStreamMark, removeLoneMark, renderStreamMark, STREAM_MARKER } from './own-files.js';
import { type SegmentStore, type StepAnswer, type StorePath, type StoreStep, takeSteps } from './segment-store.js';

export interface StoredFilesOptions {
  readonly store: SegmentStore;
  readonly clock: Clock;
  /** Directory of the stream: `live/name`. */
  readonly directory: StorePath;
  /** First media sequence number that this presentation writes. */
  readonly firstMediaSequence: number;
  /** Returns whether writing has stopped. */
  readonly stopped: () => boolean;
}

/** A file that no playlist in the store lists any more. */
interface LeavingFile {
  readonly path: StorePath;
  readonly removeAt: Milliseconds;
}

export interface MediaToWrite {
  readonly name: string;
  /** Media sequence number of the first segment that needs the file. */
  readonly mediaSequence: number;
  readonly bytes: Buffer | readonly Buffer[];
}

export interface PlaylistToWrite {
  readonly path: StorePath;
  readonly body: Buffer;
}

/** A directory with at most this many files is read at each check: that costs no more than checking two single files. */
const READ_EACH_TIME = 64;

/** A larger directory is read less often, once in this time per file, so that checks cost the same however long the window is. */
const READ_PER_FILE: Milliseconds = 5;

export class StoredFiles {
  readonly #options: StoredFilesOptions;
  /** For each rendition directory: the listed files, each with the number of the first segment that needed it; ascending. */
  readonly #listed = new Map<StorePath, Map<StorePath, number>>();
  /** In the order of removal. */
  #leaving: LeavingFile[] = [];
  readonly #playlists = new Map<StorePath, Buffer>();
  /** The highest number written into each rendition directory. */
  readonly #newest = new Map<StorePath, number>();
  /** For each rendition directory: when it was last read. */
  readonly #readAt = new Map<StorePath, Milliseconds>();
  #mark: Buffer | undefined;

  constructor(options: StoredFilesOptions) {
    this.#options = options;
  }

  /** Whether files wait for removal. */
  get hasLeaving(): boolean {
    return this.#leaving.length > 0;
  }

  /**
   * Call before writing any other file of the stream: the marker proves to the next process that the files are ours. Cheap if the marker exists.
   */
  async keepMark(): Promise<void> {
    const { store, directory, firstMediaSequence } = this.#options;
    const path = `${directory}/${STREAM_MARKER}`;
    if (this.#mark !== undefined && (await this.#sizeOf(path)) === this.#mark.length) return;
    const there = parseStreamMark((await store.read(path))?.toString('utf8') ?? '', directory);
    const from = Math.min(firstMediaSequence, there?.from ?? firstMediaSequence);
    const mark = renderStreamMark({ directory, from });
    if (there?.from !== from) await store.write(path, mark);
    this.#mark = mark;
  }

  /** Whether a file of a rendition directory is in the store, as far as is known. */
  has(directory: StorePath, name: string): boolean {
    return this.#listed.get(directory)?.has(`${directory}/${name}`) === true;
  }

  /**
   * Writes the files that the store does not have yet: media first, then the playlists that list it.
   * @throws the error of the first file that could not be written; those before it are in the store
   */
  async write(
    directory: StorePath,
    media: readonly MediaToWrite[],
    playlists: readonly PlaylistToWrite[],
  ): Promise<void> {
    if (this.#options.stopped()) return;
    const files = this.#filesOf(directory);
    const newMedia = media
      .map((file) => ({ ...file, path: `${directory}/${file.name}` }))
      .filter(({ path }, i, all) => !files.has(path) && all.findIndex((other) => other.path === path) === i);
    const newPlaylists = playlists.filter(({ path, body }) => this.#playlists.get(path)?.equals(body) !== true);
    const steps: StoreStep[] = [
      // No playlist lists them yet, so an incomplete file does no harm.
      ...newMedia.map(({ path, bytes }) => ({ kind: 'write', path, bytes, unlisted: true }) as const),
      ...newPlaylists.map(({ path, body }) => ({ kind: 'write', path, bytes: body, unlisted: false }) as const),
    ];
    if (steps.length === 0) return;
    const { answers, failure } = await takeSteps(this.#options.store, steps);
    for (const { path, mediaSequence } of newMedia.slice(0, answers.length)) this.#note(directory, path, mediaSequence);
    for (const { path, body } of newPlaylists.slice(0, Math.max(0, answers.length - newMedia.length)))
      this.#playlists.set(path, body);
    if (failure !== undefined) throw failure.cause;
  }

  #filesOf(directory: StorePath): Map<StorePath, number> {
    let files = this.#listed.get(directory);
    if (files === undefined) {
      files = new Map();
      this.#listed.set(directory, files);
    }
    return files;
  }

  #note(directory: StorePath, path: StorePath, mediaSequence: number): void {
    this.#filesOf(directory).set(path, mediaSequence);
    // A file that is written again may be older than the last one.
    if (mediaSequence < (this.#newest.get(directory) ?? mediaSequence)) this.#sort(directory);
    else this.#newest.set(directory, mediaSequence);
  }

  /**
   * Forgets a playlist if the store does not have it as it was written.
   * @returns whether it was forgotten
   */
  async checkPlaylist(path: StorePath): Promise<boolean> {
    const written = this.#playlists.get(path);
    if (written === undefined || (await this.#sizeOf(path)) === written.length) return false;
    return this.#playlists.delete(path);
  }

  /** Runs in one batch with the other checks of a pass. */
  async #sizeOf(path: StorePath): Promise<StepAnswer> {
    const { answers, failure } = await takeSteps(this.#options.store, [{ kind: 'size', path }]);
    if (failure !== undefined) throw failure.cause;
    return answers[0];
  }

  /**
   * Checks whether the files written into a rendition directory exist, and forgets those that do not: they are written again if possible.
   * @param init the newest init segment: without it nothing of the rendition can be played
   * @returns names of the missing files
   */
  async check(directory: StorePath, init: { readonly uri: string; readonly bytes: Buffer }): Promise<string[]> {
    const { store, clock } = this.#options;
    const files = this.#listed.get(directory);
    if (files === undefined) return [];
    const playlists = [`${directory}/${PLAYLIST}`, `${directory}/${I_FRAMES}`].filter((path) =>
      this.#playlists.has(path),
    );
    const initPath = `${directory}/${init.uri}`;
    const hasInit = files.has(initPath);
    const readAt = this.#readAt.get(directory) ?? Number.NEGATIVE_INFINITY;
    const readsAll = files.size <= READ_EACH_TIME || clock.now() - readAt >= files.size * READ_PER_FILE;
    const { answers, failure } = await takeSteps(store, [
      ...(hasInit ? [{ kind: 'size', path: initPath } as const] : []),
      ...(readsAll
        ? [{ kind: 'list', path: directory } as const]
        : playlists.map((path) => ({ kind: 'size', path }) as const)),
    ]);
    if (failure !== undefined) throw failure.cause;
    const gone: StorePath[] = [];
    if (hasInit && answers[0] !== init.bytes.length) gone.push(initPath);
    const found = answers.slice(hasInit ? 1 : 0);
    if (readsAll) {
      const [names] = found;
      const there = new Set(typeof names === 'object' ? names : []);
      this.#readAt.set(directory, clock.now());
      for (const path of [...files.keys(), ...playlists]) if (!there.has(path)) gone.push(path);
    } else {
      for (const [i, path] of playlists.entries()) if (found[i] !== this.#playlists.get(path)?.length) gone.push(path);
    }
    for (const path of gone) {
      files.delete(path);
      this.#playlists.delete(path);
    }
    return [...new Set(gone)].map((path) => path.slice(directory.length + 1));
  }

  /**
   * Call when a requested file of a rendition directory does not exist.
   * @returns false if no playlist lists it, so that nothing is wrong
   */
  forget(directory: StorePath, name: string): boolean {
    return this.#listed.get(directory)?.delete(`${directory}/${name}`) === true;
  }

  /** At the next check, every rendition directory is read in full, even if it was read a moment ago. */
  readAllAtNextCheck(): void {
    this.#readAt.clear();
  }

  /**
   * Schedules the removal of files of segments before `first`, except init segments that later segments need. The cost depends only on the
   * number of removed files.
   */
  retire(directory: StorePath, first: number, needed: ReadonlySet<string>, removeAt: Milliseconds): void {
    const files = this.#listed.get(directory);
    if (files === undefined) return;
    for (const [path, mediaSequence] of files) {
      if (mediaSequence >= first) break;
      if (needed.has(path.slice(directory.length + 1))) continue;
      files.delete(path);
      this.#leaving.push({ path, removeAt });
    }
  }

  #sort(directory: StorePath): void {
    const files = this.#listed.get(directory);
    if (files !== undefined) this.#listed.set(directory, new Map([...files].sort(([, a], [, b]) => a - b)));
  }

  /** Removes files that have left the playlists. */
  async removeLeaving(isDue: (removeAt: Milliseconds) => boolean): Promise<void> {
    const kept = this.#leaving.findIndex(({ removeAt }) => !isDue(removeAt));
    const due = kept < 0 ? this.#leaving : this.#leaving.slice(0, kept);
    if (due.length === 0) return;
    const steps = due.map(({ path }) => ({ kind: 'remove', path }) as const);
    const { answers, failure } = await takeSteps(this.#options.store, steps);
    this.#leaving.splice(0, answers.length);
    if (failure !== undefined) throw failure.cause;
  }

  /** Removes a playlist at once. */
  async removePlaylist(path: StorePath): Promise<void> {
    if (this.#playlists.delete(path)) await this.#options.store.remove(path);
  }

  /**
   * Removes the playlists, unless somebody replaced them. Never rejects.
   * @returns the causes of failures
   */
  async removePlaylists(): Promise<unknown[]> {
    const refusals: unknown[] = [];
    for (const [path, body] of this.#playlists) {
      try {
        await this.#removeUnlessReplaced(path, body);
        this.#playlists.delete(path);
      } catch (cause) {
        refusals.push(cause);
      }
    }
    return refusals;
  }

  /**
   * Removes all files. Never rejects.
   * @returns the causes of failures
   */
  async removeAll(renditions: readonly string[]): Promise<unknown[]> {
    const { store, directory } = this.#options;
    const refusals = await this.removePlaylists();
    const attempt = (action: () => Promise<void>): Promise<void> =>
      action().catch((cause: unknown) => {
        refusals.push(cause);
      });
    for (const files of this.#listed.values()) {
      for (const path of files.keys()) await attempt(() => store.remove(path));
    }
    for (const { path } of this.#leaving) await attempt(() => store.remove(path));
    for (const name of renditions) await attempt(() => store.removeDirectory(`${directory}/${name}`));
    await attempt(() => removeLoneMark(store, directory));
    const names = directory.split('/');
    for (let depth = names.length; depth > 0; depth -= 1) {
      await attempt(() => store.removeDirectory(names.slice(0, depth).join('/')));
    }
    this.#listed.clear();
    this.#leaving = [];
    this.#playlists.clear();
    return refusals;
  }

  /** A later presentation of this name may have replaced the file. */
  async #removeUnlessReplaced(path: StorePath, body: Buffer): Promise<void> {
    const { store } = this.#options;
    if ((await store.read(path))?.equals(body) === true) await store.remove(path);
  }
}
