// The arrow between what makes parts (video, audio) and what lists them (a rendition).
import type { Fragment } from '../../protocols/mp4/fragment.js';
import type { Seconds } from '../../protocols/units.js';

/** One part, placed on the timeline; not yet numbered. */
export interface MadePart {
  /** moof+mdat, or several of them; or pieces of it that follow each other. */
  readonly bytes: Buffer | readonly Buffer[];
  /** `bytes` is a view of something larger, which must not be kept for as long as the segment is. */
  readonly shared: boolean;
  /** Of the cut schedule. */
  readonly segmentIndex: number;
  /** Media time of the first sample, on the stream timeline. */
  readonly start: Seconds;
  readonly duration: Seconds;
  /** Where its media ends, if its last frame lasts longer than `duration` may say. */
  readonly end?: Seconds;
  /** Decoding can start here: INDEPENDENT=YES. */
  readonly independent: boolean;
  /** Bytes up to the end of the first sample, of a picture that can be decoded alone; undefined for everything else. */
  readonly keyFrameBytes?: number | undefined;
  /** The next cut is at its end: the segment is complete. */
  readonly completes: boolean;
  /** More of the same segment came already: no cut is at its end, whatever the publisher usually does. */
  readonly continues?: boolean;
}

/** What takes the parts of one track: a rendition. */
export interface PartSink {
  accept(part: MadePart): void;
  /** No further part of this segment comes: its last one was out before the cut was known. */
  complete(segmentIndex: number): void;
  /** The next part must be decodable alone; what does not begin so is of no use. */
  readonly needsSync: boolean;
}

/** Turns the fragments of one FFmpeg run into parts. */
export interface PartMaker {
  push(fragment: Fragment): void;
  /** The cut schedule has moved on: what was held may go. */
  advance(): void;
  /** Nothing more comes of this run: what is held goes now. */
  flush(): void;
}

/** @param size of a fragment that ends with the data of `samples`, in their order */
export function keyFrameBytes(
  size: number,
  samples: readonly { readonly sync: boolean; readonly data: Buffer }[],
): number | undefined {
  if (samples[0]?.sync !== true) return undefined;
  let length = size;
  for (const [i, { data }] of samples.entries()) if (i > 0) length -= data.length;
  return length;
}
