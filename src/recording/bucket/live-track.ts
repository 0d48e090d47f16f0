// Uploads the segments of one rendition of a live stream as they are completed, and lists the uploaded ones. Segments that are too late are skipped.

import type { Clock } from '../../protocols/clock.js';
import type { Milliseconds, Seconds } from '../../protocols/units.js';
import type { RecordedSegment } from '../recorded-stream.js';
import { NoLongerWanted } from './bucket-line.js';
import type { GuardedObject } from './guarded-object.js';
import { type LiveEntry, LiveList } from './live-list.js';
import { mediaHeaders, type ObjectHeaders, playlistHeaders } from './object-headers.js';

/** The time that a segment number covers, for renditions that lack the segment. */
export type ShownSegment = Pick<RecordedSegment, 'duration' | 'programDateTime' | 'discontinuity'>;

export interface LiveTrackOptions {
  readonly name: string;
  readonly clock: Clock;
  /** Age at which a segment is skipped. */
  readonly maxLag: Milliseconds;
  readonly windowSegments: number;
  /** Its media playlist in the bucket. */
  readonly playlist: GuardedObject;
  /** Uploads an object of the rendition, by file name, as long as it is wanted. */
  readonly put: (file: string, headers: ObjectHeaders, body: Buffer, isWanted: () => boolean) => Promise<void>;
  readonly targetDuration: () => Seconds;
  readonly shown: (number: number) => ShownSegment | undefined;
  /** Called when a segment is listed. */
  readonly onListed: (segment: RecordedSegment) => Promise<void>;
  /** Called when a segment was skipped because it is too late. */
  readonly onDropped: () => void;
  /** Called with the files that the window no longer needs. */
  readonly onGone: (files: readonly string[]) => void;
}

interface Pending {
  readonly segment: RecordedSegment;
  /** The media is referenced here, because the stream releases it from its memory. */
  pieces: readonly Buffer[];
  readonly since: Milliseconds;
}

export class LiveTrack {
  /** Bytes that are waiting. */
  bytes = 0;
  readonly list: LiveList;
  readonly #options: LiveTrackOptions;
  readonly #pending: Pending[] = [];
  #init = '';
  #hasEnded = false;
  #isAbandoned = false;
  #isListed = false;
  /** Whether the playlist of an earlier process has been read. */
  #isOpen = false;
  #early: readonly LiveEntry[] = [];
  /** Files that have left the list since its last upload; at most those of one window. */
  readonly #gone: string[] = [];
  #wake: () => void = () => undefined;

  constructor(options: LiveTrackOptions) {
    this.#options = options;
    this.list = new LiveList(options.windowSegments);
  }

  get isListed(): boolean {
    return this.#isListed;
  }

  /** Time since which the oldest segment has been waiting. */
  get since(): Milliseconds | undefined {
    return this.#pending.find(({ pieces }) => pieces.length > 0)?.since;
  }

  take(segment: RecordedSegment): void {
    const { pieces, length } = segment.media;
    this.#pending.push({ segment, pieces, since: this.#options.clock.now() });
    if (pieces.length > 0) this.bytes += length;
    this.#wake();
  }

  /** Skips segments that have waited for too long, even during a hanging request. */
  dropLate(): void {
    const { clock, maxLag } = this.#options;
    while (this.since !== undefined && clock.now() - this.since > maxLag) this.dropOldest();
  }

  /** Drops the media of the oldest segment that has media. @returns its bytes */
  dropOldest(): number {
    const oldest = this.#pending.find(({ pieces }) => pieces.length > 0);
    if (oldest === undefined) return 0;
    oldest.pieces = [];
    this.bytes -= oldest.segment.media.length;
    return oldest.segment.media.length;
  }

  /** Call after the last segment. */
  end(): void {
    this.#hasEnded = true;
    this.#wake();
  }

  /** Call when another gateway has taken over the stream: nothing more may be listed. */
  abandon(): void {
    this.#isAbandoned = true;
    while (this.dropOldest() > 0);
    this.end();
  }

  /** Whether its playlist in the bucket is still the last one that was uploaded here. */
  isOurs(): Promise<boolean> {
    return this.#options.playlist.isOurs();
  }

  /** Uploads everything up to the end. @throws what the options throw */
  async run(): Promise<void> {
    while (!this.#isAbandoned) {
      const next = this.#pending[0];
      if (next !== undefined) {
        await this.#send(next);
        this.#pending.shift();
      } else if (this.#hasEnded) break;
      else
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
    }
    if (this.list.last !== undefined && !this.#isAbandoned) await this.#putPlaylist(true);
  }

  async #send(pending: Pending): Promise<void> {
    const { segment } = pending;
    const isSent = !segment.gap && (await this.#putMedia(pending));
    if (pending.pieces.length > 0) this.bytes -= segment.media.length;
    pending.pieces = [];
    const { number, uri, duration, programDateTime, discontinuity, init } = segment;
    const entry = { number, uri, duration, programDateTime, discontinuity, gap: !isSent, map: isSent ? init.uri : '' };
    if (!this.#isOpen && !isSent) {
      // The playlist of the earlier process has not been read yet.
      this.#early = [...this.#early, entry].slice(-this.#options.windowSegments);
      return;
    }
    await this.#open();
    this.#add(entry);
    // A playlist that ends with a gap is useless to players, and would only add load to a slow store.
    if (!isSent || this.#isAbandoned) return;
    await this.#putPlaylist(false);
    this.#isListed = true;
    await this.#options.onListed(segment);
  }

  async #open(): Promise<void> {
    if (this.#isOpen) return;
    const text = await this.#options.playlist.open();
    if (text !== undefined) this.list.continue(text);
    this.#isOpen = true;
    for (const entry of this.#early) this.#add(entry);
    this.#early = [];
  }

  #add(entry: LiveEntry): void {
    this.#fillUpTo(entry.number);
    this.#append(entry);
  }

  #append(entry: LiveEntry): void {
    this.#gone.push(...this.list.add(entry, this.#options.targetDuration()));
  }

  async #putMedia(pending: Pending): Promise<boolean> {
    const { clock, maxLag, put, onDropped } = this.#options;
    const { init, uri } = pending.segment;
    const isWanted = (): boolean => pending.pieces.length > 0 && clock.now() - pending.since <= maxLag;
    try {
      if (this.#init !== init.uri) await put(init.uri, mediaHeaders(init.uri), init.bytes, isWanted);
      this.#init = init.uri;
      await put(uri, mediaHeaders(uri), Buffer.concat(pending.pieces), isWanted);
      return true;
    } catch (cause) {
      if (!(cause instanceof NoLongerWanted) || isWanted()) throw cause;
      onDropped();
      return false;
    }
  }

  /** Segments that the rendition does not have, so that numbers agree with the other renditions. */
  #fillUpTo(number: number): void {
    const last = this.list.last;
    if (last === undefined) return;
    for (let missing = last.number + 1; missing < number; missing += 1) {
      const shown = this.#options.shown(missing);
      // It is too long ago, so the list starts again.
      if (shown === undefined) return;
      this.#append({ ...shown, number: missing, uri: `seg-${missing}.m4s`, gap: true, map: '' });
    }
  }

  async #putPlaylist(ended: boolean): Promise<void> {
    const { playlist, onGone } = this.#options;
    const headers = playlistHeaders(ended ? undefined : this.list.targetDuration);
    await playlist.put(Buffer.from(this.list.text(ended)), headers);
    // Only now, because until here the playlist in the bucket still listed these files.
    onGone(this.#gone.splice(0));
  }
}
