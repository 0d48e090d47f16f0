// Calculates the number of frames in a part. FFmpeg makes parts with this number, and playlists announce their duration, so both must use
// the same one.

import type { Seconds } from './units.js';

/** Tolerates rounding in a part duration that should be a whole number of frames, for example 0.2 s at 30 frames per second. */
const FRAME_EPSILON = 1e-6;

/** Number of whole frames in a part of at most the requested duration; at least one. */
export function framesPerPart(partDuration: Seconds, frameRate: number): number {
  return Math.max(1, Math.floor(partDuration * frameRate + FRAME_EPSILON));
}
