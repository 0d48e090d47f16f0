// Makes every part hold the same number of frames although FLV timestamps are whole milliseconds.
import type { Seconds } from '../protocols/units.js';

/** Tolerates the rounding of a part duration that is meant to be whole frames, for example 0.2 s at 30/s. */
const FRAME_EPSILON = 1e-6;
const MICROSECONDS_PER_SECOND = 1_000_000;

/** Whole frames in a part that lasts at most the duration asked for; never none. */
export function framesPerPart(partDuration: Seconds, frameRate: number): number {
  return Math.max(1, Math.floor(partDuration * frameRate + FRAME_EPSILON));
}

/**
 * FFmpeg's `-frag_duration`, microseconds: it ends a fragment at the first frame that starts this long after the first one of
 * the fragment. Half a frame less than the part keeps that decision away from the rounding of timestamps.
 */
export function fragmentDurationMicroseconds(partDuration: Seconds, frameRate: number): number {
  const frames = framesPerPart(partDuration, frameRate) - 0.5;
  return Math.round((frames / frameRate) * MICROSECONDS_PER_SECOND);
}
