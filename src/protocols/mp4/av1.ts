// Parses av1C. AV1 gives its picture size only in the bitstream: in the sequence header OBU, either of the av1C or of the first key frame.
import { ByteReader } from '../bytes/byte-reader.js';
import { type Av1SequenceHeader, parseAv1SequenceHeader } from './av1-sequence-header.js';
import { mp4Error } from './errors.js';
import { readRecord } from './read-record.js';

/** AV1 Codec ISO Media File Format Binding 2.3.3: AV1CodecConfigurationRecord. */
export interface Av1Configuration {
  readonly profile: number;
  /** seq_level_idx_0: 0 = level 2.0, 4 = 3.0, 8 = 4.0. */
  readonly level: number;
  readonly highTier: boolean;
  readonly bitDepth: 8 | 10 | 12;
  readonly monochrome: boolean;
  readonly subsamplingX: 0 | 1;
  readonly subsamplingY: 0 | 1;
  readonly chromaSamplePosition: number;
  /** The sequence header from the record's configOBUs, if present. */
  readonly sequenceHeader?: Av1SequenceHeader;
}

export interface Obu {
  readonly type: number;
  /** The OBU with its header, as a view. */
  readonly bytes: Buffer;
  /** The payload, as a view. */
  readonly payload: Buffer;
}

/** AV1 6.2.2. */
const OBU_SEQUENCE_HEADER = 1;
const OBU_TEMPORAL_DELIMITER = 2;
export const AV1_RECORD_SIZE = 4;
/** AV1 4.10.5: a leb128 of more than 8 bytes, or with a value above 2^32 - 1, is not allowed. */
const MAX_LEB128_BYTES = 8;
/** The sequence header comes first in a temporal unit. More OBUs than this before it are not plausible. */
const MAX_OBUS_BEFORE_SEQUENCE_HEADER = 64;

/** @throws mp4.av1-configuration */
export function parseAv1CodecConfigurationRecord(record: Buffer): Av1Configuration {
  const [version, levels, flags] = record;
  if (version === undefined || levels === undefined || flags === undefined || record.length < AV1_RECORD_SIZE) {
    throw mp4Error('mp4.av1-configuration', `got ${record.length} bytes, expected at least ${AV1_RECORD_SIZE}`);
  }
  if (version !== 0x81) {
    throw mp4Error('mp4.av1-configuration', `got marker and version 0x${version.toString(16)}, expected 0x81`);
  }
  const found = findSequenceHeader(record.subarray(AV1_RECORD_SIZE));
  // If the record contradicts the sequence header inside it, the sequence header counts, as in decoders.
  if (found !== undefined) return { ...found.header, sequenceHeader: found.header };
  return {
    profile: levels >> 5,
    level: levels & 0x1f,
    highTier: (flags & 0x80) !== 0,
    bitDepth: (flags & 0x40) === 0 ? 8 : (flags & 0x20) === 0 ? 10 : 12,
    monochrome: (flags & 0x10) !== 0,
    subsamplingX: (flags & 0x08) === 0 ? 0 : 1,
    subsamplingY: (flags & 0x04) === 0 ? 0 : 1,
    chromaSamplePosition: flags & 0x03,
  };
}

/**
 * The first sequence header OBU among `obus` (a temporal unit, or the configOBUs of a record), or undefined.
 * @throws mp4.av1-configuration
 */
export function findSequenceHeader(obus: Buffer): { header: Av1SequenceHeader; obu: Obu } | undefined {
  return readRecord('mp4.av1-configuration', obus, () => {
    let count = 0;
    for (const obu of walkObus(obus)) {
      if (obu.type === OBU_SEQUENCE_HEADER) return { header: parseAv1SequenceHeader(obu.payload), obu };
      count += 1;
      if (count > MAX_OBUS_BEFORE_SEQUENCE_HEADER) return undefined;
    }
    return undefined;
  });
}

/** AV1 5.3: low-overhead bitstream format. @throws bytes.truncated, mp4.av1-configuration */
export function* walkObus(bytes: Buffer): Generator<Obu, void, undefined> {
  const reader = new ByteReader(bytes);
  while (reader.remaining > 0) {
    const start = reader.position;
    const head = reader.u8();
    if ((head & 0x80) !== 0) throw mp4Error('mp4.av1-configuration', 'got obu_forbidden_bit 1, expected 0');
    if ((head & 0x04) !== 0) reader.skip(1); // temporal_id, spatial_id
    const size = (head & 0x02) !== 0 ? readLeb128(reader) : reader.remaining;
    const payload = reader.bytes(size);
    yield { type: (head >> 3) & 0x0f, bytes: bytes.subarray(start, reader.position), payload };
  }
}

function readLeb128(reader: ByteReader): number {
  let value = 0;
  for (let index = 0; index < MAX_LEB128_BYTES; index += 1) {
    const byte = reader.u8();
    value += (byte & 0x7f) * 2 ** (index * 7);
    if ((byte & 0x80) === 0) return value;
  }
  throw mp4Error('mp4.av1-configuration', 'got a leb128 of more than 8 bytes');
}

/**
 * The sample for a temporal unit: without the temporal delimiter, which AV1-ISOBMFF 2.4 does not allow in samples. A view, never a copy.
 */
export function av1SampleData(temporalUnit: Buffer): Buffer {
  const [head, size] = temporalUnit;
  // A delimiter has no payload: a header with has_size_field and without extension, then size 0.
  const delimiter = head !== undefined && head >> 3 === OBU_TEMPORAL_DELIMITER && (head & 0x06) === 0x02 && size === 0;
  return delimiter ? temporalUnit.subarray(2) : temporalUnit;
}

/** The record for a sample entry (AV1-ISOBMFF 2.3.3). Its configOBUs contain at least the sequence header, if it is known. */
export function writeAv1CodecConfigurationRecord(
  facts: Omit<Av1Configuration, 'sequenceHeader'>,
  configObus: Buffer,
): Buffer {
  const flags =
    (facts.highTier ? 0x80 : 0) |
    (facts.bitDepth > 8 ? 0x40 : 0) |
    (facts.bitDepth === 12 ? 0x20 : 0) |
    (facts.monochrome ? 0x10 : 0) |
    (facts.subsamplingX << 3) |
    (facts.subsamplingY << 2) |
    facts.chromaSamplePosition;
  const head = Buffer.from([0x81, (facts.profile << 5) | facts.level, flags, 0]);
  return Buffer.concat([head, configObus]);
}
