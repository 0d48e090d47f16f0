// Whether playlists may promise that every segment begins with a key frame: EXT-X-INDEPENDENT-SEGMENTS.
import type { Milliseconds } from '../../protocols/units.js';

export class Independence {
  #holds = true;
  #earlyEnd: { readonly next: number; readonly shortenedBy: Milliseconds } | undefined;

  /**
   * Whether it holds for a list that begins with segment `first`, and for all segments that follow. Once false because of a GOP that was
   * too long, it stays false.
   */
  isFrom(first: number): boolean {
    return this.#holds && first > (this.#earlyEnd?.next ?? Number.NEGATIVE_INFINITY);
  }

  /** How much shorter than a segment should be the first one is, because somebody waited for it. */
  get firstShortenedBy(): Milliseconds {
    return this.#earlyEnd?.shortenedBy ?? 0;
  }

  /** A GOP is longer than a segment may be: segments begin without a key frame. */
  end(): void {
    this.#holds = false;
  }

  /** Somebody waited for the first segment: it was made shorter. @param next the one after it, which begins without a key frame */
  endFirstEarly(next: number, shortenedBy: Milliseconds): void {
    this.#earlyEnd = { next, shortenedBy };
  }

  /** Nothing was published yet. */
  reset(): void {
    this.#holds = true;
    this.#earlyEnd = undefined;
  }
}
