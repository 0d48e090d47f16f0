// A stream that was open when its process died. It waits for its publisher as long as any stream without a publisher, and then ends.

import type { StoredBody } from '../../contracts/stored-body.js';
import type { Clock } from '../../protocols/clock.js';
import type { SluiceError } from '../../protocols/errors.js';
import type { FailureDomain } from '../../protocols/failure-domain.js';
import { type EpochMilliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import { hlsError } from '../errors.js';
import { PLAYLIST } from '../window/segment.js';
import { removeLoneMark } from './own-files.js';
import type { SegmentStore, StorePath } from './segment-store.js';
import { StoredReads } from './stored-reads.js';

const END = '#EXT-X-ENDLIST';

/** Players may have seen this many more segments than the playlists on disk list: one that was being written, and the parts of the next. */
const UNWRITTEN_SEGMENTS = 2;

/** The files of one stream directory in the store. */
export interface LeftFiles {
  /** `live/name` */
  readonly directory: StorePath;
  /** All files that this program wrote there, including playlists. */
  readonly files: readonly StorePath[];
  readonly playlists: ReadonlyMap<StorePath, string>;
}

export interface LeftStreamOptions extends LeftFiles {
  readonly store: SegmentStore;
  /** Runs the asynchronous work of this stream. */
  readonly domain: FailureDomain;
  readonly onFailure: (error: SluiceError) => void;
}

export class LeftStream {
  readonly app: string;
  readonly name: string;
  readonly targetDuration: Seconds;
  /** Duration of its longest playlist. */
  readonly windowDuration: Seconds;
  readonly domain: FailureDomain;
  readonly #options: LeftStreamOptions;
  readonly #reads: StoredReads;
  readonly #media: ReadonlySet<StorePath>;
  readonly #bodies = new Map<StorePath, Buffer>();

  constructor(options: LeftStreamOptions) {
    this.#options = options;
    this.domain = options.domain;
    const { directory, playlists, files, store } = options;
    const slash = directory.lastIndexOf('/');
    this.app = directory.slice(0, slash);
    this.name = directory.slice(slash + 1);
    const texts = [...playlists.values()];
    this.targetDuration = Math.max(0, ...texts.map(targetDurationOf));
    this.windowDuration = Math.max(0, ...texts.map(durationOf));
    this.#reads = new StoredReads(store);
    this.#media = new Set(files.filter((path) => !playlists.has(path)));
  }

  /** Adds ENDLIST: at once for requests to the gateway, then in the store. Never rejects. */
  async end(): Promise<void> {
    const { playlists, store, directory } = this.#options;
    const multivariant = `${directory}/${PLAYLIST}`;
    for (const [path, text] of playlists) {
      this.#bodies.set(path, Buffer.from(path === multivariant ? text : `${text.trimEnd()}\n${END}\n`));
    }
    for (const [path, body] of this.#bodies) {
      if (path !== multivariant) await this.#try(() => store.write(path, body));
    }
  }

  /** The playlist of a rendition, or the multivariant playlist; undefined if it does not exist or has not ended. */
  playlist(rendition?: string, file = PLAYLIST): Buffer | undefined {
    const { directory } = this.#options;
    return this.#bodies.get(rendition === undefined ? `${directory}/${file}` : `${directory}/${rendition}/${file}`);
  }

  /** Removes its playlists; the files that they listed may still be requested. Never rejects. */
  async unlist(): Promise<void> {
    this.#bodies.clear();
    for (const path of this.#options.playlists.keys()) await this.#try(() => this.#remove(path));
  }

  /** A segment or init segment; undefined if there is none. @throws what the store throws */
  async read(rendition: string, file: string): Promise<Buffer | StoredBody | undefined> {
    const path = `${this.#options.directory}/${rendition}/${file}`;
    return this.#media.has(path) ? this.#reads.body(path) : undefined;
  }

  /** Removes its files, except those that a later stream of the same name has written. Never rejects. */
  async dispose(): Promise<void> {
    const { store, files, directory } = this.#options;
    for (const path of files) await this.#try(() => this.#remove(path));
    await this.#try(() => removeLoneMark(store, directory));
    await this.#try(() => removeDirectories(store, files));
  }

  async #remove(path: StorePath): Promise<void> {
    const { store, playlists } = this.#options;
    const text = playlists.get(path);
    if (text !== undefined && !isStill(await store.read(path), text)) return;
    await store.remove(path);
  }

  async #try(action: () => Promise<void>): Promise<void> {
    const { onFailure, directory } = this.#options;
    await action().catch((cause: unknown) =>
      onFailure(
        hlsError('hls.store', `files of an earlier process in ${directory} could not be cleaned up`, { cause }),
      ),
    );
  }
}

/** Whether the text is unchanged, with or without ENDLIST. */
function isStill(body: Buffer | undefined, text: string): boolean {
  return body?.toString('utf8').replace(`${END}\n`, '').trimEnd() === text.trimEnd();
}

/** Removes the directories of these files, and their parents, if they are empty. */
export async function removeDirectories(store: SegmentStore, files: readonly StorePath[]): Promise<void> {
  const directories = new Set<StorePath>();
  for (const path of files) {
    const names = path.split('/');
    for (let depth = names.length - 1; depth > 0; depth -= 1) directories.add(names.slice(0, depth).join('/'));
  }
  const deepestFirst = [...directories].sort((a, b) => b.length - a.length);
  for (const directory of deepestFirst) await store.removeDirectory(directory);
}

/**
 * Whether players may still wait for this stream: its playlists have no ENDLIST, and are so new that players have not given up.
 * @param window how long a name waits for its publisher
 */
export function isAwaited({ directory, playlists }: LeftFiles, clock: Clock, window: Seconds): boolean {
  const media = [...playlists].filter(([path]) => path !== `${directory}/${PLAYLIST}`).map(([, text]) => text);
  if (window <= 0 || media.length === 0 || !playlists.has(`${directory}/${PLAYLIST}`)) return false;
  if (media.some((text) => text.includes(END))) return false;
  const ended = Math.max(...media.map(lastDateOf));
  const longest = Math.max(...media.map(durationOf));
  return clock.wallClock() - ended < secondsToMilliseconds(longest + window);
}

/** Duration of a media playlist as this program writes it. */
function durationOf(text: string): Seconds {
  return [...text.matchAll(/^#EXTINF:([\d.]+)/gm)].reduce((sum, [, duration]) => sum + Number(duration), 0);
}

/** End of the dates in playlists without ENDLIST, plus the media that may not have reached the disk; undefined if all have ENDLIST. */
export function endDateOf(playlists: readonly string[]): EpochMilliseconds | undefined {
  if (playlists.some((text) => text.includes(END))) return undefined;
  const last = Math.max(0, ...playlists.map(lastDateOf));
  const unwritten = UNWRITTEN_SEGMENTS * Math.max(0, ...playlists.map(targetDurationOf));
  return last === 0 ? undefined : last + secondsToMilliseconds(unwritten);
}

export const targetDurationOf = (text: string): Seconds =>
  Number(/^#EXT-X-TARGETDURATION:(\d+)$/m.exec(text)?.[1] ?? 0);

function lastDateOf(text: string): EpochMilliseconds {
  const last = text.lastIndexOf('#EXT-X-PROGRAM-DATE-TIME:');
  const [, date = ''] = /^#EXT-X-PROGRAM-DATE-TIME:(\S+)/.exec(text.slice(last)) ?? [];
  return (Date.parse(date) || 0) + secondsToMilliseconds(durationOf(text.slice(last)));
}
