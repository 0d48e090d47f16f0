// AV1: which OBUs begin a picture (a temporal unit, which may contain hidden frames), and where decoding can start.
import { SluiceError } from '../errors.js';
import { walkObus } from '../mp4/av1.js';
import type { Bitstream, FrameKind, SplitMessage, UnitRole } from './bitstream.js';

/** AV1 6.2.2 obu_type. */
const SEQUENCE_HEADER = 1;
const TEMPORAL_DELIMITER = 2;
const FRAME_HEADER = 3;
const TILE_GROUP = 4;
const METADATA = 5;
const FRAME = 6;
const REDUNDANT_FRAME_HEADER = 7;

const HAS_EXTENSION = 0x04;
const HAS_SIZE = 0x02;
const MAX_OBUS = 1_024;

export class Av1Bitstream implements Bitstream {
  /** Whether the decoder configuration contains the sequence header. If so, key frames may come without one. */
  sequenceHeaderKnown = false;
  /** A temporal unit may contain any number of hidden frames, so the number of frames proves nothing. */
  readonly sliceCountIsStable = false;
  /** Whether the temporal unit has no shown frame yet. AV1 7.5 requires exactly one. */
  #awaitsShown = false;

  get mayEnd(): boolean {
    return !this.#awaitsShown;
  }

  split(message: Buffer): SplitMessage | undefined {
    const units: Buffer[] = [];
    try {
      for (const { bytes } of walkObus(message)) {
        if (units.length >= MAX_OBUS) return undefined;
        units.push(bytes);
      }
    } catch (error) {
      if (!(error instanceof SluiceError)) throw error;
      return undefined;
    }
    // Encoders send a leading delimiter, which is not part of a sample (AV1-ISOBMFF 2.4). Each further delimiter begins another sample.
    const delimiters = units.filter((unit) => typeOf(unit) === TEMPORAL_DELIMITER).length;
    const [first] = units;
    const leads = first !== undefined && typeOf(first) === TEMPORAL_DELIMITER;
    const sample = delimiters === 0 ? message : delimiters === 1 && leads ? message.subarray(first.length) : undefined;
    return { units, sample, hadEmpty: false, hadStartCodes: false, hadOtherLengths: false };
  }

  roleOf(unit: Buffer): UnitRole {
    switch (typeOf(unit)) {
      case TEMPORAL_DELIMITER:
        this.#awaitsShown = false;
        return 'delimiter';
      case SEQUENCE_HEADER:
        return 'parameter-set';
      case METADATA:
        return 'prefix';
      case FRAME:
      case FRAME_HEADER:
        return this.#beginsPicture(unit);
      case TILE_GROUP:
      case REDUNDANT_FRAME_HEADER:
        return 'next-slice';
      default:
        return 'suffix';
    }
  }

  kindOf(units: readonly Buffer[]): FrameKind {
    let known = this.sequenceHeaderKnown;
    for (const unit of units) {
      const type = typeOf(unit);
      if (type === SEQUENCE_HEADER) known = true;
      if (type !== FRAME && type !== FRAME_HEADER) continue;
      const first = unit[headSize(unit)];
      if (first === undefined) return 'unknown';
      // AV1 5.9.2, unless it is a reduced still picture: show_existing_frame, then frame_type, where 0 is KEY_FRAME.
      return first >> 5 === 0 && known ? 'key' : 'inter';
    }
    return 'unknown';
  }

  /** Omits delimiters. Only the last OBU may omit its size field, because the size of the sample gives it. */
  join(units: readonly Buffer[]): Buffer[] {
    const kept = units.filter((unit) => typeOf(unit) !== TEMPORAL_DELIMITER);
    return kept.flatMap((unit, index) => (index === kept.length - 1 ? [unit] : sized(unit)));
  }

  #beginsPicture(unit: Buffer): UnitRole {
    const first = unit[headSize(unit)] ?? 0;
    // show_existing_frame, or show_frame after the two bits of frame_type (AV1 5.9.2).
    const shown = (first & 0x80) !== 0 || (first & 0x10) !== 0;
    // With spatial layers, all frames of an instant belong together.
    const continues = this.#awaitsShown || spatialLayer(unit) > 0;
    this.#awaitsShown = !shown;
    return continues ? 'next-slice' : 'first-slice';
  }
}

/** Also accepts an empty unit. */
function typeOf(unit: Buffer): number {
  return ((unit[0] ?? 0) >> 3) & 0x0f;
}

function spatialLayer(unit: Buffer): number {
  return ((unit[0] ?? 0) & HAS_EXTENSION) === 0 ? 0 : ((unit[1] ?? 0) >> 3) & 0x03;
}

/** Size of the OBU header with its extension and size field. */
function headSize(unit: Buffer): number {
  const head = unit[0] ?? 0;
  let size = (head & HAS_EXTENSION) === 0 ? 1 : 2;
  if ((head & HAS_SIZE) === 0) return size;
  while (((unit[size] ?? 0) & 0x80) !== 0) size += 1;
  return size + 1;
}

/** The unit with obu_has_size_field set (AV1 5.3.2), in pieces. */
function sized(unit: Buffer): Buffer[] {
  const head = unit[0] ?? 0;
  if ((head & HAS_SIZE) !== 0) return [unit];
  const start = headSize(unit);
  const prefix = [head | HAS_SIZE, ...unit.subarray(1, start)];
  for (let size = unit.length - start; ; size = Math.floor(size / 128)) {
    if (size < 128) {
      prefix.push(size);
      break;
    }
    prefix.push((size % 128) | 0x80);
  }
  return [Buffer.from(prefix), unit.subarray(start)];
}
