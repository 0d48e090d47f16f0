// A live stream as the recorder sees it. `gateway/` implements it.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';

/** A complete segment of one rendition. */
export interface RecordedSegment {
  /** Its media sequence number: segments of all renditions with the same number show the same time. */
  readonly number: number;
  /** File name, which is never used twice in a rendition. */
  readonly uri: string;
  readonly duration: Seconds;
  readonly programDateTime: EpochMilliseconds;
  readonly discontinuity: boolean;
  /** Whether some or all of its media is missing. */
  readonly gap: boolean;
  /** `bytes`: ftyp and moov. */
  readonly init: { readonly uri: string; readonly bytes: Buffer };
  /** Bytes from the start to the end of the first key frame; undefined if the segment does not begin with one. */
  readonly keyFrameBytes: number | undefined;
  readonly media: {
    readonly length: number;
    /** Whether the whole segment is in the live copy on disk. */
    readonly isStored: boolean;
    /** Empty once the media is no longer in memory. */
    readonly pieces: readonly Buffer[];
  };
}

export interface RecordedRendition {
  readonly name: string;
  readonly video: boolean;
}

export interface AvailableSegments {
  readonly rendition: RecordedRendition;
  readonly segments: readonly RecordedSegment[];
}

/** Builds the multivariant playlist of the recorded part of a stream. */
export interface RecordedVariants {
  add(rendition: string, segment: RecordedSegment): void;
  /**
   * The multivariant playlist of the segments added so far; undefined while there is nothing to list.
   * @param ended whether the measured rates are final
   */
  text(ended: boolean): string | undefined;
}

export interface RecordedStreamListener {
  segment(rendition: RecordedRendition, segment: RecordedSegment): void;
  /** Called when the stream has ended, after its last segment. */
  ended(): void;
}

export interface RecordedStream {
  readonly app: string;
  readonly name: string;
  readonly ended: boolean;
  /** Number of the next segment: no rendition has media of it yet. */
  readonly nextNumber: number;
  /** EXT-X-TARGETDURATION; undefined before the first segment. */
  readonly targetDuration: Seconds | undefined;
  /** Renditions that currently get segments. */
  readonly renditions: readonly string[];
  /** @returns a function that removes the listener. Errors thrown by a listener do not reach the stream. */
  subscribe(listener: RecordedStreamListener): () => void;
  variants(): RecordedVariants;
  /** Complete segments that players may still load, of each rendition that has any, in order; they may be only on disk. */
  available(): readonly AvailableSegments[];
  /** The multivariant playlist as players have it now; undefined while there is none. */
  readonly multivariant: string | undefined;
  /** Absolute path of a file in the live copy on disk; undefined if there is none. */
  livePath(rendition: string, uri: string): string | undefined;
  /** Resolves when all segments that are complete now are in the live copy on disk, or failed to be written. Never rejects. */
  stored(): Promise<void>;
}

/** The segment as a gap, for media that cannot be stored. */
export function withoutMedia(segment: RecordedSegment): RecordedSegment {
  const { number, uri, duration, programDateTime, discontinuity, init, keyFrameBytes } = segment;
  const media = { length: 0, isStored: false, pieces: [] };
  return { number, uri, duration, programDateTime, discontinuity, init, keyFrameBytes, gap: true, media };
}
