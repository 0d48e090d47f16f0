// Validates the hvcC of an HEVC encoder and rewrites it for an `hvc1` sample entry.
import { ByteReader } from '../bytes/byte-reader.js';
import { ByteWriter } from '../bytes/byte-writer.js';
import { mp4Error } from './errors.js';
import type { HevcProfileTierLevel } from './hevc-profile-tier-level.js';
import { type HevcSequenceParameterSet, parseHevcSequenceParameterSet } from './hevc-sequence-parameter-set.js';
import { parseHevcVideoParameterSetTiming } from './hevc-video-parameter-set.js';
import { readRecord } from './read-record.js';
import { withoutStartCode } from './start-code.js';

/** H.265 table 7-1. */
const HEVC_NAL_VPS = 32;
const HEVC_NAL_SPS = 33;
const HEVC_NAL_PPS = 34;

export interface HevcNalArray {
  /** nal_unit_type of all units. */
  readonly type: number;
  /** NAL units with their two header bytes; views. */
  readonly units: readonly Buffer[];
}

/** ISO/IEC 14496-15 8.3.3.1: HEVCDecoderConfigurationRecord. */
export interface HevcDecoderConfiguration {
  /** From the first SPS. The copy in the record is not trusted. */
  readonly profileTierLevel: HevcProfileTierLevel;
  readonly nalLengthSize: 1 | 2 | 4;
  readonly minSpatialSegmentation: number;
  readonly parallelismType: number;
  readonly averageFrameRate: number;
  readonly constantFrameRate: number;
  readonly temporalLayers: number;
  readonly temporalIdNested: boolean;
  /** In the order of the record, without empty arrays. */
  readonly arrays: readonly HevcNalArray[];
  /** The first SPS. */
  readonly spsInfo: HevcSequenceParameterSet;
  /** Frames per second, from the SPS, otherwise the VPS. */
  readonly frameRate?: number;
}

/**
 * Reserved bits and bytes after the arrays are ignored. Version 0, which was written before the standard was final, is treated as 1.
 * @throws mp4.hevc-configuration, mp4.sequence-parameter-set
 */
export function parseHevcDecoderConfigurationRecord(record: Uint8Array): HevcDecoderConfiguration {
  return readRecord('mp4.hevc-configuration', record, (bytes) => parseRecord(new ByteReader(bytes)));
}

function parseRecord(reader: ByteReader): HevcDecoderConfiguration {
  const version = reader.u8();
  if (version > 1) throw mp4Error('mp4.hevc-configuration', `got configurationVersion ${version}, expected 1`);
  reader.skip(1 + 4 + 6 + 1); // profile, tier and level: see the SPS
  const minSpatialSegmentation = reader.u16be() & 0x0fff;
  const parallelismType = reader.u8() & 0x03;
  reader.skip(3); // chroma format and bit depths: see the SPS
  const averageFrameRate = reader.u16be();
  const layers = reader.u8();
  const lengthSize = (layers & 0x03) + 1;
  if (lengthSize === 3) throw mp4Error('mp4.hevc-configuration', 'got NAL length size 3, expected 1, 2 or 4');
  const arrays = readArrays(reader);
  const sps = firstUnit(arrays, HEVC_NAL_SPS);
  if (sps === undefined) {
    throw mp4Error('mp4.hevc-configuration', 'got no sequence parameter set, expected at least one');
  }
  const spsInfo = parseHevcSequenceParameterSet(sps);
  const vps = firstUnit(arrays, HEVC_NAL_VPS);
  const frameRate = spsInfo.frameRate ?? (vps === undefined ? undefined : parseHevcVideoParameterSetTiming(vps));
  return {
    profileTierLevel: spsInfo.profileTierLevel,
    nalLengthSize: lengthSize === 1 ? 1 : lengthSize === 2 ? 2 : 4,
    minSpatialSegmentation,
    parallelismType,
    averageFrameRate,
    constantFrameRate: layers >> 6,
    temporalLayers: (layers >> 3) & 0x07,
    temporalIdNested: (layers & 0x04) !== 0,
    arrays,
    spsInfo,
    ...(frameRate === undefined ? {} : { frameRate }),
  };
}

function readArrays(reader: ByteReader): HevcNalArray[] {
  const arrays: HevcNalArray[] = [];
  const count = reader.u8();
  for (let index = 0; index < count; index += 1) {
    const type = reader.u8() & 0x3f;
    const units: Buffer[] = [];
    for (let left = reader.u16be(); left > 0; left -= 1) {
      const unit = withoutStartCode(reader.bytes(reader.u16be()));
      if (unit.length > 0) units.push(unit);
    }
    if (units.length > 0) arrays.push({ type, units });
  }
  return arrays;
}

function firstUnit(arrays: readonly HevcNalArray[], type: number): Buffer | undefined {
  return arrays.find((array) => array.type === type)?.units[0];
}

/**
 * The record for a sample entry `hvc1`: profile and chroma format from the SPS. The arrays are marked as complete, because `hvc1` does not
 * allow parameter sets in band (ISO/IEC 14496-15 8.4.1.1.1).
 */
export function writeHevcDecoderConfigurationRecord(configuration: HevcDecoderConfiguration): Buffer {
  const { profileTierLevel: profile, spsInfo, arrays } = configuration;
  const out = new ByteWriter(256)
    .u8(1)
    .u8((profile.profileSpace << 6) | (profile.highTier ? 0x20 : 0) | profile.profile)
    .u32be(profile.compatibility)
    .bytes(profile.constraints)
    .u8(profile.level)
    .u16be(0xf000 | configuration.minSpatialSegmentation)
    .u8(0xfc | configuration.parallelismType)
    .u8(0xfc | spsInfo.chromaFormat)
    .u8(0xf8 | ((spsInfo.bitDepthLuma - 8) & 0x07))
    .u8(0xf8 | ((spsInfo.bitDepthChroma - 8) & 0x07))
    .u16be(configuration.averageFrameRate)
    .u8(
      (configuration.constantFrameRate << 6) |
        (configuration.temporalLayers << 3) |
        (configuration.temporalIdNested ? 0x04 : 0) |
        (configuration.nalLengthSize - 1),
    )
    .u8(arrays.length);
  for (const { type, units } of arrays) {
    const complete = type >= HEVC_NAL_VPS && type <= HEVC_NAL_PPS;
    out.u8((complete ? 0x80 : 0) | type).u16be(units.length);
    for (const unit of units) out.u16be(unit.length).bytes(unit);
  }
  return out.toBuffer();
}
