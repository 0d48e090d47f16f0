// Tells an FFmpeg that cannot keep up from a publisher that is slow: both are measured on the stream's timeline, not by the clock.
import type { Milliseconds } from '../protocols/units.js';
import type { TranscodeProgress } from './progress.js';

export interface TranscodeLoad {
  /** Media time made over media time received in the last seconds; 1 keeps up, more catches up. */
  readonly speed: number;
  /** How far the output is behind the newest media received, beyond the least it ever was. */
  readonly lag: Milliseconds;
  /** Bytes written and not yet taken by FFmpeg. */
  readonly queuedBytes: number;
  /** FFmpeg cannot carry its renditions: something must go. */
  readonly overloaded: boolean;
}

/** Beyond this lag it is too late already. */
const MAX_LAG: Milliseconds = 3_000;
const MIN_SPEED = 0.95;
/** Received media time over which `speed` is taken: three reports and their jitter, so that overload shows within 5 s of the start. */
const WINDOW: Milliseconds = 2_900;
/** Below this a slow second is jitter. */
const MIN_LAG: Milliseconds = 200;
/** An overload is over when the lag is down to this. */
const RECOVERED_LAG: Milliseconds = 500;

interface Point {
  readonly received: Milliseconds;
  readonly made: Milliseconds;
}

/** One FFmpeg's; a new process needs a new meter. */
export class LoadMeter {
  /** Reports of the last `WINDOW`, oldest first. */
  #points: Point[] = [];
  #received: Milliseconds | undefined;
  /**
   * FFmpeg counts its output time from its own start, so only differences mean anything: the smallest there was is where it
   * kept up.
   */
  #smallestDistance = Number.POSITIVE_INFINITY;
  #overloaded = false;

  /** @param time decode time of the newest tag of the publisher, whether FFmpeg has been given it yet or not */
  noteReceived(time: Milliseconds): void {
    if (this.#received === undefined || time > this.#received) this.#received = time;
  }

  /** @returns undefined while there is nothing to measure */
  report(progress: TranscodeProgress, queuedBytes: number): TranscodeLoad | undefined {
    const received = this.#received;
    const made = progress.outputTime;
    if (received === undefined || made === undefined) return undefined;
    const distance = received - made;
    this.#smallestDistance = Math.min(this.#smallestDistance, distance);
    const lag = distance - this.#smallestDistance;
    const { speed, full } = this.#speed({ received, made });
    const slow = full && speed < MIN_SPEED && lag > MIN_LAG;
    this.#overloaded = lag > MAX_LAG || slow || (this.#overloaded && lag > RECOVERED_LAG);
    return { speed, lag, queuedBytes, overloaded: this.#overloaded };
  }

  #speed(now: Point): { readonly speed: number; readonly full: boolean } {
    this.#points.push(now);
    // The oldest stays as long as the next one is not old enough.
    while ((this.#points[1]?.received ?? now.received) <= now.received - WINDOW) this.#points.shift();
    const oldest = this.#points[0] ?? now;
    const received = now.received - oldest.received;
    // A publisher that sends nothing asks for nothing.
    if (received <= 0) return { speed: 1, full: false };
    return { speed: (now.made - oldest.made) / received, full: received >= WINDOW };
  }
}
