// The interfaces between part makers (video, audio) and the rendition that lists the parts.
import type { Fragment } from '../../protocols/mp4/fragment.js';
import type { Seconds } from '../../protocols/units.js';

/** One part with its place on the timeline; not numbered yet. */
export interface MadePart {
  /** One or several moof+mdat, in one buffer or in several to be concatenated. */
  readonly bytes: Buffer | readonly Buffer[];
  /** `bytes` is a view of a larger buffer, which must not be kept for as long as the segment. */
  readonly shared: boolean;
  /** Index of its segment in the cut schedule. */
  readonly segmentIndex: number;
  /** Media time of the first sample, on the stream timeline. */
  readonly start: Seconds;
  readonly duration: Seconds;
  /** Where its media ends, if its last frame lasts longer than `duration` may say. */
  readonly end?: Seconds;
  /** Decoding can start here: INDEPENDENT=YES. */
  readonly independent: boolean;
  /** Number of bytes up to the end of the first sample, if that is a picture that can be decoded alone; otherwise undefined. */
  readonly keyFrameBytes?: number | undefined;
  /** The next cut is at its end: the segment is complete. */
  readonly completes: boolean;
  /** Media of the same segment after this part already exists, so there is no cut at its end, whatever the usual GOP length is. */
  readonly continues?: boolean;
}

/** Receives the parts of one track: a rendition. */
export interface PartSink {
  accept(part: MadePart): void;
  /** No further part of this segment comes: its last one was emitted before the cut was known. */
  complete(segmentIndex: number): void;
  /** The next part must be decodable alone; parts that are not are rejected. */
  readonly needsSync: boolean;
}

/** Turns the fragments of one FFmpeg run into parts. */
export interface PartMaker {
  push(fragment: Fragment): void;
  /** The cut schedule has advanced: held media may be emitted. */
  advance(): void;
  /** This run has ended: emit all held media. */
  flush(): void;
}

/** @param size size of a fragment that ends with the data of `samples`, in their order */
export function keyFrameBytes(
  size: number,
  samples: readonly { readonly sync: boolean; readonly data: Buffer }[],
): number | undefined {
  if (samples[0]?.sync !== true) return undefined;
  let length = size;
  for (const [i, { data }] of samples.entries()) if (i > 0) length -= data.length;
  return length;
}
