// Reads bit fields and Exp-Golomb codes, and never past the end.

import { bytesError } from './errors.js';

/** H.264 9.1: ue(v) reaches 2^32 - 2, which takes 32 leading zeros. */
const MAX_LEADING_ZEROS = 32;

/** A forward cursor over bits, most significant first. Callers remove H.264 emulation prevention bytes beforehand. */
export class BitReader {
  readonly #bytes: Uint8Array;
  #position = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Bits not yet consumed. */
  get bitsLeft(): number {
    return this.#bytes.length * 8 - this.#position;
  }

  /** @throws bytes.truncated (as does every method below) if not enough bits are left. */
  bit(): 0 | 1 {
    const byte = this.#bytes[this.#position >> 3];
    if (byte === undefined) throw this.#truncated(1);
    const value = (byte >> (7 - (this.#position & 7))) & 1;
    this.#position += 1;
    return value === 1 ? 1 : 0;
  }

  flag(): boolean {
    return this.bit() === 1;
  }

  /** An unsigned number of 0..32 bits. */
  bits(count: number): number {
    if (count < 0 || count > 32) throw new RangeError(`bits(${count}): expected 0..32`);
    if (count > this.bitsLeft) throw this.#truncated(count);
    let value = 0;
    // Not a shift, because the result of 32 bits would be negative.
    for (let index = 0; index < count; index += 1) value = value * 2 + this.bit();
    return value;
  }

  skip(count: number): void {
    if (count > this.bitsLeft) throw this.#truncated(count);
    this.#position += count;
  }

  /** ue(v), H.264 9.1: 0..2^32 - 2. */
  ue(): number {
    let zeros = 0;
    while (this.bit() === 0) {
      zeros += 1;
      if (zeros > MAX_LEADING_ZEROS) {
        throw bytesError(
          'bytes.truncated',
          `got no end of an Exp-Golomb code in ${zeros} bits, expected at most 32 zeros`,
        );
      }
    }
    return 2 ** zeros - 1 + this.bits(zeros);
  }

  /** se(v), H.264 9.1.1: 0, 1, -1, 2, -2 … */
  se(): number {
    const code = this.ue();
    if (code === 0) return 0;
    return code % 2 === 1 ? (code + 1) / 2 : -(code / 2);
  }

  #truncated(count: number): Error {
    return bytesError('bytes.truncated', `got ${this.bitsLeft} bits, expected ${count}`);
  }
}
