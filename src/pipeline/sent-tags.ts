// Keeps the tags from which FFmpeg may not have produced output yet. If it dies, the next FFmpeg gets them.
import type { LiveTag } from '../live/tag.js';
import type { Milliseconds } from '../protocols/units.js';

export interface SentTagsOptions {
  /** Whether video is fed: then only tags from a key frame on can be sent again. */
  readonly video: boolean;
  /** Presentation time up to which FFmpeg has delivered all its output. */
  readonly madeUntil: () => Milliseconds;
  /** Maximum number of bytes. Most of them are in memory anyway, for new viewers. */
  readonly maxBytes: number;
}

/** Audio is sent up to this long before or after the picture of its time, and audio decoders start up to this much earlier. */
const INTERLEAVING: Milliseconds = 500;
/** Audio without video can be cut anywhere, so it is checked only once per this many tags. */
const AUDIO_TAGS_PER_LOOK = 64;

export class SentTags {
  readonly #options: SentTagsOptions;
  /** Begins with a key frame if video is fed. */
  #tags: LiveTag[] = [];
  #bytes = 0;

  constructor(options: SentTagsOptions) {
    this.#options = options;
  }

  /** Call for each frame that is sent to FFmpeg. */
  note(tag: LiveTag): void {
    const { video } = this.#options;
    if (video && this.#tags.length === 0 && !tag.keyFrame) return;
    this.#tags.push(tag);
    this.#bytes += tag.body.length;
    if (tag.keyFrame || (!video && this.#tags.length % AUDIO_TAGS_PER_LOOK === 0)) this.#forgetMade();
    this.#keepBound();
  }

  /** Returns and removes all tags, in order. */
  takeAll(): LiveTag[] {
    const tags = this.#tags;
    this.clear();
    return tags;
  }

  clear(): void {
    this.#tags = [];
    this.#bytes = 0;
  }

  #forgetMade(): void {
    const until = this.#options.madeUntil() - INTERLEAVING;
    const first = this.#tags.findLastIndex((tag) => this.#canBegin(tag) && tag.dts + tag.compositionTime <= until);
    if (first > 0) this.#drop(first);
  }

  /** Drops the oldest tags above the limit, up to the next key frame: the rest of a GOP is useless without its beginning. */
  #keepBound(): void {
    while (this.#bytes > this.#options.maxBytes) {
      const next = this.#tags.findIndex((tag, index) => index > 0 && this.#canBegin(tag));
      this.#drop(next < 0 ? this.#tags.length : next);
    }
  }

  #canBegin(tag: LiveTag): boolean {
    return !this.#options.video || tag.keyFrame;
  }

  #drop(count: number): void {
    for (const { body } of this.#tags.splice(0, count)) this.#bytes -= body.length;
  }
}
