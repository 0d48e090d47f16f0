// What FFmpeg was given and may not have made anything of yet: should it die, its successor is given this again and goes on.
import type { LiveTag } from '../live/tag.js';
import type { Milliseconds } from '../protocols/units.js';

export interface SentTagsOptions {
  /** Pictures are fed: only what begins with a key frame can be given again. */
  readonly video: boolean;
  /** Presentation time up to which everything was made of what was sent. */
  readonly madeUntil: () => Milliseconds;
  /** Bytes kept at most: most are those that are kept for new viewers anyway. */
  readonly maxBytes: number;
}

/** Sound is sent this much before or after the picture it belongs to, and decoders of sound begin so much earlier. */
const INTERLEAVING: Milliseconds = 500;
/** Sound without pictures could begin anywhere: it is looked through once for so many tags. */
const AUDIO_TAGS_PER_LOOK = 64;

export class SentTags {
  readonly #options: SentTagsOptions;
  /** Begins with a key frame if pictures are fed. */
  #tags: LiveTag[] = [];
  #bytes = 0;

  constructor(options: SentTagsOptions) {
    this.#options = options;
  }

  /** A frame is on its way to FFmpeg. */
  note(tag: LiveTag): void {
    const { video } = this.#options;
    if (video && this.#tags.length === 0 && !tag.keyFrame) return;
    this.#tags.push(tag);
    this.#bytes += tag.body.length;
    if (tag.keyFrame || (!video && this.#tags.length % AUDIO_TAGS_PER_LOOK === 0)) this.#forgetMade();
    this.#keepBound();
  }

  /** All of it, in order; none is left. */
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

  /** What is too much goes up to the next key frame: without its beginning the rest is of no use. */
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
