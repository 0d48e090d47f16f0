// The reader reads back the written values, however often the buffer had to grow.
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../src/protocols/bytes/byte-reader.js';
import { ByteWriter } from '../../../src/protocols/bytes/byte-writer.js';

describe('ByteWriter', () => {
  it('writes what the reader reads, over any number of growths', () => {
    const writer = new ByteWriter(1);
    for (let index = 0; index < 1000; index += 1)
      writer
        .u8(index & 0xff)
        .u24be(index)
        .i24be(-index)
        .u32be(index);
    const reader = new ByteReader(writer.toBuffer());
    for (let index = 0; index < 1000; index += 1) {
      expect([reader.u8(), reader.u24be(), reader.i24be(), reader.u32be()]).toEqual([
        index & 0xff,
        index,
        index === 0 ? 0 : -index,
        index,
      ]);
    }
    expect(writer.length).toBe(11_000);
  });

  it('writes the other widths', () => {
    const bytes = new ByteWriter().u16be(1).i16be(-1).i32be(-1).u32le(1).bytes(Buffer.of(9)).toBuffer();
    expect(bytes.toString('hex')).toBe('0001ffffffffffff0100000009');
  });
});
