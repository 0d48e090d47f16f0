// Measures the frame rate from the first pictures of a publisher, because headers and metadata of some encoders lack it or are wrong.
import type { LiveTag } from '../live/tag.js';
import type { Milliseconds } from '../protocols/units.js';

/** This many pictures are enough to measure the frame rate, even if one is missing: 0.3 s at 25 frames/s. */
const MEASURED_PICTURES = 8;
/** Rates that differ by a smaller share count as equal: times are whole milliseconds, and a picture may be missing. */
const SAME_RATE = 0.15;

/** Frames per second in these tags; undefined if there are too few. */
export function measureFrameRate(tags: readonly LiveTag[]): number | undefined {
  const times = pictureTimes(tags);
  return times.length < MEASURED_PICTURES ? undefined : rateOf(times);
}

/** Whether the first pictures contradict this frame rate, or are too few to confirm it, so that more pictures are needed. */
export function doubtsRate(tags: readonly LiveTag[], said: number | undefined): boolean {
  const times = pictureTimes(tags);
  if (times.length >= MEASURED_PICTURES) return false;
  return said === undefined || times.length < 2 || Math.abs(said / rateOf(times) - 1) >= SAME_RATE;
}

/** Decode times of the pictures of the main track. */
function pictureTimes(tags: readonly LiveTag[]): Milliseconds[] {
  return tags
    .filter(({ kind, sequenceHeader, trackId }) => kind === 'video' && !sequenceHeader && !trackId)
    .map(({ dts }) => dts);
}

/** Frames per second. @param times at least two */
function rateOf(times: readonly Milliseconds[]): number {
  return ((times.length - 1) * 1000) / ((times.at(-1) ?? 0) - (times[0] ?? 0));
}
