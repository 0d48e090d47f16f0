// The numbers of one stream, as one value: the API, the metrics and the log read them, nobody writes them.
import type { BitsPerSecond } from '../protocols/units.js';
import type { RepairKind } from './repairs.js';

export interface StreamStatistics {
  /** Bytes of message bodies received, used or not. */
  readonly bytesIn: number;
  readonly videoFrames: number;
  readonly keyFrames: number;
  readonly audioFrames: number;
  /** Over the last two seconds of media; 0 until there were two. */
  readonly videoBitrate: BitsPerSecond;
  readonly audioBitrate: BitsPerSecond;
  /** Frames per second, measured. */
  readonly videoFrameRate: number;
  /** Frames left out because no decoder could start with them: before the first sequence header or key frame. */
  readonly droppedTags: number;
  /** Messages without media: repeated headers and metadata, commands, empty bodies. */
  readonly ignoredTags: number;
  /** Messages of tracks that cannot be served at all. */
  readonly unservedTags: number;
  /** Frames whose flag contradicts their bits, either way. */
  readonly keyFrameMismatches: number;
  /** Messages that had to be changed or left out, by kind. */
  readonly repairs: ReadonlyMap<RepairKind, number>;
  /** Sequence headers that differed from the one before. */
  readonly parameterChanges: number;
  readonly subscribers: number;
  /** Tags that subscribers were too slow for. */
  readonly subscriberDroppedTags: number;
  readonly gopCacheBytes: number;
  readonly gopCacheOverflows: number;
  /** Frames whose timestamp could not be used as it came. */
  readonly repairedTimestamps: number;
  /** Jumps of the publisher's clock. */
  readonly discontinuities: number;
}
