// The cuts of a stream by their index, in bounded memory. Indexes count over the whole life of the stream.

import type { Milliseconds } from '../../protocols/units.js';
import type { Cut } from './cut-policy.js';

/** Half an hour of 1 s segments, far more than any rendition lags behind. */
const CUTS_REMEMBERED = 2_048;

export class CutList {
  #cuts: Cut[] = [];
  #firstIndex = 0;

  /** Index of the oldest cut that is remembered. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** -1 before the first cut. */
  get lastIndex(): number {
    return this.#firstIndex + this.#cuts.length - 1;
  }

  get first(): Cut | undefined {
    return this.#cuts[0];
  }

  get last(): Cut | undefined {
    return this.#cuts.at(-1);
  }

  at(index: number): Cut | undefined {
    return this.#cuts[index - this.#firstIndex];
  }

  /**
   * @param tolerance how much earlier than a cut still counts as at it
   * @returns the index of the last cut at or before `time`; one less than the first index when there is none
   */
  indexAt(time: Milliseconds, tolerance: Milliseconds): number {
    for (let i = this.#cuts.length - 1; i >= 0; i -= 1) {
      const cut = this.#cuts[i];
      if (cut !== undefined && time >= cut.time - tolerance) return this.#firstIndex + i;
    }
    return this.#firstIndex - 1;
  }

  add(cut: Cut): void {
    this.#cuts.push(cut);
    if (this.#cuts.length > 2 * CUTS_REMEMBERED) {
      this.#firstIndex += CUTS_REMEMBERED;
      this.#cuts = this.#cuts.slice(CUTS_REMEMBERED);
    }
  }

  /** The cuts after this one did not happen. */
  forgetAfter(lastIndex: number): void {
    this.#cuts.length = Math.max(0, Math.min(this.#cuts.length, lastIndex + 1 - this.#firstIndex));
  }

  clear(): void {
    this.#cuts = [];
    this.#firstIndex = 0;
  }
}
