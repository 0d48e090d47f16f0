// A reader with its own bounded queue, so that the slowest one costs a bound of memory and never a moment of the publisher.
import type { LiveTag } from './tag.js';

export interface SubscribeOptions {
  /** Bound of the queued bodies, in bytes. Beyond it the reader loses everything up to the next key frame. */
  readonly maxBytes: number;
  /** Once for each time the queue stops being empty: take until nothing is left. */
  readonly onReadable?: () => void;
}

/** Entries already taken are cut off the array in runs of this many, so that taking is O(1). */
const COMPACT_AT = 256;

export class Subscription {
  readonly #maxBytes: number;
  readonly #onReadable: (() => void) | undefined;
  readonly #onClose: () => void;
  #queue: LiveTag[] = [];
  #head = 0;
  #queuedBytes = 0;
  #droppedTags = 0;
  #hasVideo = false;
  #awaitingKeyFrame: boolean;
  #closed = false;
  #ended = false;

  /** Made by `LiveStream.subscribe`. `onClose` is called once. */
  constructor(options: SubscribeOptions, awaitingKeyFrame: boolean, onClose: () => void) {
    this.#maxBytes = options.maxBytes;
    this.#onReadable = options.onReadable;
    this.#awaitingKeyFrame = awaitingKeyFrame;
    this.#onClose = onClose;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get queuedTags(): number {
    return this.#queue.length - this.#head;
  }

  /** Tags this reader was too slow for. */
  get droppedTags(): number {
    return this.#droppedTags;
  }

  /** Nothing will be added any more; what is queued can still be taken. */
  get ended(): boolean {
    return this.#ended;
  }

  take(): LiveTag | undefined {
    const tag = this.#queue[this.#head];
    if (tag === undefined) return undefined;
    this.#head += 1;
    this.#queuedBytes -= tag.body.length;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head === COMPACT_AT) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return tag;
  }

  /** Releases the queue and leaves the stream; later calls do nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#onClose();
  }

  /** For the stream: queues a tag it just got, or drops it. */
  offer(tag: LiveTag): void {
    if (this.#ended) return;
    const wasEmpty = this.queuedTags === 0;
    this.#enqueue(tag);
    if (wasEmpty && this.queuedTags > 0) this.#onReadable?.();
  }

  /** For the stream: queues what a new reader starts with; the callback comes when the caller holds the subscription. */
  prefill(tags: readonly LiveTag[]): void {
    for (const tag of tags) this.#enqueue(tag);
    if (this.queuedTags === 0) return;
    queueMicrotask(() => {
      if (this.queuedTags > 0) this.#onReadable?.();
    });
  }

  /** For the stream: no more tags will come. */
  end(): void {
    this.#ended = true;
  }

  #enqueue(tag: LiveTag): void {
    if (tag.kind === 'video') this.#hasVideo = true;
    if (!isMedia(tag)) {
      this.#removeObsolete(tag.kind);
      this.#append(tag);
      return;
    }
    if (this.#queuedBytes + tag.body.length > this.#maxBytes) this.#dropQueued();
    const fits = this.#queuedBytes + tag.body.length <= this.#maxBytes;
    if (tag.keyFrame && fits) this.#awaitingKeyFrame = false;
    if (fits && !this.#awaitingKeyFrame) this.#append(tag);
    else this.#droppedTags += 1;
  }

  #append(tag: LiveTag): void {
    this.#queue.push(tag);
    this.#queuedBytes += tag.body.length;
  }

  /** The reader loses its backlog but not the headers in it: without them nothing that follows can be decoded. */
  #dropQueued(): void {
    const last = new Map<LiveTag['kind'], LiveTag>();
    for (const tag of this.#queue.slice(this.#head)) {
      if (isMedia(tag)) this.#droppedTags += 1;
      else last.set(tag.kind, tag);
    }
    const kept = [...last.values()];
    this.#queue = kept;
    this.#head = 0;
    this.#queuedBytes = kept.reduce((bytes, tag) => bytes + tag.body.length, 0);
    this.#awaitingKeyFrame = this.#hasVideo;
  }

  /** Of headers with no media between them only the last counts: a reader that takes nothing holds at most one of each kind. */
  #removeObsolete(kind: LiveTag['kind']): void {
    for (let index = this.#queue.length - 1; index >= this.#head; index -= 1) {
      const tag = this.#queue[index];
      if (tag === undefined || isMedia(tag)) return;
      if (tag.kind !== kind) continue;
      this.#queue.splice(index, 1);
      this.#queuedBytes -= tag.body.length;
    }
  }
}

/** A frame, as opposed to a sequence header or metadata. */
function isMedia(tag: LiveTag): boolean {
  return tag.kind !== 'script' && !tag.sequenceHeader;
}
