// Finds the NAL units of a message without copying: behind lengths, as RTMP requires, or behind start codes, as some encoders send them.
import type { SplitMessage } from './bitstream.js';

/** Size of the length before each NAL unit (ISO/IEC 14496-15 5.3.3.1.2 lengthSizeMinusOne). */
export type NalLengthSize = 1 | 2 | 4;

/** No picture has more slices and parameter sets than this. The limit bounds the work for a malicious message. */
const MAX_NAL_UNITS = 4_096;
const START_CODE = Buffer.from([0, 0, 1]);

/**
 * The NAL units of a message, in either format.
 * @param lengthSize size of the length fields according to the sequence header
 * @param isWhole recognizes units that need not be searched for start codes. The search is needed because some encoders put one length
 * before several units
 * @returns undefined if the message is valid in neither format
 */
export function splitMessage(
  message: Buffer,
  lengthSize: NalLengthSize,
  isWhole: (unit: Buffer) => boolean,
): SplitMessage | undefined {
  const byLength = splitNalUnits(message, lengthSize);
  // The sequence header may be wrong about the size: nearly all lengths have 4 bytes, and if they are read with a smaller size, they look
  // like empty units.
  const mayLie = lengthSize !== 4 && (byLength === undefined || covered(byLength, lengthSize) !== message.length);
  const byFour = mayLie ? splitNalUnits(message, 4) : undefined;
  if (byFour !== undefined) {
    return { units: byFour, sample: undefined, hadEmpty: false, hadStartCodes: false, hadOtherLengths: true };
  }
  if (byLength !== undefined) return withInnerStartCodes(message, byLength, lengthSize, isWhole);
  const units = splitStartCodes(message);
  return units && { units, sample: undefined, hadEmpty: false, hadStartCodes: true, hadOtherLengths: false };
}

function withInnerStartCodes(
  message: Buffer,
  units: readonly Buffer[],
  lengthSize: NalLengthSize,
  isWhole: (unit: Buffer) => boolean,
): SplitMessage {
  const hadEmpty = covered(units, lengthSize) !== message.length;
  const found = { hadEmpty, hadOtherLengths: false };
  if (units.every((unit) => isWhole(unit) || unit.indexOf(START_CODE) < 0)) {
    return { units, sample: hadEmpty ? undefined : message, hadStartCodes: false, ...found };
  }
  return { units: units.flatMap(splitAtStartCodes), sample: undefined, hadStartCodes: true, ...found };
}

/** Total bytes of the units and their lengths. */
function covered(units: readonly Buffer[], lengthSize: NalLengthSize): number {
  return units.reduce((size, unit) => size + lengthSize + unit.length, 0);
}

/**
 * Splits NAL units behind lengths, each with its header byte. Empty units are dropped.
 * @returns views; undefined if a length exceeds the data, because then the bytes are malformed
 */
export function splitNalUnits(data: Buffer, lengthSize: NalLengthSize): Buffer[] | undefined {
  const units: Buffer[] = [];
  let at = 0;
  while (at < data.length) {
    if (at + lengthSize > data.length || units.length >= MAX_NAL_UNITS) return undefined;
    const end = at + lengthSize + data.readUIntBE(at, lengthSize);
    if (end > data.length) return undefined;
    if (end > at + lengthSize) units.push(data.subarray(at + lengthSize, end));
    at = end;
  }
  return units;
}

/**
 * Splits NAL units behind start codes (ITU-T H.264 annex B), which some cameras send although RTMP requires lengths.
 * @returns views; undefined if the bytes do not begin with a start code
 */
export function splitStartCodes(data: Buffer): Buffer[] | undefined {
  let first = 0;
  while (data[first] === 0) first += 1;
  if (first < 2 || data[first] !== 1) return undefined;
  return splitAtStartCodes(data.subarray(first + 1));
}

/** Bytes before the first start code also form a unit. */
function splitAtStartCodes(data: Buffer): Buffer[] {
  const units: Buffer[] = [];
  let begin = 0;
  while (begin <= data.length && units.length < MAX_NAL_UNITS) {
    const next = data.indexOf(START_CODE, begin);
    let end = next < 0 ? data.length : next;
    // The zero byte of a four-byte start code and trailing zeros (B.1.1) belong to no NAL unit.
    while (end > begin && data[end - 1] === 0) end -= 1;
    if (end > begin) units.push(data.subarray(begin, end));
    if (next < 0) break;
    begin = next + START_CODE.length;
  }
  return units;
}

/** Each unit with its length in front, as buffers to be concatenated. A unit that is too long for its length field is dropped. */
export function lengthPrefixed(units: readonly Buffer[], lengthSize: NalLengthSize): Buffer[] {
  const pieces: Buffer[] = [];
  for (const unit of units) {
    if (unit.length >= 2 ** (8 * lengthSize)) continue;
    const length = Buffer.allocUnsafe(lengthSize);
    length.writeUIntBE(unit.length, 0, lengthSize);
    pieces.push(length, unit);
  }
  return pieces;
}
