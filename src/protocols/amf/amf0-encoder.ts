// Encodes answers and metadata as AMF0.

import { ByteWriter } from '../bytes/byte-writer.js';
import { writeAmf3 } from './amf3-encoder.js';
import { amfError } from './errors.js';
import { AMF0_MARKER } from './markers.js';
import { AmfDictionary, AmfEcmaArray, AmfObject, type AmfValue, AmfVector, AmfXmlDocument } from './values.js';

const MAX_SHORT_STRING_BYTES = 0xffff;

/**
 * Encodes the values one after another, as in a command or data message. Values that only AMF3 has, such as vectors, are written as AMF3
 * behind the avmplus marker.
 * @throws amf.budget for a key or class name of more than 65535 bytes, which AMF0 cannot write.
 */
export function encodeAmf0(values: readonly AmfValue[]): Buffer {
  const writer = new ByteWriter();
  for (const value of values) writeValue(writer, value);
  return writer.toBuffer();
}

function writeValue(writer: ByteWriter, value: AmfValue): void {
  if (typeof value === 'number') writer.u8(AMF0_MARKER.number).f64be(value);
  else if (typeof value === 'boolean') writer.u8(AMF0_MARKER.boolean).u8(value ? 1 : 0);
  else if (typeof value === 'string') writeString(writer, value);
  else if (value === null) writer.u8(AMF0_MARKER.null);
  else if (value === undefined) writer.u8(AMF0_MARKER.undefined);
  else if (value instanceof Date) writer.u8(AMF0_MARKER.date).f64be(value.getTime()).i16be(0);
  else if (value instanceof AmfXmlDocument) writeLongText(writer, AMF0_MARKER.xmlDocument, value.text);
  else if (value instanceof AmfObject) writeObject(writer, value);
  else if (value instanceof AmfEcmaArray) {
    writer.u8(AMF0_MARKER.ecmaArray).u32be(value.size);
    writeProperties(writer, value);
  } else if (value instanceof Uint8Array || value instanceof AmfVector || value instanceof AmfDictionary) {
    writeAmf3(writer.u8(AMF0_MARKER.avmplusObject), value);
  } else {
    writer.u8(AMF0_MARKER.strictArray).u32be(value.length);
    for (const item of value) writeValue(writer, item);
  }
}

function writeString(writer: ByteWriter, text: string): void {
  if (Buffer.byteLength(text) > MAX_SHORT_STRING_BYTES) writeLongText(writer, AMF0_MARKER.longString, text);
  else writeShortText(writer.u8(AMF0_MARKER.string), text);
}

function writeObject(writer: ByteWriter, object: AmfObject): void {
  if (object.className === undefined) writer.u8(AMF0_MARKER.object);
  else writeShortText(writer.u8(AMF0_MARKER.typedObject), object.className);
  writeProperties(writer, object);
}

function writeProperties(writer: ByteWriter, properties: ReadonlyMap<string, AmfValue>): void {
  for (const [key, value] of properties) {
    writeShortText(writer, key);
    writeValue(writer, value);
  }
  writer.u16be(0).u8(AMF0_MARKER.objectEnd);
}

function writeShortText(writer: ByteWriter, text: string): void {
  const size = Buffer.byteLength(text);
  if (size > MAX_SHORT_STRING_BYTES) {
    throw amfError('amf.budget', `got a key of ${size} bytes, expected at most ${MAX_SHORT_STRING_BYTES}`);
  }
  writer.u16be(size).utf8(text);
}

function writeLongText(writer: ByteWriter, marker: number, text: string): void {
  writer.u8(marker).u32be(Buffer.byteLength(text)).utf8(text);
}
