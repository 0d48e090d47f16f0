// Keeps the rendered lines of many segments, so that a playlist of several hours costs one copy, and only if it is requested in full.

/** Segments per block. */
const BLOCK = 256;

export class TextBlocks {
  #blocks: Buffer[] = [];
  #open = '';
  #inOpen = 0;
  /** Number of bytes removed at the beginning. */
  #removed = 0;
  #bytes = 0;

  /** Length of the text. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param lines the lines of one segment, ASCII */
  append(lines: string): void {
    this.#open += lines;
    this.#bytes += lines.length;
    this.#inOpen += 1;
    if (this.#inOpen < BLOCK) return;
    this.#blocks.push(Buffer.from(this.#open, 'latin1'));
    this.#open = '';
    this.#inOpen = 0;
  }

  /** Removes this many bytes at the beginning. */
  remove(bytes: number): void {
    this.#removed += bytes;
    this.#bytes -= bytes;
    for (let [first] = this.#blocks; first !== undefined && this.#removed >= first.length; [first] = this.#blocks) {
      this.#removed -= first.length;
      this.#blocks.shift();
    }
  }

  /**
   * The text without its first bytes, which must not be more than the lines of one segment.
   * @param bytes how many to leave out
   */
  after(bytes: number): Buffer[] {
    const blocks = [...this.#blocks, Buffer.from(this.#open, 'latin1')];
    let skip = this.#removed + bytes;
    while (blocks[0] !== undefined && skip >= blocks[0].length) {
      skip -= blocks[0].length;
      blocks.shift();
    }
    if (blocks[0] !== undefined) blocks[0] = blocks[0].subarray(skip);
    return blocks;
  }

  clear(): void {
    this.#blocks = [];
    this.#open = '';
    this.#inOpen = 0;
    this.#removed = 0;
    this.#bytes = 0;
  }
}
