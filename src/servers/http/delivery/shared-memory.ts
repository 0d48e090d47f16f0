// Adds up memory that several hold at once: what is shared counts once, as long as anybody holds it.

export class SharedMemory {
  /** Those who hold each piece of memory; a view of a byte keeps all that it is a view of. */
  readonly #holders = new Map<ArrayBufferLike, number>();
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** @param own bytes that nobody else holds */
  add(shared: Buffer | undefined, own: number): void {
    this.#bytes += own;
    if (shared === undefined) return;
    const holders = this.#holders.get(shared.buffer) ?? 0;
    if (holders === 0) this.#bytes += shared.buffer.byteLength;
    this.#holders.set(shared.buffer, holders + 1);
  }

  /** What was added, once. */
  remove(shared: Buffer | undefined, own: number): void {
    this.#bytes -= own;
    if (shared === undefined) return;
    const holders = (this.#holders.get(shared.buffer) ?? 1) - 1;
    if (holders > 0) {
      this.#holders.set(shared.buffer, holders);
      return;
    }
    this.#holders.delete(shared.buffer);
    this.#bytes -= shared.buffer.byteLength;
  }
}
