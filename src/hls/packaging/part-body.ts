// The body of a part as references to the publisher's frames. Most parts are never requested, so they are joined only on request.

/** moof+mdat of a part: several buffers in order until it is requested as a whole, then a single one. */
export class PartBody {
  #pieces: readonly Buffer[];
  /** Bytes. */
  readonly length: number;

  constructor(bytes: Buffer | readonly Buffer[]) {
    this.#pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes;
    this.length = this.#pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** The buffers must not be modified. */
  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  /** All bytes in one buffer; the same at each call. */
  whole(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const whole = Buffer.concat(this.#pieces, this.length);
    this.#pieces = [whole];
    return whole;
  }

  /** Refers to the same bytes at another place from now on. */
  moveTo(whole: Buffer): void {
    this.#pieces = [whole];
  }
}
