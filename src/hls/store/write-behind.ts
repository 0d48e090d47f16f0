// Brings the store to the state of the live window, in an order that keeps it a valid HLS tree, and without ever delaying the live side.

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
  /** Memory for the indexes of what is only on disk, of all renditions together. */
  readonly maxIndexBytes?: number | undefined;
}

/** What is told of the store. */
export interface StoreIncidents {
  /** Called for each failure; writing is retried. */
  storeFailed(cause: unknown): void;
  /** This number of files had disappeared. */
  filesGone(files: number): void;
  /** The first pass after failures or missing files that has checked everything: the store has the current window. */
  storeRecovered(): void;
  /** The presentation has ended, and files could not be removed: the next start removes them. */
  filesLeftBehind(files: number, cause: unknown): void;
  /** Listed segments had to be dropped because the disk or their index was full, or files were removed. */
  dvrDropped(): void;
}

/** Enough for 44 hours of five renditions with segments of 2 s. */
const MAX_INDEX_BYTES = 256 * 1024 * 1024;

/** Share of the segments that are only on disk to drop when the disk, or the memory for their index, is full. */
const DROPPED_SHARE = 1 / 4;

/** Number of consecutive passes without a pause if each finds missing files. */
const PASSES_AT_ONCE = 3;

/**
 * Not a queue but a reconciliation: each pass compares the window with the store, writes what is missing, then the playlist that lists it,
 * then removes what no player can want. After a minute with a slow or full disk there is nothing to catch up with except the current window,
 * so memory is bounded by the window.
 */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  readonly #files: StoredFiles;
  /** Version of each rendition in the store: see `RenditionPlaylists.segmentsVersion`. */
  readonly #versions = new Map<Rendition, number>();
  readonly #passes: RetriedPasses;
  /** Each pass checks everything: something went wrong, and no pass since then has found the store complete. */
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

  /** Whether the last pass failed: the store keeps its previous state. */
  get failing(): boolean {
    return this.#passes.failing;
  }

  /** The window has changed. Returns at once. */
  wake(): void {
    this.#passes.wake();
  }

  /** Resolves when the store has the current window, or failed again to take it. */
  finish(): Promise<void> {
    return this.#passes.finish();
  }

  /** Removes the playlists; nothing is written any more. Never rejects: what cannot be removed is left to `dispose`. */
  async unlist(): Promise<void> {
    await this.#passes.stop();
    await this.#files.removePlaylists();
  }

  /** Removes everything that this presentation wrote. Never rejects; files that cannot be removed are counted and reported once. */
  async dispose(): Promise<void> {
    await this.#passes.stop();
    const { renditions, incidents } = this.#options;
    const refusals = await this.#files.removeAll(renditions.all.map(({ plan }) => plan.name));
    if (refusals.length > 0) incidents.filesLeftBehind(refusals.length, refusals[0]);
  }

  /** A requested file is not in the store any more. If it is listed, it leaves the playlists. */
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
    // A failure here concerns the same disk and was just reported; the removal is tried again in the next pass.
    await this.#makeRoom(cause).catch(() => undefined);
  }

  /** These files are not in the store: what is in memory is written again, the rest is removed from the list. */
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
    // Only the head of a list may be removed (RFC 8216bis 6.2.1). A player with an older list may still want what is left of it.
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
        // An obstacle for one rendition need not affect the others.
        failures.push(cause);
      }
    }
    if (failures.length > 0) throw failures[0];
    // After the end of a stream the store may have had the only copy: if that is gone, there is nothing to write any more.
    const isWhole = renditions.all.every((rendition) => rendition.withdrawn || rendition.isServable('segment'));
    const body = isWhole && variants.playable ? variants.body() : undefined;
    const path = `${directory}/${PLAYLIST}`;
    if (await this.#files.checkPlaylist(path)) this.#noteGone(1);
    if (body !== undefined) await this.#files.writePlaylist(path, body);
    const now = clock.now();
    await this.#files.removeLeaving((removeAt) => removeAt <= now);
    if (this.#gone > 0) {
      // Other files may be missing too, or this one again. If that continues, it waits for the next segment.
      this.#passesWithGone += 1;
      if (this.#passesWithGone <= PASSES_AT_ONCE) this.wake();
      return;
    }
    this.#passesWithGone = 0;
    if (!checksAll || !isWhole || this.#passes.stopped) return;
    this.#checksAll = false;
    incidents.storeRecovered();
  }

  /** On a full disk, first removes what is no longer listed; if that is not enough, the oldest listed segments that are only on disk. */
  async #makeRoom(cause: unknown): Promise<void> {
    if (!['ENOSPC', 'EDQUOT'].includes(String(systemCode(cause)))) return;
    const hadUnlisted = this.#files.hasLeaving;
    await this.#files.removeLeaving(() => true);
    // Removing these may have made enough room: the next pass will tell.
    if (hadUnlisted) return;
    this.#dropOldest(() => this.#options.clock.now());
    await this.#files.removeLeaving(() => true);
  }

  /** With `dvrWindow` unlimited or EVENT, a stream of many days would fill the memory. Viewers with an older list can still load its files. */
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
    // The same for all renditions, so that players find the same segments when they switch.
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
    // Playlists in the store still list them.
    this.wake();
  }

  /** Removes its playlists at once, and its media when no player can want it. */
  async #withdraw(rendition: Rendition): Promise<void> {
    this.#versions.delete(rendition);
    const directory = this.#directoryOf(rendition);
    for (const file of [PLAYLIST, I_FRAMES]) await this.#files.removePlaylist(`${directory}/${file}`);
    const longest = [...rendition.window.available()].reduce((sum, { duration }) => sum + duration, 0);
    this.#files.retire(directory, Number.POSITIVE_INFINITY, new Set(), this.#leavingAt(longest, rendition));
  }

  async #storeRendition(rendition: Rendition): Promise<void> {
    const { playlists, window, archive, listedDuration } = rendition;
    // A segment of one rendition wakes the passes of all.
    if (this.#versions.get(rendition) === playlists.segmentsVersion || this.#passes.stopped) return;
    const directory = this.#directoryOf(rendition);
    await this.#files.keepMark();
    const newest = window.listed.at(-1)?.init;
    const gone = newest === undefined ? [] : await this.#files.check(directory, newest);
    if (gone.length > 0) this.#lost(rendition, gone);
    // Read together: the window may advance while files are written, but this list stays true.
    const { segmentsVersion } = playlists;
    const playlist = playlists.plain('media');
    const iFrames = rendition.hasIFrames ? playlists.plain('i-frames') : undefined;
    const segments = [...window.listed];
    const needed = neededInits(rendition);
    const first = archive !== undefined && archive.count > 0 ? archive.first : segments[0];
    // Init segments that are needed only by segments that have left memory: they were written with these, and are missing if they are gone.
    for (const { uri, bytes } of archive?.inits ?? []) {
      await this.#files.writeMedia(directory, uri, parseMediaFileName(uri)?.mediaSequence ?? 0, () => bytes);
    }
    for (const { init, gap, uri, media, mediaSequence } of segments) {
      await this.#files.writeMedia(directory, init.uri, mediaSequence, () => init.bytes);
      if (!gap && !media.isReleased) await this.#files.writeMedia(directory, uri, mediaSequence, () => media.pieces);
      media.isStored = true;
      // If it left the playlist meanwhile, or the publisher has left, its memory is not needed any more.
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
