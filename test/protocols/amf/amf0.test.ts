// AMF0 against its vectors: each type of the specification, and each limit.
import { describe, expect, it } from 'vitest';
import { decodeAmf0 } from '../../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { AmfEcmaArray, AmfObject, type AmfValue, amfObject } from '../../../src/protocols/amf/values.js';
import { AMF0_VECTORS } from '../../vectors/amf0.js';

function decodeHex(hex: string): AmfValue[] {
  return decodeAmf0(Buffer.from(hex, 'hex'));
}

function nested(marker: string, end: string, depth: number): Buffer {
  return Buffer.from(`${marker.repeat(depth)}05${end.repeat(depth)}`, 'hex');
}

describe('AMF0 vectors', () => {
  it.each(AMF0_VECTORS)('decodes $name', ({ hex, value }) => {
    expect(decodeHex(hex)).toEqual(value);
  });

  it.each(AMF0_VECTORS.filter(({ canonical }) => canonical !== false))('encodes $name', ({ hex, value }) => {
    expect(encodeAmf0(value).toString('hex')).toBe(hex);
  });

  it('distinguishes object, typed object and ECMA array', () => {
    const [object, array] = decodeHex('0300000908000000000000 09'.replace(' ', ''));
    expect(object).toBeInstanceOf(AmfObject);
    expect(array).toBeInstanceOf(AmfEcmaArray);
    expect((decodeHex('10000143000009')[0] as AmfObject).className).toBe('C');
  });

  it('writes a string of more than 65535 bytes as a long string', () => {
    const text = 'x'.repeat(65_536);
    const bytes = encodeAmf0([text]);
    expect(bytes.subarray(0, 5).toString('hex')).toBe('0c00010000');
    expect(decodeAmf0(bytes)).toEqual([text]);
  });

  it('refuses to write a key that AMF0 cannot hold', () => {
    expect(() => encodeAmf0([amfObject([['k'.repeat(65_536), 1]])])).toThrow(
      expect.objectContaining({ code: 'amf.budget' }),
    );
  });
});

describe('AMF0 from a hostile peer', () => {
  it.each([
    ['a cut number', '0000'],
    ['a cut boolean', '01'],
    ['a string longer than the body', '02ffff61'],
    ['a long string of 256 KB with 1 byte', '0c0004000061'],
    ['an object that is never closed', '030001610101'],
    ['an object cut in a key', '030005'],
    ['an ECMA array cut in a key', '08000000000005'],
    ['a strict array of 4 G values', '0affffffff'],
    ['an object end outside an object', '09'],
    ['an unknown marker', '12'],
    ['a cut AMF3 integer', '1104ff'],
  ])('C2.09 says amf.malformed: %s', (_name, hex) => {
    expect(() => decodeHex(hex)).toThrow(expect.objectContaining({ code: 'amf.malformed' }));
  });

  it.each([
    ['a reference, which could be a cycle', '0300016107 0000000009'.replace(' ', '')],
    ['a movie clip', '04'],
    ['a recordset', '0e'],
    ['an AMF3 array that contains itself', '11090301 0900'.replace(' ', '')],
  ])('C2.09 says amf.unsupported: %s', (_name, hex) => {
    expect(() => decodeHex(hex)).toThrow(expect.objectContaining({ code: 'amf.unsupported' }));
  });

  it('C2.09 allows a depth of 64 and refuses 65, in every kind of container', () => {
    for (const [marker, end] of [
      ['03000161', '000009'],
      ['0800000001000161', '000009'],
      ['0a00000001', ''],
      ['10000143000161', '000009'],
    ] as const) {
      expect(decodeAmf0(nested(marker, end, 64))).toHaveLength(1);
      expect(() => decodeAmf0(nested(marker, end, 65))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    }
  });

  it('C2.09 survives 70,000 levels', () => {
    expect(() => decodeAmf0(nested('03000161', '', 70_000))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    expect(() => decodeAmf0(nested('0a00000001', '', 70_000))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
  });

  it('C2.09 allows 4096 values and refuses 4097, flat or in an array, and an endless run of empty keys', () => {
    expect(decodeAmf0(Buffer.alloc(4096, 5))).toHaveLength(4096);
    expect(() => decodeAmf0(Buffer.alloc(4097, 5))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    const array = Buffer.concat([Buffer.from('0affffffff', 'hex'), Buffer.alloc(5000, 5)]);
    expect(() => decodeAmf0(array)).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    const emptyKeys = Buffer.concat([Buffer.of(3), ...Array.from({ length: 5000 }, () => Buffer.of(0, 0, 5))]);
    expect(() => decodeAmf0(emptyKeys)).toThrow(expect.objectContaining({ code: 'amf.budget' }));
  });

  it('C2.09 refuses a string over the budget by its declared length alone', () => {
    expect(() => decodeHex('0cffffffff')).toThrow(expect.objectContaining({ code: 'amf.budget' }));
  });

  it('C3.08 keeps dangerous keys as entries and leaves Object.prototype alone', () => {
    const before = Object.getOwnPropertyNames(Object.prototype);
    const [object] = decodeAmf0(
      encodeAmf0([
        amfObject([
          ['__proto__', amfObject([['polluted', true]])],
          ['constructor.prototype', 1],
          ['toString', 2],
        ]),
      ]),
    );
    expect([...(object as AmfObject).keys()]).toEqual(['__proto__', 'constructor.prototype', 'toString']);
    expect(Object.getOwnPropertyNames(Object.prototype)).toEqual(before);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  it('A6.08 of two equal keys the last wins', () => {
    expect(decodeHex('03000161010000016101 01000009'.replace(' ', ''))).toEqual([amfObject([['a', true]])]);
  });
});
