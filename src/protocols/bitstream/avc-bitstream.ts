// H.264: which NAL units begin a picture, and at which pictures decoding can start.
import { BitReader } from '../bytes/bit-reader.js';
import { SluiceError } from '../errors.js';
import {
  parseSequenceParameterSet,
  removeEmulationPrevention,
  type SequenceParameterSet,
} from '../mp4/sequence-parameter-set.js';
import type { Bitstream, FrameKind, SplitMessage, UnitRole } from './bitstream.js';
import { lengthPrefixed, type NalLengthSize, splitMessage } from './nal-units.js';

/** H.264 table 7-1. */
const SLICE = 1;
const PARTITION_A = 2;
const IDR = 5;
const SEI = 6;
const SPS = 7;
const PPS = 8;
const DELIMITER = 9;
const SPS_EXTENSION = 13;
const SUBSET_SPS = 15;
/** Data partitions B and C, slices of auxiliary pictures, and slices of further layers or views: never the first slice of a picture. */
const NEXT_SLICES: ReadonlySet<number> = new Set([3, 4, 19, 20, 21]);
const RESERVED_PREFIXES: ReadonlySet<number> = new Set([16, 17, 18]);
/** H.264 D.2.8. */
const SEI_RECOVERY_POINT = 6;
/** Only the first fields of a slice header are read. */
const HEAD_BYTES = 40;

/** H.264 7.3.3: the fields that distinguish the two fields of a frame. */
interface FieldHeader {
  readonly frameNumber: number;
  readonly bottom: boolean;
}

export class AvcBitstream implements Bitstream {
  /** Size of the length before each NAL unit, for reading and writing. */
  nalLengthSize: NalLengthSize = 4;
  readonly mayEnd = true;
  readonly sliceCountIsStable = true;
  #spsBytes: Buffer | undefined;
  #sps: SequenceParameterSet | undefined;
  /** Set if the current picture is a first field that waits for the second. */
  #firstField: FieldHeader | undefined;

  split(message: Buffer): SplitMessage | undefined {
    return splitMessage(message, this.nalLengthSize, isSlice);
  }

  roleOf(unit: Buffer): UnitRole {
    const type = typeOf(unit);
    if (type === SLICE || type === PARTITION_A || type === IDR) return this.#beginsPicture(unit);
    if (NEXT_SLICES.has(type)) return 'next-slice';
    switch (type) {
      case SPS:
        this.noteSequenceParameterSet(unit);
        return 'parameter-set';
      case PPS:
      case SPS_EXTENSION:
      case SUBSET_SPS:
        return 'parameter-set';
      case SEI:
        return 'prefix';
      case DELIMITER:
        return 'delimiter';
      default:
        return RESERVED_PREFIXES.has(type) ? 'prefix' : 'suffix';
    }
  }

  /** The SPS gives the lengths of fields in slice headers. An SPS that cannot be parsed counts as missing. */
  noteSequenceParameterSet(unit: Buffer): void {
    if (this.#spsBytes?.equals(unit)) return;
    this.#spsBytes = Buffer.from(unit);
    this.#sps = read(() => parseSequenceParameterSet(unit));
  }

  kindOf(units: readonly Buffer[]): FrameKind {
    let slice: Buffer | undefined;
    for (const unit of units) {
      const type = typeOf(unit);
      if (type === IDR) return 'key';
      if (type === SLICE || type === PARTITION_A) slice ??= unit;
    }
    if (slice === undefined) return 'unknown';
    // Most pictures have no SEI, so this is checked first: reading a slice header costs more.
    const opens = units.some(isSei) && isIntra(slice) && units.some(hasImmediateRecoveryPoint);
    return opens ? 'open' : 'inter';
  }

  join(units: readonly Buffer[]): Buffer[] {
    return lengthPrefixed(units, this.nalLengthSize);
  }

  /** H.264 7.4.1.2.4: first_mb_in_slice is 0 at the beginning of a frame and of each field. */
  #beginsPicture(unit: Buffer): UnitRole {
    // first_mb_in_slice is the first syntax element; ue(v) codes 0 as a single one bit.
    if (((unit[1] ?? 0) & 0x80) === 0) return 'next-slice';
    if (this.#sps?.interlaced !== true) return 'first-slice';
    const field = read(() => readField(unit, this.#sps));
    const first = this.#firstField;
    if (field !== undefined && first?.frameNumber === field.frameNumber && first.bottom !== field.bottom) {
      this.#firstField = undefined;
      return 'next-slice';
    }
    this.#firstField = field;
    return 'first-slice';
  }
}

function typeOf(unit: Buffer): number {
  return (unit[0] ?? 0) & 0x1f;
}

function isSei(unit: Buffer): boolean {
  return typeOf(unit) === SEI;
}

/** Slices are large and never contain a start code. */
function isSlice(unit: Buffer): boolean {
  const type = typeOf(unit);
  return type >= SLICE && type <= IDR;
}

/** H.264 7.3.3. @returns undefined for a slice of a frame */
function readField(unit: Buffer, sps: SequenceParameterSet | undefined): FieldHeader | undefined {
  if (sps === undefined) return undefined;
  const bits = new BitReader(removeEmulationPrevention(unit.subarray(1, HEAD_BYTES)));
  bits.ue(); // first_mb_in_slice
  bits.ue(); // slice_type
  bits.ue(); // pic_parameter_set_id
  if (sps.separatePlanes) bits.skip(2); // colour_plane_id
  const frameNumber = bits.bits(sps.frameNumberBits);
  return bits.flag() ? { frameNumber, bottom: bits.flag() } : undefined;
}

/** H.264 table 7-6: I slices; values above 4 mean that all slices of the picture have that type. */
const SLICE_TYPE_I = 2;
const SLICE_TYPES = 5;

function isIntra(slice: Buffer): boolean {
  const type = read(() => {
    const bits = new BitReader(removeEmulationPrevention(slice.subarray(1, HEAD_BYTES)));
    bits.ue(); // first_mb_in_slice
    return bits.ue();
  });
  return type !== undefined && type % SLICE_TYPES === SLICE_TYPE_I;
}

/** H.264 7.3.2.3.1 and D.1.8: recovery_frame_cnt is 0. With gradual refresh the count is higher, and decoders show grey until then. */
function hasImmediateRecoveryPoint(unit: Buffer): boolean {
  if (!isSei(unit)) return false;
  const clean = removeEmulationPrevention(unit.subarray(1));
  let at = 0;
  const readExtended = (): number => {
    let value = 0;
    while (clean[at] === 0xff) {
      value += 0xff;
      at += 1;
    }
    value += clean[at] ?? 0;
    at += 1;
    return value;
  };
  while (at + 2 < clean.length) {
    const type = readExtended();
    const size = readExtended();
    if (type === SEI_RECOVERY_POINT) return read(() => new BitReader(clean.subarray(at, at + size)).ue()) === 0;
    at += size;
  }
  return false;
}

/** A truncated header proves nothing, so it gives undefined. */
function read<T>(reader: () => T): T | undefined {
  try {
    return reader();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return undefined;
  }
}
