// Gives every part the same number of frames, although FLV timestamps are whole milliseconds.
import { evenFramesPerPart, type PartDurations } from '../protocols/frames-per-part.js';

const MICROSECONDS_PER_SECOND = 1_000_000;

/**
 * FFmpeg's `-frag_duration` in microseconds. FFmpeg ends a fragment at the first frame that starts this long after the first frame of the
 * fragment. Half a frame less than the part duration makes the result independent of timestamp rounding.
 */
export function fragmentDurationMicroseconds(durations: PartDurations, frameRate: number): number {
  const frames = evenFramesPerPart(durations, frameRate) - 0.5;
  return Math.round((frames / frameRate) * MICROSECONDS_PER_SECOND);
}
