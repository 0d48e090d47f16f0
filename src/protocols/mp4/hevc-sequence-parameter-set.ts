// Parses the HEVC SPS, the only reliable source of picture size and required decoder.
import { BitReader } from '../bytes/bit-reader.js';
import { SluiceError } from '../errors.js';
import { mp4Error } from './errors.js';
import { type HevcProfileTierLevel, readProfileTierLevel } from './hevc-profile-tier-level.js';
import { skipScalingLists, skipShortTermReferencePictureSets } from './hevc-skipped-syntax.js';
import { type HevcVui, readHevcVui } from './hevc-vui.js';
import type { PictureFormat } from './picture-format.js';
import { readRecord } from './read-record.js';
import { MAX_DIMENSION, removeEmulationPrevention } from './sequence-parameter-set.js';

export interface HevcSequenceParameterSet extends PictureFormat {
  readonly profileTierLevel: HevcProfileTierLevel;
  /** Size of the decoded picture buffer in pictures; absent if the SPS is truncated before it. */
  readonly bufferedPictures?: number;
}

/** H.265 table 7-1. */
const NAL_TYPE_SPS = 33;
/** H.265 7.4.3.2.1: num_long_term_ref_pics_sps is 0..32. */
const MAX_LONG_TERM_PICTURES = 32;
/** H.265 7.4.3.2.1: bit_depth_luma_minus8 is 0..8. */
const MAX_BIT_DEPTH = 16;

/**
 * @param nal one NAL unit with its two header bytes, without start code or length
 * @throws mp4.sequence-parameter-set. If a field after the picture size is broken, only the fields from there on are missing.
 */
export function parseHevcSequenceParameterSet(nal: Uint8Array): HevcSequenceParameterSet {
  const type = ((nal[0] ?? 0) >> 1) & 0x3f;
  if (nal.length < 2 || type !== NAL_TYPE_SPS) {
    throw mp4Error('mp4.sequence-parameter-set', `got HEVC NAL unit type ${type}, expected ${NAL_TYPE_SPS}`);
  }
  return readRecord('mp4.sequence-parameter-set', nal, (bytes) =>
    parsePayload(new BitReader(removeEmulationPrevention(bytes.subarray(2)))),
  );
}

/** H.265 7.3.2.2.1. */
function parsePayload(bits: BitReader): HevcSequenceParameterSet {
  bits.skip(4); // sps_video_parameter_set_id
  const maxSubLayersMinus1 = bits.bits(3);
  bits.skip(1); // sps_temporal_id_nesting_flag
  const profileTierLevel = readProfileTierLevel(bits, maxSubLayersMinus1);
  bits.ue(); // sps_seq_parameter_set_id
  const chromaFormat = bits.ue();
  if (chromaFormat > 3) {
    throw mp4Error('mp4.sequence-parameter-set', `got chroma_format_idc ${chromaFormat}, expected 0..3`);
  }
  const separatePlanes = chromaFormat === 3 && bits.flag();
  const size = readPictureSize(bits, separatePlanes ? 0 : chromaFormat);
  const bitDepthLuma = bits.ue() + 8;
  const bitDepthChroma = bits.ue() + 8;
  if (bitDepthLuma > MAX_BIT_DEPTH || bitDepthChroma > MAX_BIT_DEPTH) {
    throw mp4Error(
      'mp4.sequence-parameter-set',
      `got bit depths ${bitDepthLuma} and ${bitDepthChroma}, expected 8..${MAX_BIT_DEPTH}`,
    );
  }
  const vui: HevcVui = { sarNum: 1, sarDen: 1, interlaced: false };
  readOptionalVui(bits, maxSubLayersMinus1, vui);
  return { profileTierLevel, ...size, chromaFormat, bitDepthLuma, bitDepthChroma, ...vui };
}

/** The window offsets are in chroma samples (H.265 7.4.3.2.1). */
function readPictureSize(bits: BitReader, subsampling: number): { width: number; height: number } {
  let width = bits.ue();
  let height = bits.ue();
  if (bits.flag()) {
    const unitX = subsampling === 1 || subsampling === 2 ? 2 : 1;
    const unitY = subsampling === 1 ? 2 : 1;
    width -= (bits.ue() + bits.ue()) * unitX;
    height -= (bits.ue() + bits.ue()) * unitY;
  }
  if (width < 1 || height < 1 || width > MAX_DIMENSION || height > MAX_DIMENSION) {
    throw mp4Error('mp4.sequence-parameter-set', `got ${width}x${height} pixels, expected 1..${MAX_DIMENSION}`);
  }
  return { width, height };
}

/** Fills `vui` field by field, so that a truncated SPS still gives the fields before the truncation. */
function readOptionalVui(bits: BitReader, maxSubLayersMinus1: number, vui: HevcVui): void {
  try {
    if (skipToVui(bits, maxSubLayersMinus1, vui)) readHevcVui(bits, vui);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
  }
}

/** @returns vui_parameters_present_flag */
function skipToVui(bits: BitReader, maxSubLayersMinus1: number, vui: HevcVui): boolean {
  const orderCountBits = bits.ue() + 4;
  const subLayers = bits.flag() ? maxSubLayersMinus1 + 1 : 1;
  for (let index = 0; index < subLayers; index += 1) {
    // sps_max_dec_pic_buffering_minus1; the value of the highest sub-layer comes last and is the largest.
    vui.bufferedPictures = bits.ue() + 1;
    bits.ue(); // sps_max_num_reorder_pics
    bits.ue(); // sps_max_latency_increase_plus1
  }
  for (let index = 0; index < 6; index += 1) bits.ue(); // block sizes, transform depths
  if (bits.flag() && bits.flag()) skipScalingLists(bits);
  bits.skip(2); // amp_enabled_flag, sample_adaptive_offset_enabled_flag
  if (bits.flag()) {
    bits.skip(8); // pcm_sample_bit_depth
    bits.ue();
    bits.ue();
    bits.skip(1); // pcm_loop_filter_disabled_flag
  }
  skipShortTermReferencePictureSets(bits);
  if (bits.flag()) {
    const count = bits.ue();
    if (count > MAX_LONG_TERM_PICTURES) return false;
    bits.skip(count * (orderCountBits + 1));
  }
  bits.skip(2); // sps_temporal_mvp_enabled_flag, strong_intra_smoothing_enabled_flag
  return bits.flag();
}
