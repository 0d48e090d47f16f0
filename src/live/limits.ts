// What one publisher may ask of everything behind it: each bound is an option, and crossing it ends the publish with a reason.
import type { Milliseconds } from '../protocols/units.js';

export interface LiveStreamLimits {
  /** Luma samples of one side of a picture. */
  readonly maxDimension: number;
  /** Luma samples of a picture. */
  readonly maxPixels: number;
  /** What a decoder holds in pictures at a time. Bytes. */
  readonly maxDecoderBytes: number;
  /** Frames per second, over the last two seconds of media, with a tolerance of 5 % for timestamps of whole milliseconds. */
  readonly maxFrameRate: number;
  /** Jumps of the publisher's clock in any minute. */
  readonly maxDiscontinuitiesPerMinute: number;
  /** Sequence headers that differ from the one before, audio and video together, in any minute. */
  readonly maxParameterChangesPerMinute: number;
}

export const DEFAULT_LIMITS: LiveStreamLimits = {
  maxDimension: 8_192,
  /** MaxFS of H.264 level 6.2 (table A-1): 8192x4352. */
  maxPixels: 139_264 * 256,
  /**
   * 8192x4352 with ten bits and the six pictures that level 6.2 has at that size takes 713 MiB. A stream of 1.2 kB can announce
   * sixteen reference pictures of that size, and FFmpeg would hold them.
   */
  maxDecoderBytes: 768 * 1024 * 1024,
  maxFrameRate: 240,
  maxDiscontinuitiesPerMinute: 10,
  maxParameterChangesPerMinute: 5,
};

const MINUTE: Milliseconds = 60_000;

/** Counts events in any minute, by a clock that is passed in. */
export class MinuteLimit {
  readonly #max: number;
  #times: Milliseconds[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns whether this event is one too many */
  exceeds(now: Milliseconds): boolean {
    this.#times = this.#times.filter((time) => now - time < MINUTE);
    this.#times.push(now);
    return this.#times.length > this.#max;
  }
}
