// The options of a live stream, and the interface of its listeners.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { EpochMilliseconds, Milliseconds } from '../protocols/units.js';
import type { LiveStreamLimits } from './limits.js';
import type { LiveTag } from './tag.js';
import type { TrackChange } from './track-presence.js';

/** `waiting` for the first frame, then `live`, then `ended`, which is final: the next publisher of the name gets a new stream. */
export type LiveStreamState = 'waiting' | 'live' | 'ended';

export interface StreamListener {
  /** Called for each tag of the stream, synchronously while it is published. */
  readonly onTag?: (tag: LiveTag) => void;
  /** Called once. Without a reason, the publisher itself has ended the stream. */
  readonly onEnd?: (reason: SluiceError | undefined) => void;
  /** Called once for each kind of media that had to be changed (`live.repaired`) or dropped; the stream continues. */
  readonly onWarning?: (warning: SluiceError) => void;
  /**
   * Called when a track appears, before the tag of its first frame, or disappears: no frame of it came for the track timeout, measured on
   * the stream's timeline, while the other track continued. It may come back.
   */
  readonly onTrackChange?: (change: TrackChange) => void;
}

export interface LiveStreamOptions {
  readonly app: string;
  readonly name: string;
  readonly startedAt: EpochMilliseconds;
  /** Stream time of the first media frame. A publisher that resumes a presentation begins at its current position. Default 1000. */
  readonly timelineOrigin?: Milliseconds;
  /** Limit of the GOP cache, in bytes. */
  readonly gopCacheBytes?: number;
  /** Defaults: `DEFAULT_LIMITS`. */
  readonly limits?: Partial<LiveStreamLimits>;
  /** A track without a frame counts as gone after this much media time of the other track. Default 5000. */
  readonly trackTimeout?: Milliseconds;
  /** The clock for `lastActivity`, pauses of the publisher and per-minute limits. */
  readonly clock?: Pick<Clock, 'now'>;
}
