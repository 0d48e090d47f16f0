// Brings the store to what the live window is, in an order that keeps it a valid HLS tree, and at a pace that never holds up the live side.

import type { Clock } from '../protocols/clock.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import { encodeMediaPlaylist } from './media-playlist.js';
import type { Rendition } from './rendition.js';
import type { CompleteSegment } from './segment.js';
import type { SegmentStore, StorePath } from './segment-store.js';

const PLAYLIST = 'index.m3u8';

const FIRST_RETRY: Milliseconds = 500;
const LAST_RETRY: Milliseconds = 10_000;

export interface WriteBehindOptions {
  readonly store: SegmentStore;
  readonly clock: Clock;
  /** Of the stream: `live/name`. */
  readonly directory: StorePath;
  /** Those of earlier epochs too. */
  readonly renditions: { readonly all: readonly Rendition[] };
  /** Undefined while it must not be served. */
  readonly multivariant: () => Buffer | undefined;
  /** Each failure; writing is tried again. */
  readonly onFailure: (cause: unknown) => void;
}

/** A file of ours in the store. */
interface StoredFile {
  /** No playlist in the store lists it any more; it goes then. */
  removeAt: Milliseconds | undefined;
}

/**
 * Not a queue but a reconciliation: each pass compares the window with what is stored, writes what is missing, then the
 * playlist that lists it, then removes what no player can want. A disk that was slow or full for a minute leaves nothing
 * to catch up with except the window of now, so its memory is bounded by the window.
 */
export class WriteBehind {
  readonly #options: WriteBehindOptions;
  readonly #files = new Map<StorePath, StoredFile>();
  readonly #playlists = new Map<StorePath, Buffer>();
  #failures = 0;
  #wanted = false;
  #running: Promise<void> | undefined;
  #retry: Milliseconds = FIRST_RETRY;
  #cancelRetry: (() => void) | undefined;
  #disposed = false;

  constructor(options: WriteBehindOptions) {
    this.#options = options;
  }

  /** Passes that failed so far. */
  get failures(): number {
    return this.#failures;
  }

  /** The window has changed. Returns at once. */
  wake(): void {
    this.#wanted = true;
    // While the store fails, time and not the stream decides when it is tried again.
    if (this.#cancelRetry === undefined) this.#start();
  }

  /** Resolves when the store has the window as it is now, or failed to take it once more. */
  async finish(): Promise<void> {
    this.#cancelRetry?.();
    this.#cancelRetry = undefined;
    this.wake();
    await this.#running;
  }

  /** Removes everything this presentation wrote. Never rejects; a file that will not go is cleaned at the next start. */
  async dispose(): Promise<void> {
    this.#disposed = true;
    this.#cancelRetry?.();
    await this.#running;
    const { store, directory, renditions } = this.#options;
    const attempt = async (action: () => Promise<void>): Promise<void> => action().catch(() => undefined);
    for (const [path, body] of this.#playlists) {
      // A later presentation of this name may have replaced it.
      await attempt(async () => {
        if ((await store.read(path))?.equals(body) === true) await store.remove(path);
      });
    }
    for (const path of this.#files.keys()) await attempt(() => store.remove(path));
    for (const { plan } of renditions.all) await attempt(() => store.removeDirectory(`${directory}/${plan.name}`));
    const names = directory.split('/');
    for (let depth = names.length; depth > 0; depth -= 1) {
      await attempt(() => store.removeDirectory(names.slice(0, depth).join('/')));
    }
    this.#files.clear();
    this.#playlists.clear();
  }

  #start(): void {
    if (this.#running !== undefined || this.#disposed) return;
    this.#running = this.#run().finally(() => {
      this.#running = undefined;
      if (this.#wanted && this.#cancelRetry === undefined) this.#start();
    });
  }

  async #run(): Promise<void> {
    while (this.#wanted && !this.#disposed) {
      this.#wanted = false;
      try {
        await this.#pass();
        this.#retry = FIRST_RETRY;
      } catch (cause) {
        this.#failures += 1;
        this.#options.onFailure(cause);
        await this.#removeFiles(() => true).catch(() => undefined);
        this.#wanted = true;
        this.#cancelRetry = this.#options.clock.after(this.#retry, () => {
          this.#cancelRetry = undefined;
          this.#start();
        });
        this.#retry = Math.min(2 * this.#retry, LAST_RETRY);
        return;
      }
    }
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

  /** Its playlist goes at once, its media when no player can want it. */
  async #withdraw({ plan, window }: Rendition): Promise<void> {
    const directory = `${this.#options.directory}/${plan.name}`;
    const playlist = `${directory}/${PLAYLIST}`;
    if (this.#playlists.delete(playlist)) await this.#options.store.remove(playlist);
    this.#retire(directory, new Set(), [...window.available()]);
  }

  async #storeRendition(rendition: Rendition): Promise<void> {
    const directory = `${this.#options.directory}/${rendition.plan.name}`;
    // Taken together: while the files are written the window may slide on, and this list stays true.
    const playlist = encodeMediaPlaylist(rendition.plainPlaylist());
    const segments = [...rendition.window.listed];
    const listed = new Set<StorePath>();
    for (const segment of segments) {
      const init = `${directory}/${segment.init.uri}`;
      listed.add(init);
      await this.#writeMedia(init, segment.init.bytes);
      if (segment.gap) continue;
      const path = `${directory}/${segment.uri}`;
      listed.add(path);
      await this.#writeMedia(path, segment.media.pieces);
    }
    await this.#writePlaylist(`${directory}/${PLAYLIST}`, playlist);
    this.#retire(directory, listed, segments);
  }

  #retire(directory: StorePath, listed: ReadonlySet<StorePath>, segments: readonly CompleteSegment[]): void {
    const removeAt = this.#options.clock.now() + retention(segments);
    for (const [path, file] of this.#files) {
      if (path.startsWith(`${directory}/`) && !listed.has(path)) file.removeAt ??= removeAt;
    }
  }

  async #writeMedia(path: StorePath, bytes: Buffer | readonly Buffer[]): Promise<void> {
    if (this.#files.has(path) || this.#disposed) return;
    await this.#options.store.write(path, bytes);
    this.#files.set(path, { removeAt: undefined });
  }

  async #writePlaylist(path: StorePath, body: Buffer): Promise<void> {
    if (this.#playlists.get(path)?.equals(body) === true || this.#disposed) return;
    await this.#options.store.write(path, body);
    this.#playlists.set(path, body);
  }

  async #removeFiles(isDue: (removeAt: Milliseconds) => boolean): Promise<void> {
    for (const [path, { removeAt }] of this.#files) {
      if (removeAt === undefined || !isDue(removeAt)) continue;
      await this.#options.store.remove(path);
      this.#files.delete(path);
    }
  }
}

/** RFC 8216bis 6.2.2: a removed segment stays for its duration and the longest playlist that listed it. */
function retention(segments: readonly CompleteSegment[]): Milliseconds {
  let total: Seconds = 0;
  let longest: Seconds = 0;
  for (const { duration } of segments) {
    total += duration;
    longest = Math.max(longest, duration);
  }
  return secondsToMilliseconds(total + 2 * longest);
}
