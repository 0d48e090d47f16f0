// AMF values as programs get them in JSON.
import { describe, expect, it } from 'vitest';
import { amfToJson } from '../../../src/protocols/amf/json-value.js';
import {
  AmfDictionary,
  AmfEcmaArray,
  AmfVector,
  AmfXmlDocument,
  amfObject,
} from '../../../src/protocols/amf/values.js';

describe('an AMF value in JSON', () => {
  it.each([
    ['a number', 1.5, 1.5],
    ['NaN', Number.NaN, null],
    ['infinity', Number.POSITIVE_INFINITY, null],
    ['null', null, null],
    ['undefined', undefined, null],
    ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
    ['a date out of range', new Date(Number.NaN), null],
    ['bytes', new Uint8Array([1, 2, 255]), 'AQL/'],
    ['XML', new AmfXmlDocument('<a/>'), '<a/>'],
    ['a list', [1, [true, 'x']], [1, [true, 'x']]],
    ['a vector', new AmfVector('int', [1, 2]), [1, 2]],
    [
      'an object',
      amfObject([
        ['a', 1],
        ['left out', undefined],
        ['n', null],
      ]),
      { a: 1, n: null },
    ],
    ['an ECMA array', new AmfEcmaArray([['0', 'x']]), { 0: 'x' }],
    [
      'a dictionary',
      new AmfDictionary([
        ['k', 1],
        [2, 'x'],
        [amfObject([]), 'no text key'],
      ]),
      { k: 1, 2: 'x' },
    ],
  ])('of %s', (_, value, json) => {
    expect(amfToJson(value as never)).toEqual(json);
  });

  it('keeps a key that JavaScript treats specially', () => {
    const json = amfToJson(amfObject([['__proto__', amfObject([['polluted', true]])]])) as object;
    expect(JSON.stringify(json)).toBe('{"__proto__":{"polluted":true}}');
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
  });
});
