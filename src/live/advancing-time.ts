// Detects a publisher whose timestamps do not advance. It looks like a slow one, but its frames cannot be shown at the right time.
import type { Milliseconds } from '../protocols/units.js';

/** Bundled frames share a timestamp, and so may a burst after a pause; neither has more frames than this. */
const FRAMES_AT_ONE_TIME = 50;

export class AdvancingTime {
  #last: Milliseconds | undefined;
  #same = 0;

  /** @returns true once, at the frame that proves that the timestamps of this kind do not advance */
  standsStill(timestamp: Milliseconds): boolean {
    this.#same = timestamp === this.#last ? this.#same + 1 : 0;
    this.#last = timestamp;
    return this.#same === FRAMES_AT_ONE_TIME;
  }
}
