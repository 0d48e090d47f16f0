// Validates an encoder's avcC before FFmpeg or a player gets it, and reads the actual properties of the stream from it.
import { ByteReader } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { SluiceError } from '../errors.js';
import { mp4Error } from './errors.js';
import { parseSequenceParameterSet, type SequenceParameterSet } from './sequence-parameter-set.js';
import { withoutStartCode } from './start-code.js';

/** ISO/IEC 14496-15 5.3.3.1: AVCDecoderConfigurationRecord. */
export interface AvcDecoderConfiguration {
  /** AVCProfileIndication, profile_compatibility and AVCLevelIndication of the record. The SPS takes precedence, see `spsInfo`. */
  readonly profile: number;
  readonly compatibility: number;
  readonly level: number;
  /** Size of the length before each NAL unit, in bytes. */
  readonly nalLengthSize: 1 | 2 | 4;
  /** NAL units with their header byte; views. At least one SPS. */
  readonly sps: readonly Buffer[];
  readonly pps: readonly Buffer[];
  /** The first SPS. */
  readonly spsInfo: SequenceParameterSet;
}

/**
 * Reserved bits and bytes after the parameter sets (chroma extension, padding) are ignored, because some encoders get them wrong.
 * @throws mp4.avc-configuration, mp4.sequence-parameter-set
 */
export function parseAvcDecoderConfigurationRecord(record: Uint8Array): AvcDecoderConfiguration {
  try {
    return parseRecord(new ByteReader(record));
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'bytes.truncated') {
      throw mp4Error('mp4.avc-configuration', `got ${record.length} bytes that end inside a field`, { cause: error });
    }
    throw error;
  }
}

function parseRecord(reader: ByteReader): AvcDecoderConfiguration {
  const version = reader.u8();
  if (version !== 1) throw mp4Error('mp4.avc-configuration', `got configurationVersion ${version}, expected 1`);
  const profile = reader.u8();
  const compatibility = reader.u8();
  const level = reader.u8();
  const nalLengthSize = (reader.u8() & 0x03) + 1;
  if (nalLengthSize === 3) throw mp4Error('mp4.avc-configuration', 'got NAL length size 3, expected 1, 2 or 4');
  const sps = readParameterSets(reader, reader.u8() & 0x1f);
  const first = sps[0];
  if (first === undefined)
    throw mp4Error('mp4.avc-configuration', 'got no sequence parameter set, expected at least one');
  // A record may end after its SPS, because the PPS may come in band.
  const pps = reader.remaining > 0 ? readParameterSets(reader, reader.u8()) : [];
  return {
    profile,
    compatibility,
    level,
    nalLengthSize: nalLengthSize === 1 ? 1 : nalLengthSize === 2 ? 2 : 4,
    sps,
    pps,
    spsInfo: parseSequenceParameterSet(first),
  };
}

function readParameterSets(reader: ByteReader, count: number): Buffer[] {
  const sets: Buffer[] = [];
  for (let index = 0; index < count; index += 1) {
    const set = withoutStartCode(reader.bytes(reader.u16be()));
    if (set.length > 0) sets.push(set);
  }
  return sets;
}

/** Profiles whose record ends with chroma format and bit depths (ISO/IEC 14496-15 5.3.3.1.2). */
const PROFILES_WITH_CHROMA: ReadonlySet<number> = new Set([100, 110, 122, 144]);

/**
 * The record for a sample entry: profile and level from the SPS, reserved bits set, nothing after the last field. So strict players accept
 * records whose flaws {@link parseAvcDecoderConfigurationRecord} tolerated.
 */
export function writeAvcDecoderConfigurationRecord(configuration: AvcDecoderConfiguration): Buffer {
  const { spsInfo, sps, pps } = configuration;
  const out = new ByteWriter(128)
    .u8(1)
    .u8(spsInfo.profile)
    .u8(spsInfo.compatibility)
    .u8(spsInfo.level)
    .u8(0xfc | (configuration.nalLengthSize - 1))
    .u8(0xe0 | sps.length);
  for (const set of sps) out.u16be(set.length).bytes(set);
  out.u8(pps.length);
  for (const set of pps) out.u16be(set.length).bytes(set);
  if (PROFILES_WITH_CHROMA.has(spsInfo.profile)) {
    out
      .u8(0xfc | spsInfo.chromaFormat)
      .u8(0xf8 | ((spsInfo.bitDepthLuma - 8) & 0x07))
      .u8(0xf8 | ((spsInfo.bitDepthChroma - 8) & 0x07))
      .u8(0);
  }
  return out.toBuffer();
}
