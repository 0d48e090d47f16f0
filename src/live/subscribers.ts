// The readers of a stream and the tags they start with. Every reader gets each tag exactly once, whenever it subscribes.
import { callAll } from '../protocols/failure-domain.js';
import { GopCache } from './gop-cache.js';
import { type SubscribeOptions, Subscription } from './subscription.js';
import type { LiveTag } from './tag.js';

export class Subscribers {
  readonly gopCache: GopCache;
  readonly #headers: () => readonly LiveTag[];
  /** Each subscription with the number of the first tag that was not among those it started with. */
  readonly #subscriptions = new Map<Subscription, number>();
  #tagCount = 0;
  /** Tags dropped by readers that have left. */
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

  /** Tags dropped because readers were too slow. */
  get droppedTags(): number {
    let dropped = this.#droppedTags;
    for (const subscription of this.#subscriptions.keys()) dropped += subscription.droppedTags;
    return dropped;
  }

  /**
   * Adds a reader that starts with metadata, headers and the tags since the last key frame.
   * @param hasVideo if true, a reader without a cached key frame waits for the next one
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

  /** No more tags will come; readers keep what is queued for them. */
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
