// Remembers the key frames of the source: those of an encoder are at nearly the same times and begin the same segments.
import type { Milliseconds } from '../../protocols/units.js';

/** If every picture is a key frame, this is still more than half a minute. */
const REMEMBERED = 2_048;

export class KeyFrameMemory {
  /** Presentation times, the newest last. */
  #times: Milliseconds[] = [];

  note(time: Milliseconds): void {
    this.#times.push(time);
    if (this.#times.length > 2 * REMEMBERED) this.#times = this.#times.slice(REMEMBERED);
  }

  clear(): void {
    this.#times = [];
  }

  /** @returns undefined if none is less than `within` away */
  nearest(time: Milliseconds, within: Milliseconds): Milliseconds | undefined {
    let nearest: Milliseconds | undefined;
    for (let i = this.#times.length - 1; i >= 0; i -= 1) {
      const keyFrame = this.#times[i] ?? 0;
      if (nearest === undefined || Math.abs(keyFrame - time) < Math.abs(nearest - time)) nearest = keyFrame;
      if (keyFrame <= time) break;
    }
    return nearest !== undefined && Math.abs(nearest - time) < within ? nearest : undefined;
  }
}
