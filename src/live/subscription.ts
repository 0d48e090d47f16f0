// A reader with its own bounded queue, so that a slow reader costs bounded memory and never delays the publisher.
import { type LiveTag, TAG_OVERHEAD } from './tag.js';

export interface SubscribeOptions {
  /** Limit of the queued tags in bytes. Beyond it the reader loses all tags up to the next key frame. */
  readonly maxBytes: number;
  /** Called each time the queue stops being empty. The reader should then take tags until none is left. */
  readonly onReadable?: () => void;
}

/** Taken entries are removed from the array only after this many, which makes taking O(1) amortized. */
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

  /** Created by `LiveStream.subscribe`. `onClose` is called once. */
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

  /** Number of tags dropped because this reader was too slow. */
  get droppedTags(): number {
    return this.#droppedTags;
  }

  /** Whether no more tags will be added. Queued tags can still be taken. */
  get ended(): boolean {
    return this.#ended;
  }

  take(): LiveTag | undefined {
    const tag = this.#queue[this.#head];
    if (tag === undefined) return undefined;
    this.#head += 1;
    this.#queuedBytes -= tag.body.length + TAG_OVERHEAD;
    if (this.#head === this.#queue.length) {
      this.#queue = [];
      this.#head = 0;
    } else if (this.#head === COMPACT_AT) {
      this.#queue.splice(0, this.#head);
      this.#head = 0;
    }
    return tag;
  }

  /** Releases the queue and unsubscribes; later calls do nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#ended = true;
    this.#queue = [];
    this.#head = 0;
    this.#queuedBytes = 0;
    this.#onClose();
  }

  /** Called by the stream: queues a new tag, or drops it. */
  offer(tag: LiveTag): void {
    if (this.#ended) return;
    const wasEmpty = this.queuedTags === 0;
    this.#enqueue(tag);
    if (wasEmpty && this.queuedTags > 0) this.#onReadable?.();
  }

  /** Called by the stream: queues the tags with which a new reader starts. `onReadable` follows when the caller has the subscription. */
  prefill(tags: readonly LiveTag[]): void {
    for (const tag of tags) this.#enqueue(tag);
    if (this.queuedTags === 0) return;
    queueMicrotask(() => {
      if (this.queuedTags > 0) this.#onReadable?.();
    });
  }

  /** Called by the stream: no more tags will come. */
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
    if (this.#queuedBytes + tag.body.length + TAG_OVERHEAD > this.#maxBytes) this.#dropQueued();
    const fits = this.#queuedBytes + tag.body.length + TAG_OVERHEAD <= this.#maxBytes;
    if (tag.keyFrame && fits) this.#awaitingKeyFrame = false;
    if (fits && !this.#awaitingKeyFrame) this.#append(tag);
    else this.#droppedTags += 1;
  }

  #append(tag: LiveTag): void {
    this.#queue.push(tag);
    this.#queuedBytes += tag.body.length + TAG_OVERHEAD;
  }

  /** Drops the queued tags but keeps the headers among them: without these, later tags could not be decoded. */
  #dropQueued(): void {
    const last = new Map<LiveTag['kind'], LiveTag>();
    for (const tag of this.#queue.slice(this.#head)) {
      if (isMedia(tag)) this.#droppedTags += 1;
      else last.set(tag.kind, tag);
    }
    const kept = [...last.values()];
    this.#queue = kept;
    this.#head = 0;
    this.#queuedBytes = kept.reduce((bytes, tag) => bytes + tag.body.length + TAG_OVERHEAD, 0);
    this.#awaitingKeyFrame = this.#hasVideo;
  }

  /** Of consecutive headers of one kind only the last matters, so a reader that takes nothing keeps at most one of each kind. */
  #removeObsolete(kind: LiveTag['kind']): void {
    for (let index = this.#queue.length - 1; index >= this.#head; index -= 1) {
      const tag = this.#queue[index];
      if (tag === undefined || isMedia(tag)) return;
      if (tag.kind !== kind) continue;
      this.#queue.splice(index, 1);
      this.#queuedBytes -= tag.body.length + TAG_OVERHEAD;
    }
  }
}

/** True for what belongs to its moment: a frame or a data message. False for a sequence header or metadata. */
function isMedia(tag: LiveTag): boolean {
  return tag.momentary === true || (tag.kind !== 'script' && !tag.sequenceHeader);
}
