// Rewrites AMF3 values as AMF0. FLV metadata must be AMF0 for its readers, FFmpeg included.

import { decodeAmf } from './amf0-decoder.js';
import { encodeAmf0 } from './amf0-encoder.js';
import type { AmfLimits } from './budget.js';
import { AmfDictionary, AmfEcmaArray, AmfObject, type AmfValue, AmfVector } from './values.js';

/**
 * Encodes the same values without the avmplus marker; returns bytes that do not use it unchanged. Vectors become arrays, dictionaries
 * become ECMA arrays of their text and number keys, and byte arrays, which AMF0 does not have, become null.
 * @throws amf.malformed, amf.budget, amf.unsupported
 */
export function plainAmf0(bytes: Buffer, limits?: AmfLimits): Buffer {
  const { values, usesAmf3 } = decodeAmf(bytes, limits);
  return usesAmf3 ? encodeAmf0(values.map(plainValue)) : bytes;
}

function plainValue(value: AmfValue): AmfValue {
  if (typeof value !== 'object' || value === null || value instanceof Date) return value;
  if (value instanceof Uint8Array) return null;
  if (value instanceof AmfVector) return value.items.map(plainValue);
  if (value instanceof AmfDictionary) return plainDictionary(value);
  if (value instanceof AmfEcmaArray) return new AmfEcmaArray(plainEntries(value));
  if (value instanceof AmfObject) {
    const object = new AmfObject(plainEntries(value));
    object.className = value.className;
    return object;
  }
  return 'text' in value ? value : value.map(plainValue);
}

function* plainEntries(properties: ReadonlyMap<string, AmfValue>): Iterable<[string, AmfValue]> {
  for (const [key, value] of properties) yield [key, plainValue(value)];
}

function plainDictionary({ entries }: AmfDictionary): AmfEcmaArray {
  const array = new AmfEcmaArray();
  for (const [key, value] of entries) {
    if (typeof key === 'string' || typeof key === 'number') array.set(String(key), plainValue(value));
  }
  return array;
}
