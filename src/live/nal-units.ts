// Frames are looked into where the head of a message is not to be believed: this walks their NAL units without a copy.

/** The sizes of the length before a NAL unit (ISO/IEC 14496-15 5.3.3.1.2 lengthSizeMinusOne). */
export type NalLengthSize = 1 | 2 | 4;

/** No picture has more slices and parameter sets than this: the rest of a bomb is not walked. */
const MAX_NAL_UNITS = 4_096;

/**
 * NAL units with their header byte, each behind its length; empty ones are left out.
 * @returns views, or undefined when a length leads beyond the end: the bytes are not what they should be
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
 * NAL units behind start codes (ITU-T H.264 annex B), as some cameras send them although RTMP has lengths.
 * @returns views, or undefined when the bytes do not begin with a start code
 */
export function splitStartCodes(data: Buffer): Buffer[] | undefined {
  const first = startCodeEnd(data);
  if (first === undefined) return undefined;
  const units: Buffer[] = [];
  let begin = first;
  while (begin <= data.length && units.length < MAX_NAL_UNITS) {
    const next = data.indexOf(START_CODE, begin);
    let end = next < 0 ? data.length : next;
    // The zero byte of a four-byte start code, and trailing zeros (B.1.1), belong to no NAL unit.
    while (end > begin && data[end - 1] === 0) end -= 1;
    if (end > begin) units.push(data.subarray(begin, end));
    if (next < 0) break;
    begin = next + START_CODE.length;
  }
  return units;
}

const START_CODE = Buffer.from([0, 0, 1]);

function startCodeEnd(data: Buffer): number | undefined {
  if (data.length < 4 || data[0] !== 0 || data[1] !== 0) return undefined;
  if (data[2] === 1) return 3;
  return data[2] === 0 && data[3] === 1 ? 4 : undefined;
}

/** The units behind lengths, in one copy. One that its length cannot say is left out. */
export function withLengths(units: readonly Buffer[], lengthSize: NalLengthSize): Buffer {
  const fitting = units.filter((unit) => unit.length < 2 ** (8 * lengthSize));
  const out = Buffer.allocUnsafe(fitting.reduce((size, unit) => size + lengthSize + unit.length, 0));
  let at = 0;
  for (const unit of fitting) {
    at = out.writeUIntBE(unit.length, at, lengthSize);
    at += unit.copy(out, at);
  }
  return out;
}
