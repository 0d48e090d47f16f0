// The periods of a stream: where its parameters or its publisher changed. They are numbered once for all renditions.
import { type Milliseconds, millisecondsToSeconds, type Seconds } from '../../protocols/units.js';

/** Number of periods remembered: far more than a window can contain. */
const PERIODS_REMEMBERED = 256;

/** The time from one EXT-X-DISCONTINUITY to the next. All renditions share the object. */
export interface StreamPeriod {
  /** Index of its first segment in the cut schedule. */
  readonly startIndex: number;
  /** Media time at which that segment begins. */
  readonly start: Seconds;
  /** Whether that segment has EXT-X-DISCONTINUITY. */
  readonly discontinuity: boolean;
  /** Number of EXT-X-DISCONTINUITY tags up to and including that segment, since the name was first live. */
  readonly discontinuityNumber: number;
}

export interface StreamPeriodsOptions {
  /** Default 0. */
  readonly firstDiscontinuitySequence?: number | undefined;
  /** Whether the very first period continues an earlier presentation of the name. */
  readonly continuesEarlier?: boolean | undefined;
}

export class StreamPeriods {
  readonly #options: StreamPeriodsOptions;
  #begun: StreamPeriod[] = [];
  #requested = true;

  constructor(options: StreamPeriodsOptions) {
    this.#options = options;
  }

  /** Whether a period was requested whose first segment has not come yet. */
  get requested(): boolean {
    return this.#requested;
  }

  /** Number of EXT-X-DISCONTINUITY tags so far. */
  get discontinuityNumber(): number {
    return this.#begun.at(-1)?.discontinuityNumber ?? this.#options.firstDiscontinuitySequence ?? 0;
  }

  /** Requests that a period begin with the next segment that can begin one. A second call before that changes nothing. */
  request(): void {
    this.#requested = true;
  }

  /** Call for each cut, which begins the next segment. */
  noteCut(index: number, time: Milliseconds): void {
    if (this.#requested) this.begin(index, millisecondsToSeconds(time));
  }

  begin(startIndex: number, start: Seconds): StreamPeriod {
    // A period without any segment is dropped.
    while ((this.#begun.at(-1)?.startIndex ?? -1) >= startIndex) this.#begun.pop();
    const discontinuity = this.#begun.length > 0 || this.#options.continuesEarlier === true;
    const period = {
      startIndex,
      start,
      discontinuity,
      discontinuityNumber: this.discontinuityNumber + (discontinuity ? 1 : 0),
    };
    this.#begun.push(period);
    if (this.#begun.length > PERIODS_REMEMBERED) this.#begun.shift();
    this.#requested = false;
    return period;
  }

  /** The period of segment `index` of the cut schedule; undefined before the first. */
  at(index: number): StreamPeriod | undefined {
    for (let i = this.#begun.length - 1; i >= 0; i -= 1) {
      const period = this.#begun[i];
      if (period !== undefined && index >= period.startIndex) return period;
    }
    return undefined;
  }

  /** Starts again, because nothing was published yet. */
  reset(): void {
    this.#begun = [];
    this.#requested = true;
  }
}
