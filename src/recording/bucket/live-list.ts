// The media playlist of a live rendition in the bucket: a sliding window of the uploaded segments, with gaps for those that were not uploaded. It has
// no low-latency tags, because a store cannot delay the answer to a request.

import type { Seconds } from '../../protocols/units.js';
import { entryLines, type PlaylistEntry, readPlaylist } from '../recorded-playlist.js';

export interface LiveEntry extends PlaylistEntry {
  /** Media sequence number. */
  readonly number: number;
}

export class LiveList {
  /** The oldest first. */
  #entries: LiveEntry[] = [];
  readonly #size: number;
  /** Number of discontinuities that have left the window. */
  #discontinuities = 0;
  #targetDuration: Seconds = 1;

  /** @param size segments in the window */
  constructor(size: number) {
    this.#size = size;
  }

  /** Continues the playlist of an earlier process, so that players can go on. Ignores text that is not one of our live playlists. */
  continue(text: string): void {
    const list = readPlaylist(text);
    const entries = list?.entries ?? [];
    const before = Number(/^#EXT-X-DISCONTINUITY-SEQUENCE:(\d+)$/m.exec(text)?.[1] ?? 0);
    if (list === undefined || list.ended || !Number.isSafeInteger(before)) return;
    this.#discontinuities = before;
    this.#targetDuration = list.targetDuration;
    this.#entries = entries.map((entry, index) => ({ ...entry, number: list.first + index }));
  }

  get last(): LiveEntry | undefined {
    return this.#entries.at(-1);
  }

  get duration(): Seconds {
    return this.#entries.reduce((sum, { duration }) => sum + duration, 0);
  }

  /** Names of all listed files. */
  get files(): ReadonlySet<string> {
    // A gap has no file, and one at the beginning names no init segment.
    return new Set(this.#entries.flatMap(({ uri, map, gap }) => [uri, map].slice(gap ? 1 : 0).filter(Boolean)));
  }

  /** @returns the files that the window no longer needs */
  add(entry: LiveEntry, targetDuration: Seconds): string[] {
    const last = this.last;
    // Drops the segments of an earlier process, because their numbers do not continue without a hole, which a playlist must not have.
    if (last !== undefined && entry.number !== last.number + 1) {
      this.#discontinuities += this.#entries.filter(({ discontinuity }) => discontinuity).length;
      const gone = this.files;
      this.#entries = [{ ...entry, discontinuity: true }];
      this.#targetDuration = Math.max(this.#targetDuration, targetDuration);
      return [...gone].filter((file) => !this.files.has(file));
    }
    this.#targetDuration = Math.max(this.#targetDuration, targetDuration);
    this.#entries.push(entry);
    const gone: string[] = [];
    while (this.#entries.length > this.#size) {
      const [oldest] = this.#entries.splice(0, 1);
      if (oldest?.discontinuity === true) this.#discontinuities += 1;
      if (oldest !== undefined && !oldest.gap) gone.push(oldest.uri);
      if (oldest !== undefined && oldest.map !== '' && this.#entries.every(({ map }) => map !== oldest.map))
        gone.push(oldest.map);
    }
    return gone;
  }

  /** RFC 8216bis 4.4.3: the numbers of the first segment and of its discontinuity, as in the other renditions. */
  text(ended: boolean): string {
    const lines = [
      '#EXTM3U',
      '#EXT-X-VERSION:6',
      `#EXT-X-TARGETDURATION:${this.#targetDuration}`,
      `#EXT-X-MEDIA-SEQUENCE:${this.#entries[0]?.number ?? 0}`,
      `#EXT-X-DISCONTINUITY-SEQUENCE:${this.#discontinuities}`,
    ];
    let map = '';
    const entries = this.#entries.map((entry) => {
      const text = entryLines(entry, entry.map === '' ? '' : map);
      if (entry.map !== '') map = entry.map;
      return text;
    });
    return `${lines.join('\n')}\n${entries.join('')}${ended ? '#EXT-X-ENDLIST\n' : ''}`;
  }

  get targetDuration(): Seconds {
    return this.#targetDuration;
  }
}
