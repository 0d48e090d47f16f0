// HEVC: which NAL units begin a picture, and at which pictures decoding can start.
import type { Bitstream, FrameKind, SplitMessage, UnitRole } from './bitstream.js';
import { lengthPrefixed, type NalLengthSize, splitMessage } from './nal-units.js';

/** H.265 table 7-1: types 0..31 are coded slices, of which 16..23 are intra random access points (22 and 23 are reserved). */
const MAX_SLICE = 31;
const MIN_RANDOM_ACCESS = 16;
const MAX_RANDOM_ACCESS = 21;
const PPS = 34;
const DELIMITER = 35;
const PREFIX_SEI = 39;
const HEADER_SIZE = 2;

export class HevcBitstream implements Bitstream {
  /** Size of the length before each NAL unit, for reading and writing. */
  nalLengthSize: NalLengthSize = 4;
  readonly mayEnd = true;
  readonly sliceCountIsStable = true;

  split(message: Buffer): SplitMessage | undefined {
    return splitMessage(message, this.nalLengthSize, (unit) => typeOf(unit) <= MAX_SLICE);
  }

  /** H.265 7.4.2.4.4. */
  roleOf(unit: Buffer): UnitRole {
    const type = typeOf(unit);
    if (type <= MAX_SLICE) {
      // A picture of a further layer (H.265 annex F) belongs to the picture of the base layer. The bit is first_slice_segment_in_pic_flag.
      return layerOf(unit) === 0 && ((unit[HEADER_SIZE] ?? 0) & 0x80) !== 0 ? 'first-slice' : 'next-slice';
    }
    if (type <= PPS) return 'parameter-set';
    if (type === DELIMITER) return 'delimiter';
    const before = type === PREFIX_SEI || (type >= 41 && type <= 44) || (type >= 48 && type <= 55);
    return before ? 'prefix' : 'suffix';
  }

  kindOf(units: readonly Buffer[]): FrameKind {
    const slice = units.find((unit) => typeOf(unit) <= MAX_SLICE);
    if (slice === undefined) return 'unknown';
    const type = typeOf(slice);
    return type >= MIN_RANDOM_ACCESS && type <= MAX_RANDOM_ACCESS ? 'key' : 'inter';
  }

  join(units: readonly Buffer[]): Buffer[] {
    return lengthPrefixed(units, this.nalLengthSize);
  }
}

function typeOf(unit: Buffer): number {
  return ((unit[0] ?? 0) >> 1) & 0x3f;
}

function layerOf(unit: Buffer): number {
  return (((unit[0] ?? 0) & 1) << 5) | ((unit[1] ?? 0) >> 3);
}
