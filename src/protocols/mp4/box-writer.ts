// Writes boxes for init segments. Simple rather than fast, because a stream needs only a few init segments.
import { ByteWriter } from '../bytes/byte-writer.js';
import { BOX_HEADER_SIZE } from './boxes.js';

/** ISO/IEC 14496-12 4.2: a box with the concatenated parts as its body. */
export function box(type: string, ...parts: readonly Uint8Array[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, BOX_HEADER_SIZE);
  const out = new ByteWriter(size).u32be(size).utf8(type);
  for (const part of parts) out.bytes(part);
  return out.toBuffer();
}

/** ISO/IEC 14496-12 4.2.2: version and flags before the parts. */
export function fullBox(type: string, version: number, flags: number, ...parts: readonly Uint8Array[]): Buffer {
  return box(type, new ByteWriter(4).u8(version).u24be(flags).toBuffer(), ...parts);
}
