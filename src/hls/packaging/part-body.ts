// A part is made of the publisher's frames where they are, and most parts are never asked for: joining them waits until one is.

/** moof+mdat of a part: in pieces that follow each other, until somebody asks for it as a whole; then in one. */
export class PartBody {
  #pieces: readonly Buffer[];
  /** Bytes. */
  readonly length: number;

  constructor(bytes: Buffer | readonly Buffer[]) {
    this.#pieces = Buffer.isBuffer(bytes) ? [bytes] : bytes;
    this.length = this.#pieces.reduce((sum, { length }) => sum + length, 0);
  }

  /** They must not be written to. */
  get pieces(): readonly Buffer[] {
    return this.#pieces;
  }

  /** One buffer; the same at each call. */
  whole(): Buffer {
    const [first] = this.#pieces;
    if (first !== undefined && this.#pieces.length === 1) return first;
    const whole = Buffer.concat(this.#pieces, this.length);
    this.#pieces = [whole];
    return whole;
  }

  /** The same bytes lie elsewhere now. */
  moveTo(whole: Buffer): void {
    this.#pieces = [whole];
  }
}
