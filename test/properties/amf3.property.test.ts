// AMF3 with any value and any damaged input: written values are read back, and everything else gives a typed error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAmf0 } from '../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { writeAmf3 } from '../../src/protocols/amf/amf3-encoder.js';
import {
  AmfDictionary,
  AmfEcmaArray,
  AmfObject,
  type AmfValue,
  AmfVector,
  AmfXmlDocument,
} from '../../src/protocols/amf/values.js';
import { ByteWriter } from '../../src/protocols/bytes/byte-writer.js';
import { SluiceError } from '../../src/protocols/errors.js';
import { AMF3_VECTORS } from '../vectors/amf3.js';

const SEED = 20_260_104;

const key = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('__proto__', 'constructor'));
const int = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const uint = fc.nat(0xffffffff);

const value = fc.letrec<{ value: AmfValue; entries: [string, AmfValue][] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.double(),
    int,
    fc.constantFrom(-(2 ** 28), 2 ** 28 - 1, 2 ** 28, 0x7f, 0x80, 0x3fff, 0x4000, 0x1fffff, 0x200000, -0),
    fc.boolean(),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(null, undefined),
    fc.double({ noNaN: true, min: -8.64e15, max: 8.64e15 }).map((time) => new Date(time)),
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((xml) => new AmfXmlDocument(xml)),
    fc.uint8Array({ maxLength: 200 }),
    fc.tuple(fc.array(int, { maxLength: 5 }), fc.boolean()).map(([items, fixed]) => new AmfVector('int', items, fixed)),
    fc.array(uint, { maxLength: 5 }).map((items) => new AmfVector('uint', items)),
    fc.array(fc.double(), { maxLength: 5 }).map((items) => new AmfVector('double', items)),
    fc
      .tuple(fc.array(tie('value'), { maxLength: 4 }), key)
      .map(([items, name]) => new AmfVector('object', items, true, name)),
    fc.array(fc.tuple(tie('value'), tie('value')), { maxLength: 4 }).map((pairs) => new AmfDictionary(pairs)),
    tie('entries').map((entries) => new AmfObject(entries)),
    tie('entries').map((entries) => Object.assign(new AmfObject(entries), { className: 'a.Class' })),
    // Without members it is a plain array, and an empty name would end it.
    tie('entries').map((entries) => new AmfEcmaArray([['a', null], ...entries.filter(([name]) => name !== '')])),
    fc.array(tie('value'), { maxLength: 5 }),
  ),
  entries: fc.array(fc.tuple(fc.oneof(key, fc.constant('')), tie('value')), { maxLength: 5 }),
})).value;

function amf3(values: readonly AmfValue[]): Buffer {
  const writer = new ByteWriter();
  for (const item of values) writeAmf3(writer.u8(0x11), item);
  return writer.toBuffer();
}

describe('AMF3', () => {
  it('reads back what it writes, and AMF0 carries the same values', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        expect(decodeAmf0(amf3(values))).toEqual(values);
        expect(decodeAmf0(encodeAmf0(values))).toEqual(values);
      }),
      { seed: SEED, numRuns: 500, interruptAfterTimeLimit: 10_000 },
    );
  });

  it('C2.09 C2.10 gives values that can be traversed, or one typed error, for random bytes and damaged vectors', () => {
    const seeds = AMF3_VECTORS.map(({ hex }) => Buffer.from(`11${hex.replaceAll(' ', '')}`, 'hex'));
    const damaged = fc
      .tuple(
        fc.array(fc.constantFrom(...seeds), { minLength: 1, maxLength: 3 }),
        fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 4 }),
      )
      .map(([parts, changes]) => {
        const bytes = Buffer.concat(parts);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes;
      });
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from([0x11, ...bytes]));
    let values = 0;
    fc.assert(
      fc.property(fc.oneof(damaged, random), (bytes) => {
        try {
          // Encoding it visits every value that the references expand to.
          values += encodeAmf0(decodeAmf0(bytes)).length;
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect((error as SluiceError).code).toMatch(/^amf\./);
        }
      }),
      { seed: SEED, numRuns: 10_000, interruptAfterTimeLimit: 20_000 },
    );
    expect(values).toBeGreaterThan(0);
  });
});
