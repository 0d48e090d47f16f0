// The esds box, in which MP4 stores the configuration of an MPEG audio decoder: three nested descriptors of MPEG-4 systems.
import { ByteReader } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { mp4Error } from './errors.js';

/** ISO/IEC 14496-1 7.2.6: descriptor tags. */
const ES_DESCRIPTOR = 0x03;
const DECODER_CONFIG_DESCRIPTOR = 0x04;
const DECODER_SPECIFIC_INFO = 0x05;
const SL_CONFIG_DESCRIPTOR = 0x06;
/** ISO/IEC 14496-1 table 5: MPEG-4 AAC; MP3 of MPEG-2 (and 2.5) and of MPEG-1. */
export const OBJECT_TYPE_AAC = 0x40;
export const OBJECT_TYPE_MPEG2_AUDIO = 0x69;
export const OBJECT_TYPE_MPEG1_AUDIO = 0x6b;
/** streamType 5 (audio), upStream 0, reserved 1. */
const AUDIO_STREAM = 0x15;

export interface DecoderConfig {
  readonly objectType: number;
  /** The AudioSpecificConfig for AAC, as a view; empty for MP3. */
  readonly specificInfo: Buffer;
}

/**
 * ISO/IEC 14496-14 5.6: ES_Descriptor > DecoderConfigDescriptor > DecoderSpecificInfo.
 * @param esds the body of the box, version and flags included
 * @throws mp4.box-content, mp4.unsupported-codec, bytes.truncated
 */
export function parseEsds(esds: Buffer): DecoderConfig {
  const fields = new ByteReader(esds);
  fields.skip(4);
  openDescriptor(fields, ES_DESCRIPTOR);
  fields.skip(2); // ES_ID
  const flags = fields.u8();
  if ((flags & 0x80) !== 0) fields.skip(2); // dependsOn_ES_ID
  if ((flags & 0x40) !== 0) fields.skip(fields.u8()); // URL
  if ((flags & 0x20) !== 0) fields.skip(2); // OCR_ES_Id
  openDescriptor(fields, DECODER_CONFIG_DESCRIPTOR);
  const objectType = fields.u8();
  fields.skip(12); // stream type, buffer size, bitrates
  if (objectType === OBJECT_TYPE_MPEG1_AUDIO || objectType === OBJECT_TYPE_MPEG2_AUDIO) {
    return { objectType, specificInfo: Buffer.alloc(0) };
  }
  if (objectType !== OBJECT_TYPE_AAC) {
    throw mp4Error(
      'mp4.unsupported-codec',
      `got MPEG object type 0x${objectType.toString(16)} in mp4a, expected 0x40 (AAC) or MP3`,
    );
  }
  return { objectType, specificInfo: fields.bytes(openDescriptor(fields, DECODER_SPECIFIC_INFO)) };
}

/** Reads tag and length (7 bits per byte, ISO/IEC 14496-1 8.3.3) and returns the length. */
function openDescriptor(fields: ByteReader, expected: number): number {
  const tag = fields.u8();
  if (tag !== expected) throw mp4Error('mp4.box-content', `got descriptor ${tag} in esds, expected ${expected}`);
  let length = 0;
  for (let count = 0; count < 4; count += 1) {
    const byte = fields.u8();
    length = length * 128 + (byte & 0x7f);
    if ((byte & 0x80) === 0) break;
  }
  return length;
}

/** The body of esds after version and flags. @throws mp4.track-description */
export function writeEsds({ objectType, specificInfo }: DecoderConfig): Buffer {
  const specific = specificInfo.length > 0 ? descriptor(DECODER_SPECIFIC_INFO, specificInfo) : Buffer.alloc(0);
  // Buffer size and bit rates are 0: unknown for a live stream.
  const config = Buffer.concat([Buffer.from([objectType, AUDIO_STREAM]), Buffer.alloc(11), specific]);
  return descriptor(
    ES_DESCRIPTOR,
    Buffer.alloc(3), // ES_ID 0 as ISO/IEC 14496-14 3.1.2 demands in files, no flags
    descriptor(DECODER_CONFIG_DESCRIPTOR, config),
    descriptor(SL_CONFIG_DESCRIPTOR, Buffer.from([0x02])), // predefined: MP4
  );
}

function descriptor(tag: number, ...parts: readonly Buffer[]): Buffer {
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  if (size >= 0x4000) {
    throw mp4Error('mp4.track-description', `got a decoder configuration of ${size} bytes, expected less than 16 KiB`);
  }
  const out = new ByteWriter(size + 3).u8(tag);
  if (size >= 0x80) out.u8(0x80 | (size >> 7));
  out.u8(size & 0x7f);
  for (const part of parts) out.bytes(part);
  return out.toBuffer();
}
