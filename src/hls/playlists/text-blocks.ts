// Lines of many segments, kept as they were first rendered: what a playlist of hours costs is a copy, and only when it is asked for whole.

/** Segments to a block. */
const BLOCK = 256;

export class TextBlocks {
  #blocks: Buffer[] = [];
  #open = '';
  #inOpen = 0;
  /** Bytes at the beginning that were removed. */
  #removed = 0;

  /** @param lines of one segment, ASCII */
  append(lines: string): void {
    this.#open += lines;
    this.#inOpen += 1;
    if (this.#inOpen < BLOCK) return;
    this.#blocks.push(Buffer.from(this.#open, 'latin1'));
    this.#open = '';
    this.#inOpen = 0;
  }

  /** Removes so many bytes at the beginning. */
  remove(bytes: number): void {
    this.#removed += bytes;
    for (let [first] = this.#blocks; first !== undefined && this.#removed >= first.length; [first] = this.#blocks) {
      this.#removed -= first.length;
      this.#blocks.shift();
    }
  }

  /** What is there after so many bytes, which are not more than the lines of one segment. */
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
  }
}
