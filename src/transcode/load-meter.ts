// Distinguishes an FFmpeg that cannot keep up from a publisher that is slow, pauses or bursts, and from a stall of this process.
import type { Milliseconds } from '../protocols/units.js';
import type { TranscodeProgress } from './progress.js';

export interface TranscodeLoad {
  /** Media time produced in the last seconds, divided by what an encoder at exactly real time would have produced; 1 keeps up. */
  readonly speed: number;
  /** How far the output is behind that encoder, relative to the smallest distance so far. */
  readonly lag: Milliseconds;
  /** Bytes written and not yet taken by FFmpeg. */
  readonly queuedBytes: number;
  /** FFmpeg cannot keep up with its renditions: one must be shed. */
  readonly overloaded: boolean;
}

/** Beyond this lag it is overloaded at once. */
const MAX_LAG: Milliseconds = 3_000;
const MIN_SPEED = 0.95;
/** Media time over which `speed` is measured: three reports with their jitter, so that overload is detected within 5 s of the start. */
const WINDOW: Milliseconds = 2_900;
/** With a smaller lag, one slow second is jitter. */
const MIN_LAG: Milliseconds = 200;
/** Overload ends when the lag has fallen to this. */
const RECOVERED_LAG: Milliseconds = 500;
/**
 * FFmpeg reports once a second, so a longer gap between two calls means that this process, or the whole machine, stood still. During that
 * time FFmpeg got no input and could not produce anything.
 */
const LONGEST_LOOK: Milliseconds = 1_500;

/**
 * If one track goes on for this long without the other, the other has paused. The output time of FFmpeg 7 is then that of the paused track,
 * and says nothing about the speed. Less than `MIN_LAG`.
 */
const TRACK_PAUSE: Milliseconds = 150;
/** Added to that limit, in usual intervals between the tags of the track: tags that come in bursts are further apart than frames. */
const PAUSE_INTERVALS = 1.5;
/** A longer interval was itself a pause. */
const LONGEST_INTERVAL: Milliseconds = 2_000;
/** Share of a long interval that is still expected after the next tag. */
const INTERVAL_KEPT = 0.97;
/** After a pause the output time needs this long to be right again. */
const AFTER_PAUSE: Milliseconds = 3_000;

type Track = 'video' | 'audio';

interface Point {
  readonly due: Milliseconds;
  readonly made: Milliseconds;
}

/**
 * Measures one FFmpeg; a new process needs a new meter. FFmpeg is compared with an encoder that produces one second of media per second
 * from the moment the media arrives: media that arrives in a burst, after a pause or after a stall, is not due at once.
 */
export class LoadMeter {
  /** Reports within the last `WINDOW`, oldest first. */
  #points: Point[] = [];
  #received: Milliseconds | undefined;
  /** What an encoder at exactly real time would have produced by now. Never later than `#received`. */
  #due = 0;
  #lastLook: Milliseconds = 0;
  /**
   * FFmpeg counts its output time from its own start, so only differences are meaningful: at the smallest difference so far it kept up.
   */
  #smallestDistance = Number.POSITIVE_INFINITY;
  /** By track: what was received when its last tag came, and the usual interval. */
  readonly #tracks = new Map<Track, { readonly at: Milliseconds; readonly interval: Milliseconds }>();
  /** When a track last paused. */
  #pausedAt = Number.NEGATIVE_INFINITY;
  #overloaded = false;

  /**
   * @param time decode time of the newest tag of the tracks that FFmpeg is fed, even if the tag still waits
   * @param now monotonic
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
    // FFmpeg may be faster, because it catches up after a burst.
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
    // While the publisher sends nothing, keep only the latest report.
    if (this.#points.at(-1)?.due === now.due) this.#points.pop();
    this.#points.push(now);
    // Keep the oldest report until the next one is old enough to replace it.
    while ((this.#points[1]?.due ?? now.due) <= now.due - WINDOW) this.#points.shift();
    const oldest = this.#points[0] ?? now;
    const due = now.due - oldest.due;
    // A publisher that sends nothing causes no load.
    if (due <= 0) return { speed: 1, full: false };
    return { speed: (now.made - oldest.made) / due, full: due >= WINDOW };
  }
}
