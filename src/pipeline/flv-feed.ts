// Carries tags from a subscription into FFmpeg's stdin as FLV, at the pace FFmpeg takes them; the subscription holds what waits.
import type { Subscription } from '../live/subscription.js';
import type { LiveTag } from '../live/tag.js';
import { FLV_HEADER, flvTag } from '../protocols/flv/flv-writer.js';

/** Where FLV goes; `write` says false when the writer must wait for a call of `resume`. */
export interface FlvSink {
  readonly accepting: boolean;
  write(buffers: readonly Buffer[]): boolean;
}

export interface FlvFeedOptions {
  readonly subscription: Subscription;
  readonly sink: FlvSink;
  readonly video: boolean;
  readonly audio: boolean;
}

/** Audio tags that wait for a picture to go out with: each write wakes FFmpeg, and audio alone would wake it 47 times a second. */
const MAX_BATCHED_TAGS = 4;

/** The state of one FFmpeg's input: nothing of a track before its sequence header, no picture before a key frame. */
export class FlvFeed {
  readonly #options: FlvFeedOptions;
  #blocked = true;
  #sawKeyFrame = false;
  #videoHeader: LiveTag | undefined;
  #audioHeader: LiveTag | undefined;
  /** Tags that go out with the next picture. */
  #batch: Buffer[] = [];
  #batchedTags = 0;

  constructor(options: FlvFeedOptions) {
    this.#options = options;
  }

  /** A new FFmpeg waits for its input. */
  begin(): void {
    const { sink, video, audio } = this.#options;
    this.#sawKeyFrame = false;
    this.#batch = [];
    this.#batchedTags = 0;
    this.#blocked = !sink.write([FLV_HEADER(audio, video)]);
    for (const header of [this.#videoHeader, this.#audioHeader]) if (header !== undefined) this.#write(header);
    this.pump();
  }

  /** The sink has room again. */
  resume(): void {
    this.#blocked = false;
    this.pump();
  }

  /** Moves what is there; called whenever either side may have become able to. */
  pump(): void {
    const { subscription, sink } = this.#options;
    // While no FFmpeg listens the subscription holds the tags, so that a key frame in them is where the next one begins.
    while (!this.#blocked && sink.accepting) {
      const tag = subscription.take();
      if (tag === undefined) return;
      this.#route(tag);
    }
  }

  #route(tag: LiveTag): void {
    const { video, audio } = this.#options;
    if (tag.kind === 'script' || !(tag.kind === 'video' ? video : audio)) return;
    if (tag.sequenceHeader) {
      if (tag.kind === 'video') this.#videoHeader = tag;
      else this.#audioHeader = tag;
    } else if (tag.kind === 'video' && tag.keyFrame) {
      this.#sawKeyFrame = true;
    }
    // Without a picture to begin with, FFmpeg would start the audio early and the first segment with no key frame.
    const awaitsKeyFrame = video && !this.#sawKeyFrame && !tag.sequenceHeader;
    if (!awaitsKeyFrame) this.#write(tag);
  }

  /** The publisher is gone: all that it sent goes out, also past the mark at which a live one would wait. */
  finish(): void {
    const { subscription, sink } = this.#options;
    while (sink.accepting) {
      const tag = subscription.take();
      if (tag === undefined) break;
      this.#route(tag);
    }
    this.#flush();
  }

  #flush(): void {
    const batch = this.#batch;
    this.#batch = [];
    this.#batchedTags = 0;
    if (batch.length > 0 && !this.#options.sink.write(batch)) this.#blocked = true;
  }

  #write(tag: LiveTag): void {
    this.#batch.push(...flvTag(tag.kind, tag.dts, tag.body));
    this.#batchedTags += 1;
    if (tag.kind !== 'audio' || !this.#options.video || this.#batchedTags >= MAX_BATCHED_TAGS) this.#flush();
  }
}
