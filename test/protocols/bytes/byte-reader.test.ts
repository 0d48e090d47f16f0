// Each width in the order of the network, views instead of copies, and one error at the end.
import { describe, expect, it } from 'vitest';
import { ByteReader } from '../../../src/protocols/bytes/byte-reader.js';
import { ByteWriter } from '../../../src/protocols/bytes/byte-writer.js';

describe('ByteReader', () => {
  it('reads every width in the order of the network', () => {
    const reader = new ByteReader(Buffer.from('01fffe0203040506fffffd0708090affffffff0b000000', 'hex'));
    expect(reader.u8()).toBe(1);
    expect(reader.i16be()).toBe(-2);
    expect(reader.u16be()).toBe(0x0203);
    expect(reader.u24be()).toBe(0x040506);
    expect(reader.i24be()).toBe(-3);
    expect(reader.u32be()).toBe(0x0708090a);
    expect(reader.i32be()).toBe(-1);
    expect(reader.u32le()).toBe(11);
    expect(reader.remaining).toBe(0);
    expect(reader.position).toBe(23);
  });

  it('reads 64 bits, doubles and text', () => {
    const bytes = new ByteWriter()
      .u64be(2n ** 63n + 1n)
      .f64be(-1.5)
      .utf8('é')
      .toBuffer();
    const reader = new ByteReader(bytes);
    expect(reader.u64be()).toBe(2n ** 63n + 1n);
    expect(reader.f64be()).toBe(-1.5);
    expect(reader.utf8(2)).toBe('é');
  });

  it('returns views, not copies', () => {
    const bytes = Buffer.from([1, 2, 3]);
    const view = new ByteReader(bytes).bytes(2);
    bytes[0] = 9;
    expect([...view]).toEqual([9, 2]);
  });

  it('accepts a Uint8Array that starts inside its memory', () => {
    const bytes = new Uint8Array([0, 0, 7, 8]).subarray(2);
    expect(new ByteReader(bytes).u16be()).toBe(0x0708);
  });

  it('peeks without moving', () => {
    const reader = new ByteReader(Buffer.of(5));
    expect(reader.peekU8()).toBe(5);
    expect(reader.position).toBe(0);
  });

  it.each([
    ['u8', (reader: ByteReader) => reader.u8()],
    ['u16be', (reader: ByteReader) => reader.u16be()],
    ['u24be', (reader: ByteReader) => reader.u24be()],
    ['u32be', (reader: ByteReader) => reader.u32be()],
    ['u64be', (reader: ByteReader) => reader.u64be()],
    ['f64be', (reader: ByteReader) => reader.f64be()],
    ['bytes', (reader: ByteReader) => reader.bytes(1)],
    ['a negative skip', (reader: ByteReader) => reader.skip(-1)],
    ['a skip of NaN', (reader: ByteReader) => reader.skip(Number.NaN)],
  ])('says bytes.truncated past the end: %s', (_name, read) => {
    expect(() => read(new ByteReader(Buffer.alloc(0)))).toThrow(expect.objectContaining({ code: 'bytes.truncated' }));
  });

  it('says what it got and what it expected', () => {
    expect(() => new ByteReader(Buffer.of(1, 2)).u32be()).toThrow('got 2 bytes at offset 0, expected 4');
  });
});
