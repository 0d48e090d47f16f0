// What cutting a stream into pictures needs to know of a codec: the same questions for H.264, HEVC and AV1.

/** What a unit (NAL unit, OBU) means for where pictures begin and end. */
export type UnitRole =
  /** Says that a picture begins: access unit delimiter, temporal delimiter. */
  | 'delimiter'
  /** Belongs to the picture after it, and decoders need it: parameter sets, an AV1 sequence header. */
  | 'parameter-set'
  /** Belongs to the picture after it: SEI and the like. */
  | 'prefix'
  /** Coded data with which a picture begins. */
  | 'first-slice'
  /** Coded data of a picture that has begun. */
  | 'next-slice'
  /** Belongs to the picture before it, and none is the poorer without: end of sequence, filler data. */
  | 'suffix';

/**
 * - `key`: decoding starts here without anything before it. H.264 IDR, HEVC IRAP, AV1 and VP9 key frames.
 * - `open`: an H.264 I picture behind a recovery point SEI that recovers at once: where encoders with open groups of pictures
 *   let decoders start. FFmpeg and Apple players do; Chromium's does not.
 * - `inter`: no decoder can start here.
 * - `unknown`: the bits cannot be read, so they prove nothing.
 */
export type FrameKind = 'key' | 'open' | 'inter' | 'unknown';

export interface SplitMessage {
  /** With their header: views. Empty ones are left out. */
  readonly units: readonly Buffer[];
  /** The message as a sample: itself, or a view of it; undefined when a sample of it has to be put together. */
  readonly sample: Buffer | undefined;
  /** There were empty units. */
  readonly hadEmpty: boolean;
  /** There were start codes instead of lengths. */
  readonly hadStartCodes: boolean;
  /** The lengths were of another size than the sequence header says. */
  readonly hadOtherLengths: boolean;
}

export interface Bitstream {
  /** @returns undefined when the bytes are not what they should be */
  split(message: Buffer): SplitMessage | undefined;
  /** To be asked of each unit once, in order. */
  roleOf(unit: Buffer): UnitRole;
  /** Nothing more can come of the picture that the last unit belonged to, as far as that can be told; true if it cannot. */
  readonly mayEnd: boolean;
  /** Pictures mostly have as many slices as the one before. */
  readonly slicesTell: boolean;
  /** Of the units of one picture; never throws. */
  kindOf(units: readonly Buffer[]): FrameKind;
  /** The units of one picture as a sample has them, in pieces that are to be put one behind the other. */
  join(units: readonly Buffer[]): Buffer[];
}
