// The one cursor through which every wire format is read, so that no parser can read beyond the end of the input.

import { bytesError } from './errors.js';

/** A forward cursor over bytes that have all arrived. Big-endian unless the name says otherwise. */
export class ByteReader {
  readonly #bytes: Buffer;
  #position = 0;

  /** The bytes are borrowed, not copied: views handed out by {@link bytes} share their memory. */
  constructor(bytes: Uint8Array) {
    this.#bytes = Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes consumed so far. */
  get position(): number {
    return this.#position;
  }

  /** Bytes not yet consumed. */
  get remaining(): number {
    return this.#bytes.length - this.#position;
  }

  /** @throws bytes.truncated (as does every method below) if fewer bytes remain than requested. */
  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  /** The next byte without consuming it. */
  peekU8(): number {
    const value = this.u8();
    this.#position -= 1;
    return value;
  }

  u16be(): number {
    return this.#bytes.readUInt16BE(this.#take(2));
  }

  i16be(): number {
    return this.#bytes.readInt16BE(this.#take(2));
  }

  u24be(): number {
    return this.#bytes.readUIntBE(this.#take(3), 3);
  }

  i24be(): number {
    return this.#bytes.readIntBE(this.#take(3), 3);
  }

  u32be(): number {
    return this.#bytes.readUInt32BE(this.#take(4));
  }

  i32be(): number {
    return this.#bytes.readInt32BE(this.#take(4));
  }

  u32le(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  u64be(): bigint {
    return this.#bytes.readBigUInt64BE(this.#take(8));
  }

  f64be(): number {
    return this.#bytes.readDoubleBE(this.#take(8));
  }

  /** The next `count` bytes as a view of the input, not a copy. */
  bytes(count: number): Buffer {
    const start = this.#take(count);
    return this.#bytes.subarray(start, start + count);
  }

  skip(count: number): void {
    this.#take(count);
  }

  /** The next `count` bytes as text; invalid UTF-8 becomes U+FFFD and is never an error. */
  utf8(count: number): string {
    const start = this.#take(count);
    return this.#bytes.toString('utf8', start, start + count);
  }

  #take(count: number): number {
    const start = this.#position;
    if (!(count >= 0) || count > this.#bytes.length - start) {
      throw bytesError(
        'bytes.truncated',
        `got ${this.#bytes.length - start} bytes at offset ${start}, expected ${count}`,
      );
    }
    this.#position = start + count;
    return start;
  }
}
