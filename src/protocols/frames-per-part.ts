// How many frames a part holds. FFmpeg is told so when it makes parts, and the playlists promise it: both must count alike.

import type { Seconds } from './units.js';

/** Tolerates the rounding of a part duration that is meant to be whole frames, for example 0.2 s at 30/s. */
const FRAME_EPSILON = 1e-6;

/** Whole frames in a part that lasts at most the duration asked for; never none. */
export function framesPerPart(partDuration: Seconds, frameRate: number): number {
  return Math.max(1, Math.floor(partDuration * frameRate + FRAME_EPSILON));
}
