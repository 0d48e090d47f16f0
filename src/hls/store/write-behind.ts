// Brings the store to what the live window is, in an order that keeps it a valid HLS tree, and at a pace that never holds up the live side.

import type { Clock } from '../../protocols/clock.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import { systemCode } from '../../protocols/system-error.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { Rendition } from '../window/rendition.js';
import { I_FRAMES, PLAYLIST } from '../window/segment.js';
import { RetriedPasses } from './retried-passes.js';
import type { SegmentStore, StorePath } from './segment-store.js';

export interface WriteBehindOptions {
  readonly store: SegmentStore;
  readonly clock: Clock;
  readonly domain: FailureDomain;
  /** Of the stream: `live/name`. */
  readonly directory: StorePath;
  /** Those of earlier epochs too. */
  readonly renditions: { readonly all: readonly Rendition[] };
  /** Undefined while it must not be served. */
  readonly multivariant: () => Buffer | undefined;
  /** Each failure; writing is tried again. */
  readonly onFailure: (cause: unknown) => void;
  /** After failures the store has the window as it is again. */
  readonly onRecovered: () => void;
  /** The presentation has ended, and files of it would not go: the next start removes them. */
  readonly onLeftBehind: (files: number, cause: unknown) => void;
  /** The disk is full, or was emptied, and listed segments had to go. */
  readonly onDvrDropped: () => void;
}

/** A file that no playlist in the store lists any more. */
interface LeavingFile {
  readonly path: StorePath;
  readonly removeAt: Milliseconds;
}

/** Of what is listed and only on disk, how much goes when the disk is full. */
const DROPPED_SHARE = 1 / 4;

