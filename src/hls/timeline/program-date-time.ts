// EXT-X-PROGRAM-DATE-TIME: when a sample arrived at this server. Dates never jump, and never drift away from the wall clock.
import type { Clock } from '../../protocols/clock.js';
import {
  type EpochMilliseconds,
  type Milliseconds,
  type Seconds,
  secondsToMilliseconds,
} from '../../protocols/units.js';

/**
 * Milliseconds of correction per elapsed millisecond. The clock of an encoder is off by 10 to 200 ppm (17 s a day), which this can
 * compensate. A clock that is off by more than 500 ppm is followed at this rate, and its dates deviate more and more. The limit keeps dates
 * and EXTINF in agreement, as RFC 8216bis expects: a correction shifts the end of the longest segment, 10 s, by 5 ms, and a frame at 120
 * frames per second lasts 8 ms.
 */
const CORRECTION = 1 / 2_000;

/** Window for comparing arrivals. Networks delay media but never speed it up, so the earliest arrival is the most accurate. */
const WINDOW: Milliseconds = 60_000;

/** Normal variation of arrivals and reordered pictures. A larger deviation starts a correction, which then removes all of it. */
const TOLERANCE: Milliseconds = 250;

/** Number of stretches kept: late media, whose segment is not made yet, must get the same dates as in the other renditions. */
const STRETCHES_KEPT = 16;

/** The date of media from `from` on is its time plus `offset`, which grows by `slope` until `end`. */
interface Stretch {
  readonly media: Milliseconds;
  readonly offset: Milliseconds;
  readonly slope: number;
  readonly end: Milliseconds;
}

const offsetIn = ({ media, offset, slope, end }: Stretch, time: Milliseconds): Milliseconds =>
  offset + slope * Math.max(0, Math.min(time, end) - media);

/**
 * Starts at the wall clock of the first arrival and continues with media time. Two slow corrections keep dates accurate over days:
 * `#followWallClock` follows the wall clock if somebody sets it, `#followEncoder` the arrival of media if the clock of an encoder is slow or
 * fast. A returning publisher continues the timeline at `now`, so that dates after a pause are as accurate as at the start.
 */
export class ProgramDateTime {
  readonly #clock: Clock;
  readonly #firstArrival: Milliseconds | undefined;
  readonly #earliest: EpochMilliseconds;
  /** The clock of the dates: its value at one moment of the monotonic clock. It follows the wall clock, but never jumps. */
  #dateClock: { readonly at: Milliseconds; readonly date: EpochMilliseconds } | undefined;
  /** Oldest first; the last one applies to all later media. */
  readonly #stretches: Stretch[] = [];
  /** Minimum of arrival date minus media time, in the current window (which lasts until `until`) and in the previous one. */
  #smallestOffset = { until: 0, current: Number.POSITIVE_INFINITY, previous: Number.POSITIVE_INFINITY };
  #newest: Milliseconds = 0;
  #origin: EpochMilliseconds | undefined;
  #isCorrecting = false;

  /**
   * @param firstArrival monotonic time at which the first noted sample arrived; if undefined, the time at which it is noted
   * @param earliest no date is earlier than this: the last date of an earlier presentation of the name
   */
  constructor(clock: Clock, firstArrival: Milliseconds | undefined, earliest: EpochMilliseconds = 0) {
    this.#clock = clock;
    this.#firstArrival = firstArrival;
    this.#earliest = earliest;
  }

  /** A sample with this time, on the stream timeline, has arrived. */
  note(time: Milliseconds): void {
    const now = this.#clock.now();
    if (this.#stretches.length === 0) {
      this.#begin(now, time);
      return;
    }
    const date = this.#followWallClock(now);
    this.#dateClock = { at: now, date };
    this.#newest = Math.max(this.#newest, time);
    this.#smallestOffset.current = Math.min(this.#smallestOffset.current, date - time);
    if (now >= this.#smallestOffset.until) this.#followEncoder(now);
  }

  /** The media time whose date is the current time; undefined before the first sample. */
  get now(): Milliseconds | undefined {
    if (this.#stretches.length === 0) return undefined;
    const date = this.dateNow;
    const about = date - this.#offsetAt(this.#newest);
    return date - this.#offsetAt(about);
  }

  /** The latest time that was noted. */
  get newest(): Milliseconds {
    return this.#newest;
  }

  /** The current time on the clock of these dates, which follows the wall clock without jumps. */
  get dateNow(): EpochMilliseconds {
    return this.#followWallClock(this.#clock.now());
  }

  /**
   * The date of media time 0 without the later corrections: for manifests in which media time and presentation time differ by a constant.
   */
  get origin(): EpochMilliseconds {
    return this.#origin ?? this.dateNow;
  }

  /** The current media time, as a date counted from `origin`. */
  get mediaNow(): EpochMilliseconds {
    return this.origin + (this.now ?? 0);
  }

  at(mediaTime: Seconds): EpochMilliseconds {
    const media = secondsToMilliseconds(mediaTime);
    return this.#stretches.length === 0 ? this.dateNow : media + this.#offsetAt(media);
  }

  #begin(now: Milliseconds, time: Milliseconds): void {
    const arrival = this.#firstArrival ?? now;
    const wallClock = Math.max(this.#earliest, this.#clock.wallClock());
    this.#dateClock = { at: now, date: wallClock };
    this.#newest = time;
    this.#smallestOffset.until = now + WINDOW;
    const offset = wallClock - (now - arrival) - time;
    this.#origin = offset;
    this.#stretches.push({ media: time, offset, slope: 0, end: time });
  }

  /** The date at this moment: it advances with the monotonic clock, and approaches the wall clock by at most `CORRECTION`. */
  #followWallClock(now: Milliseconds): EpochMilliseconds {
    const wallClock = this.#clock.wallClock();
    if (this.#dateClock === undefined) return wallClock;
    const { at, date } = this.#dateClock;
    const passed = Math.max(0, now - at);
    const most = CORRECTION * passed;
    return date + passed + clamp(wallClock - date - passed, most);
  }

  #offsetAt(media: Milliseconds): Milliseconds {
    const stretch = this.#stretches.findLast((one) => one.media <= media) ?? this.#stretches[0];
    return stretch === undefined ? 0 : offsetIn(stretch, media);
  }

  /** At the end of a window: new media gets dates that approach the arrivals. */
  #followEncoder(now: Milliseconds): void {
    const { current, previous } = this.#smallestOffset;
    this.#smallestOffset = { until: now + WINDOW, current: Number.POSITIVE_INFINITY, previous: current };
    // Compares two whole windows, so that a delay in only one of them does not count.
    if (previous === Number.POSITIVE_INFINITY) return;
    const media = this.#newest;
    const offset = this.#offsetAt(media);
    const deviation = Math.min(current, previous) - offset;
    this.#isCorrecting = Math.abs(deviation) > (this.#isCorrecting ? 1 : TOLERANCE);
    const slope = this.#isCorrecting ? clamp(deviation / WINDOW, CORRECTION) : 0;
    this.#stretches.push({ media, offset, slope, end: media + WINDOW });
    if (this.#stretches.length > STRETCHES_KEPT) this.#stretches.shift();
  }
}

const clamp = (value: number, most: number): number => Math.max(-most, Math.min(most, value));
