// The codec-specific functions that split a stream into pictures: one interface for H.264, HEVC and AV1.

/** The role of a unit (NAL unit, OBU) at the boundary between pictures. */
export type UnitRole =
  /** Marks the beginning of a picture: access unit delimiter, temporal delimiter. */
  | 'delimiter'
  /** Belongs to the next picture and is needed by decoders: parameter sets, an AV1 sequence header. */
  | 'parameter-set'
  /** Belongs to the next picture: SEI and similar. */
  | 'prefix'
  /** Coded data that begins a picture. */
  | 'first-slice'
  /** Coded data that continues a picture. */
  | 'next-slice'
  /** Belongs to the previous picture and may be omitted: end of sequence, filler data. */
  | 'suffix';

/**
 * - `key`: decoding can start here and needs no earlier picture. H.264 IDR, HEVC IRAP, AV1 and VP9 key frames.
 * - `open`: an H.264 I picture with a recovery point SEI of recovery count 0, where encoders with open GOPs let decoders start. FFmpeg and
 *   Apple players start there; Chromium does not.
 * - `inter`: no decoder can start here.
 * - `unknown`: the bits cannot be parsed.
 */
export type FrameKind = 'key' | 'open' | 'inter' | 'unknown';

export interface SplitMessage {
  /** The units with their headers, as views. Empty units are dropped. */
  readonly units: readonly Buffer[];
  /** The message, or a view of it, if it can be used as a sample; undefined if the sample must be joined from the units. */
  readonly sample: Buffer | undefined;
  /** Whether there were empty units. */
  readonly hadEmpty: boolean;
  /** Whether there were start codes instead of lengths. */
  readonly hadStartCodes: boolean;
  /** Whether the length fields had another size than the sequence header says. */
  readonly hadOtherLengths: boolean;
}

export interface Bitstream {
  /** @returns undefined if the bytes are malformed */
  split(message: Buffer): SplitMessage | undefined;
  /** Call once for each unit, in order. */
  roleOf(unit: Buffer): UnitRole;
  /** False if the picture of the last unit certainly continues; true if it may be complete. */
  readonly mayEnd: boolean;
  /** Whether consecutive pictures usually have the same number of slices. */
  readonly sliceCountIsStable: boolean;
  /** The kind of a picture, from its units; never throws. */
  kindOf(units: readonly Buffer[]): FrameKind;
  /** The units of one picture in sample format, as buffers to be concatenated. */
  join(units: readonly Buffer[]): Buffer[];
}
