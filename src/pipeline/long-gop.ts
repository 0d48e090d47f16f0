// Detects a publisher whose key frames are too far apart to cut segments at them; its source is then encoded.
import type { LiveTag } from '../live/tag.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';

/** In pictures: in a source with one picture every ten seconds, every second one may be a key frame. */
const SHORTEST_LONG_GOP = 2.5;

/** One per publisher. */
export class LongGop {
  readonly #longest: Milliseconds;
  #lastKeyFrame: Milliseconds | undefined;
  #lastPicture: Milliseconds | undefined;
  #interval: Milliseconds = 0;
  #found = false;

  /** @param maxGop longest GOP that is cut without encoding */
  constructor(maxGop: Seconds) {
    this.#longest = secondsToMilliseconds(maxGop);
  }

  /** Whether a long GOP was found; the key frames are then our own. */
  get found(): boolean {
    return this.#found;
  }

  note({ kind, keyFrame, dts }: LiveTag): void {
    if (kind !== 'video') return;
    if (keyFrame) this.#lastKeyFrame = dts;
    this.#interval = dts - (this.#lastPicture ?? dts);
    this.#lastPicture = dts;
  }

  /** Whether this tag, already noted, is too far from the last key frame. */
  exceeds({ kind, dts }: LiveTag): boolean {
    const last = this.#lastKeyFrame;
    return (
      !this.#found &&
      kind === 'video' &&
      last !== undefined &&
      dts - last > Math.max(this.#longest, SHORTEST_LONG_GOP * this.#interval)
    );
  }

  /** @returns false if it was already known */
  find(): boolean {
    const first = !this.#found;
    this.#found = true;
    return first;
  }
}
