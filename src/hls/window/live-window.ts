// Decides which segments in memory are listed and which can only still be loaded: a sliding window in which a player with an old playlist
// still finds its media.
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { CompleteSegment, RetiredSegment } from './segment.js';
import type { SegmentArchive } from './segment-archive.js';

export interface LiveWindowOptions {
  /** Number of complete segments listed from memory. */
  readonly segments: number;
  /** Takes segments that leave memory but stay listed. */
  readonly archive?: SegmentArchive | undefined;
  /** Called when the store does not keep up: the archive was dropped, and the list begins with the segments in memory. */
  readonly onArchiveLost?: () => void;
  /** Monotonic. */
  readonly now: () => Milliseconds;
}

/**
 * Retired segments together last at most this many times the longest playlist. Media that arrives in real time stays below that, even if a
 * whole playlist is retired at once. A publisher that returns again and again, each time with media ahead of real time, would exceed it.
 * The limit bounds the memory.
 */
const MOST_RETIRED = 3;

/**
 * The live edge, in target durations from the end of the list: there playlists list parts (RFC 8216bis 4.4.4.9), and plain players begin
 * (HOLD-BACK). Nearly all requests are for what is there.
 */
const EDGE_TARGETS = 3;
/** It is at least this long: players that are late on a busy machine need not wait for the disk, nor notice when it fails. */
const SHORTEST_EDGE: Seconds = 6;

/** While the store is slow, up to this multiple of the usual number of segments wait in memory. */
const LONGEST_WAIT = 2;

export class LiveWindow {
  readonly #options: LiveWindowOptions;
  #listed: CompleteSegment[] = [];
  #retired: RetiredSegment[] = [];
  #listedDuration: Seconds = 0;
  #retiredDuration: Seconds = 0;
  #longest: Seconds = 0;
  #resting = false;
  #targetDuration: Seconds = 0;

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
    this.#targetDuration = targetDuration;
    this.#listed.push(segment);
    this.#listedDuration += segment.duration;
    this.#longest = Math.max(this.#longest, this.#listedDuration);
    for (;;) {
      const [head] = this.#listed;
      if (head === undefined || this.#listed.length <= this.#options.segments) break;
      // RFC 8216bis 6.2.2: the remaining segments must last at least three target durations.
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

  /** Call when its playlist is removed: the listed segments can still be loaded for their retention time. */
  retireAll(targetDuration: Seconds): void {
    for (const segment of this.#listed.splice(0)) this.#retire(segment, targetDuration);
    this.#listedDuration = 0;
    this.releaseStored();
    this.#options.archive?.clear();
  }

  /** Finds a listed segment, or a retired one that is still available. */
  find(mediaSequence: number): CompleteSegment | undefined {
    this.#forget();
    const first = this.#listed[0];
    if (first !== undefined && mediaSequence >= first.mediaSequence) {
      return this.#listed[mediaSequence - first.mediaSequence];
    }
    return this.#retired.find(({ segment }) => segment.mediaSequence === mediaSequence)?.segment;
  }

  /** All segments that may still be requested, so that their init segments and files are kept. */
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
   * The publisher has left: segments that are in the store leave memory even at the live edge, because many names that were published for a
   * moment would hold them each. From the next segment on, those at the live edge stay in memory again.
   */
  rest(): void {
    this.#resting = true;
    this.releaseStored();
  }

  /**
   * Releases the memory of segments that are in the store and not at the live edge: few players request them, and the store can deliver
   * them.
   */
  releaseStored(): void {
    for (const { segment } of this.#retired) segment.media.release();
    const edge = this.#resting ? 0 : Math.max(SHORTEST_EDGE, EDGE_TARGETS * this.#targetDuration);
    let fromEnd: Seconds = 0;
    for (let i = this.#listed.length - 1; i >= 0; i -= 1) {
      const segment = this.#listed[i];
      if (segment === undefined) return;
      if (fromEnd >= edge) {
        // All earlier segments have been released too.
        if (segment.media.isReleased) return;
        segment.media.release();
      }
      fromEnd += segment.duration;
    }
  }

  /**
   * Removes from the list the segments before this one that were only in the store, and all segments before those.
   * @returns how many were removed
   */
  dropReleasedBefore(before: number): number {
    const last = this.#listed.findLastIndex(({ media, mediaSequence }) => media.isReleased && mediaSequence < before);
    for (const { duration } of this.#listed.splice(0, last + 1)) this.#listedDuration -= duration;
    return last + 1;
  }

  #retire(segment: CompleteSegment, targetDuration: Seconds): void {
    this.#retired.push({ segment, until: this.#options.now() + this.#retention(segment, targetDuration) });
    this.#retiredDuration += segment.duration;
  }

  /** @returns false if the segment has to wait for the store */
  #archives(head: CompleteSegment): boolean {
    const { archive, segments, onArchiveLost } = this.#options;
    if (archive === undefined) return true;
    if (head.media.isStored) {
      archive.push(head);
      return true;
    }
    if (this.#listed.length <= LONGEST_WAIT * segments) return false;
    // Only the oldest segments may be removed from a list (RFC 8216bis 6.2.1): if this one cannot be listed, none before it can.
    if (archive.count > 0) onArchiveLost?.();
    archive.clear();
    return true;
  }

  /**
   * RFC 8216bis 6.2.2: a segment stays available for its own duration plus that of the longest playlist that listed it. One target duration
   * is added for a playlist that is still on its way.
   */
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
