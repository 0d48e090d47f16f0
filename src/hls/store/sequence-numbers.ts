// Media sequence numbers are never used twice for a name, whatever died in between: a file name reused behind a CDN is a corrupted stream.

import type { Clock } from '../../protocols/clock.js';
import type { EpochMilliseconds, Milliseconds } from '../../protocols/units.js';
import type { StorePath } from './segment-store.js';

/** 2024-01-01T00:00:00Z. A stream makes fewer than one segment a second, so numbers counted from here run ahead of any use. */
const EPOCH: Milliseconds = Date.UTC(2024, 0, 1);

/** Names remembered after their end; older ones are covered by the clock. */
const REMEMBERED_NAMES = 10_000;

export interface SequenceStart {
  readonly firstMediaSequence: number;
  readonly firstDiscontinuitySequence: number;
  /** Players may still hold an earlier playlist of this name. */
  readonly continuesEarlier: boolean;
  /** See `EarlierLife.endDate`. */
  readonly earliestDate?: EpochMilliseconds;
}

export interface EarlierLife {
  /** One past the highest media sequence number used. */
  readonly next: number;
  readonly discontinuityNumber: number;
  /** Where the dates of a life end that has no end yet: whoever waits for more of it must not see dates go back. */
  readonly endDate?: EpochMilliseconds;
}

/** By stream directory, `live/name`. */
export type RecoveredSequences = ReadonlyMap<StorePath, EarlierLife>;

export interface SequenceNumbersOptions {
  readonly clock: Clock;
  readonly recovered?: RecoveredSequences;
}

export class SequenceNumbers {
  readonly #clock: Clock;
  readonly #lives: Map<StorePath, EarlierLife>;
  readonly #startedAt: { readonly wallClock: number; readonly monotonic: Milliseconds };

  constructor(options: SequenceNumbersOptions) {
    this.#clock = options.clock;
    this.#lives = new Map(options.recovered);
    this.#startedAt = { wallClock: this.#clock.wallClock(), monotonic: this.#clock.now() };
  }

  /** For a new presentation of this name. */
  next(app: string, name: string): SequenceStart {
    const life = this.#lives.get(`${app}/${name}`);
    const first = Math.max(1, this.#secondsSinceEpoch(), life?.next ?? 0);
    return {
      firstMediaSequence: first,
      firstDiscontinuitySequence: life?.discontinuityNumber ?? 0,
      continuesEarlier: life !== undefined,
      ...(life?.endDate !== undefined && { earliestDate: life.endDate }),
    };
  }

  /** A presentation of this name has used numbers below `next`; call when it ends. */
  used(app: string, name: string, next: number, discontinuityNumber: number): void {
    const key = `${app}/${name}`;
    const earlier = this.#lives.get(key);
    this.#lives.delete(key);
    this.#lives.set(key, { next: Math.max(next, earlier?.next ?? 0), discontinuityNumber });
    if (this.#lives.size <= REMEMBERED_NAMES) return;
    const now = this.#secondsSinceEpoch();
    for (const [oldest, { next: used }] of this.#lives) {
      // Insertion order is order of ending. A name whose numbers run ahead of the clock must be kept.
      if (used < now) {
        this.#lives.delete(oldest);
        return;
      }
    }
  }

  /** The wall clock may be set back while we run; numbers must not follow it. */
  #secondsSinceEpoch(): number {
    const { wallClock, monotonic } = this.#startedAt;
    return Math.floor((wallClock + this.#clock.now() - monotonic - EPOCH) / 1000);
  }
}
