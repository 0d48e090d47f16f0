// The part of the DVR window that has left memory: an index of segments in the store, and their playlist lines, rendered once.
import type { Seconds } from '../../protocols/units.js';
import { type ListedSegment, type RenderedSegments, renderSegments } from '../playlists/media-playlist.js';
import { TextBlocks } from '../playlists/text-blocks.js';
import { type EarlierSegments, type ListableSegment, listedAlone, listedIFrame } from './list-window.js';
import type { CompleteSegment, InitSegment } from './segment.js';

/** A segment whose media is only in the store. */
export interface StoredSegment extends ListableSegment {
  readonly init: InitSegment;
}

export interface SegmentArchiveOptions {
  /** Minimum duration of the whole playlist, as soon as that much exists; `Infinity` keeps everything. */
  readonly duration: Seconds;
  /** Whether to keep the lines of the I-frame playlist too. */
  readonly iFrames: boolean;
}

/** Memory for a segment besides its text: its entry here, and its file name in `StoredFiles`. */
const ENTRY_BYTES = 384;
/** Its text is kept here and in the last playlist that was written to the store. */
const TEXT_COPIES = 2;

/** Number of removed entries after which the array is compacted. */
const COMPACT_AFTER = 1024;

export class SegmentArchive implements EarlierSegments {
  readonly #options: SegmentArchiveOptions;
  #segments: StoredSegment[] = [];
  /** Index in `#segments` of the oldest one. */
  #head = 0;
  readonly #media = new Lines(listedAlone);
  readonly #iFrames = new Lines(listedIFrame);
  #duration: Seconds = 0;
  /** Range of media sequence numbers that the archive has ever held. */
  #range: { readonly first: number; last: number } | undefined;
  readonly #inits = new Map<string, { readonly init: InitSegment; segments: number }>();
  #initBytes = 0;

  constructor(options: SegmentArchiveOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#segments.length - this.#head;
  }

  get duration(): Seconds {
    return this.#duration;
  }

  /** Estimate of the memory that it uses. */
  get bytes(): number {
    return this.count * ENTRY_BYTES + TEXT_COPIES * (this.#media.bytes + this.#iFrames.bytes) + this.#initBytes;
  }

  /** Call only if it is not empty. */
  get first(): ListableSegment {
    const first = this.#segments[this.#head];
    if (first === undefined) throw new TypeError('an empty archive has no first segment');
    return first;
  }

  /** Init segments that its segments need. */
  get inits(): Iterable<InitSegment> {
    return [...this.#inits.values()].map(({ init }) => init);
  }

  /** Whether the files of this segment are, or were, in the store. */
  held(mediaSequence: number): boolean {
    if (this.#range === undefined || mediaSequence < this.#range.first || mediaSequence > this.#range.last)
      return false;
    const first = this.#segments[this.#head]?.mediaSequence;
    return first === undefined || this.#segments[this.#head + mediaSequence - first]?.gap !== true;
  }

  init(uri: string): InitSegment | undefined {
    return this.#inits.get(uri)?.init;
  }

  /** Adds the segment after the newest one; it is in the store. */
  push(segment: CompleteSegment): void {
    const { mediaSequence, index, init, start, end, programDateTime, discontinuity, discontinuityNumber } = segment;
    const { uri, duration, run, gap, keyFrameBytes } = segment;
    const archived: StoredSegment = {
      ...{ mediaSequence, index, init, start, end, programDateTime, discontinuity, discontinuityNumber },
      ...{ uri, duration, run, gap, keyFrameBytes, parts: [] },
    };
    this.#segments.push(archived);
    this.#media.append(archived);
    if (this.#options.iFrames) this.#iFrames.append(archived);
    this.#duration += duration;
    let entry = this.#inits.get(init.uri);
    if (entry === undefined) {
      entry = { init, segments: 0 };
      this.#inits.set(init.uri, entry);
      this.#initBytes += init.bytes.length;
    }
    entry.segments += 1;
    this.#range ??= { first: mediaSequence, last: mediaSequence };
    this.#range.last = mediaSequence;
  }

  /** @param live duration of the segments after the archive */
  trim(live: Seconds): void {
    for (let first = this.#segments[this.#head]; first !== undefined; first = this.#segments[this.#head]) {
      if (this.#duration + live - first.duration < this.#options.duration) return;
      this.#shift(first);
    }
  }

  /** Removes segments before this one from the list. @returns the number of removed segments */
  removeBefore(mediaSequence: number): number {
    const before = this.count;
    for (let first = this.#segments[this.#head]; first !== undefined; first = this.#segments[this.#head]) {
      if (first.mediaSequence >= mediaSequence) break;
      this.#shift(first);
    }
    return before - this.count;
  }

  clear(): void {
    this.#segments = [];
    this.#head = 0;
    this.#media.clear();
    this.#iFrames.clear();
    this.#duration = 0;
    this.#inits.clear();
    this.#initBytes = 0;
  }

  *newestFirst(): Iterable<StoredSegment> {
    for (let i = this.#segments.length - 1; i >= this.#head; i -= 1) {
      const segment = this.#segments[i];
      if (segment !== undefined) yield segment;
    }
  }

  rendered(kind: 'media' | 'i-frames'): RenderedSegments {
    const map = this.#segments.at(-1)?.init.uri ?? '';
    return { blocks: (kind === 'media' ? this.#media : this.#iFrames).from(this.first), map };
  }

  #shift(first: StoredSegment): void {
    this.#media.remove(first);
    if (this.#options.iFrames) this.#iFrames.remove(first);
    this.#duration -= first.duration;
    this.#head += 1;
    const entry = this.#inits.get(first.init.uri);
    if (entry !== undefined) {
      entry.segments -= 1;
      if (entry.segments === 0) {
        this.#inits.delete(first.init.uri);
        this.#initBytes -= entry.init.bytes.length;
      }
    }
    if (this.#head < COMPACT_AFTER) return;
    this.#segments = this.#segments.slice(this.#head);
    this.#head = 0;
  }
}

/** The playlist lines of all segments, for one kind of playlist. */
class Lines {
  readonly #list: (segment: ListableSegment) => ListedSegment;
  readonly #text = new TextBlocks();
  /** EXT-X-MAP of the last appended segment, and of the last removed one. */
  #lastMap: string | undefined;
  #mapBefore: string | undefined;

  constructor(list: (segment: ListableSegment) => ListedSegment) {
    this.#list = list;
  }

  get bytes(): number {
    return this.#text.bytes;
  }

  append(segment: ListableSegment): void {
    const listed = this.#list(segment);
    this.#text.append(renderSegments([listed], this.#lastMap));
    this.#lastMap = listed.map;
  }

  /** @param first the oldest segment */
  remove(first: ListableSegment): void {
    const listed = this.#list(first);
    this.#text.remove(renderSegments([listed], this.#mapBefore).length);
    this.#mapBefore = listed.map;
  }

  /** @param first the oldest segment, which is listed with its EXT-X-MAP even if its lines contain none */
  from(first: ListableSegment): Buffer[] {
    const listed = this.#list(first);
    const rest = this.#text.after(renderSegments([listed], this.#mapBefore).length);
    return [Buffer.from(renderSegments([listed]), 'latin1'), ...rest];
  }

  clear(): void {
    this.#text.clear();
    this.#lastMap = undefined;
    this.#mapBefore = undefined;
  }
}
