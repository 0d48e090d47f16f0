// AMF0 with any value and any damaged input: written values are read back, and everything else gives a typed error.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeAmf0 } from '../../src/protocols/amf/amf0-decoder.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { AmfEcmaArray, AmfObject, type AmfValue, AmfXmlDocument } from '../../src/protocols/amf/values.js';
import { SluiceError } from '../../src/protocols/errors.js';
import { AMF0_VECTORS } from '../vectors/amf0.js';

const SEED = 20_260_101;

const key = fc.oneof(fc.string({ unit: 'grapheme', maxLength: 12 }), fc.constantFrom('__proto__', 'constructor', ''));
const text = fc.oneof(
  fc.string({ unit: 'grapheme' }),
  fc.constantFrom(0xfffe, 0xffff, 0x10000, 0x10001).map((length) => 'x'.repeat(length)),
);

const value = fc.letrec<{ value: AmfValue; entries: [string, AmfValue][] }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.double(),
    fc.boolean(),
    text,
    fc.constantFrom(null, undefined),
    fc.double({ noNaN: true, min: -8.64e15, max: 8.64e15 }).map((time) => new Date(time)),
    fc.string({ unit: 'grapheme', maxLength: 20 }).map((xml) => new AmfXmlDocument(xml)),
    tie('entries').map((entries) => new AmfObject(entries)),
    tie('entries').map((entries) => Object.assign(new AmfObject(entries), { className: 'a.Class' })),
    tie('entries').map((entries) => new AmfEcmaArray(entries)),
    fc.array(tie('value'), { maxLength: 5 }),
  ),
  entries: fc.array(fc.tuple(key, tie('value')), { maxLength: 5 }),
})).value;

describe('AMF0', () => {
  it('reads back what it writes', () => {
    fc.assert(
      fc.property(fc.array(value, { maxLength: 4 }), (values) => {
        expect(decodeAmf0(encodeAmf0(values))).toEqual(values);
      }),
      { seed: SEED, numRuns: 500, interruptAfterTimeLimit: 10_000 },
    );
  });

  it('C2.10 gives values or one typed error for random bytes and damaged vectors', () => {
    const seeds = AMF0_VECTORS.map(({ hex }) => Buffer.from(hex, 'hex'));
    const damaged = fc
      .tuple(fc.constantFrom(...seeds), fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }))
      .map(([seed, changes]) => {
        const bytes = Buffer.from(seed);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        return bytes;
      });
    const random = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes));
    fc.assert(
      fc.property(fc.oneof(damaged, random), (bytes) => {
        try {
          decodeAmf0(bytes);
        } catch (error) {
          expect(error).toBeInstanceOf(SluiceError);
          expect((error as SluiceError).code).toMatch(/^amf\./);
        }
      }),
      { seed: SEED, numRuns: 10_000, interruptAfterTimeLimit: 20_000 },
    );
  });
});
