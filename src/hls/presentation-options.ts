// What a presentation is told and what it tells about itself: the words between the HLS room and those that build on it.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { BitsPerSecond, EpochMilliseconds, Milliseconds, Seconds } from '../protocols/units.js';
import type { SegmentStore } from './store/segment-store.js';
import type { EpochPlan, RenditionPlan } from './timeline/plan.js';
import type { CompleteSegment } from './window/segment.js';

export interface PresentationOptions {
  readonly app: string;
  readonly name: string;
  /** Of the first epoch. */
  readonly plan: EpochPlan;
  readonly segmentDuration: Seconds;
  readonly partDuration: Seconds;
  /** Complete segments listed (at least 6); more are kept when these last less than three target durations. */
  readonly windowSegments: number;
  /**
   * How far players can go back: segments that have left memory stay listed, and are read from the store, until the playlist
   * lasts so long. `Infinity` keeps all. Default: what is in memory. Needs a store.
   */
  readonly dvrWindow?: Seconds | undefined;
  /** EXT-X-PLAYLIST-TYPE:EVENT: all of the stream stays listed, as with an unlimited `dvrWindow`. Needs a store. */
  readonly event?: boolean | undefined;
  /** From `SequenceNumbers.next`: never used before for this name. */
  readonly firstMediaSequence: number;
  /** What the name's earlier life ended with; 0 when it has none. */
  readonly firstDiscontinuitySequence?: number | undefined;
  /** The name was live before and players may still hold its playlist: the first segment carries EXT-X-DISCONTINUITY. */
  readonly continuesEarlier?: boolean | undefined;
  /** Where the dates of an earlier life of the name ended, if players may still hold its playlist: dates begin no earlier. */
  readonly earliestDate?: EpochMilliseconds | undefined;
  readonly clock: Clock;
  /** Owns what is done for it that nobody awaits, also after its end. */
  readonly domain: FailureDomain;
  /**
   * When the first noted sample arrived, on the monotonic clock, if it is noted later than that: EXT-X-PROGRAM-DATE-TIME
   * counts from it. Default: when it is noted.
   */
  readonly firstArrival?: Milliseconds | undefined;
  /** Longest GOP that TARGETDURATION is made for; default 10 s. */
  readonly maxGop?: Seconds | undefined;
  /**
   * The first GOP has lasted longer than `maxGop`, so far `gop`. Nothing is listed yet: `startEpoch` with cuts `regular`,
   * called from here, begins the presentation anew. Otherwise segments are cut without key frames.
   */
  readonly onLongGop?: ((gop: Milliseconds) => void) | undefined;
  /** A segment of the source was cut without a key frame: a GOP is longer than TARGETDURATION, which was settled before it. */
  readonly onForcedCut?: ((time: Milliseconds) => void) | undefined;
  readonly store?: SegmentStore | undefined;
  /** The store could not be written, which was warned of, and has caught up. */
  readonly onStoreRecovered?: (() => void) | undefined;
  /** Something a viewer may notice that did not stop the stream; each code at most once a minute. */
  readonly onWarning?: ((warning: SluiceError) => void) | undefined;
  readonly onSegment?: ((segment: SegmentInfo) => void) | undefined;
}

export interface SegmentInfo {
  readonly rendition: string;
  readonly mediaSequence: number;
  readonly duration: Seconds;
  readonly bytes: number;
}

/** State of one rendition, for the API and the metrics. */
export interface RenditionInfo {
  readonly name: string;
  readonly kind: 'video' | 'audio';
  /** RFC 6381; undefined until its init segment is there. */
  readonly codecs: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly frameRate: number | undefined;
  /** Highest rate of a segment, and the mean of all; 0 before the first segment. */
  readonly peakBandwidth: BitsPerSecond;
  readonly averageBandwidth: BitsPerSecond;
  /** Complete segments made so far. */
  readonly segments: number;
  readonly parts: number;
}

/** One rendition and the complete segments that its playlist lists, oldest first. */
export interface RenditionListing {
  readonly plan: RenditionPlan;
  /** In the epoch that runs; otherwise only earlier ones had it, and it lists gaps. */
  readonly active: boolean;
  /** Frames per second; video only. */
  readonly frameRate: number | undefined;
  readonly bandwidth: { readonly peak: BitsPerSecond };
  readonly segments: readonly CompleteSegment[];
}

/** Counters of one presentation; they only grow. */
export interface PresentationCounters {
  readonly forcedCuts: number;
  readonly gaps: number;
  readonly discontinuities: number;
  readonly storeFailures: number;
}
