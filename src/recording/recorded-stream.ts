// What the recorder needs of a stream that is live. `gateway/` supplies it.

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
  /** Its media, or some of it, never came. */
  readonly gap: boolean;
  /** `bytes` are ftyp and moov. */
  readonly init: { readonly uri: string; readonly bytes: Buffer };
  /** Bytes up to the end of its key frame; undefined if it does not begin with one. */
  readonly keyFrameBytes: number | undefined;
  readonly media: {
    readonly length: number;
    /** Whether it is complete in the live copy on disk. */
    readonly isStored: boolean;
    /** Empty once it has left memory. */
    readonly pieces: readonly Buffer[];
  };
}

export interface RecordedRendition {
  readonly name: string;
  readonly video: boolean;
}

/** Describes the recorded part of a stream to players. */
export interface RecordedVariants {
  add(rendition: string, segment: RecordedSegment): void;
  /**
   * The multivariant playlist of what was added; undefined while there is nothing to list.
   * @param ended whether the measured rates are final
   */
  text(ended: boolean): string | undefined;
}

export interface RecordedStreamListener {
  segment(rendition: RecordedRendition, segment: RecordedSegment): void;
  /** The stream has ended; all its segments were passed before. */
  ended(): void;
}

export interface RecordedStream {
  readonly app: string;
  readonly name: string;
  readonly ended: boolean;
  /** Number of the next segment of which no rendition has media yet. */
  readonly nextNumber: number;
  /** EXT-X-TARGETDURATION; known when there is a segment. */
  readonly targetDuration: Seconds | undefined;
  /** Renditions that get segments at the moment. */
  readonly renditions: readonly string[];
  /** @returns a function that removes the listener. What a listener throws does not reach the stream. */
  subscribe(listener: RecordedStreamListener): () => void;
  variants(): RecordedVariants;
  /** Absolute path of a file in the live copy on disk; undefined if there is none. */
  livePath(rendition: string, uri: string): string | undefined;
  /** Resolves when the live copy on disk has all segments that are complete now, or could not take them. Never rejects. */
  stored(): Promise<void>;
}

/** The segment as a gap, for one whose media cannot be kept. */
export function withoutMedia(segment: RecordedSegment): RecordedSegment {
  const { number, uri, duration, programDateTime, discontinuity, init, keyFrameBytes } = segment;
  const media = { length: 0, isStored: false, pieces: [] };
  return { number, uri, duration, programDateTime, discontinuity, init, keyFrameBytes, gap: true, media };
}
