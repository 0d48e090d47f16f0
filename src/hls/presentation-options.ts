// Options, callbacks and descriptions of a presentation, shared with the code that uses it.

import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { BitsPerSecond, EpochMilliseconds, Milliseconds, Seconds } from '../protocols/units.js';
import type { MediaSample } from './packaging/part.js';
import type { SegmentStore } from './store/segment-store.js';
import type { PeriodPlan, RenditionPlan } from './timeline/plan.js';
import type { CompleteSegment } from './window/segment.js';
import type { StoredSegment } from './window/segment-archive.js';

/** A fault in the publisher's media that is noticed only when it is cut into segments. */
export type PublisherFault = 'sound-paused' | 'pictures-paused' | 'uneven-frames' | 'forced-cuts';

export interface PresentationOptions {
  readonly app: string;
  readonly name: string;
  /** Plan of the first period. */
  readonly plan: PeriodPlan;
  readonly segmentDuration: Seconds;
  readonly partDuration: Seconds;
  /** Number of complete segments listed, at least 6; more are listed if these last less than three target durations. */
  readonly windowSegments: number;
  /**
   * How far back players can seek: segments that have left memory stay listed, and are read from the store, until the playlist has this
   * duration. `Infinity` keeps all. Default: what is in memory. Needs a store.
   */
  readonly dvrWindow?: Seconds | undefined;
  /** Memory for the index of these segments. Default: see `store/write-behind.ts`. */
  readonly maxIndexBytes?: number | undefined;
  /** EXT-X-PLAYLIST-TYPE:EVENT: the whole stream stays listed, as with an unlimited `dvrWindow`. Needs a store. */
  readonly event?: boolean | undefined;
  /** From `SequenceNumbers.next`: never used before for this name. */
  readonly firstMediaSequence: number;
  /** Discontinuity number at the end of the name's earlier presentation; 0 if there was none. */
  readonly firstDiscontinuitySequence?: number | undefined;
  /** Whether the name was live before, so that players may still hold its playlist: the first segment gets EXT-X-DISCONTINUITY. */
  readonly continuesEarlier?: boolean | undefined;
  /** Last date of an earlier presentation of the name, if players may still have its playlist: no new date is earlier. */
  readonly earliestDate?: EpochMilliseconds | undefined;
  readonly clock: Clock;
  /** Owns the asynchronous work of the presentation, also after its end. */
  readonly domain: FailureDomain;
  /**
   * Monotonic time at which the first sample arrived, if it is noted only later: EXT-X-PROGRAM-DATE-TIME counts from it. Default: the time
   * when the sample is noted.
   */
  readonly firstArrival?: Milliseconds | undefined;
  /** Longest GOP for which TARGETDURATION is chosen. Default 10 s. */
  readonly maxGop?: Seconds | undefined;
  /** Longest GOP of the name's earlier presentation, if it is known. */
  readonly knownGop?: Seconds | undefined;
  /** Whether the first segment ends with its first part if somebody waits for it (docs/decisions/0021). Default false. */
  readonly endsFirstEarly?: boolean | undefined;
  /**
   * Called if the first GOP is longer than `maxGop`; it has lasted `gop` so far. Nothing is listed yet, so a call of `startPeriod` with
   * cuts `regular` inside this callback starts the presentation again. Otherwise segments are cut without key frames.
   */
  readonly onLongGop?: ((gop: Milliseconds) => void) | undefined;
  /** Called when a segment of the source was cut without a key frame, because a GOP is longer than TARGETDURATION, which cannot change. */
  readonly onForcedCut?: ((time: Milliseconds) => void) | undefined;
  readonly store?: SegmentStore | undefined;
  /** Called when the store has caught up after a failure that was reported. */
  readonly onStoreRecovered?: (() => void) | undefined;
  /** Called for a problem that viewers may notice but that did not stop the stream; each code at most once a minute. */
  readonly onWarning?: ((warning: SluiceError) => void) | undefined;
  /** Called for each fault, however often; the warning says what to change in the encoder. */
  readonly onPublisherFault?: ((fault: PublisherFault, warning: SluiceError) => void) | undefined;
}

/** A frame as the publisher sends it. */
export interface SourceFrame extends MediaSample {
  /** Pictures and sound of the main tracks decide where segments begin; further tracks follow them. */
  readonly role: 'video' | 'audio' | 'extra';
  /** Whether a segment may begin with this picture. */
  readonly mayCut: boolean;
  /** The rendition with input `samples` that consists of these frames; undefined if they are only encoded. */
  readonly rendition: string | undefined;
}

/** State of one rendition, for the API and the metrics. */
export interface RenditionInfo {
  readonly name: string;
  readonly kind: 'video' | 'audio';
  /** RFC 6381; undefined until its init segment exists. */
  readonly codecs: string | undefined;
  readonly width: number | undefined;
  readonly height: number | undefined;
  readonly frameRate: number | undefined;
  /** Highest rate of a segment, and average of all; 0 before the first segment. */
  readonly peakBandwidth: BitsPerSecond;
  readonly averageBandwidth: BitsPerSecond;
  /** Number of complete segments made so far. */
  readonly segments: number;
  readonly parts: number;
}

/** One rendition with the complete segments in its playlist, oldest first. */
export interface RenditionListing {
  readonly plan: RenditionPlan;
  /** Whether it is in the current period; otherwise it was only in earlier ones, and lists gaps. */
  readonly active: boolean;
  /** Frames per second; video only. */
  readonly frameRate: number | undefined;
  readonly bandwidth: { readonly peak: BitsPerSecond };
  readonly segments: readonly CompleteSegment[];
}

/** Everything of one rendition that can still be loaded, oldest first. */
export interface RenditionMedia {
  readonly plan: RenditionPlan;
  /** Listed segments that are only in the store. */
  readonly earlier: readonly StoredSegment[];
  /** Segments in memory, and those that have just left the playlist. */
  readonly segments: readonly CompleteSegment[];
}

/** Counters of one presentation; they only increase. */
export interface PresentationCounters {
  readonly forcedCuts: number;
  readonly gaps: number;
  readonly discontinuities: number;
  readonly storeFailures: number;
}
