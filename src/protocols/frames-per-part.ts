// Calculates the number of frames in a part. FFmpeg makes parts with this number, and playlists announce their duration, so both must use
// the same one.

import type { Seconds } from './units.js';

/** Tolerates rounding in a part duration that should be a whole number of frames, for example 0.2 s at 30 frames per second. */
const FRAME_EPSILON = 1e-6;

/** How much longer than the requested duration a part may become: 85 % of PART-TARGET must stay below the shortest part. */
const SLACK_SHARE = 0.17;

/** The same in frames: PART-TARGET leaves room for two. */
const SLACK_FRAMES = 2;

/** Timestamps in FLV are whole milliseconds: the duration of a part may deviate from that of its frames by this much. */
export const ROUNDING_SLACK: Seconds = 0.002;

export interface PartDurations {
  readonly partDuration: Seconds;
  readonly segmentDuration: Seconds;
}

/** Number of whole frames in a part of at most the requested duration; at least one. */
export function framesPerPart(partDuration: Seconds, frameRate: number): number {
  return Math.max(1, Math.floor(partDuration * frameRate + FRAME_EPSILON));
}

/** The time by which PART-TARGET exceeds parts of this many frames. */
export function partSlack(count: number, frame: Seconds): Seconds {
  return Math.min(SLACK_FRAMES, SLACK_SHARE * count) * frame;
}

/**
 * Number of frames in the parts that are made: as requested, or a few more, if that leaves no short rest at the end of a segment
 * (50 frames are 13, 13, 13 and 11 instead of 12, 12, 12, 12 and 2). A part costs each viewer two requests, however short it is, and hls.js
 * 1.7 can lose its place at a short one (docs/decisions/0002).
 */
export function evenFramesPerPart({ partDuration, segmentDuration }: PartDurations, frameRate: number): number {
  const least = framesPerPart(partDuration, frameRate);
  const most = least + (partSlack(least, 1 / frameRate) - ROUNDING_SLACK) * frameRate;
  for (let count = least; count <= most; count += 1) {
    if (!leavesShortRest(segmentDuration * frameRate, count)) return count;
  }
  return least;
}

/** Whether the last part of a segment of this many frames would be shorter than half a part. */
export function leavesShortRest(segmentFrames: number, count: number): boolean {
  const rest = segmentFrames % count;
  return rest > FRAME_EPSILON && rest < count / 2;
}
