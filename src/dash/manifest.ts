// The MPD as data, so that the text is a pure function and what players are promised can be read in a golden file.
import type { BitsPerSecond, EpochMilliseconds, Seconds, Ticks } from '../protocols/units.js';

/** ISO/IEC 23009-1 5.3.1. Times of the presentation count from 1970, so they go on over publishers and restarts. */
export interface Manifest {
  readonly type: 'dynamic' | 'static';
  readonly publishTime: EpochMilliseconds;
  readonly minBufferTime: Seconds;
  readonly maxSegmentDuration: Seconds;
  /** Of a dynamic MPD. */
  readonly minimumUpdatePeriod?: Seconds;
  readonly timeShiftBufferDepth?: Seconds;
  readonly suggestedPresentationDelay?: Seconds;
  /** Of a static MPD: where its last Period ends. */
  readonly mediaPresentationDuration?: Seconds;
  /** Where media URLs are relative to; itself relative to the MPD. */
  readonly baseUrl: string;
  /** UTCTiming http-iso, relative to the MPD; of a dynamic MPD. */
  readonly timeUrl?: string;
  readonly periods: readonly Period[];
}

/** 5.3.2: media without a change of codec parameters and without a hole. */
export interface Period {
  readonly id: string;
  readonly start: Seconds;
  readonly adaptationSets: readonly AdaptationSet[];
}

/** 5.3.3: one kind of media in one codec, which players switch in. */
export interface AdaptationSet {
  readonly id: number;
  readonly contentType: 'video' | 'audio';
  readonly representations: readonly Representation[];
}

/** 5.3.5 */
export interface Representation {
  readonly id: string;
  /** RFC 6381 */
  readonly codecs: string;
  readonly bandwidth: BitsPerSecond;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Frames per second. */
  readonly frameRate?: number | undefined;
  /** Hertz. */
  readonly audioSamplingRate?: number | undefined;
  readonly channels?: number | undefined;
  readonly template: SegmentTemplate;
}

/** 5.3.9.4 with $Number$, which is the media sequence number. */
export interface SegmentTemplate {
  /** Ticks per second. */
  readonly timescale: number;
  /** Media time at the start of the Period. */
  readonly presentationTimeOffset: Ticks;
  readonly startNumber: number;
  readonly initialization: string;
  readonly media: string;
  readonly timeline: readonly TimelineEntry[];
}

/** One segment: S@t and S@d. */
export interface TimelineEntry {
  readonly time: Ticks;
  readonly duration: Ticks;
}
