// EXT-X-TARGETDURATION, from the longest segment to expect: it is chosen once and never changes.
import type { Milliseconds, Seconds } from '../../protocols/units.js';

/** GOPs of "2 s" at 29.97 fps last 2.002 s, which rounds to 2 s: they need no larger target duration. */
const ROUNDING_TOLERANCE: Milliseconds = 100;

/** Default of `maxGop`. If the first GOP is longer, TARGETDURATION becomes this, and segments are cut without a key frame. */
const DEFAULT_MAX_GOP: Milliseconds = 10_000;

/** The first GOP of a slow source may have at least this many pictures, whatever `maxGop` says. */
const LEAST_GOP_FRAMES = 2.5;

/** @param maxGop of the configuration. @param frame duration of a picture; 0 when there is none */
export function longestFirstGop(maxGop: Milliseconds | undefined, frame: Milliseconds): Milliseconds {
  return Math.max(maxGop ?? DEFAULT_MAX_GOP, LEAST_GOP_FRAMES * frame);
}

/** @param longest the longest segment to expect */
export function targetDurationFor(longest: Milliseconds): Seconds {
  return Math.max(1, Math.ceil((longest - ROUNDING_TOLERANCE) / 1000));
}
