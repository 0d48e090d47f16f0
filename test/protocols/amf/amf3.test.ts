// AMF3 against its vectors: each type, the tables of references, and each limit.
import { describe, expect, it } from 'vitest';
import { decodeAmf0 } from '../../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../../src/protocols/amf/amf0-encoder.js';
import { writeAmf3 } from '../../../src/protocols/amf/amf3-encoder.js';
import { plainAmf0 } from '../../../src/protocols/amf/plain-amf0.js';
import {
  AmfDictionary,
  AmfEcmaArray,
  AmfObject,
  type AmfValue,
  AmfVector,
  amfObject,
} from '../../../src/protocols/amf/values.js';
import { ByteWriter } from '../../../src/protocols/bytes/byte-writer.js';
import { AMF3_VECTORS } from '../../vectors/amf3.js';

const bytes = (hex: string) => Buffer.from(hex.replaceAll(' ', ''), 'hex');
/** One AMF3 value behind the avmplus marker of AMF0. */
const decode = (hex: string) => decodeAmf0(bytes(`11${hex}`))[0];
function encode(value: AmfValue): string {
  const writer = new ByteWriter();
  writeAmf3(writer, value);
  return writer.toBuffer().toString('hex');
}

describe('AMF3 vectors', () => {
  it.each(AMF3_VECTORS)('A4.19 decodes $name', ({ hex, value }) => {
    expect(decode(hex)).toStrictEqual(value);
  });

  it.each(AMF3_VECTORS.filter(({ canonical }) => canonical !== false))('encodes $name', ({ hex, value }) => {
    expect(encode(value)).toBe(hex.replaceAll(' ', ''));
  });

  it('A4.19 switches for one value only, with new reference tables each time', () => {
    // Number, AMF3 string "a", AMF0 null, AMF3 array of "b" and its reference 0, AMF0 string.
    expect(decodeAmf0(bytes('003ff0000000000000 11060361 05 11090501 060362 0600 02000161'))).toEqual([
      1,
      'a',
      null,
      ['b', 'b'],
      'a',
    ]);
    expect(() => decodeAmf0(bytes('11060361 110600'))).toThrow(expect.objectContaining({ code: 'amf.malformed' }));
  });

  it('gives one object for a value and for its references', () => {
    const [first, second] = decode('09 05 01 0a0b010361040101 0a02') as AmfObject[];
    expect(first).toBe(second);
  });

  it('keeps nothing of the message alive in a byte array', () => {
    const message = bytes('11 0c 05 01ff');
    const [value] = decodeAmf0(message) as [Uint8Array];
    message.fill(0);
    expect([...value]).toEqual([1, 0xff]);
  });

  it('writes AMF3 only for what AMF0 has no form for', () => {
    const value = amfObject([['v', new AmfVector('int', [1])]]);
    expect(encodeAmf0([value]).toString('hex')).toBe('03000176110d030000000001000009');
    expect(decodeAmf0(encodeAmf0([value]))).toStrictEqual([value]);
  });

  it('refuses to write an empty key in an array, which would end it', () => {
    expect(() => encode(new AmfEcmaArray([['', 1]]))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
  });
});

describe('AMF3 from a hostile peer', () => {
  it.each([
    ['a cut integer', '04 ff'],
    ['a string longer than the body', '06 8149 61'],
    ['a reference to no string', '06 00'],
    ['a reference to no object', '0a 00'],
    ['a reference to no traits', '0a 01'],
    ['an array that is cut', '09 05 01 03'],
    ['an array of 2^28 - 1 values', '09 ffffffff 01'],
    ['an object without its class', '0a 0b'],
    ['an object that is never closed', '0a 0b 01 0361 03'],
    ['a vector of 2^28 - 1 ints', '0d ffffffff 00'],
    ['a vector of 2^28 - 1 objects', '10 ffffffff 00 01'],
    ['a dictionary of 2^28 - 1 pairs', '11 ffffffff 00'],
    ['a dictionary cut after a key', '11 03 00 03'],
    ['an unknown marker', '12'],
    ['a cut date', '08 01 00'],
  ])('C2.09 says amf.malformed: %s', (_name, hex) => {
    expect(() => decode(hex)).toThrow(expect.objectContaining({ code: 'amf.malformed' }));
  });

  it.each([
    ['an externalizable object', '0a 07 0343'],
    ['an array that contains itself', '09 03 01 0900'],
    ['an object that contains itself', '0a 0b 01 0361 0a00 01'],
    ['a dictionary whose key is itself', '11 03 00 1100 03'],
    ['a vector that contains itself two levels down', '10 03 00 01 09 03 01 1000'],
  ])('C2.09 says amf.unsupported: %s', (_name, hex) => {
    expect(() => decode(hex)).toThrow(expect.objectContaining({ code: 'amf.unsupported' }));
  });

  const nested = (depth: number) => `${'090301'.repeat(depth)}01`;

  it('C2.09 allows a depth of 64 and refuses 65 and 70,000, in AMF0 and AMF3 together', () => {
    expect(() => decode(nested(64))).not.toThrow();
    for (const depth of [65, 70_000]) {
      expect(() => decode(nested(depth))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    }
    const mixed = (amf0: number, amf3: number) => bytes(`${'0a00000001'.repeat(amf0)}11${nested(amf3)}`);
    expect(() => decodeAmf0(mixed(32, 32))).not.toThrow();
    expect(() => decodeAmf0(mixed(32, 33))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
  });

  it('C2.09 allows 4096 values and refuses one more', () => {
    const array = (count: number) => `09${u29((count << 1) | 1)}01${'01'.repeat(count)}`;
    // The marker that switches to AMF3 counts, and so does the container.
    expect(decode(array(4094))).toHaveLength(4094);
    expect(() => decode(array(4095))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    const vector = (count: number) => `0d${u29((count << 1) | 1)}00${'00000000'.repeat(count)}`;
    expect(() => decode(vector(4094))).not.toThrow();
    expect(() => decode(vector(4095))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    // Names of sealed members cost memory too.
    expect(() => decode(`0a${u29((5000 << 4) | 3)}01${'01'.repeat(5000)}`)).toThrow(
      expect.objectContaining({ code: 'amf.budget' }),
    );
  });

  it('C2.09 counts the values behind references: 40 doublings are more than 40 values', () => {
    // [[…], ref, ref, …]: each array holds the one before it twice.
    let hex = '0901 01'.replace(' ', '');
    for (let level = 0; level < 40; level += 1) hex = `0905 01${hex}09${u29((40 - level) << 1)}`;
    expect(() => decode(hex)).toThrow(expect.objectContaining({ code: 'amf.budget' }));
  });

  it('C2.09 counts the depth of referenced values', () => {
    // Array of: 40 arrays in one another, then 30 arrays around a reference to them.
    const deep = `0905 01${nested(40)}${'090301'.repeat(30)}0902`;
    expect(() => decode(deep)).toThrow(expect.objectContaining({ code: 'amf.budget' }));
    expect(() => decode(`0905 01${nested(40)}${'090301'.repeat(20)}0902`)).not.toThrow();
  });

  it('C2.09 bounds the text that references repeat', () => {
    const long = `06${u29((100_000 << 1) | 1)}${'61'.repeat(100_000)}`;
    const repeated = (times: number) => `09${u29(((times + 1) << 1) | 1)}01${long}${'0600'.repeat(times)}`;
    expect(() => decode(repeated(2))).not.toThrow();
    expect(() => decode(repeated(3))).toThrow(expect.objectContaining({ code: 'amf.budget' }));
  });

  it('C3.08 keeps dangerous keys as entries and leaves Object.prototype alone', () => {
    const before = Object.getOwnPropertyNames(Object.prototype).length;
    const value = amfObject([
      ['__proto__', amfObject([['polluted', true]])],
      ['constructor.prototype', 1],
      ['toString', 2],
    ]);
    const read = decode(encode(value)) as AmfObject;
    expect([...read.keys()]).toEqual(['__proto__', 'constructor.prototype', 'toString']);
    expect(read.get('__proto__')).toBeInstanceOf(AmfObject);
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect(Object.getOwnPropertyNames(Object.prototype)).toHaveLength(before);
  });
});

describe('plainAmf0', () => {
  it('returns bytes without AMF3 as they are', () => {
    const body = encodeAmf0(['onMetaData', amfObject([['x', 0x11]])]);
    expect(plainAmf0(body)).toBe(body);
  });

  it('converts AMF3 values to AMF0, and bytes to null', () => {
    const writer = new ByteWriter();
    writeAmf3(
      writer.u8(0x11),
      amfObject([
        ['width', 640],
        ['list', new AmfVector('double', [0.5])],
        [
          'map',
          new AmfDictionary([
            ['k', true],
            [3, [1]],
            [null, 'dropped'],
          ]),
        ],
        ['bytes', new Uint8Array([1])],
        ['when', new Date(5)],
      ]),
    );
    const plain = plainAmf0(Buffer.concat([encodeAmf0(['onMetaData']), writer.toBuffer()]));
    expect(plain).not.toContain(0x11);
    expect(decodeAmf0(plain)).toStrictEqual([
      'onMetaData',
      amfObject([
        ['width', 640],
        ['list', [0.5]],
        [
          'map',
          new AmfEcmaArray([
            ['k', true as AmfValue],
            ['3', [1]],
          ]),
        ],
        ['bytes', null],
        ['when', new Date(5)],
      ]),
    ]);
  });
});

function u29(value: number): string {
  if (value < 0x80) return Buffer.of(value).toString('hex');
  if (value < 0x4000) return Buffer.of((value >> 7) | 0x80, value & 0x7f).toString('hex');
  return Buffer.of((value >> 14) | 0x80, ((value >> 7) & 0x7f) | 0x80, value & 0x7f).toString('hex');
}
