// Stores one rendition of a recording: links or writes its segments, then appends them to its playlists.

import { join } from 'node:path';
import type { Seconds } from '../protocols/units.js';
import { appendLines, copyIfPresent, cutFile, linkIfPossible, makeDirectory, writeFileOnce } from './files.js';
import { entryLines, I_FRAMES, PLAYLIST, type PlaylistKind, playlistHeader } from './recorded-playlist.js';
import type { RecordedRendition, RecordedSegment } from './recorded-stream.js';

export interface TrackWriterOptions {
  /** Directory of the recording. */
  readonly directory: string;
  readonly rendition: RecordedRendition;
  /** Number of the first segment of the recording. */
  readonly first: number;
  readonly targetDuration: Seconds;
  /** Where players begin; undefined: at the beginning. */
  readonly start?: Seconds | undefined;
  /** Path of a file in the live copy, or in the recording that a clip is made of; undefined if there is none. */
  readonly livePath: (uri: string) => string | undefined;
}

/** A segment that the rendition does not have; it is listed as a gap. */
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
    const { directory, rendition, first, targetDuration, start } = options;
    this.#options = options;
    this.rendition = rendition;
    this.next = first;
    this.#directory = join(directory, rendition.name);
    const writer = (kind: PlaylistKind, file: string) =>
      new PlaylistWriter(join(this.#directory, file), playlistHeader(kind, targetDuration, first, start));
    this.#playlists = [writer('media', PLAYLIST), ...(rendition.video ? [writer('i-frames', I_FRAMES)] : [])];
  }

  /**
   * Stores the media of a segment under the file name that it has in the media directory.
   * @returns false if the media is neither in memory nor on disk any more
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

  /** Lists a segment: with its stored media, or as a gap. Nothing is written before `flush`. */
  list(segment: RecordedSegment, gap: boolean): void {
    const { number, uri, duration, programDateTime, keyFrameBytes, init } = segment;
    // A discontinuity before the first recorded segment means nothing to players of the recording.
    const discontinuity = segment.discontinuity && this.#playlists.some(({ isEmpty }) => !isEmpty);
    const entry = { uri, duration, programDateTime, discontinuity, gap, map: init.uri };
    const [media, iFrames] = this.#playlists;
    media?.add(entry);
    iFrames?.add({ ...entry, gap: gap || keyFrameBytes === undefined, byteRange: keyFrameBytes });
    this.next = number + 1;
  }

  /** Lists a segment that the rendition does not have, so that segment numbers agree with those of the other renditions. */
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
  /** URI of the last EXT-X-MAP in the playlist. */
  map: string | undefined;
  isEmpty = true;
  readonly #path: string;
  /** Lines that are not in the file yet. While the disk is full they grow by one entry per segment: about 200 bytes every few seconds. */
  #lines: string;
  /** Length of the file without a torn end. */
  #length = 0;
  /** Whether the last attempt to append failed. */
  #isTorn = false;

  constructor(path: string, header: string) {
    this.#path = path;
    this.#lines = header;
  }

  add(entry: Parameters<typeof entryLines>[0]): void {
    // Before any media there is no init segment that a gap could name.
    this.#lines += entryLines(entry, entry.map === '' ? '' : this.map);
    this.map = entry.map === '' ? this.map : entry.map;
    this.isEmpty = false;
  }

  async flush(): Promise<void> {
    if (this.#lines === '') return;
    // A full disk may have stored only some of the lines.
    if (this.#isTorn) await cutFile(this.#path, this.#length);
    this.#isTorn = true;
    const lines = this.#lines;
    await appendLines(this.#path, lines);
    this.#isTorn = false;
    this.#length += Buffer.byteLength(lines);
    this.#lines = '';
  }
}
