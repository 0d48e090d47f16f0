// Uploads one rendition of a recording: first the media that its local playlists list, then the playlists up to the last uploaded segment.

import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../../protocols/clock.js';
import { systemCode } from '../../protocols/system-error.js';
import type { Milliseconds } from '../../protocols/units.js';
import { asGap, I_FRAMES, PLAYLIST, type ReadEntry, type ReadPlaylist, readPlaylist } from '../recorded-playlist.js';
import { mediaHeaders, type ObjectHeaders, playlistHeaders } from './object-headers.js';

/** Uploads one object; resolves when the store has answered 200. */
export type PutObject = (path: string, headers: ObjectHeaders, body: () => Promise<Buffer>) => Promise<void>;

export interface TrackUploadOptions {
  /** Directory of the rendition. */
  readonly directory: string;
  /** Path of the rendition below that of the recording: `720p`. */
  readonly name: string;
  readonly put: PutObject;
  /** Returns the size of an object that an earlier process has uploaded; undefined if there is none. */
  readonly there: (path: string) => number | undefined;
  readonly clock: Clock;
}

/**
 * Growing playlists are uploaded as a whole each time, so long ones are uploaded less often: the traffic of a rendition's playlists stays below this
 * limit, whatever their length. A day of segments of two seconds is 3.5 MB, with its I-frame playlist 8 MB: both are then sent every two minutes.
 */
const PLAYLIST_BYTES_PER_MILLISECOND = 64;

/** Least time between two uploads of a short playlist. */
const SHORTEST_PAUSE: Milliseconds = 500;

export class TrackUpload {
  /** Bytes of uploaded media. */
  bytes = 0;
  readonly #options: TrackUploadOptions;
  readonly #media = new GrowingList();
  readonly #iFrames = new GrowingList();
  /** Listed media whose local file has disappeared. */
  readonly #lost = new Set<string>();
  #map = '';
  /** Number of entries in the last uploaded playlist. */
  #listed = 0;
  #listedAt: Milliseconds | undefined;
  #isFinal = false;

  constructor(options: TrackUploadOptions) {
    this.#options = options;
  }

  /** Whether there is a media playlist in the bucket. */
  get isListed(): boolean {
    return this.#listedAt !== undefined;
  }

  /** Whether the playlists of the finished recording are in the bucket. */
  get isFinal(): boolean {
    return this.#isFinal;
  }

