// The variable-length format that AMF3 uses for every integer, length and reference.

import type { ByteReader } from '../bytes/byte-reader.js';
import type { ByteWriter } from '../bytes/byte-writer.js';

export const MAX_U29 = 0x1fffffff;

/** Variable-length unsigned 29-bit integer (AMF3 1.3.1): three bytes of 7 bits, and a fourth of 8. */
export function readU29(reader: ByteReader): number {
  let value = 0;
  for (let index = 0; index < 3; index += 1) {
    const byte = reader.u8();
    value = (value << 7) | (byte & 0x7f);
    if (byte < 0x80) return value;
  }
  return (value << 8) | reader.u8();
}

/** @param value 0 to {@link MAX_U29}. */
export function writeU29(writer: ByteWriter, value: number): void {
  if (value >= 0x200000) {
    writer.u8((value >>> 22) | 0x80).u8(((value >>> 15) & 0x7f) | 0x80);
    writer.u8(((value >>> 8) & 0x7f) | 0x80).u8(value & 0xff);
    return;
  }
  if (value >= 0x4000) writer.u8((value >>> 14) | 0x80);
  if (value >= 0x80) writer.u8(((value >>> 7) & 0x7f) | 0x80);
  writer.u8(value & 0x7f);
}
