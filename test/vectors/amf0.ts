// AMF0 as bytes and as values: one table for decoding, encoding, round trips and the seeds of random tests.

import { AmfEcmaArray, AmfObject, type AmfValue, AmfXmlDocument, amfObject } from '../../src/protocols/amf/values.js';

export interface AmfVector {
  readonly name: string;
  readonly hex: string;
  readonly value: AmfValue[];
  /** False if there are several encodings of the value and our encoder uses another one. */
  readonly canonical?: false;
}

function typedObject(className: string, entries: [string, AmfValue][]): AmfObject {
  const object = amfObject(entries);
  object.className = className;
  return object;
}

export const AMF0_VECTORS: readonly AmfVector[] = [
  { name: 'number', hex: '003ff0000000000000', value: [1] },
  { name: 'number NaN', hex: '007ff8000000000000', value: [Number.NaN] },
  { name: 'number -Infinity', hex: '00fff0000000000000', value: [Number.NEGATIVE_INFINITY] },
  { name: 'boolean true', hex: '0101', value: [true] },
  { name: 'boolean false', hex: '0100', value: [false] },
  { name: 'boolean of another byte', hex: '0107', value: [true], canonical: false },
  { name: 'string', hex: '020007636f6e6e656374', value: ['connect'] },
  { name: 'empty string', hex: '020000', value: [''] },
  { name: 'string outside ASCII', hex: '020003e282ac', value: ['€'] },
  { name: 'string that is not UTF-8', hex: '020002c3ff', value: ['\ufffd\ufffd'], canonical: false },
  { name: 'null', hex: '05', value: [null] },
  { name: 'undefined', hex: '06', value: [undefined] },
  { name: 'unsupported is read as undefined', hex: '0d', value: [undefined], canonical: false },
  { name: 'object', hex: '030001610101000009', value: [amfObject([['a', true]])] },
  { name: 'empty object', hex: '03000009', value: [new AmfObject()] },
  {
    name: 'object with an empty key that is no end',
    hex: '0300000101000009',
    value: [amfObject([['', true]])],
  },
  {
    name: 'nested object',
    hex: '030001610300016205000009000009',
    value: [amfObject([['a', amfObject([['b', null]])]])],
  },
  { name: 'typed object', hex: '1000014300016105000009', value: [typedObject('C', [['a', null]])] },
  {
    name: 'object with dangerous keys',
    hex: '0300095f5f70726f746f5f5f0101000b636f6e7374727563746f7205000009',
    value: [
      amfObject([
        ['__proto__', true],
        ['constructor', null],
      ]),
    ],
  },
  { name: 'ECMA array', hex: '08000000010001610101000009', value: [new AmfEcmaArray([['a', true]])] },
  {
    name: 'ECMA array with count 0',
    hex: '08000000000001610101000009',
    value: [new AmfEcmaArray([['a', true]])],
    canonical: false,
  },
  {
    name: 'ECMA array with count 0xFFFFFFFF',
    hex: '08ffffffff0001610101000009',
    value: [new AmfEcmaArray([['a', true]])],
    canonical: false,
  },
  {
    name: 'ECMA array without end',
    hex: '08000000010001610101',
    value: [new AmfEcmaArray([['a', true]])],
    canonical: false,
  },
  { name: 'strict array', hex: '0a00000002010105', value: [[true, null]] },
  { name: 'empty strict array', hex: '0a00000000', value: [[]] },
  { name: 'date', hex: '0b42700000000000000000', value: [new Date(2 ** 40)] },
  {
    name: 'date with a time zone',
    hex: '0b4270000000000000003c',
    value: [new Date(2 ** 40)],
    canonical: false,
  },
  { name: 'long string that could be short', hex: '0c0000000161', value: ['a'], canonical: false },
  { name: 'XML document', hex: '0f000000043c612f3e', value: [new AmfXmlDocument('<a/>')] },
  {
    name: 'avmplus integer -1 between AMF0 values',
    hex: '051104ffffffff05',
    value: [null, -1, null],
    canonical: false,
  },
  { name: 'avmplus string', hex: '1106056162', value: ['ab'], canonical: false },
  {
    name: 'avmplus double and constants',
    hex: '11053ff00000000000001100110111021103',
    value: [1, undefined, null, false, true],
    canonical: false,
  },
  {
    name: 'FFmpeg connect',
    hex: '020007636f6e6e656374003ff00000000000000300036170700200046c697665000009',
    value: ['connect', 1, amfObject([['app', 'live']])],
  },
  {
    name: 'FCPublish with transaction id 0, as GStreamer sends it',
    hex: '02000946435075626c697368000000000000000000050200046e616d65',
    value: ['FCPublish', 0, null, 'name'],
  },
  {
    name: 'deleteStream with a string, as GStreamer sends it',
    hex: '02000c64656c65746553747265616d000000000000000000050200046e616d65',
    value: ['deleteStream', 0, null, 'name'],
  },
];
