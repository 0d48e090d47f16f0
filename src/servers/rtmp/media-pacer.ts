// Detects a publisher that sends faster than real time (a file without -re), so that its data waits in its own socket and not in our
// memory.

import type { Milliseconds } from '../../protocols/units.js';

/** A larger step is a jump of the timeline, not media, and is not counted; the stream's timeline repairs it. */
const MAX_STEP: Milliseconds = 5_000;
/** Media time that a publisher may catch up after a network interruption, in addition to the allowed lead. */
const MAX_CREDIT: Milliseconds = 20_000;

export class MediaPacer {
  #lastTimestamp: Milliseconds | undefined;
  #lastNow: Milliseconds = 0;
  #ahead: Milliseconds = 0;

  /**
   * @param timestamp u32 of an audio or video message, as on the wire; differences are taken modulo 2^32.
   * @param now monotonic clock.
   * @returns how far the media is ahead of the clock; negative if it is behind
   */
  note(timestamp: Milliseconds, now: Milliseconds): Milliseconds {
    if (this.#lastTimestamp === undefined) {
      this.#lastTimestamp = timestamp;
      this.#lastNow = now;
      return 0;
    }
    const step = (timestamp - this.#lastTimestamp) | 0;
    if (step > 0 || step < -MAX_STEP) this.#lastTimestamp = timestamp;
    if (step > 0 && step <= MAX_STEP) this.#ahead += step;
    this.#ahead = Math.max(this.#ahead - (now - this.#lastNow), -MAX_CREDIT);
    this.#lastNow = now;
    return this.#ahead;
  }
}
