// Brings the store to the state of the live window, in an order that keeps it a valid HLS tree, and never delays live viewing.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import { systemCode } from '../../protocols/system-error.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { Rendition } from '../window/rendition.js';
import { I_FRAMES, PLAYLIST, parseMediaFileName } from '../window/segment.js';
import { RetriedPasses } from './retried-passes.js';
import type { SegmentStore, StorePath } from './segment-store.js';
import { StoredFiles } from './stored-files.js';

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

/** Enough for 44 hours of five renditions with segments of 2 s. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024;

/** When the disk, or the memory for the index, is full, this share of the segments that are only on disk is dropped. */
const DROPPED_SHARE = 1 / 4;

/** Number of passes that follow each other without a pause if each finds missing files. */
const PASSES_AT_ONCE = 3;

/**
 * It has no queue but compares states: each pass compares the window with the store, writes what is missing, then the playlist that lists
 * it, then removes files that no player can want. After a minute with a slow or full disk only the current window has to be written, so
 * memory is bounded by the window.
 */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  readonly #files: StoredFiles;
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
    this.#passes = new RetriedPasses({
      clock: options.clock,
      domain: options.domain,
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
    await this.#makeRoom(cause).catch(() => undefined);
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
    if (last >= 0) this.#dropBefore(last + 1, this.#leavingAt(rendition.listedDuration, rendition));
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
    this.#boundIndexes();
    const checksAll = this.#checksAll;
    if (checksAll) {
      this.#versions.clear();
      this.#files.readAllAtNextCheck();
    }
    for (const rendition of renditions.all) {
      try {
        if (rendition.withdrawn) await this.#withdraw(rendition);
        else if (rendition.isServable('segment')) await this.#storeRendition(rendition);
      } catch (cause) {
        // An obstacle for one rendition should not affect the others.
        failures.push(cause);
      }
    }
    if (failures.length > 0) throw failures[0];
    // After the end of a stream the store may have had the only copy. If that has disappeared, there is nothing to write.
    const isWhole = renditions.all.every((rendition) => rendition.withdrawn || rendition.isServable('segment'));
    const body = isWhole && variants.playable ? variants.body() : undefined;
    const path = `${directory}/${PLAYLIST}`;
    if (await this.#files.checkPlaylist(path)) this.#noteGone(1);
    if (body !== undefined) await this.#files.writePlaylist(path, body);
    const now = clock.now();
    await this.#files.removeLeaving((removeAt) => removeAt <= now);
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

  /** When the disk is full: removes files that are no longer listed or, if there are none, drops the oldest segments that are only on disk. */
  async #makeRoom(cause: unknown): Promise<void> {
    if (!['ENOSPC', 'EDQUOT'].includes(String(systemCode(cause)))) return;
    const hadUnlisted = this.#files.hasLeaving;
    await this.#files.removeLeaving(() => true);
    // This may have made enough room: the next pass will show.
    if (hadUnlisted) return;
    this.#dropOldest(() => this.#options.clock.now());
    await this.#files.removeLeaving(() => true);
  }

  /** An unlimited playlist would fill the memory in many days. Viewers with an older list can still load the files of dropped segments. */
  #boundIndexes(): void {
    const { renditions, maxIndexBytes = MAX_INDEX_BYTES } = this.#options;
    const bytes = renditions.all.reduce((sum, { archive }) => sum + (archive?.bytes ?? 0), 0);
    if (bytes > maxIndexBytes) this.#dropOldest((longest) => this.#leavingAt(longest.listedDuration, longest));
  }

  /** Drops the oldest segments that are only in the store. @param removeAt when to remove their files, by the rendition with most of them */
  #dropOldest(removeAt: (longest: Rendition) => Milliseconds): void {
    const indexed = this.#options.renditions.all.flatMap((rendition) =>
      rendition.archive?.count ? [{ rendition, archive: rendition.archive }] : [],
    );
    const [longest] = indexed.sort((a, b) => b.archive.count - a.archive.count);
    if (longest === undefined) return;
    const { rendition, archive } = longest;
    // All renditions drop the same segments, so that players that switch find the same list.
    this.#dropBefore(archive.first.mediaSequence + Math.ceil(archive.count * DROPPED_SHARE), removeAt(rendition));
  }

  /** Removes segments before this one from the lists, if they are only in the store; their files are removed at `removeAt`. */
  #dropBefore(mediaSequence: number, removeAt: Milliseconds): void {
    const { renditions, incidents } = this.#options;
    let dropped = 0;
    for (const rendition of renditions.all) {
      const count = rendition.dropBefore(mediaSequence);
      if (count === 0) continue;
      dropped += count;
      const first = Math.min(mediaSequence, rendition.window.listed[0]?.mediaSequence ?? mediaSequence);
      this.#files.retire(this.#directoryOf(rendition), first, neededInits(rendition), removeAt);
    }
    if (dropped === 0) return;
    incidents.dvrDropped();
    // The playlists in the store still list the dropped segments.
    this.wake();
  }

  /** Removes its playlists at once, and its media as soon as no player can want it. */
  async #withdraw(rendition: Rendition): Promise<void> {
    this.#versions.delete(rendition);
    const directory = this.#directoryOf(rendition);
    for (const file of [PLAYLIST, I_FRAMES]) await this.#files.removePlaylist(`${directory}/${file}`);
    const longest = [...rendition.window.available()].reduce((sum, { duration }) => sum + duration, 0);
    this.#files.retire(directory, Number.POSITIVE_INFINITY, new Set(), this.#leavingAt(longest, rendition));
  }

  async #storeRendition(rendition: Rendition): Promise<void> {
    const { playlists, window, archive, listedDuration } = rendition;
    // A new segment of one rendition starts a pass for all; this rendition may have nothing new.
    if (this.#versions.get(rendition) === playlists.segmentsVersion || this.#passes.stopped) return;
    const directory = this.#directoryOf(rendition);
    await this.#files.keepMark();
    const newest = window.listed.at(-1)?.init;
    const gone = newest === undefined ? [] : await this.#files.check(directory, newest);
    if (gone.length > 0) this.#lost(rendition, gone);
    // The list and its version are read together: the window may move on while files are written, but this list stays valid.
    const { segmentsVersion } = playlists;
    const playlist = playlists.plain('media');
    const iFrames = rendition.hasIFrames ? playlists.plain('i-frames') : undefined;
    const segments = [...window.listed];
    const needed = neededInits(rendition);
    const first = archive !== undefined && archive.count > 0 ? archive.first : segments[0];
    // These init segments, needed only by segments that have left memory, were written before. If their files disappeared, write them again.
    for (const { uri, bytes } of archive?.inits ?? []) {
      await this.#files.writeMedia(directory, uri, parseMediaFileName(uri)?.mediaSequence ?? 0, () => bytes);
    }
    for (const { init, gap, uri, media, mediaSequence } of segments) {
      await this.#files.writeMedia(directory, init.uri, mediaSequence, () => init.bytes);
      if (!gap && !media.isReleased) await this.#files.writeMedia(directory, uri, mediaSequence, () => media.pieces);
      media.isStored = true;
      // If the segment left the playlist meanwhile, or the publisher has left, its memory is no longer needed.
      window.releaseStored();
    }
    await this.#files.writePlaylist(`${directory}/${PLAYLIST}`, playlist);
    if (iFrames !== undefined) await this.#files.writePlaylist(`${directory}/${I_FRAMES}`, iFrames);
    this.#versions.set(rendition, segmentsVersion);
    if (first === undefined) return;
    this.#files.retire(directory, first.mediaSequence, needed, this.#leavingAt(listedDuration, rendition));
  }

  /** RFC 8216bis 6.2.2: a removed segment stays available for its duration plus that of the longest playlist that listed it. */
  #leavingAt(longestPlaylist: Seconds, { window }: Rendition): Milliseconds {
    const longestSegment = window.listed.reduce((longest, { duration }) => Math.max(longest, duration), 0);
    return this.#options.clock.now() + secondsToMilliseconds(longestPlaylist + 2 * longestSegment);
  }

  #directoryOf({ plan }: Rendition): StorePath {
    return `${this.#options.directory}/${plan.name}`;
  }
}

/** Names of the init segments that listed segments need. */
function neededInits({ window, archive }: Rendition): Set<string> {
  const names = new Set(window.listed.map(({ init }) => init.uri));
  for (const { uri } of archive?.inits ?? []) names.add(uri);
  return names;
}