  /**
   * Uploads new files.
   * @returns the delay until a waiting playlist is due; undefined if none waits
   * @throws the system error if a file cannot be read; what `put` throws
   */
  async pass(): Promise<Milliseconds | undefined> {
    const { directory } = this.#options;
    const file = await readIfThere(join(directory, PLAYLIST));
    if (file === undefined || this.#isFinal) return undefined;
    const isFinal = isVod(file);
    for (const entry of this.#media.unread(file)) {
      await this.#putMedia(entry);
      this.#media.read(entry);
      // The complete playlist of a finished recording is uploaded after all its media.
      if (!isFinal && this.#dueIn === 0) await this.#putPlaylists(file, isFinal);
    }
    if (isFinal || (this.#media.count > this.#listed && this.#dueIn === 0)) await this.#putPlaylists(file, isFinal);
    return this.#media.count > this.#listed ? this.#dueIn : undefined;
  }

  /** Delay of the next playlist upload of a long recording. The final playlists do not wait. */
  get #dueIn(): Milliseconds {
    if (this.#listedAt === undefined) return 0;
    const pause = Math.max(
      SHORTEST_PAUSE,
      (this.#media.length + this.#iFrames.length) / PLAYLIST_BYTES_PER_MILLISECOND,
    );
    return Math.max(0, this.#listedAt + pause - this.#options.clock.now());
  }

  async #putMedia({ map, uri, gap }: ReadEntry): Promise<void> {
    if (map !== '' && map !== this.#map) {
      await this.#putFile(map);
      this.#map = map;
    }
    if (!gap) await this.#putFile(uri);
  }

  async #putFile(uri: string): Promise<void> {
    const { directory, name, put, there } = this.#options;
    const file = join(directory, uri);
    try {
      const { size } = await stat(file);
      // Media files never change, and the store stores an object completely or not at all.
      if (there(`${name}/${uri}`) !== size) await put(`${name}/${uri}`, mediaHeaders(uri), () => readFile(file));
      this.bytes += size;
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error;
      this.#lost.add(uri);
    }
  }

  async #putPlaylists(file: Buffer, isFinal: boolean): Promise<void> {
    const { directory, clock } = this.#options;
    await this.#putPlaylist(PLAYLIST, this.#media, file, isFinal);
    this.#listedAt = clock.now();
    this.#listed = this.#media.count;
    const iFrames = await readIfThere(join(directory, I_FRAMES));
    if (iFrames === undefined) {
      this.#isFinal = isFinal;
      return;
    }
    const isWhole = isVod(iFrames);
    // The recording was finished after the other playlist was read, so this one may list media that is not uploaded yet.
    if (isWhole && !isFinal) return;
    for (const entry of this.#iFrames.unread(iFrames)) {
      if (this.#iFrames.count >= this.#listed) break;
      this.#iFrames.read(entry);
    }
    await this.#putPlaylist(I_FRAMES, this.#iFrames, iFrames, isWhole);
    this.#isFinal = isFinal && isWhole;
  }

  /** Uploads the playlist up to the last entry with uploaded media. */
  async #putPlaylist(name: string, list: GrowingList, file: Buffer, isFinal: boolean): Promise<void> {
    const text = list.upTo(file, this.#lost);
    const headers = playlistHeaders(isFinal ? undefined : list.targetDuration);
    await this.#options.put(`${this.#options.name}/${name}`, headers, async () => text);
  }
}

/** Reads a growing playlist on disk step by step. During recording the file only grows; at the end it is replaced once. */
class GrowingList {
  /** Number of entries read. */
  count = 0;
  /** Length of the file up to the last entry read. */
  length = 0;
  targetDuration = 1;
  #header = '';

  /** The new complete entries. */
  unread(file: Buffer): readonly ReadEntry[] {
    if (isVod(file)) return readPlaylist(file.toString('utf8'))?.entries.slice(this.count) ?? [];
    // Parses only the new text, because this is called for each segment, for hours.
    const list = readPlaylist(this.#header + file.subarray(this.length).toString('utf8'));
    if (list === undefined) return [];
    if (this.#header === '') this.length = Buffer.byteLength(list.header);
    this.#header = list.header;
    this.targetDuration = list.targetDuration;
    return list.entries;
  }

  read({ text }: ReadEntry): void {
    this.count += 1;
    this.length += Buffer.byteLength(text);
  }

  /** The playlist up to the last entry read, with lost media as gaps. */
  upTo(file: Buffer, lost: ReadonlySet<string>): Buffer {
    const isFinal = isVod(file);
    const read = isFinal ? file : file.subarray(0, this.length);
    if (lost.size === 0) return read;
    const list = readPlaylist(read.toString('utf8'));
    return list === undefined ? read : Buffer.from(withGaps(list, lost, isFinal));
  }
}

/** Whether it has been replaced by the playlist of the whole recording. */
function isVod(file: Buffer): boolean {
  return file.subarray(0, 300).includes('#EXT-X-PLAYLIST-TYPE:VOD\n');
}

function withGaps({ header, entries }: ReadPlaylist, lost: ReadonlySet<string>, isFinal: boolean): string {
  const texts = entries.map((entry) => (lost.has(entry.uri) ? asGap(entry) : entry).text);
  return `${header}${texts.join('')}${isFinal ? '#EXT-X-ENDLIST\n' : ''}`;
}

async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined;
    throw error;
  }
}
