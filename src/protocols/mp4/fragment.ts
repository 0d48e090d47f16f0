// A movie fragment as other modules see it: its bytes, as players get them, and its timed samples.
import type { Ticks } from '../units.js';

export interface Sample {
  readonly duration: Ticks;
  /** Bytes. */
  readonly size: number;
  /** Composition offset: presentation time minus decode time; negative with CMAF's version 1 `trun`. */
  readonly cts: Ticks;
  /** A sync sample: decoding can start here (for H.264 an IDR picture). Always true for AAC. */
  readonly sync: boolean;
  /** The coded frame, as a view. */
  readonly data: Buffer;
}

/** One `moof` and its `mdat` of one track: a CMAF chunk, which HLS lists as a part. */
export interface Fragment {
  /** moof+mdat exactly as written, contiguous. */
  readonly bytes: Buffer;
  /** `tfdt`: the decode time of the first sample, in the track's timescale. Negative for priming before time 0. */
  readonly baseMediaDecodeTime: Ticks;
  /** Sum of the sample durations. */
  readonly duration: Ticks;
  /** Smallest presentation time (decode time + composition offset) of the samples. */
  readonly presentationStart: Ticks;
  /** Whether the first sample in decode order is a sync sample, so that a player can start with this fragment. */
  readonly startsWithSync: boolean;
  readonly samples: readonly Sample[];
}
