// Which segments in memory are listed and which are only still fetchable: a sliding window that never breaks a player holding an old playlist.
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { CompleteSegment, RetiredSegment } from './segment.js';
import type { SegmentArchive } from './segment-archive.js';

export interface LiveWindowOptions {
  /** Complete segments listed from memory. */
  readonly segments: number;
  /** Takes those that leave memory, when they stay listed. */
  readonly archive?: SegmentArchive | undefined;
  /** The store does not keep up: the archive was given up, and the list begins in memory. */
  readonly onArchiveLost?: () => void;
  /** Monotonic. */
  readonly now: () => Milliseconds;
}

/**
 * Retired segments last at most so many times the longest playlist. Media that comes as fast as it is played stays below
 * that, even when a whole playlist is retired at once. A publisher that comes again and again, each time with media in
 * advance, is faster: what is kept of it is bounded by this instead of by how often it comes.
 */
const MOST_RETIRED = 3;

/** Segments wait in memory for a slow store until there are so many times the usual number. */
const LONGEST_WAIT = 2;

export class LiveWindow {
  readonly #options: LiveWindowOptions;
  #listed: CompleteSegment[] = [];
  #retired: RetiredSegment[] = [];
  #listedDuration: Seconds = 0;
  #retiredDuration: Seconds = 0;
  #longest: Seconds = 0;
  #resting = false;

  constructor(options: LiveWindowOptions) {
    this.#options = options;
  }

  /** Oldest first. */
  get listed(): readonly CompleteSegment[] {
    return this.#listed;
  }

  get listedDuration(): Seconds {
    return this.#listedDuration;
  }

  add(segment: CompleteSegment, targetDuration: Seconds): void {
    this.#resting = false;
    this.#listed.push(segment);
    this.#listedDuration += segment.duration;
    this.#longest = Math.max(this.#longest, this.#listedDuration);
    for (;;) {
      const [head] = this.#listed;
      if (head === undefined || this.#listed.length <= this.#options.segments) break;
      // RFC 8216bis 6.2.2: what is left must last three target durations at least.
      if (this.#listedDuration - head.duration < 3 * targetDuration) break;
      if (!this.#archives(head)) break;
      this.#listed.shift();
      this.#listedDuration -= head.duration;
      this.#retire(head, targetDuration);
    }
    this.#options.archive?.trim(this.#listedDuration);
    this.#forget();
    this.releaseStored();
  }

  /** Its playlist is gone; what was listed stays for its time. */
  retireAll(targetDuration: Seconds): void {
    for (const segment of this.#listed.splice(0)) this.#retire(segment, targetDuration);
    this.#listedDuration = 0;
    this.releaseStored();
    this.#options.archive?.clear();
  }

  /** Listed, or retired and still to be served. */
  find(mediaSequence: number): CompleteSegment | undefined {
    this.#forget();
    const first = this.#listed[0];
    if (first !== undefined && mediaSequence >= first.mediaSequence) {
      return this.#listed[mediaSequence - first.mediaSequence];
    }
    return this.#retired.find(({ segment }) => segment.mediaSequence === mediaSequence)?.segment;
  }

  /** Every segment that may still be asked for, for what depends on them (init segments, files on disk). */
  *available(): Iterable<CompleteSegment> {
    this.#forget();
    for (const { segment } of this.#retired) yield segment;
    yield* this.#listed;
  }

  clear(): void {
    this.#listed = [];
    this.#retired = [];
    this.#listedDuration = 0;
    this.#retiredDuration = 0;
    this.#options.archive?.clear();
  }

  /**
   * The publisher is gone: what is listed leaves memory too once it is in the store, or many names that were published for a
   * moment would hold a window each. Until the next segment, from which on segments stay as long as they are listed.
   */
  rest(): void {
    this.#resting = true;
    this.releaseStored();
  }

  /** What is in the store and not at the live edge leaves memory: few players ask for it, and those get it from there. */
  releaseStored(): void {
    for (const { segment } of this.#retired) segment.media.release();
    if (!this.#resting) return;
    for (const { media } of this.#listed) media.release();
  }

  /** Segments before this one that were only in the store are no longer listed, nor what is before them. @returns how many went */
  dropReleasedBefore(before: number): number {
    const last = this.#listed.findLastIndex(({ media, mediaSequence }) => media.isReleased && mediaSequence < before);
    for (const { duration } of this.#listed.splice(0, last + 1)) this.#listedDuration -= duration;
    return last + 1;
  }

  #retire(segment: CompleteSegment, targetDuration: Seconds): void {
    this.#retired.push({ segment, until: this.#options.now() + this.#retention(segment, targetDuration) });
    this.#retiredDuration += segment.duration;
  }

  /** @returns false when it has to wait for the store */
  #archives(head: CompleteSegment): boolean {
    const { archive, segments, onArchiveLost } = this.#options;
    if (archive === undefined) return true;
    if (head.media.isStored) {
      archive.push(head);
      return true;
    }
    if (this.#listed.length <= LONGEST_WAIT * segments) return false;
    // Only the head of a list may go (RFC 8216bis 6.2.1): without this one, none before it can be listed.
    if (archive.count > 0) onArchiveLost?.();
    archive.clear();
    return true;
  }

  /** RFC 8216bis 6.2.2: its own duration plus the longest playlist it was in; one target more, for a playlist on its way. */
  #retention(segment: CompleteSegment, targetDuration: Seconds): Milliseconds {
    return secondsToMilliseconds(segment.duration + this.#longest + targetDuration);
  }

  #forget(): void {
    const now = this.#options.now();
    for (let [first] = this.#retired; first !== undefined; [first] = this.#retired) {
      if (first.until > now && this.#retiredDuration <= MOST_RETIRED * this.#longest) break;
      this.#retired.shift();
      this.#retiredDuration -= first.segment.duration;
    }
  }
}
