// Stores one rendition of a recording: links or writes its segments, then appends to its playlists what is there.

import { join } from 'node:path';
import type { Seconds } from '../protocols/units.js';
import { appendLines, copyIfPresent, cutFile, linkIfPossible, makeDirectory, writeFileOnce } from './files.js';
import { entryLines, I_FRAMES, PLAYLIST, type PlaylistKind, playlistHeader } from './recorded-playlist.js';
import type { RecordedRendition, RecordedSegment } from './recorded-stream.js';

export interface TrackWriterOptions {
  /** Of the recording. */
  readonly directory: string;
  readonly rendition: RecordedRendition;
  /** Number of the first segment of the recording. */
  readonly first: number;
  readonly targetDuration: Seconds;
  /** Path of a file in the live copy; undefined if there is none. */
  readonly livePath: (uri: string) => string | undefined;
}

/** What is listed for a number for which the rendition has nothing. */
export type MissingSegment = Pick<RecordedSegment, 'number' | 'duration' | 'programDateTime'>;

export class TrackWriter {
  /** Number of the next segment to list. */
  next: number;
  readonly rendition: RecordedRendition;
  readonly #options: TrackWriterOptions;
  readonly #playlists: readonly PlaylistWriter[];
  readonly #directory: string;
  #made = false;
  /** The newest init segment that is stored. */
  #init: string | undefined;

  constructor(options: TrackWriterOptions) {
    const { directory, rendition, first, targetDuration } = options;
    this.#options = options;
    this.rendition = rendition;
    this.next = first;
    this.#directory = join(directory, rendition.name);
    const writer = (kind: PlaylistKind, file: string) =>
      new PlaylistWriter(join(this.#directory, file), playlistHeader(kind, targetDuration, first));
    this.#playlists = [writer('media', PLAYLIST), ...(rendition.video ? [writer('i-frames', I_FRAMES)] : [])];
  }

  /**
   * Stores the media of a segment under the name that it has in the live tree.
   * @returns false if there is no media: it has left memory, and its file has gone
   * @throws the system error if it cannot be written
   */
  async store({ uri, init, media }: RecordedSegment): Promise<boolean> {
    if (!this.#made) await makeDirectory(this.#directory);
    this.#made = true;
    if (this.#init !== init.uri) await writeFileOnce(join(this.#directory, init.uri), [init.bytes]);
    this.#init = init.uri;
    const target = join(this.#directory, uri);
    const live = media.isStored ? this.#options.livePath(uri) : undefined;
    if (live !== undefined && (await linkIfPossible(live, target))) return true;
    const { pieces } = media;
    if (pieces.length > 0) {
      await writeFileOnce(target, pieces);
      return true;
    }
    return live !== undefined && (await copyIfPresent(live, target));
  }

  /** Lists a segment whose media is stored, or as a gap. Nothing is written before `flush`. */
  list(segment: RecordedSegment, gap: boolean): void {
    const { number, uri, duration, programDateTime, keyFrameBytes, init } = segment;
    // What came before the recording does not concern its players.
    const discontinuity = segment.discontinuity && this.#playlists.some(({ isEmpty }) => !isEmpty);
    const entry = { uri, duration, programDateTime, discontinuity, gap, map: init.uri };
    const [media, iFrames] = this.#playlists;
    media?.add(entry);
    iFrames?.add({ ...entry, gap: gap || keyFrameBytes === undefined, byteRange: keyFrameBytes });
    this.next = number + 1;
  }

  /** Lists a segment that the rendition does not have, so that numbers agree with the other renditions. */
  skip({ number, duration, programDateTime }: MissingSegment): void {
    const entry = { uri: `seg-${number}.m4s`, duration, programDateTime, discontinuity: false, gap: true };
    for (const playlist of this.#playlists) playlist.add({ ...entry, map: playlist.map ?? '' });
    this.next = number + 1;
  }

  /** @throws the system error if it cannot be written; the lines are kept for the next call */
  async flush(): Promise<void> {
    if (!this.#made) await makeDirectory(this.#directory);
    this.#made = true;
    for (const playlist of this.#playlists) await playlist.flush();
  }
}

class PlaylistWriter {
  /** URI of the EXT-X-MAP in force. */
  map: string | undefined;
  isEmpty = true;
  readonly #path: string;
  /** Lines that are not in the file yet. Bounded: one entry for each segment of a full disk, about 200 bytes in some seconds. */
  #lines: string;
  /** Bytes that are known to be in the file. */
  #length = 0;
  /** The last attempt to append failed. */
  #isTorn = false;

  constructor(path: string, header: string) {
    this.#path = path;
    this.#lines = header;
  }

  add(entry: Parameters<typeof entryLines>[0]): void {
    // A gap before any media has no init segment to name.
    this.#lines += entryLines(entry, entry.map === '' ? '' : this.map);
    this.map = entry.map === '' ? this.map : entry.map;
    this.isEmpty = false;
  }

  async flush(): Promise<void> {
    if (this.#lines === '') return;
    // A full disk may have taken a part of them.
    if (this.#isTorn) await cutFile(this.#path, this.#length);
    this.#isTorn = true;
    const lines = this.#lines;
    await appendLines(this.#path, lines);
    this.#isTorn = false;
    this.#length += Buffer.byteLength(lines);
    this.#lines = '';
  }
}
