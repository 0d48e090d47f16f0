// The MPD as data. Its text is a pure function of it, so that a golden file shows what players are promised.
import type { BitsPerSecond, EpochMilliseconds, Seconds, Ticks } from '../protocols/units.js';

/** ISO/IEC 23009-1 5.3.1. Presentation times count from 1970, so they continue over publishers and restarts. */
export interface Manifest {
  readonly type: 'dynamic' | 'static';
  readonly publishTime: EpochMilliseconds;
  readonly minBufferTime: Seconds;
  readonly maxSegmentDuration: Seconds;
  /** Dynamic MPD only. */
  readonly minimumUpdatePeriod?: Seconds;
  readonly timeShiftBufferDepth?: Seconds;
  readonly suggestedPresentationDelay?: Seconds;
  /** Present if the stream has ended: the end of its last Period. */
  readonly mediaPresentationDuration?: Seconds;
  /** Base of the media URLs; it is relative to the MPD. */
  readonly baseUrl: string;
  /** UTCTiming http-iso, relative to the MPD; dynamic MPD only. */
  readonly timeUrl?: string;
  readonly periods: readonly Period[];
}

/** 5.3.2: media without a change of codec parameters and without a gap. */
export interface Period {
  readonly id: string;
  readonly start: Seconds;
  readonly adaptationSets: readonly AdaptationSet[];
}

/** 5.3.3: one kind of media in one codec, within which players switch. */
export interface AdaptationSet {
  readonly id: number;
  readonly contentType: 'video' | 'audio';
  /** 5.3.9.2: the scheme of the `emsg` boxes in its segments; undefined if there are none. */
  readonly inbandEvents?: string | undefined;
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
