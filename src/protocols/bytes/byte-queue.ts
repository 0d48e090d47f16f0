// Received buffers wait here as they came; nobody joins them, because whoever reads them can step from one to the next.

const NOTHING = Buffer.alloc(0);

/** First in, first out, of whole buffers, which are borrowed from whoever pushed them. */
export class ByteQueue {
  readonly #buffers: Buffer[] = [];
  #taken = 0;
  /** So many are ours. */
  #kept = 0;
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

  /** Ends the borrowing: what waits is copied, once, however often this is called. */
  keep(): void {
    for (; this.#kept < this.#buffers.length; this.#kept += 1) {
      const bytes = this.#buffers[this.#kept];
      if (bytes !== undefined && bytes.length > 0) this.#buffers[this.#kept] = Buffer.from(bytes);
    }
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
      this.#kept = 0;
    }
    return bytes;
  }
}
