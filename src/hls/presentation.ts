// All renditions of one stream as one timeline: the same cuts, sequence numbers, discontinuities and dates everywhere.
import type { SluiceError } from '../protocols/errors.js';
import type { BitsPerSecond, Milliseconds, Seconds } from '../protocols/units.js';
import type { Clock } from './clock.js';
import type { PresentationPlan } from './plan.js';
import type { SegmentStore } from './segment-store.js';

export type { Clock } from './clock.js';
export type { PresentationPlan, RenditionPlan } from './plan.js';
export type { SegmentStore } from './segment-store.js';

export interface PresentationOptions {
  readonly app: string;
  readonly name: string;
  readonly plan: PresentationPlan;
  readonly segmentDuration: Seconds;
  readonly partDuration: Seconds;
  /** Complete segments listed; more are kept when these last less than three target durations. */
  readonly windowSegments: number;
  /** From `SequenceNumbers.next`: never used before for this name. */
  readonly firstMediaSequence: number;
  /** Of the name's earlier life, plus what it ended with; 0 when it has none. */
  readonly firstDiscontinuitySequence?: number;
  /** The name was live before and players may still hold its playlist: the first segment carries EXT-X-DISCONTINUITY. */
  readonly continuesEarlier?: boolean;
  readonly clock?: Clock;
  readonly store?: SegmentStore;
  /** Something a viewer may notice, that did not stop the stream; each code at most once a minute. */
  readonly onWarning?: (warning: SluiceError) => void;
  readonly onSegment?: (segment: SegmentInfo) => void;
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

/** Counters of one presentation; they only grow. */
export interface PresentationCounters {
  readonly forcedCuts: number;
  readonly gaps: number;
  readonly discontinuities: number;
  readonly storeFailures: number;
}

export declare class Presentation {
  constructor(options: PresentationOptions);
  readonly app: string;
  readonly name: string;
  /** Every rendition has a complete segment: the multivariant playlist is served. */
  readonly playable: boolean;
  readonly ended: boolean;
  readonly renditions: readonly RenditionInfo[];
  readonly counters: PresentationCounters;
  /** One past the highest media sequence number used. */
  readonly nextMediaSequence: number;
  /** Each live video tag with a picture, at ingest, before its bytes go to FFmpeg. Milliseconds of the stream timeline. */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void;
  /** Each live audio tag with samples, at ingest. */
  noteAudio(dts: Milliseconds): void;
  /** Bytes of FFmpeg's output pipe `renditionIndex`, in any cutting. Throws the typed error of the MP4 room for bytes that are not fMP4. */
  write(renditionIndex: number, bytes: Buffer): void;
  /** FFmpeg was started anew: its next bytes begin with a new init segment; DISCONTINUITY in all renditions at the same sequence. */
  restart(): void;
  /** Nothing more will come: last segments are finished, ENDLIST, waiters wake. Resolves when the store has caught up (or failed). */
  end(): Promise<void>;
}
