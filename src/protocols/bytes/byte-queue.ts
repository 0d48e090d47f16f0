// Received buffers wait here as they came; nobody joins them, because whoever reads them can step from one to the next.

const NOTHING = Buffer.alloc(0);

/** First in, first out, of whole buffers, which are borrowed from whoever pushed them. */
export class ByteQueue {
  readonly #buffers: Buffer[] = [];
  #taken = 0;
  #length = 0;

  /** Bytes waiting. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#buffers.push(bytes);
    this.#length += bytes.length;
  }

  /** The oldest buffer, never an empty one. */
  take(): Buffer | undefined {
    const bytes = this.#buffers[this.#taken];
    if (bytes === undefined) return undefined;
    this.#buffers[this.#taken] = NOTHING;
    this.#taken += 1;
    this.#length -= bytes.length;
    if (this.#taken === this.#buffers.length) {
      this.#buffers.length = 0;
      this.#taken = 0;
    }
    return bytes;
  }
}
