// Records hold bare NAL units, but some encoders leave the start codes of annex B in them.

/** ITU-T H.264 B.1.1: at least two zero bytes, then a one. No NAL unit begins so, as its first byte is never 0. */
export function withoutStartCode(unit: Buffer): Buffer {
  let at = 0;
  while (unit[at] === 0) at += 1;
  return at >= 2 && unit[at] === 1 ? unit.subarray(at + 1) : unit;
}
