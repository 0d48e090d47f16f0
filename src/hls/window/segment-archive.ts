// The part of the DVR window that has left memory: an index of what is in the store, and its lines of the playlists, rendered once.
import type { Seconds } from '../../protocols/units.js';
import { type ListedSegment, type RenderedSegments, renderSegments } from '../playlists/media-playlist.js';
import { TextBlocks } from '../playlists/text-blocks.js';
import { type EarlierSegments, type ListableSegment, listedAlone, listedIFrame } from './list-window.js';
import type { CompleteSegment, InitSegment } from './segment.js';

interface ArchivedSegment extends ListableSegment {
  readonly init: InitSegment;
}

export interface SegmentArchiveOptions {
  /** How long the whole playlist lasts at least, once there is so much; `Infinity` for all there ever was. */
  readonly duration: Seconds;
  /** Keep the lines of the playlist of I-frames too. */
  readonly iFrames: boolean;
}

/** What was removed in front, so that an array need not be moved for each. */
const COMPACT_AFTER = 1024;

export class SegmentArchive implements EarlierSegments {
  readonly #options: SegmentArchiveOptions;
  #segments: ArchivedSegment[] = [];
  /** Index in `#segments` of the oldest one. */
  #head = 0;
  readonly #media = new Lines(listedAlone);
  readonly #iFrames = new Lines(listedIFrame);
  #duration: Seconds = 0;
  /** Media sequence numbers it ever held. */
  #range: { readonly first: number; last: number } | undefined;
  readonly #inits = new Map<string, { readonly init: InitSegment; segments: number }>();

  constructor(options: SegmentArchiveOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#segments.length - this.#head;
  }

  get duration(): Seconds {
    return this.#duration;
  }

  /** Call only when there is one. */
  get first(): ListableSegment {
    const first = this.#segments[this.#head];
    if (first === undefined) throw new TypeError('an empty archive has no first segment');
    return first;
  }

  /** Init segments that its segments need. */
  get inits(): Iterable<InitSegment> {
    return [...this.#inits.values()].map(({ init }) => init);
  }

  /** Its files are in the store, or were and may still be. */
  held(mediaSequence: number): boolean {
    if (this.#range === undefined || mediaSequence < this.#range.first || mediaSequence > this.#range.last)
      return false;
    const first = this.#segments[this.#head]?.mediaSequence;
    return first === undefined || this.#segments[this.#head + mediaSequence - first]?.gap !== true;
  }

  init(uri: string): InitSegment | undefined {
    return this.#inits.get(uri)?.init;
  }

  /** The segment after the newest one, which is in the store. */
  push(segment: CompleteSegment): void {
    const { mediaSequence, index, init, start, end, programDateTime, discontinuity, discontinuityNumber } = segment;
    const { uri, duration, run, gap, keyFrameBytes } = segment;
    const archived: ArchivedSegment = {
      ...{ mediaSequence, index, init, start, end, programDateTime, discontinuity, discontinuityNumber },
      ...{ uri, duration, run, gap, keyFrameBytes, parts: [] },
    };
    this.#segments.push(archived);
    this.#media.append(archived);
    if (this.#options.iFrames) this.#iFrames.append(archived);
    this.#duration += duration;
    const entry = this.#inits.get(init.uri) ?? { init, segments: 0 };
    entry.segments += 1;
    this.#inits.set(init.uri, entry);
    this.#range ??= { first: mediaSequence, last: mediaSequence };
    this.#range.last = mediaSequence;
  }

  /** @param live what the segments after it last */
  trim(live: Seconds): void {
    for (let first = this.#segments[this.#head]; first !== undefined; first = this.#segments[this.#head]) {
      if (this.#duration + live - first.duration < this.#options.duration) return;
      this.#shift(first);
    }
  }

  /** Removes segments before this one from the list. @returns how many */
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
  }

  *newestFirst(): Iterable<ListableSegment> {
    for (let i = this.#segments.length - 1; i >= this.#head; i -= 1) {
      const segment = this.#segments[i];
      if (segment !== undefined) yield segment;
    }
  }

  rendered(kind: 'media' | 'i-frames'): RenderedSegments {
    const map = this.#segments.at(-1)?.init.uri ?? '';
    return { blocks: (kind === 'media' ? this.#media : this.#iFrames).from(this.first), map };
  }

  #shift(first: ArchivedSegment): void {
    this.#media.remove(first);
    if (this.#options.iFrames) this.#iFrames.remove(first);
    this.#duration -= first.duration;
    this.#head += 1;
    const entry = this.#inits.get(first.init.uri);
    if (entry !== undefined) {
      entry.segments -= 1;
      if (entry.segments === 0) this.#inits.delete(first.init.uri);
    }
    if (this.#head < COMPACT_AFTER) return;
    this.#segments = this.#segments.slice(this.#head);
    this.#head = 0;
  }
}

/** The lines of all segments in one kind of playlist. */
class Lines {
  readonly #list: (segment: ListableSegment) => ListedSegment;
  readonly #text = new TextBlocks();
  /** EXT-X-MAP of the last one appended, and of the last one removed. */
  #lastMap: string | undefined;
  #mapBefore: string | undefined;

  constructor(list: (segment: ListableSegment) => ListedSegment) {
    this.#list = list;
  }

  append(segment: ListableSegment): void {
    const listed = this.#list(segment);
    this.#text.append(renderSegments([listed], this.#lastMap));
    this.#lastMap = listed.map;
  }

  /** @param first the oldest one */
  remove(first: ListableSegment): void {
    const listed = this.#list(first);
    this.#text.remove(renderSegments([listed], this.#mapBefore).length);
    this.#mapBefore = listed.map;
  }

  /** @param first the oldest one, which is listed with its EXT-X-MAP whether or not it had one before */
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
