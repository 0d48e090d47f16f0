// Distinguishes an FFmpeg that cannot keep up from a publisher that is slow, pauses or sends in bursts, and from a process that stood
// still.
import type { Milliseconds } from '../protocols/units.js';
import type { TranscodeProgress } from './progress.js';

export interface TranscodeLoad {
  /** Media time produced in the last few seconds, divided by what an encoder at exactly real time would have produced. 1 keeps up. */
  readonly speed: number;
  /** How far the output is behind such an encoder, relative to the smallest distance so far. */
  readonly lag: Milliseconds;
  /** Bytes that were written but not yet taken by FFmpeg. */
  readonly queuedBytes: number;
  /** Whether FFmpeg cannot keep up with its renditions, so that one must be shed. */
  readonly overloaded: boolean;
}

/** With more lag than this, FFmpeg counts as overloaded at once. */
const MAX_LAG: Milliseconds = 3_000;
const MIN_SPEED = 0.95;
/** Media time over which `speed` is measured: three reports with their jitter, so that overload is detected within 5 s of the start. */
const WINDOW: Milliseconds = 2_900;
/** If the lag is smaller than this, one slow second is only jitter. */
const MIN_LAG: Milliseconds = 200;
/** Overload ends when the lag has fallen to this. */
const RECOVERED_LAG: Milliseconds = 500;
/**
 * FFmpeg reports once a second. A longer gap between two calls means that this process, or the whole machine, stood still. During that time
 * FFmpeg got no input and could not produce anything.
 */
const LONGEST_LOOK: Milliseconds = 1_500;

/**
 * If one track goes on for this long without the other, the other has paused. Then FFmpeg 7 reports the time of the paused track as its
 * output time, which does not show its speed. The limit is below `MIN_LAG`.
 */
const TRACK_PAUSE: Milliseconds = 150;
/**
 * Added to that limit, in usual intervals between the tags of the track, because tags that come in bursts are further apart than frames.
 */
const PAUSE_INTERVALS = 1.5;
/** A longer interval was itself a pause. */
const LONGEST_INTERVAL: Milliseconds = 2_000;
/** At each tag, the expected interval falls to this share of itself, unless the new interval is longer. */
const INTERVAL_KEPT = 0.97;
/** After a pause the output time is unreliable for this long. */
const AFTER_PAUSE: Milliseconds = 3_000;

type Track = 'video' | 'audio';

interface Point {
  readonly due: Milliseconds;
  readonly made: Milliseconds;
}

/**
 * Measures one FFmpeg; a new process needs a new meter. FFmpeg is compared with an encoder that produces one second of media per second
 * from the moment the media arrives. So media that arrives in a burst, after a pause or after a stall is not due at once.
 */
export class LoadMeter {
  /** Reports within the last `WINDOW`, oldest first. */
  #points: Point[] = [];
  #received: Milliseconds | undefined;
  /** What an encoder at exactly real time would have produced by now; at most `#received`. */
  #due = 0;
  #lastLook: Milliseconds = 0;
  /**
   * FFmpeg counts its output time from its own start, so only differences are meaningful. At the smallest difference so far, it kept up.
   */
  #smallestDistance = Number.POSITIVE_INFINITY;
  /** For each track: what had been received when its last tag came, and its usual interval. */
  readonly #tracks = new Map<Track, { readonly at: Milliseconds; readonly interval: Milliseconds }>();
  /** When a track last paused. */
  #pausedAt = Number.NEGATIVE_INFINITY;
  #overloaded = false;

  /**
   * @param time decode time of the newest tag of the tracks that FFmpeg is fed, even if the tag is still queued
   * @param now monotonic clock
   */
  noteReceived(time: Milliseconds, now: Milliseconds, track: Track = 'video'): void {
    if (this.#received === undefined) this.#due = time;
    this.#look(now);
    if (this.#received === undefined || time > this.#received) this.#received = time;
    const { at, interval } = this.#tracks.get(track) ?? { at: this.#received, interval: 0 };
    const usual = Math.max(Math.min(this.#received - at, LONGEST_INTERVAL), INTERVAL_KEPT * interval);
    this.#tracks.set(track, { at: this.#received, interval: usual });
  }

  /** @returns undefined while there is nothing to measure */
  report(progress: TranscodeProgress, queuedBytes: number, now: Milliseconds): TranscodeLoad | undefined {
    this.#look(now);
    const received = this.#received;
    const made = progress.outputTime;
    if (received === undefined || made === undefined) return undefined;
    if (this.#isPaused(received)) this.#pausedAt = now;
    if (now - this.#pausedAt < AFTER_PAUSE) {
      this.#points = [];
      this.#overloaded = false;
      return undefined;
    }
    this.#smallestDistance = Math.min(this.#smallestDistance, received - made);
    // FFmpeg may be faster than real time, because it catches up after a burst.
    this.#due = Math.max(this.#due, made + this.#smallestDistance);
    const lag = this.#due - made - this.#smallestDistance;
    const { speed, full } = this.#speed({ due: this.#due, made });
    const slow = full && speed < MIN_SPEED && lag > MIN_LAG;
    this.#overloaded = lag > MAX_LAG || slow || (this.#overloaded && lag > RECOVERED_LAG);
    return { speed, lag, queuedBytes, overloaded: this.#overloaded };
  }

  #isPaused(received: Milliseconds): boolean {
    return [...this.#tracks.values()].some(
      ({ at, interval }) => received - at > TRACK_PAUSE + PAUSE_INTERVALS * interval,
    );
  }

  #look(now: Milliseconds): void {
    const elapsed = Math.min(now - this.#lastLook, LONGEST_LOOK);
    this.#lastLook = now;
    this.#due = Math.min(this.#due + elapsed, this.#received ?? this.#due);
  }

  #speed(now: Point): { readonly speed: number; readonly full: boolean } {
    // While the publisher sends nothing, only the latest report is kept.
    if (this.#points.at(-1)?.due === now.due) this.#points.pop();
    this.#points.push(now);
    // The oldest report is kept until the next one is old enough to replace it.
    while ((this.#points[1]?.due ?? now.due) <= now.due - WINDOW) this.#points.shift();
    const oldest = this.#points[0] ?? now;
    const due = now.due - oldest.due;
    // A publisher that sends nothing causes no load.
    if (due <= 0) return { speed: 1, full: false };
    return { speed: (now.made - oldest.made) / due, full: due >= WINDOW };
  }
}
