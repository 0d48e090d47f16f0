// Measures one track of a publisher: its rates, and whether its timestamps advance.
import type { BitsPerSecond, Milliseconds } from '../protocols/units.js';

/** Long enough for a whole GOP of most encoders, and short enough to follow changes. */
const WINDOW: Milliseconds = 2_000;
/** Bundled frames share a timestamp, and so may a burst after a pause. Neither has more frames than this. */
const FRAMES_AT_ONE_TIME = 50;

export class TrackMeter {
  #start: Milliseconds | undefined;
  #bytes = 0;
  #frames = 0;
  #bitrate: BitsPerSecond = 0;
  #frameRate = 0;
  #lastTimestamp: Milliseconds | undefined;
  #sameTimestamps = 0;

  /** 0 until the first window is full. */
  get bitrate(): BitsPerSecond {
    return this.#bitrate;
  }

  /** Frames per second; 0 until the first window is full. */
  get frameRate(): number {
    return this.#frameRate;
  }

  /**
   * Adds a frame. Rates are measured on the stream's own timeline, so that a burst after a network pause does not look like a high bit rate.
   * @returns whether new rates were measured
   */
  add(dts: Milliseconds, bytes: number): boolean {
    this.#start ??= dts;
    const elapsed = dts - this.#start;
    const isFull = elapsed >= WINDOW;
    if (isFull) {
      this.#bitrate = Math.round((this.#bytes * 8 * 1000) / elapsed);
      this.#frameRate = (this.#frames * 1000) / elapsed;
      this.#start = dts;
      this.#bytes = 0;
      this.#frames = 0;
    }
    this.#bytes += bytes;
    this.#frames += 1;
    return isFull;
  }

  /**
   * Detects a publisher whose timestamps do not advance. It looks like a slow one, but its frames cannot be shown at the right time.
   * @param timestamp of each message, as on the wire
   * @returns true once, at the frame that proves it
   */
  standsStill(timestamp: Milliseconds): boolean {
    this.#sameTimestamps = timestamp === this.#lastTimestamp ? this.#sameTimestamps + 1 : 0;
    this.#lastTimestamp = timestamp;
    return this.#sameTimestamps === FRAMES_AT_ONE_TIME;
  }
}
