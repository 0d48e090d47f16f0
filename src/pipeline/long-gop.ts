// Notices a publisher whose key frames are too far apart to cut segments at; from then on its source is encoded.
import type { LiveTag } from '../live/tag.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';

/** In pictures: of a source of one in ten seconds, every second one may be a key frame. */
const SHORTEST_LONG_GOP = 2.5;

/** Of one publisher. */
export class LongGop {
  readonly #longest: Milliseconds;
  #lastKeyFrame: Milliseconds | undefined;
  #lastPicture: Milliseconds | undefined;
  #interval: Milliseconds = 0;
  #found = false;

  /** @param maxGop groups of pictures up to this are cut as they are */
  constructor(maxGop: Seconds) {
    this.#longest = secondsToMilliseconds(maxGop);
  }

  /** It was found to have one: the cuts are ours. */
  get found(): boolean {
    return this.#found;
  }

  note({ kind, keyFrame, dts }: LiveTag): void {
    if (kind !== 'video') return;
    if (keyFrame) this.#lastKeyFrame = dts;
    this.#interval = dts - (this.#lastPicture ?? dts);
    this.#lastPicture = dts;
  }

  /** This tag, which was noted, is further from the last key frame than it should be. */
  exceeds({ kind, dts }: LiveTag): boolean {
    const last = this.#lastKeyFrame;
    return (
      !this.#found &&
      kind === 'video' &&
      last !== undefined &&
      dts - last > Math.max(this.#longest, SHORTEST_LONG_GOP * this.#interval)
    );
  }

  /** @returns false when it was known */
  find(): boolean {
    const first = !this.#found;
    this.#found = true;
    return first;
  }
}
