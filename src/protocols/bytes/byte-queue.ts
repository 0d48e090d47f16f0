// A queue of received buffers. They are not joined, because the reader can step from one to the next.

const NOTHING = Buffer.alloc(0);

/** A FIFO of whole buffers, which are borrowed from the caller of `push`. */
export class ByteQueue {
  readonly #buffers: Buffer[] = [];
  #taken = 0;
  /** Number of buffers that are our own copies. */
  #kept = 0;
  #length = 0;

  /** Number of bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  push(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#buffers.push(bytes);
    this.#length += bytes.length;
  }

  /** Copies all borrowed buffers, so that their owner may reuse them. Each is copied at most once. */
  keep(): void {
    for (; this.#kept < this.#buffers.length; this.#kept += 1) {
      const bytes = this.#buffers[this.#kept];
      if (bytes !== undefined && bytes.length > 0) this.#buffers[this.#kept] = Buffer.from(bytes);
    }
  }

  /** Removes the oldest buffer, never an empty one. */
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
