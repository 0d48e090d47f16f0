// The statistics of one stream as one immutable value, for the API, the metrics and the log.
import type { BitsPerSecond } from '../protocols/units.js';
import type { RepairKind } from './repairs.js';

export interface StreamStatistics {
  /** Bytes of message bodies received, whether used or not. */
  readonly bytesIn: number;
  readonly videoFrames: number;
  readonly keyFrames: number;
  readonly audioFrames: number;
  /** Over the last two seconds of media; 0 before that. */
  readonly videoBitrate: BitsPerSecond;
  readonly audioBitrate: BitsPerSecond;
  /** Measured, in frames per second. */
  readonly videoFrameRate: number;
  /** Frames dropped before the first sequence header or key frame, because no decoder could start with them. */
  readonly droppedTags: number;
  /** Messages without media: repeated headers and metadata, commands, empty bodies. */
  readonly ignoredTags: number;
  /** Data messages that were passed on, metadata excluded. */
  readonly dataMessages: number;
  /** Messages of tracks that cannot be served. */
  readonly unservedTags: number;
  /** Frames whose key frame flag contradicts the bitstream, either way. */
  readonly keyFrameMismatches: number;
  /** Messages that were changed or dropped, by kind. */
  readonly repairs: ReadonlyMap<RepairKind, number>;
  /** Sequence headers that differ from the previous one. */
  readonly parameterChanges: number;
  readonly subscribers: number;
  /** Tags dropped because a subscriber was too slow. */
  readonly subscriberDroppedTags: number;
  readonly gopCacheBytes: number;
  readonly gopCacheOverflows: number;
  /** Frames whose timestamp had to be corrected. */
  readonly repairedTimestamps: number;
  /** Jumps of the publisher's clock. */
  readonly discontinuities: number;
}
