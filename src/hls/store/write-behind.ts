// Brings the store to the state of the live window, in an order that keeps it a valid HLS tree, and never delays live viewing.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import type { Rendition } from '../window/rendition.js';
import { I_FRAMES, PLAYLIST, parseMediaFileName } from '../window/segment.js';
import { DroppedSegments, neededInits } from './dropped-segments.js';
import { RetriedPasses } from './retried-passes.js';
import type { SegmentStore, StorePath } from './segment-store.js';
import { type MediaToWrite, StoredFiles } from './stored-files.js';

export interface WriteBehindOptions {
  readonly store: SegmentStore;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  /** Directory of the stream: `live/name`. */
  readonly directory: StorePath;
  /** First media sequence number of the presentation. */
  readonly firstMediaSequence: number;
  /** Including those of earlier periods. */
  readonly renditions: { readonly all: readonly Rendition[] };
  readonly variants: { readonly playable: boolean; body(): Buffer };
  readonly incidents: StoreIncidents;
  /** Memory for the indexes of segments that are only on disk, for all renditions together. */
  readonly maxIndexBytes?: number | undefined;
}

/** Reports about the store. */
export interface StoreIncidents {
  /** Called for each failure; writing is retried. */
  storeFailed(cause: unknown): void;
  /** Called with the number of files that have disappeared. */
  filesGone(files: number): void;
  /** Called after the first pass that checked everything since failures or missing files: the store has the current window. */
  storeRecovered(): void;
  /** Called if files could not be removed together with the presentation; the next start removes them. */
  filesLeftBehind(files: number, cause: unknown): void;
  /** Called if listed segments had to be dropped, because the disk or their index was full, or files were removed. */
  dvrDropped(): void;
}

/** Number of passes that follow each other without a pause if each finds missing files. */
const PASSES_AT_ONCE = 3;

