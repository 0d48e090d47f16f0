// Encodes the values that AMF0 cannot express as AMF3, for use behind the avmplus marker. It never writes references.

import type { ByteWriter } from '../bytes/byte-writer.js';
import { amfError } from './errors.js';
import { AMF3_MARKER } from './markers.js';
import { MAX_U29, writeU29 } from './u29.js';
import { AmfDictionary, AmfEcmaArray, AmfObject, type AmfValue, AmfVector, AmfXmlDocument } from './values.js';

/** 3.6: "-2^28 to 2^28 - 1"; all other numbers are doubles. */
const MIN_INTEGER = -(2 ** 28);
const MAX_INTEGER = 2 ** 28 - 1;

const VECTOR_MARKER = {
  int: AMF3_MARKER.vectorInt,
  uint: AMF3_MARKER.vectorUint,
  double: AMF3_MARKER.vectorDouble,
  object: AMF3_MARKER.vectorObject,
} as const;

/**
 * Writes one value, including its marker.
 * @throws amf.budget for an array with an empty key or a length over 2^28 - 1, which AMF3 cannot write.
 */
export function writeAmf3(writer: ByteWriter, value: AmfValue): void {
  if (typeof value === 'number') writeNumber(writer, value);
  else if (typeof value === 'boolean') writer.u8(value ? AMF3_MARKER.true : AMF3_MARKER.false);
  else if (typeof value === 'string') writeText(writer.u8(AMF3_MARKER.string), value);
  else if (value === null) writer.u8(AMF3_MARKER.null);
  else if (value === undefined) writer.u8(AMF3_MARKER.undefined);
  else if (value instanceof Date) {
    writer.u8(AMF3_MARKER.date).u8(1);
    writer.f64be(value.getTime());
  } else if (value instanceof AmfXmlDocument) writeText(writer.u8(AMF3_MARKER.xml), value.text);
  else if (value instanceof Uint8Array) {
    writeHeader(writer.u8(AMF3_MARKER.byteArray), value.length);
    writer.bytes(value);
  } else if (value instanceof AmfObject) writeObject(writer, value);
  else if (value instanceof AmfEcmaArray) writeNamedArray(writer, value);
  else if (value instanceof AmfVector) writeVector(writer, value);
  else if (value instanceof AmfDictionary) writeDictionary(writer, value);
  else {
    writeHeader(writer.u8(AMF3_MARKER.array), value.length);
    writeText(writer, '');
    for (const item of value) writeAmf3(writer, item);
  }
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (Number.isInteger(value) && value >= MIN_INTEGER && value <= MAX_INTEGER && !Object.is(value, -0)) {
    writeU29(writer.u8(AMF3_MARKER.integer), value & MAX_U29);
  } else {
    writer.u8(AMF3_MARKER.double).f64be(value);
  }
}

/** Writes a length or count with the low bit set that means "not a reference". */
function writeHeader(writer: ByteWriter, count: number): void {
  if (count > MAX_INTEGER) throw amfError('amf.budget', `got a length of ${count}, expected at most ${MAX_INTEGER}`);
  writeU29(writer, (count << 1) | 1);
}

function writeText(writer: ByteWriter, text: string): void {
  writeHeader(writer, Buffer.byteLength(text));
  writer.utf8(text);
}

/** 3.12. Writes all properties as sealed members with their own traits: unlike dynamic members, these may have an empty name. */
function writeObject(writer: ByteWriter, object: AmfObject): void {
  writer.u8(AMF3_MARKER.object);
  writeU29(writer, (object.size << 4) | 0b0011);
  writeText(writer, object.className ?? '');
  for (const name of object.keys()) writeText(writer, name);
  for (const value of object.values()) writeAmf3(writer, value);
}

function writeNamedArray(writer: ByteWriter, array: AmfEcmaArray): void {
  if (array.has('')) throw amfError('amf.budget', 'got an empty key in an array, which AMF3 cannot write');
  writeHeader(writer.u8(AMF3_MARKER.array), 0);
  for (const [name, value] of array) {
    writeText(writer, name);
    writeAmf3(writer, value);
  }
  writeText(writer, '');
}

function writeVector(writer: ByteWriter, { itemType, items, fixed, className }: AmfVector): void {
  writeHeader(writer.u8(VECTOR_MARKER[itemType]), items.length);
  writer.u8(fixed ? 1 : 0);
  if (itemType === 'object') writeText(writer, className);
  for (const item of items) {
    if (itemType === 'object') writeAmf3(writer, item);
    else if (itemType === 'int') writer.i32be(Number(item));
    else if (itemType === 'uint') writer.u32be(Number(item));
    else writer.f64be(Number(item));
  }
}

function writeDictionary(writer: ByteWriter, { entries, weakKeys }: AmfDictionary): void {
  writeHeader(writer.u8(AMF3_MARKER.dictionary), entries.length);
  writer.u8(weakKeys ? 1 : 0);
  for (const [key, value] of entries) {
    writeAmf3(writer, key);
    writeAmf3(writer, value);
  }
}
