// Exp-Golomb implementations are often off by one, so the table of H.264 9.1 is checked.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BitReader } from '../../../src/protocols/bytes/bit-reader.js';
import { BitWriter } from '../mp4/bit-writer.js';

describe('BitReader', () => {
  it.each([
    ['1', 0, 0],
    ['010', 1, 1],
    ['011', 2, -1],
    ['00100', 3, 2],
    ['00101', 4, -2],
    ['0001000', 7, 4],
    ['00000000000000000000000000000001', undefined, undefined],
  ])('reads %s', (code, ue, se) => {
    const bytes = Buffer.from(
      [0, 8, 16, 24, 32].map((at) => Number.parseInt(code.slice(at).padEnd(8, '0').slice(0, 8), 2)),
    );
    if (ue === undefined) {
      // 31 zeros: the 31 bits that follow are here all zero.
      expect(new BitReader(Buffer.concat([bytes, Buffer.alloc(4)])).ue()).toBe(2 ** 31 - 1);
      return;
    }
    expect(new BitReader(bytes).ue()).toBe(ue);
    expect(new BitReader(bytes).se()).toBe(se);
  });

  it('reads 32 bits as an unsigned number', () => {
    expect(new BitReader(Buffer.alloc(4, 0xff)).bits(32)).toBe(2 ** 32 - 1);
  });

  it('says what is missing instead of reading past the end', () => {
    const reader = new BitReader(Buffer.from([0xff]));
    expect(reader.bits(5)).toBe(31);
    expect(reader.bitsLeft).toBe(3);
    expect(() => reader.bits(4)).toThrow(expect.objectContaining({ code: 'bytes.truncated' }));
    expect(() => reader.skip(4)).toThrow(expect.objectContaining({ code: 'bytes.truncated' }));
    reader.skip(3);
    expect(() => reader.bit()).toThrow(expect.objectContaining({ code: 'bytes.truncated' }));
  });

  it('ends an Exp-Golomb code that never ends', () => {
    expect(() => new BitReader(Buffer.alloc(64)).ue()).toThrow(expect.objectContaining({ kind: 'invalid-data' }));
  });

  it('reads back what was written', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: -(2 ** 30), max: 2 ** 30 }), { maxLength: 20 }), (values) => {
        const writer = new BitWriter();
        for (const value of values) writer.se(value).ue(Math.abs(value));
        const reader = new BitReader(writer.toBuffer());
        for (const value of values) {
          expect(reader.se()).toBe(value);
          expect(reader.ue()).toBe(Math.abs(value));
        }
      }),
    );
  });
});