/**
 * Not a queue but a reconciliation: each pass compares the window with what is stored, writes what is missing, then the
 * playlist that lists it, then removes what no player can want. A disk that was slow or full for a minute leaves nothing
 * to catch up with except the window of now, so its memory is bounded by the window.
 */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  /** Listed files by rendition directory, with the number of the segment that needed each first; rising. */
  readonly #listed = new Map<StorePath, Map<StorePath, number>>();
  /** In the order in which they go. */
  #leaving: LeavingFile[] = [];
  readonly #playlists = new Map<StorePath, Buffer>();
  /** What the store has of each rendition: see `RenditionPlaylists.segmentsVersion`. */
  readonly #versions = new Map<Rendition, number>();
  readonly #passes: RetriedPasses;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
    this.#passes = new RetriedPasses({
      clock: options.clock,
      domain: options.domain,
      pass: () => this.#pass(),
      onFailure: (cause) => this.#failed(cause),
      onRecovered: options.onRecovered,
    });
  }

  /** Passes that failed so far. */
  get failures(): number {
    return this.#passes.failures;
  }

  /** The last pass failed: the store has what it had before. */
  get failing(): boolean {
    return this.#passes.failing;
  }

  /** The window has changed. Returns at once. */
  wake(): void {
    this.#passes.wake();
  }

  /** Resolves when the store has the window as it is now, or failed to take it once more. */
  finish(): Promise<void> {
    return this.#passes.finish();
  }

  /** Removes the playlists; nothing is written any more. Never rejects: what will not go now is for `dispose`. */
  async unlist(): Promise<void> {
    await this.#passes.stop();
    for (const [path, body] of this.#playlists) {
      const isGone = await this.#removePlaylist(path, body).then(
        () => true,
        () => false,
      );
      if (isGone) this.#playlists.delete(path);
    }
  }

  /** Removes everything this presentation wrote. Never rejects; what will not go is counted and told once. */
  async dispose(): Promise<void> {
    await this.#passes.stop();
    const { store, directory, renditions } = this.#options;
    const refusals: unknown[] = [];
    const attempt = (action: () => Promise<void>): Promise<void> =>
      action().catch((cause) => void refusals.push(cause));
    for (const [path, body] of this.#playlists) await attempt(() => this.#removePlaylist(path, body));
    for (const files of this.#listed.values()) {
      for (const path of files.keys()) await attempt(() => store.remove(path));
    }
    for (const { path } of this.#leaving) await attempt(() => store.remove(path));
    for (const { plan } of renditions.all) await attempt(() => store.removeDirectory(`${directory}/${plan.name}`));
    const names = directory.split('/');
    for (let depth = names.length; depth > 0; depth -= 1) {
      await attempt(() => store.removeDirectory(names.slice(0, depth).join('/')));
    }
    this.#listed.clear();
    this.#leaving = [];
    this.#playlists.clear();
    if (refusals.length > 0) this.#options.onLeftBehind(refusals.length, refusals[0]);
  }

  /** A later presentation of this name may have replaced it. */
  async #removePlaylist(path: StorePath, body: Buffer): Promise<void> {
    const { store } = this.#options;
    if ((await store.read(path))?.equals(body) === true) await store.remove(path);
  }

  async #failed(cause: unknown): Promise<void> {
    this.#options.onFailure(cause);
    if (systemCode(cause) === 'ENOENT') this.#forgetFiles();
    // Of the same disk, told just now; what could not be removed waits for the next attempt.
    await this.#makeRoom(cause).catch(() => undefined);
  }

  /** Somebody removed them: a playlist that listed what is not there any more would be wrong until the window has passed. */
  #forgetFiles(): void {
    this.#listed.clear();
    this.#playlists.clear();
    let dropped = 0;
    for (const rendition of this.#options.renditions.all) {
      dropped += rendition.dropStored();
      for (const { media } of rendition.window.listed) media.isStored = false;
    }
    if (dropped > 0) this.#options.onDvrDropped();
  }

  async #pass(): Promise<void> {
    const { renditions, directory, clock } = this.#options;
    for (const rendition of renditions.all) {
      if (rendition.withdrawn) await this.#withdraw(rendition);
      else if (rendition.isServable(false)) await this.#storeRendition(rendition);
    }
    const multivariant = this.#options.multivariant();
    if (multivariant !== undefined) await this.#writePlaylist(`${directory}/${PLAYLIST}`, multivariant);
    const now = clock.now();
    await this.#removeFiles((removeAt) => removeAt <= now);
  }

  /** What nobody lists any more goes first; where that is not enough, the oldest of what is listed and only on disk. */
  async #makeRoom(cause: unknown): Promise<void> {
    const nothingToSpare = this.#leaving.length === 0;
    await this.#removeFiles(() => true);
    if (!nothingToSpare || !['ENOSPC', 'EDQUOT'].includes(String(systemCode(cause)))) return;
    const archives = this.#options.renditions.all.flatMap(({ archive }) => (archive?.count ? [archive] : []));
    const [longest] = archives.sort((a, b) => b.count - a.count);
    if (longest === undefined) return;
    // The same in all renditions, so that players find the same where they change.
    this.#dropBefore(longest.first.mediaSequence + Math.ceil(longest.count * DROPPED_SHARE));
    await this.#removeFiles(() => true);
  }

  /** What is only in the store is listed from this segment on, and the files before it go at once. */
  #dropBefore(mediaSequence: number): void {
    const { renditions, directory, clock, onDvrDropped } = this.#options;
    let dropped = 0;
    for (const rendition of renditions.all) {
      dropped += rendition.dropBefore(mediaSequence);
      const first = Math.min(mediaSequence, rendition.window.listed[0]?.mediaSequence ?? mediaSequence);
      this.#retire(`${directory}/${rendition.plan.name}`, first, inits(rendition), clock.now());
    }
    if (dropped > 0) onDvrDropped();
  }

  /** Its playlists go at once, its media when no player can want it. */
  async #withdraw(rendition: Rendition): Promise<void> {
    this.#versions.delete(rendition);
    const directory = `${this.#options.directory}/${rendition.plan.name}`;
    for (const file of [PLAYLIST, I_FRAMES]) {
      const playlist = `${directory}/${file}`;
      if (this.#playlists.delete(playlist)) await this.#options.store.remove(playlist);
    }
    const longest = [...rendition.window.available()].reduce((sum, { duration }) => sum + duration, 0);
    this.#retire(directory, Number.POSITIVE_INFINITY, new Set(), this.#leavingAt(longest, rendition));
  }

  async #storeRendition(rendition: Rendition): Promise<void> {
    const { playlists, window, archive, listedDuration } = rendition;
    const { segmentsVersion } = playlists;
    // A segment of one rendition wakes this for all of them.
    if (this.#versions.get(rendition) === segmentsVersion || this.#passes.stopped) return;
    const directory = `${this.#options.directory}/${rendition.plan.name}`;
    // Taken together: while the files are written the window may slide on, and this list stays true.
    const playlist = playlists.plain('media');
    const iFrames = rendition.hasIFrames ? playlists.plain('i-frames') : undefined;
    const segments = [...window.listed];
    const neededInits = inits(rendition);
    const first = archive !== undefined && archive.count > 0 ? archive.first : segments[0];
    for (const { init, gap, uri, media, mediaSequence } of segments) {
      await this.#writeMedia(directory, init.uri, mediaSequence, () => init.bytes);
      if (!gap) await this.#writeMedia(directory, uri, mediaSequence, () => media.pieces);
      media.isStored = true;
      // It may have left the playlist while it was written, or its publisher.
      window.releaseStored();
    }
    await this.#writePlaylist(`${directory}/${PLAYLIST}`, playlist);
    if (iFrames !== undefined) await this.#writePlaylist(`${directory}/${I_FRAMES}`, iFrames);
    this.#versions.set(rendition, segmentsVersion);
    if (first === undefined) return;
    this.#retire(directory, first.mediaSequence, neededInits, this.#leavingAt(listedDuration, rendition));
  }

  /** RFC 8216bis 6.2.2: a removed segment stays for its duration and the longest playlist that listed it. */
  #leavingAt(longestPlaylist: Seconds, { window }: Rendition): Milliseconds {
    const longestSegment = window.listed.reduce((longest, { duration }) => Math.max(longest, duration), 0);
    return this.#options.clock.now() + secondsToMilliseconds(longestPlaylist + 2 * longestSegment);
  }

  /** Files of segments before `first`, but for the init segments that later ones need. What it looks at is what goes. */
  #retire(directory: StorePath, first: number, needed: ReadonlySet<string>, removeAt: Milliseconds): void {
    const files = this.#listed.get(directory);
    if (files === undefined) return;
    for (const [path, mediaSequence] of files) {
      if (mediaSequence >= first) break;
      if (needed.has(path.slice(directory.length + 1))) continue;
      files.delete(path);
      this.#leaving.push({ path, removeAt });
    }
  }

  async #writeMedia(
    directory: StorePath,
    name: string,
    mediaSequence: number,
    bytes: () => Buffer | readonly Buffer[],
  ): Promise<void> {
    let files = this.#listed.get(directory);
    if (files === undefined) {
      files = new Map();
      this.#listed.set(directory, files);
    }
    const path = `${directory}/${name}`;
    if (files.has(path) || this.#passes.stopped) return;
    // It is listed later.
    await this.#options.store.write(path, bytes(), true);
    files.set(path, mediaSequence);
  }

  async #writePlaylist(path: StorePath, body: Buffer): Promise<void> {
    if (this.#playlists.get(path)?.equals(body) === true || this.#passes.stopped) return;
    await this.#options.store.write(path, body);
    this.#playlists.set(path, body);
  }

  async #removeFiles(isDue: (removeAt: Milliseconds) => boolean): Promise<void> {
    let removed = 0;
    try {
      for (const { path, removeAt } of this.#leaving) {
        if (!isDue(removeAt)) break;
        await this.#options.store.remove(path);
        removed += 1;
      }
    } finally {
      this.#leaving.splice(0, removed);
    }
  }
}

/** Names of the init segments that what is listed needs. */
function inits({ window, archive }: Rendition): Set<string> {
  const names = new Set(window.listed.map(({ init }) => init.uri));
  for (const { uri } of archive?.inits ?? []) names.add(uri);
  return names;
}
