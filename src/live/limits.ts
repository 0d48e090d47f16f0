// Limits on what one publisher may demand of the stages after ingest. Each is an option; exceeding one ends the publish with a reason.
import type { Milliseconds } from '../protocols/units.js';

export interface LiveStreamLimits {
  /** Width and height of a picture, in luma samples. */
  readonly maxDimension: number;
  /** Size of a picture, in luma samples. */
  readonly maxPixels: number;
  /** Memory that a decoder needs for pictures, in bytes. */
  readonly maxDecoderBytes: number;
  /** Frames per second over the last two seconds of media, with a tolerance of 5 % because timestamps are whole milliseconds. */
  readonly maxFrameRate: number;
  /** Jumps of the publisher's clock per minute. */
  readonly maxDiscontinuitiesPerMinute: number;
  /** Sequence headers per minute that differ from the previous one, audio and video together. */
  readonly maxParameterChangesPerMinute: number;
  /** Bytes per second of data messages that are not metadata. */
  readonly maxDataRate: number;
}

export const DEFAULT_LIMITS: LiveStreamLimits = {
  maxDimension: 8_192,
  /** MaxFS of H.264 level 6.2 (table A-1): 8192x4352. */
  maxPixels: 139_264 * 256,
  /**
   * 8192x4352 at ten bits with the six pictures that level 6.2 allows at that size needs 713 MiB. A stream of 1.2 kB can announce sixteen
   * reference pictures of that size, which FFmpeg would allocate.
   */
  maxDecoderBytes: 768 * 1024 * 1024,
  maxFrameRate: 240,
  maxDiscontinuitiesPerMinute: 10,
  maxParameterChangesPerMinute: 5,
  /** 200 messages of 1 kB per second, twice. */
  maxDataRate: 512 * 1024,
};

const MINUTE: Milliseconds = 60_000;

/** Limits events per minute (a sliding window); the caller passes the time. */
export class MinuteLimit {
  readonly #max: number;
  #times: Milliseconds[] = [];

  constructor(max: number) {
    this.#max = max;
  }

  /** @returns true if this event exceeds the limit */
  exceeds(now: Milliseconds): boolean {
    this.#times = this.#times.filter((time) => now - time < MINUTE);
    this.#times.push(now);
    return this.#times.length > this.#max;
  }
}
