// Removes start codes (annex B), which some encoders leave before the NAL units of a record.

/** ITU-T H.264 B.1.1: at least two zero bytes, then a one. No NAL unit begins like this, because its first byte is never 0. */
export function withoutStartCode(unit: Buffer): Buffer {
  let at = 0;
  while (unit[at] === 0) at += 1;
  return at >= 2 && unit[at] === 1 ? unit.subarray(at + 1) : unit;
}
