// A growing output buffer, for encoders that do not know the length in advance.

const INITIAL_CAPACITY = 256;

/** Appends to a buffer that doubles when full. Big-endian unless the name says otherwise; values are range-checked by Node. */
export class ByteWriter {
  #bytes: Buffer;
  #length = 0;

  /** @param capacity bytes to reserve at first, if the size is roughly known. */
  constructor(capacity: number = INITIAL_CAPACITY) {
    this.#bytes = Buffer.allocUnsafe(Math.max(1, capacity));
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#length;
  }

  u8(value: number): this {
    const start = this.#grow(1);
    this.#bytes.writeUInt8(value, start);
    return this;
  }

  u16be(value: number): this {
    const start = this.#grow(2);
    this.#bytes.writeUInt16BE(value, start);
    return this;
  }

  i16be(value: number): this {
    const start = this.#grow(2);
    this.#bytes.writeInt16BE(value, start);
    return this;
  }

  u24be(value: number): this {
    const start = this.#grow(3);
    this.#bytes.writeUIntBE(value, start, 3);
    return this;
  }

  i24be(value: number): this {
    const start = this.#grow(3);
    this.#bytes.writeIntBE(value, start, 3);
    return this;
  }

  u32be(value: number): this {
    const start = this.#grow(4);
    this.#bytes.writeUInt32BE(value, start);
    return this;
  }

  i32be(value: number): this {
    const start = this.#grow(4);
    this.#bytes.writeInt32BE(value, start);
    return this;
  }

  u32le(value: number): this {
    const start = this.#grow(4);
    this.#bytes.writeUInt32LE(value, start);
    return this;
  }

  u64be(value: bigint): this {
    const start = this.#grow(8);
    this.#bytes.writeBigUInt64BE(value, start);
    return this;
  }

  f64be(value: number): this {
    const start = this.#grow(8);
    this.#bytes.writeDoubleBE(value, start);
    return this;
  }

  /** Appends a copy of `bytes`. */
  bytes(bytes: Uint8Array): this {
    const start = this.#grow(bytes.length);
    this.#bytes.set(bytes, start);
    return this;
  }

  /** Appends the text without a length. */
  utf8(text: string): this {
    const size = Buffer.byteLength(text, 'utf8');
    const start = this.#grow(size);
    this.#bytes.write(text, start, size, 'utf8');
    return this;
  }

  /** The bytes written, as a view. A later write may or may not change it, so call this last. */
  toBuffer(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #grow(count: number): number {
    const start = this.#length;
    const needed = start + count;
    if (needed > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2));
      this.#bytes.copy(larger, 0, 0, start);
      this.#bytes = larger;
    }
    this.#length = needed;
    return start;
  }
}
