// Makes new inputs by small changes to known ones, which reach deeper into a parser than random bytes.

/** xorshift32: the same seed gives the same run, on every machine. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0 || 1;
  }

  u32(): number {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x >>> 0;
    return this.#state;
  }

  /** 0 ≤ n < limit; 0 for a limit of 0. */
  below(limit: number): number {
    return limit === 0 ? 0 : this.u32() % limit;
  }

  pick<T>(items: readonly T[]): T | undefined {
    return items[this.below(items.length)];
  }
}

/** Values at which parsers of lengths, counts and timestamps change their behaviour. */
const EDGES = [0, 1, 2, 3, 127, 128, 255, 256, 0x7fff, 0x8000, 0xffff, 0xffffff, 0x7fffffff, 0x80000000, 0xffffffff];

export interface MutatorOptions {
  readonly random: Random;
  readonly maxBytes: number;
  /** Fragments of the format: FourCCs, markers, names of commands. */
  readonly dictionary: readonly Buffer[];
}

export class Mutator {
  readonly #random: Random;
  readonly #maxBytes: number;
  readonly #dictionary: readonly Buffer[];

  constructor({ random, maxBytes, dictionary }: MutatorOptions) {
    this.#random = random;
    this.#maxBytes = maxBytes;
    this.#dictionary = dictionary;
  }

  /** A changed copy; mostly with one change, sometimes with many. @param other an input to take pieces from */
  mutate(input: Buffer, other: Buffer): Buffer {
    let bytes: Buffer = Buffer.from(input);
    for (let i = 1 << this.#random.below(4); i > 0; i -= 1) bytes = this.#change(bytes, other);
    return bytes.length > this.#maxBytes ? bytes.subarray(0, this.#maxBytes) : bytes;
  }

  #change(bytes: Buffer, other: Buffer): Buffer {
    const random = this.#random;
    const at = random.below(bytes.length + 1);
    switch (random.below(10)) {
      case 0:
        if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << random.below(8));
        return bytes;
      case 1:
        if (at < bytes.length) bytes[at] = random.below(256);
        return bytes;
      case 2:
        return this.#writeEdge(bytes, at);
      case 3:
        return bytes.subarray(0, at);
      case 4: {
        const end = at + random.below(Math.min(64, bytes.length - at) + 1);
        return Buffer.concat([bytes.subarray(0, at), bytes.subarray(end)]);
      }
      case 5: {
        const end = at + random.below(Math.min(256, bytes.length - at) + 1);
        return Buffer.concat([bytes.subarray(0, end), bytes.subarray(at)]);
      }
      case 6:
        return this.#insert(bytes, at, random.pick(this.#dictionary) ?? Buffer.of(random.below(256)));
      case 7: {
        const start = random.below(other.length + 1);
        return this.#insert(bytes, at, other.subarray(start, start + random.below(other.length - start + 1)));
      }
      case 8: {
        const start = random.below(other.length + 1);
        return Buffer.concat([bytes.subarray(0, at), other.subarray(start)]);
      }
      default:
        if (at < bytes.length) bytes[at] = ((bytes[at] ?? 0) + (random.below(2) === 0 ? 1 : 255)) & 0xff;
        return bytes;
    }
  }

  /** Writes one of these values, in one of the widths that RTMP, AMF and FLV use. */
  #writeEdge(bytes: Buffer, at: number): Buffer {
    const width = 1 + this.#random.below(4);
    if (at + width > bytes.length) return bytes;
    const value = (this.#random.pick(EDGES) ?? 0) % 2 ** (8 * width);
    if (this.#random.below(4) === 0) bytes.writeUIntLE(value, at, width);
    else bytes.writeUIntBE(value, at, width);
    return bytes;
  }

  #insert(bytes: Buffer, at: number, piece: Buffer): Buffer {
    return Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
  }
}
