// Where the stream's parameters or its publisher changed, and how that is numbered: once, for all renditions.
import type { Seconds } from '../../protocols/units.js';

/** Epochs remembered: far more than a window can show. */
const EPOCHS_REMEMBERED = 256;

/** From one EXT-X-DISCONTINUITY to the next. The same object serves all renditions. */
export interface Epoch {
  /** Its first segment, of the cut schedule. */
  readonly startIndex: number;
  /** Media time at which that begins. */
  readonly start: Seconds;
  /** That segment carries EXT-X-DISCONTINUITY. */
  readonly discontinuity: boolean;
  /** EXT-X-DISCONTINUITY tags up to and with that segment since the name was first live. */
  readonly discontinuityNumber: number;
}

export interface EpochsOptions {
  readonly firstDiscontinuitySequence: number;
  /** The very first epoch continues an earlier life of the name. */
  readonly continuesEarlier: boolean;
}

export class Epochs {
  readonly #options: EpochsOptions;
  #begun: Epoch[] = [];
  #awaited = true;

  constructor(options: EpochsOptions) {
    this.#options = options;
  }

  /** An epoch was asked for, and its first segment has not come. */
  get awaited(): boolean {
    return this.#awaited;
  }

  /** EXT-X-DISCONTINUITY tags so far. */
  get discontinuityNumber(): number {
    return this.#begun.at(-1)?.discontinuityNumber ?? this.#options.firstDiscontinuitySequence;
  }

  /** The next segment that can begins an epoch. Asking again before it came changes nothing. */
  await(): void {
    this.#awaited = true;
  }

  begin(startIndex: number, start: Seconds): Epoch {
    // An epoch in which no segment was made never was.
    while ((this.#begun.at(-1)?.startIndex ?? -1) >= startIndex) this.#begun.pop();
    const discontinuity = this.#begun.length > 0 || this.#options.continuesEarlier;
    const epoch = {
      startIndex,
      start,
      discontinuity,
      discontinuityNumber: this.discontinuityNumber + (discontinuity ? 1 : 0),
    };
    this.#begun.push(epoch);
    if (this.#begun.length > EPOCHS_REMEMBERED) this.#begun.shift();
    this.#awaited = false;
    return epoch;
  }

  /** Of segment `index` of the cut schedule; undefined before the first. */
  at(index: number): Epoch | undefined {
    for (let i = this.#begun.length - 1; i >= 0; i -= 1) {
      const epoch = this.#begun[i];
      if (epoch !== undefined && index >= epoch.startIndex) return epoch;
    }
    return undefined;
  }

  /** Nothing was shown to anybody yet. */
  reset(): void {
    this.#begun = [];
    this.#awaited = true;
  }
}
