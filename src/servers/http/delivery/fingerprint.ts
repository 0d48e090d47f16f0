// A number for texts of any length, to tell them apart without keeping them.

/** Odd constants with bits all over, so that each character reaches every bit of the result (Knuth's multiplicative hashing). */
const MULTIPLIERS = [0x9e3779b1, 0x85ebca77] as const;
const SEED = 0x2545f491;
/** Of 53 that a number holds exactly, 32 come from one half. */
const HIGH_BITS = 21;

/**
 * Not for secrets: whoever wants two texts of the same number finds them. For a hundred thousand others the chance that any two
 * agree is below one in a million.
 * @returns an integer of 53 bits
 */
export function fingerprint(...texts: readonly string[]): number {
  let low = SEED;
  let high = ~SEED;
  for (const text of texts) {
    for (let index = 0; index < text.length; index++) {
      const code = text.charCodeAt(index);
      low = Math.imul(low ^ code, MULTIPLIERS[0]);
      low ^= low >>> 15;
      high = Math.imul(high ^ code, MULTIPLIERS[1]);
      high ^= high >>> 13;
    }
    // Where one text ends and the next begins matters.
    low = Math.imul(low ^ 0x10000, MULTIPLIERS[1]);
    high = Math.imul(high ^ 0x10000, MULTIPLIERS[0]);
  }
  low = Math.imul(low ^ (low >>> 16), MULTIPLIERS[1]);
  high = Math.imul(high ^ (high >>> 16), MULTIPLIERS[0]);
  low ^= high >>> 11;
  return (low >>> 0) + (high >>> (32 - HIGH_BITS)) * 2 ** 32;
}
