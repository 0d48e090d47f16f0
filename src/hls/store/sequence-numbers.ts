// Ensures that media sequence numbers are never reused for a name, whichever process dies: a reused file name behind a CDN corrupts the
// stream.

import type { Clock } from '../../protocols/clock.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../../protocols/units.js';
import type { StorePath } from './segment-store.js';

/**
 * A new name starts at the number of seconds since 2024-01-01T00:00:00Z, so that numbers grow even if the files of an earlier process are
 * gone. With a media directory the numbers on disk count as well.
 */
const EPOCH: Milliseconds = Date.UTC(2024, 0, 1);

/**
 * Without a media directory, nothing is known of an earlier process but the time, so numbers must grow faster than any stream uses them:
 * eight per second, counted from 2026. A segment lasts at least 0.4 s. A publisher that begins with a burst is at most `maxMediaAhead` ahead,
 * which a second makes up for in streams with ordinary segments. Numbers may repeat if the wall clock was set back before a restart. They stay
 * below 2^32, which MPEG-DASH requires of startNumber (ISO/IEC 23009-1 5.3.9.2.2), until 2043.
 */
const WITHOUT_FILES = { epoch: Date.UTC(2026, 0, 1), perSecond: 8 };

/** Number of ended names that are remembered; for older ones the clock ensures unused numbers. */
const REMEMBERED_NAMES = 10_000;

export interface SequenceStart {
  readonly firstMediaSequence: number;
  readonly firstDiscontinuitySequence: number;
  /** Whether players may still hold an earlier playlist of this name. */
  readonly continuesEarlier: boolean;
  /** See `EarlierLife.endDate`. */
  readonly earliestDate?: EpochMilliseconds;
  /** See `EarlierLife.longestGop`. */
  readonly knownGop?: Seconds;
}

export interface EarlierLife {
  /** One more than the highest media sequence number used. */
  readonly next: number;
  readonly discontinuityNumber: number;
  /** Last date of a presentation that did not end properly: players that still wait for this name must not see dates go back. */
  readonly endDate?: EpochMilliseconds;
  /** Longest GOP of its publisher, as far as it is known. */
  readonly longestGop?: Seconds | undefined;
}

/** By stream directory, `live/name`. */
export type RecoveredSequences = ReadonlyMap<StorePath, EarlierLife>;

export interface SequenceNumbersOptions {
  readonly clock: Clock;
  readonly recovered?: RecoveredSequences;
  /**
   * Whether earlier processes left no trace, because nothing is kept on disk: players may still hold a playlist of any name. Its
   * discontinuity numbers are unknown too, so they are taken from the clock.
   */
  readonly earlierUnknown?: boolean;
}

export class SequenceNumbers {
  readonly #clock: Clock;
  readonly #earlierUnknown: boolean;
  readonly #lives: Map<StorePath, EarlierLife>;
  readonly #startedAt: { readonly wallClock: number; readonly monotonic: Milliseconds };

  constructor(options: SequenceNumbersOptions) {
    this.#clock = options.clock;
    this.#earlierUnknown = options.earlierUnknown ?? false;
    this.#lives = new Map(options.recovered);
    this.#startedAt = { wallClock: this.#clock.wallClock(), monotonic: this.#clock.now() };
  }

  /** The numbers for a new presentation of this name. */
  next(app: string, name: string): SequenceStart {
    const life = this.#lives.get(`${app}/${name}`);
    const seconds = this.#secondsSinceEpoch();
    const first = Math.max(1, this.#byTime(), life?.next ?? 0);
    return {
      firstMediaSequence: first,
      firstDiscontinuitySequence: life?.discontinuityNumber ?? (this.#earlierUnknown ? Math.max(0, seconds) : 0),
      continuesEarlier: life !== undefined || this.#earlierUnknown,
      ...(life?.endDate !== undefined && { earliestDate: life.endDate }),
      ...(life?.longestGop !== undefined && { knownGop: life.longestGop }),
    };
  }

  /** Call when a presentation of this name ends. @param life without `endDate`, because it has ended properly */
  remember(app: string, name: string, { next, discontinuityNumber, longestGop }: EarlierLife): void {
    const key = `${app}/${name}`;
    const earlier = this.#lives.get(key);
    this.#lives.delete(key);
    this.#lives.set(key, { next: Math.max(next, earlier?.next ?? 0), discontinuityNumber, longestGop });
    if (this.#lives.size <= REMEMBERED_NAMES) return;
    const now = this.#byTime();
    for (const [oldest, life] of this.#lives) {
      // The map is in the order in which names ended. A name whose numbers are ahead of the clock must be kept.
      if (life.next < now) {
        this.#lives.delete(oldest);
        return;
      }
    }
  }

  /** The wall clock may be set back while the gateway runs; numbers must not go back. */
  #byTime(): number {
    const { epoch, perSecond } = WITHOUT_FILES;
    return this.#earlierUnknown ? this.#numberByTime(epoch, perSecond) : this.#secondsSinceEpoch();
  }

  #numberByTime(epoch: Milliseconds, perSecond: number): number {
    const { wallClock, monotonic } = this.#startedAt;
    return Math.floor(((wallClock + this.#clock.now() - monotonic - epoch) * perSecond) / 1000);
  }

  #secondsSinceEpoch(): number {
    return this.#numberByTime(EPOCH, 1);
  }
}