/**
 * It has no queue but compares states: each pass compares the window with the store, writes what is missing, then the playlist that lists
 * it, then removes files that no player can request any more. After a minute with a slow or full disk only the current window has to be written, so
 * memory is bounded by the window.
 */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  readonly #files: StoredFiles;
  readonly #dropped: DroppedSegments;
  /** Version of each rendition in the store: see `RenditionPlaylists.segmentsVersion`. */
  readonly #versions = new Map<Rendition, number>();
  readonly #passes: RetriedPasses;
  /** Whether each pass checks everything: after a failure, until a pass finds the store complete. */
  #checksAll = false;
  /** Number of files that this pass found missing. */
  #gone = 0;
  /** Number of consecutive passes that found missing files. */
  #passesWithGone = 0;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
    this.#files = new StoredFiles({ ...options, stopped: () => this.#passes.stopped });
    this.#dropped = new DroppedSegments({ ...options, files: this.#files, onDropped: () => this.wake() });
    this.#passes = new RetriedPasses({
      clock: options.clock,
      domain: options.domain,
      gathers: options.store.gathers ?? 0,
      pass: () => this.#pass(),
      onFailure: (cause) => this.#failed(cause),
    });
  }

  /** Number of failed passes so far. */
  get failures(): number {
    return this.#passes.failures;
  }

  /** Whether the last pass failed, so that the store has its previous state. */
  get failing(): boolean {
    return this.#passes.failing;
  }

  /** Call when the window has changed. Returns at once. */
  wake(): void {
    this.#passes.wake();
  }

  /** Resolves when the next scheduled pass has written the current window, or has failed. Does not start a pass. */
  afterNextPass(): Promise<void> {
    return this.#passes.afterNext();
  }

  /** Resolves when the store has the current window, or when writing has failed again. */
  finish(): Promise<void> {
    return this.#passes.finish();
  }

  /** Removes the playlists; nothing is written afterwards. Never rejects: files that cannot be removed are left to `dispose`. */
  async unlist(): Promise<void> {
    await this.#passes.stop();
    await this.#files.removePlaylists();
  }

  /** Removes all files that this presentation wrote. Never rejects; files that cannot be removed are counted and reported once. */
  async dispose(): Promise<void> {
    await this.#passes.stop();
    const { renditions, incidents } = this.#options;
    const refusals = await this.#files.removeAll(renditions.all.map(({ plan }) => plan.name));
    if (refusals.length > 0) incidents.filesLeftBehind(refusals.length, refusals[0]);
  }

  /** Call when a requested file is missing in the store. If it is listed, it is removed from the playlists. */
  missed(rendition: Rendition, name: string): void {
    const { archive } = rendition;
    const mediaSequence = parseMediaFileName(name)?.mediaSequence ?? 0;
    const isKnown = this.#files.forget(this.#directoryOf(rendition), name);
    const isListed = archive !== undefined && archive.count > 0 && archive.first.mediaSequence <= mediaSequence;
    if (!isKnown && !isListed) return;
    this.#lost(rendition, [name]);
    this.wake();
  }

  async #failed(cause: unknown): Promise<void> {
    this.#checksAll = true;
    this.#options.incidents.storeFailed(cause);
    // A failure here concerns the same disk and was just reported; the next pass tries the removal again.
    await this.#dropped.makeRoom(cause).catch(() => undefined);
  }

  /** These files are missing in the store: media that is in memory is written again, other segments are removed from the list. */
  #lost(rendition: Rendition, names: readonly string[]): void {
    let last = Number.NEGATIVE_INFINITY;
    for (const name of names) {
      const file = parseMediaFileName(name);
      if (file?.kind !== 'segment') continue;
      const inMemory = rendition.window.listed.find(({ mediaSequence }) => mediaSequence === file.mediaSequence);
      if (inMemory?.media.isReleased === false) inMemory.media.isStored = false;
      else last = Math.max(last, file.mediaSequence);
    }
    this.#noteGone(names.length);
    // Only the oldest segments may be removed from a list (RFC 8216bis 6.2.1). Players with an older list may still request their files.
    if (last >= 0) this.#dropped.before(last + 1, this.#dropped.leavingAt(rendition.listedDuration, rendition));
  }

  #noteGone(files: number): void {
    this.#checksAll = true;
    this.#gone += files;
    this.#options.incidents.filesGone(files);
  }

  async #pass(): Promise<void> {
    const { renditions, directory, clock, variants, incidents } = this.#options;
    const failures: unknown[] = [];
    this.#gone = 0;
    this.#dropped.boundIndexes();
    const checksAll = this.#checksAll;
    if (checksAll) {
      this.#versions.clear();
      this.#files.readAllAtNextCheck();
    }
    const path = `${directory}/${PLAYLIST}`;
    const stored = renditions.all.filter((rendition) => this.#isDue(rendition));
    // All renditions at once, so that the store gets their work in one batch. A failure of one rendition does not stop the others.
    const each = (of: readonly Rendition[], work: (rendition: Rendition) => Promise<void>): Promise<unknown> =>
      Promise.all(of.map((rendition) => work(rendition).catch((cause: unknown) => failures.push(cause))));
    const [multivariantGone] = await Promise.all([
      this.#files.checkPlaylist(path),
      stored.length > 0 && this.#files.keepMark(),
      each(stored, (rendition) => this.#check(rendition)),
    ]);
    if (multivariantGone) this.#noteGone(1);
    const now = clock.now();
    const notRemoved: unknown[] = [];
    await Promise.all([
      each(renditions.all, async (rendition) => {
        if (rendition.withdrawn) await this.#withdraw(rendition);
        else if (stored.includes(rendition)) await this.#storeRendition(rendition);
      }),
      // These files left the playlists in the store long ago.
      this.#files.removeLeaving((removeAt) => removeAt <= now).catch((cause: unknown) => notRemoved.push(cause)),
    ]);
    if (failures.length > 0) throw failures[0];
    // After the end of a stream the only copy may have been in the store. If it has disappeared, there is nothing to write.
    const isWhole = renditions.all.every((rendition) => rendition.withdrawn || rendition.isServable('segment'));
    const body = isWhole && variants.playable ? variants.body() : undefined;
    if (body !== undefined) await this.#files.write(directory, [], [{ path, body }]);
    if (notRemoved.length > 0) throw notRemoved[0];
    if (this.#gone > 0) {
      // More files may be missing, or this one again. If this happens repeatedly, the next try waits for the next segment.
      this.#passesWithGone += 1;
      if (this.#passesWithGone <= PASSES_AT_ONCE) this.wake();
      return;
    }
    this.#passesWithGone = 0;
    if (!checksAll || !isWhole || this.#passes.stopped) return;
    this.#checksAll = false;
    incidents.storeRecovered();
  }

  /** Removes its playlists at once, and its media when no player can request it any more. */
  async #withdraw(rendition: Rendition): Promise<void> {
    this.#versions.delete(rendition);
    const directory = this.#directoryOf(rendition);
    for (const file of [PLAYLIST, I_FRAMES]) await this.#files.removePlaylist(`${directory}/${file}`);
    const longest = [...rendition.window.available()].reduce((sum, { duration }) => sum + duration, 0);
    this.#files.retire(directory, Number.POSITIVE_INFINITY, new Set(), this.#dropped.leavingAt(longest, rendition));
  }

  /** Whether this rendition has new segments: any rendition wakes the pass, and most of the others have nothing to write. */
  #isDue(rendition: Rendition): boolean {
    if (rendition.withdrawn || !rendition.isServable('segment') || this.#passes.stopped) return false;
    return this.#versions.get(rendition) !== rendition.playlists.segmentsVersion;
  }

  async #check(rendition: Rendition): Promise<void> {
    const newest = rendition.window.listed.at(-1)?.init;
    if (newest === undefined) return;
    const gone = await this.#files.check(this.#directoryOf(rendition), newest);
    if (gone.length > 0) this.#lost(rendition, gone);
  }

  async #storeRendition(rendition: Rendition): Promise<void> {
    const { playlists, window, archive, listedDuration } = rendition;
    const directory = this.#directoryOf(rendition);
    // The list and its version are read together: the window may move on while files are written, but this list stays valid.
    const { segmentsVersion } = playlists;
    const playlist = playlists.plain('media');
    const iFrames = rendition.hasIFrames ? playlists.plain('i-frames') : undefined;
    const segments = [...window.listed];
    const needed = neededInits(rendition);
    const first = archive !== undefined && archive.count > 0 ? archive.first : segments[0];
    const media: MediaToWrite[] = [];
    // These init segments, needed only by segments that have left memory, were written before. If their files disappeared, write them again.
    for (const { uri, bytes } of archive?.inits ?? [])
      media.push({ name: uri, mediaSequence: parseMediaFileName(uri)?.mediaSequence ?? 0, bytes });
    for (const {
      init,
      gap,
      uri,
      media: { isReleased, pieces },
      mediaSequence,
    } of segments) {
      media.push({ name: init.uri, mediaSequence, bytes: init.bytes });
      if (!gap && !isReleased) media.push({ name: uri, mediaSequence, bytes: pieces });
    }
    const lists = [{ path: `${directory}/${PLAYLIST}`, body: playlist }];
    if (iFrames !== undefined) lists.push({ path: `${directory}/${I_FRAMES}`, body: iFrames });
    try {
      await this.#files.write(directory, media, lists);
    } finally {
      for (const { gap, uri, media } of segments) if (gap || this.#files.has(directory, uri)) media.isStored = true;
      // Segments that have left the playlist or the live edge are no longer needed in memory.
      window.releaseStored();
    }
    this.#versions.set(rendition, segmentsVersion);
    if (first === undefined) return;
    this.#files.retire(directory, first.mediaSequence, needed, this.#dropped.leavingAt(listedDuration, rendition));
  }

  #directoryOf({ plan }: Rendition): StorePath {
    return `${this.#options.directory}/${plan.name}`;
  }
}
