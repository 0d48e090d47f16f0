// A publisher whose clock stands still looks like one that is slow: its frames come, and nothing can be shown at its time.
import type { Milliseconds } from '../protocols/units.js';

/** Bundles of frames share a timestamp, and a burst after a pause may; no bundle is as long as this. */
const FRAMES_AT_ONE_TIME = 50;

export class AdvancingTime {
  #last: Milliseconds | undefined;
  #same = 0;

  /** @returns true once, at the frame that makes it sure that this kind's timestamps do not advance */
  standsStill(timestamp: Milliseconds): boolean {
    this.#same = timestamp === this.#last ? this.#same + 1 : 0;
    this.#last = timestamp;
    return this.#same === FRAMES_AT_ONE_TIME;
  }
}
