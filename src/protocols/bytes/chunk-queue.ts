// A byte queue for demuxers, whose input may be split anywhere. A structure inside one chunk is returned as a view; one that spans chunks
// is copied once.

/** A FIFO of bytes. Chunks are borrowed. They are joined only for a structure that spans them and is complete. */
export class ChunkQueue {
  #chunks: Buffer[] = [];
  #length = 0;

  /** Number of bytes in the queue. */
  get length(): number {
    return this.#length;
  }

  push(chunk: Buffer): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Up to `count` bytes from `offset`, without removing them. Meant for headers: bytes that span chunks are copied. */
  peek(offset: number, count: number): Buffer {
    let start = offset;
    let missing = count;
    const pieces: Buffer[] = [];
    for (const chunk of this.#chunks) {
      if (missing === 0) break;
      if (start >= chunk.length) {
        start -= chunk.length;
        continue;
      }
      const piece = chunk.subarray(start, start + missing);
      pieces.push(piece);
      missing -= piece.length;
      start = 0;
    }
    return join(pieces, count - missing);
  }

  /**
   * Removes `count` bytes: a view if one chunk holds them, otherwise one copy.
   * @throws {RangeError} if fewer are in the queue: check `length` first.
   */
  take(count: number): Buffer {
    return join(this.#remove(count), count);
  }

  /** Removes up to `count` bytes without copying them. Returns how many were removed. */
  skip(count: number): number {
    const skipped = Math.min(count, this.#length);
    this.#remove(skipped);
    return skipped;
  }

  clear(): void {
    this.#chunks = [];
    this.#length = 0;
  }

  #remove(count: number): Buffer[] {
    if (count > this.#length) throw new RangeError(`asked for ${count} bytes of ${this.#length}`);
    this.#length -= count;
    const pieces: Buffer[] = [];
    let missing = count;
    let whole = 0;
    while (missing > 0) {
      const chunk = this.#chunks[whole];
      if (chunk === undefined) break;
      if (chunk.length > missing) {
        pieces.push(chunk.subarray(0, missing));
        this.#chunks[whole] = chunk.subarray(missing);
        break;
      }
      pieces.push(chunk);
      missing -= chunk.length;
      whole += 1;
    }
    if (whole > 0) this.#chunks.splice(0, whole);
    return pieces;
  }
}

function join(pieces: readonly Buffer[], length: number): Buffer {
  const [only] = pieces;
  return only !== undefined && pieces.length === 1 ? only : Buffer.concat(pieces, length);
}
