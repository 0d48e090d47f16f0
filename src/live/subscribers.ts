// Who reads a stream, and what each reader begins with: every tag reaches each of them once, whenever it comes.
import { callAll } from '../protocols/failure-domain.js';
import { GopCache } from './gop-cache.js';
import { type SubscribeOptions, Subscription } from './subscription.js';
import type { LiveTag } from './tag.js';

export class Subscribers {
  readonly gopCache: GopCache;
  readonly #headers: () => readonly LiveTag[];
  /** Each with the number of the first tag it has not got by its start. */
  readonly #subscriptions = new Map<Subscription, number>();
  #tagCount = 0;
  /** Of readers that have left. */
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

  /** Tags that readers were too slow for. */
  get droppedTags(): number {
    let dropped = this.#droppedTags;
    for (const subscription of this.#subscriptions.keys()) dropped += subscription.droppedTags;
    return dropped;
  }

  /**
   * A reader that starts with metadata, headers and the tags since the last key frame.
   * @param hasVideo without a key frame at hand it then waits for one
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

  /** Keeps a tag for readers to come. @returns its number, for `offer` */
  keep(tag: LiveTag): number {
    this.#tagCount += 1;
    this.gopCache.push(tag, this.#headers);
    return this.#tagCount;
  }

  /** Hands a tag to all readers that have not got it with their start. */
  offer(tag: LiveTag, number: number): void {
    callAll(this.#subscriptions, ([subscription, first]) => {
      if (first <= number) subscription.offer(tag);
    });
  }

  /** No tag comes any more; readers keep what they have queued. */
  end(): void {
    this.#ended = true;
    this.gopCache.clear();
    for (const subscription of this.#subscriptions.keys()) subscription.end();
  }

  /** Lets go of all readers. */
  forget(): void {
    this.#subscriptions.clear();
  }
}
