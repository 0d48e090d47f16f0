// The readers of a stream, and the tags with which they start. Every reader gets each tag exactly once, whenever it subscribes.
import { callAll } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import { type SubscribeOptions, Subscription } from './subscription.js';
import { type LiveTag, TAG_OVERHEAD } from './tag.js';

/** In bytes: 10 s at 13 Mbit/s. A longer GOP is not worth the memory; new viewers then wait for the next key frame. */
export const GOP_CACHE_BYTES = 16 * 1024 * 1024;
/** Without video there is no key frame to start at, so this much audio is kept. */
const AUDIO_ONLY_WINDOW: Milliseconds = 2_000;

/** Keeps the tags since the last key frame, within a bound, so that a new reader can start at once. */
class GopCache {
  readonly #maxBytes: number;
  #tags: LiveTag[] = [];
  #bytes = 0;
  #hasVideo = false;
  #open = false;
  #overflows = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Number of GOPs that were too large to keep. */
  get overflows(): number {
    return this.#overflows;
  }

  /** In order of arrival, starting with the headers in force at the key frame; empty if there is no key frame to start at. */
  get tags(): readonly LiveTag[] {
    return this.#tags;
  }

  get keyFrame(): LiveTag | undefined {
    return this.#tags.find(({ keyFrame }) => keyFrame);
  }

  /** @param headers the metadata and sequence headers in force, including `tag`; called only if the cache starts again */
  push(tag: LiveTag, headers: () => readonly LiveTag[]): void {
    // It belongs to a moment that is over when the next reader comes.
    if (tag.momentary === true) return;
    if (tag.kind === 'video' && !this.#hasVideo) {
      this.#hasVideo = true;
      this.clear();
    }
    if (tag.keyFrame) {
      this.clear();
      this.#open = true;
      for (const header of headers()) this.#append(header);
      if (!this.#open) return;
    } else if (!this.#hasVideo) {
      this.#pushAudioOnly(tag, headers);
      return;
    }
    if (!this.#open) return;
    this.#append(tag);
  }

  clear(): void {
    this.#tags = [];
    this.#bytes = 0;
    this.#open = false;
  }

  #pushAudioOnly(tag: LiveTag, headers: () => readonly LiveTag[]): void {
    const first = this.#tags.find((cached) => !cached.sequenceHeader);
    const stale = first !== undefined && tag.dts - first.dts > AUDIO_ONLY_WINDOW;
    if (stale || this.#bytes + tag.body.length + TAG_OVERHEAD > this.#maxBytes) this.clear();
    this.#open = true;
    if (this.#tags.length === 0) {
      for (const header of headers()) this.#append(header);
      if (this.#tags.includes(tag)) return;
    }
    if (this.#open) this.#append(tag);
  }

  /** If a tag does not fit, the cache is emptied, because half a GOP is useless. */
  #append(tag: LiveTag): void {
    if (!this.#open) return;
    if (this.#bytes + tag.body.length + TAG_OVERHEAD > this.#maxBytes) {
      this.clear();
      this.#overflows += 1;
      return;
    }
    this.#tags.push(tag);
    this.#bytes += tag.body.length + TAG_OVERHEAD;
  }
}

export class Subscribers {
  readonly gopCache: GopCache;
  readonly #headers: () => readonly LiveTag[];
  /** For each subscription: the number of the first tag that was not among those it started with. */
  readonly #subscriptions = new Map<Subscription, number>();
  #tagCount = 0;
  /** Number of tags dropped by readers that have left. */
  #droppedTags = 0;
  #ended = false;

  /** @param headers the metadata and sequence headers in force */
  constructor(gopCacheBytes: number, headers: () => readonly LiveTag[]) {
    this.gopCache = new GopCache(gopCacheBytes);
    this.#headers = headers;
  }

  get count(): number {
    return this.#subscriptions.size;
  }

  /** Number of tags dropped because readers were too slow. */
  get droppedTags(): number {
    let dropped = this.#droppedTags;
    for (const subscription of this.#subscriptions.keys()) dropped += subscription.droppedTags;
    return dropped;
  }

  /**
   * Adds a reader that starts with metadata, headers and the tags since the last key frame.
   * @param hasVideo whether a reader waits for the next key frame if none is cached
   */
  add(options: SubscribeOptions, hasVideo: boolean): Subscription {
    const cached = this.gopCache.tags;
    const subscription = new Subscription(options, hasVideo && cached.length === 0, () => {
      this.#droppedTags += subscription.droppedTags;
      this.#subscriptions.delete(subscription);
    });
    if (this.#ended) {
      subscription.end();
      return subscription;
    }
    this.#subscriptions.set(subscription, this.#tagCount + 1);
    subscription.prefill(cached.length > 0 ? cached : this.#headers());
    return subscription;
  }

  /** Keeps a tag for future readers. @returns its number, for `offer` */
  keep(tag: LiveTag): number {
    this.#tagCount += 1;
    this.gopCache.push(tag, this.#headers);
    return this.#tagCount;
  }

  /** Delivers a tag to all readers that did not get it when they started. */
  offer(tag: LiveTag, number: number): void {
    callAll(this.#subscriptions, ([subscription, first]) => {
      if (first <= number) subscription.offer(tag);
    });
  }

  /** No more tags will come; readers keep the tags that are queued for them. */
  end(): void {
    this.#ended = true;
    this.gopCache.clear();
    for (const subscription of this.#subscriptions.keys()) subscription.end();
  }

  /** Removes all readers. */
  forget(): void {
    this.#subscriptions.clear();
  }
}
