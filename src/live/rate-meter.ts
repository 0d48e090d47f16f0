// Measures rates on the stream's own timeline, so that a burst after a network pause does not look like a high bit rate.
import type { BitsPerSecond, Milliseconds } from '../protocols/units.js';

/** Long enough for a whole GOP of most encoders, short enough to follow changes. */
const WINDOW: Milliseconds = 2_000;

export class RateMeter {
  #start: Milliseconds | undefined;
  #bytes = 0;
  #frames = 0;
  #bitrate: BitsPerSecond = 0;
  #frameRate = 0;

  /** 0 until the first window is full. */
  get bitrate(): BitsPerSecond {
    return this.#bitrate;
  }

  /** Frames per second; 0 until the first window is full. */
  get frameRate(): number {
    return this.#frameRate;
  }

  add(dts: Milliseconds, bytes: number): void {
    this.#start ??= dts;
    const elapsed = dts - this.#start;
    if (elapsed >= WINDOW) {
      this.#bitrate = Math.round((this.#bytes * 8 * 1000) / elapsed);
      this.#frameRate = (this.#frames * 1000) / elapsed;
      this.#start = dts;
      this.#bytes = 0;
      this.#frames = 0;
    }
    this.#bytes += bytes;
    this.#frames += 1;
  }
}
