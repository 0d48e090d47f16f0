// AMF3 as bytes and as values: one table for decoding, encoding, round trips and the seeds of random tests.

import {
  AmfDictionary,
  AmfEcmaArray,
  type AmfObject,
  type AmfValue,
  AmfVector,
  AmfXmlDocument,
  amfObject,
} from '../../src/protocols/amf/values.js';

export interface Amf3Vector {
  readonly name: string;
  /** One value, its marker included; spaces are for readability. */
  readonly hex: string;
  readonly value: AmfValue;
  /** False where several encodings mean the same and ours is another one. */
  readonly canonical?: false;
}

function typedObject(className: string, entries: [string, AmfValue][]): AmfObject {
  return Object.assign(amfObject(entries), { className });
}

function ecmaArray(entries: [string, AmfValue][]): AmfEcmaArray {
  return new AmfEcmaArray(entries);
}

export const AMF3_VECTORS: readonly Amf3Vector[] = [
  { name: 'undefined', hex: '00', value: undefined },
  { name: 'null', hex: '01', value: null },
  { name: 'false', hex: '02', value: false },
  { name: 'true', hex: '03', value: true },
  { name: 'integer 0', hex: '04 00', value: 0 },
  { name: 'integer 0x7f in one byte', hex: '04 7f', value: 0x7f },
  { name: 'integer 0x80 in two', hex: '04 8100', value: 0x80 },
  { name: 'integer 0x3fff in two', hex: '04 ff7f', value: 0x3fff },
  { name: 'integer 0x4000 in three', hex: '04 818000', value: 0x4000 },
  { name: 'integer 0x1fffff in three', hex: '04 ffff7f', value: 0x1fffff },
  { name: 'integer 0x200000 in four', hex: '04 80c08000', value: 0x200000 },
  { name: 'integer 2^28 - 1', hex: '04 bfffffff', value: 2 ** 28 - 1 },
  { name: 'integer -2^28', hex: '04 c0808000', value: -(2 ** 28) },
  { name: 'integer -1', hex: '04 ffffffff', value: -1 },
  { name: '2^28, which is a double', hex: '05 41b0000000000000', value: 2 ** 28 },
  { name: '-0, which is a double', hex: '05 8000000000000000', value: -0 },
  { name: 'an integer as a double', hex: '05 3ff0000000000000', value: 1, canonical: false },
  { name: 'string', hex: '06 056162', value: 'ab' },
  { name: 'empty string', hex: '06 01', value: '' },
  { name: 'string that is not UTF-8', hex: '06 05c3ff', value: '\ufffd\ufffd', canonical: false },
  { name: 'XML', hex: '0b 093c612f3e', value: new AmfXmlDocument('<a/>') },
  { name: 'XML document of old', hex: '07 093c612f3e', value: new AmfXmlDocument('<a/>'), canonical: false },
  { name: 'date', hex: '08 01 408f400000000000', value: new Date(1000) },
  { name: 'dense array', hex: '09 05 01 0401 03', value: [1, true] },
  { name: 'empty array', hex: '09 01 01', value: [] },
  { name: 'array with named members', hex: '09 01 0361 0401 01', value: new AmfEcmaArray([['a', 1]]) },
  {
    name: 'array with both',
    hex: '09 03 0361 0401 01 03',
    value: ecmaArray([
      ['a', 1],
      ['0', true],
    ]),
    canonical: false,
  },
  {
    name: 'object with sealed members',
    hex: '0a 23 01 0361 0362 0401 01',
    value: amfObject([
      ['a', 1],
      ['b', null],
    ]),
  },
  {
    name: 'object with dynamic members',
    hex: '0a 0b 01 0361 0401 0362 01 01',
    value: amfObject([
      ['a', 1],
      ['b', null],
    ]),
    canonical: false,
  },
  {
    name: 'typed object with both',
    hex: '0a 1b 054345 0361 0401 0362 02 01',
    value: typedObject('CE', [
      ['a', 1],
      ['b', false],
    ]),
    canonical: false,
  },
  { name: 'typed object', hex: '0a 13 054345 0361 0401', value: typedObject('CE', [['a', 1]]) },
  { name: 'object without members', hex: '0a 03 01', value: amfObject([]) },
  {
    name: 'references to a string and to traits',
    hex: '09 05 01 0a13 0361 00 06056162 0a01 0602',
    value: [typedObject('a', [['a', 'ab']]), typedObject('a', [['a', 'ab']])],
    canonical: false,
  },
  {
    name: 'a reference to an object',
    hex: '09 05 01 0a0b010361040101 0a02',
    value: [amfObject([['a', 1]]), amfObject([['a', 1]])],
    canonical: false,
  },
  {
    name: 'references to a date, a byte array and an XML',
    hex: '09 0d 01 0801 0000000000000000 0c03ff 0b0361 0802 0c04 0b06',
    value: [
      new Date(0),
      new Uint8Array([0xff]),
      new AmfXmlDocument('a'),
      new Date(0),
      new Uint8Array([0xff]),
      new AmfXmlDocument('a'),
    ],
    canonical: false,
  },
  {
    name: 'the empty string never enters the table',
    hex: '09 07 01 0601 060361 0600',
    value: ['', 'a', 'a'],
    canonical: false,
  },
  { name: 'byte array', hex: '0c 05 00ff', value: new Uint8Array([0, 0xff]) },
  { name: 'empty byte array', hex: '0c 01', value: new Uint8Array() },
  { name: 'vector of int', hex: '0d 05 00 ffffffff 00000002', value: new AmfVector('int', [-1, 2]) },
  { name: 'fixed vector of uint', hex: '0e 03 01 ffffffff', value: new AmfVector('uint', [0xffffffff], true) },
  { name: 'vector of double', hex: '0f 03 00 3fe0000000000000', value: new AmfVector('double', [0.5]) },
  {
    name: 'vector of object',
    hex: '10 05 00 0343 0a030343 01',
    value: new AmfVector('object', [typedObject('C', []), null], false, 'C'),
  },
  {
    name: 'dictionary',
    hex: '11 05 00 060361 0401 0402 0a0301',
    value: new AmfDictionary([
      ['a', 1],
      [2, amfObject([])],
    ]),
  },
  { name: 'weak dictionary', hex: '11 01 01', value: new AmfDictionary([], true) },
];
