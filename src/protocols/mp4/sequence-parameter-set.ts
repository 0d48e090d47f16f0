// Parses the H.264 SPS, the only reliable source of the picture size: metadata and containers may be wrong.
import { BitReader } from '../bytes/bit-reader.js';
import { SluiceError } from '../errors.js';
import { mp4Error } from './errors.js';
import { frameRateOf } from './frame-rate.js';
import type { PictureFormat } from './picture-format.js';
import { readVuiHead, type VuiHead } from './vui-fields.js';

export interface SequenceParameterSet extends PictureFormat {
  /** profile_idc, for example 100 = High. */
  readonly profile: number;
  /** The constraint_set flags and reserved bits, as one byte. */
  readonly compatibility: number;
  /** level_idc: 10 × the level, for example 31 = 3.1. */
  readonly level: number;
  /** log2_max_frame_num_minus4 + 4, and separate_colour_plane_flag, both needed to parse slice headers. */
  readonly frameNumberBits: number;
  readonly separatePlanes: boolean;
  readonly referenceFrames: number;
  /** max_num_reorder_frames of the VUI bitstream restriction; 0 means no B-frames. */
  readonly reorderFrames?: number;
}

/** H.264 7.4.1: nal_unit_type of a sequence parameter set. */
const NAL_TYPE_SPS = 7;
/** Profiles whose SPS contains chroma format, bit depth and scaling lists (H.264 7.3.2.1.1). */
const HIGH_PROFILES: ReadonlySet<number> = new Set([100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135]);
/** The width and height of a sample entry have 16 bits; level 6.2 stays far below this limit. */
export const MAX_DIMENSION = 65_535;
/** H.264 7.4.2.1.1: log2_max_frame_num_minus4 is 0..12. */
const MAX_FRAME_NUMBER_BITS = 16;
/** H.264 7.4.2.1.1: num_ref_frames_in_pic_order_cnt_cycle is 0..255. */
const MAX_POC_CYCLE = 255;

/**
 * @param nal one NAL unit with its header byte, without start code or length
 * @throws mp4.sequence-parameter-set. A broken VUI alone is no error, because the picture size precedes it.
 */
export function parseSequenceParameterSet(nal: Uint8Array): SequenceParameterSet {
  const header = nal[0];
  if (header === undefined || (header & 0x1f) !== NAL_TYPE_SPS) {
    throw mp4Error('mp4.sequence-parameter-set', `got NAL unit type ${(header ?? 0) & 0x1f}, expected ${NAL_TYPE_SPS}`);
  }
  try {
    return parsePayload(new BitReader(removeEmulationPrevention(nal.subarray(1))));
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'bytes.truncated') {
      throw mp4Error('mp4.sequence-parameter-set', `got ${nal.length} bytes that end inside a field`, { cause: error });
    }
    throw error;
  }
}

/** H.264 7.4.1: in 00 00 03 the byte 03 was inserted to avoid a start code. Removes it. */
export function removeEmulationPrevention(payload: Uint8Array): Uint8Array {
  const clean = new Uint8Array(payload.length);
  let length = 0;
  let zeros = 0;
  for (const byte of payload) {
    if (zeros >= 2 && byte === 3) {
      zeros = 0;
      continue;
    }
    zeros = byte === 0 ? zeros + 1 : 0;
    clean[length] = byte;
    length += 1;
  }
  return clean.subarray(0, length);
}

function parsePayload(bits: BitReader): SequenceParameterSet {
  const profile = bits.bits(8);
  const compatibility = bits.bits(8);
  const level = bits.bits(8);
  bits.ue(); // seq_parameter_set_id
  const chroma = HIGH_PROFILES.has(profile) ? parseChroma(bits) : DEFAULT_CHROMA;
  const frameNumberBits = bits.ue() + 4;
  if (frameNumberBits > MAX_FRAME_NUMBER_BITS) {
    throw mp4Error('mp4.sequence-parameter-set', `got frame numbers of ${frameNumberBits} bits, expected 4..16`);
  }
  skipPictureOrderCount(bits);
  const referenceFrames = bits.ue();
  bits.skip(1); // gaps_in_frame_num_value_allowed_flag
  const widthInMacroblocks = bits.ue() + 1;
  const heightInMapUnits = bits.ue() + 1;
  const frameMacroblocksOnly = bits.flag();
  if (!frameMacroblocksOnly) bits.skip(1); // mb_adaptive_frame_field_flag
  bits.skip(1); // direct_8x8_inference_flag
  // If a frame may consist of two fields, a map unit is a pair of macroblock rows.
  const rowsPerUnit = frameMacroblocksOnly ? 1 : 2;
  const crop = parseCropping(bits, chroma, rowsPerUnit);
  const width = widthInMacroblocks * 16 - crop.horizontal;
  const height = heightInMapUnits * rowsPerUnit * 16 - crop.vertical;
  if (width < 1 || height < 1 || width > MAX_DIMENSION || height > MAX_DIMENSION) {
    throw mp4Error('mp4.sequence-parameter-set', `got ${width}x${height} pixels, expected 1..${MAX_DIMENSION}`);
  }
  return {
    profile,
    compatibility,
    level,
    width,
    height,
    chromaFormat: chroma.format,
    bitDepthLuma: chroma.bitDepthLuma,
    bitDepthChroma: chroma.bitDepthChroma,
    interlaced: !frameMacroblocksOnly,
    frameNumberBits,
    separatePlanes: chroma.separatePlanes,
    referenceFrames,
    ...parseOptionalVui(bits),
  };
}

interface Chroma {
  readonly format: number;
  readonly separatePlanes: boolean;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
}

const DEFAULT_CHROMA: Chroma = { format: 1, separatePlanes: false, bitDepthLuma: 8, bitDepthChroma: 8 };

function parseChroma(bits: BitReader): Chroma {
  const format = bits.ue();
  if (format > 3) throw mp4Error('mp4.sequence-parameter-set', `got chroma_format_idc ${format}, expected 0..3`);
  const separatePlanes = format === 3 && bits.flag();
  const bitDepthLuma = bits.ue() + 8;
  const bitDepthChroma = bits.ue() + 8;
  bits.skip(1); // qpprime_y_zero_transform_bypass_flag
  if (bits.flag()) {
    const lists = format === 3 ? 12 : 8;
    for (let index = 0; index < lists; index += 1) {
      if (bits.flag()) skipScalingList(bits, index < 6 ? 16 : 64);
    }
  }
  return { format, separatePlanes, bitDepthLuma, bitDepthChroma };
}

/** H.264 7.3.2.1.1.1: the coded list ends when the next scale would be 0. */
function skipScalingList(bits: BitReader, size: number): void {
  let last = 8;
  let next = 8;
  for (let index = 0; index < size; index += 1) {
    if (next !== 0) next = (last + bits.se() + 256) % 256;
    if (next !== 0) last = next;
  }
}

function skipPictureOrderCount(bits: BitReader): void {
  const type = bits.ue();
  if (type === 0) {
    bits.ue(); // log2_max_pic_order_cnt_lsb_minus4
    return;
  }
  if (type !== 1) return;
  bits.skip(1); // delta_pic_order_always_zero_flag
  bits.se(); // offset_for_non_ref_pic
  bits.se(); // offset_for_top_to_bottom_field
  const cycle = bits.ue();
  if (cycle > MAX_POC_CYCLE) {
    throw mp4Error('mp4.sequence-parameter-set', `got ${cycle} picture order offsets, expected 0..${MAX_POC_CYCLE}`);
  }
  for (let index = 0; index < cycle; index += 1) bits.se();
}

/** Pixels to subtract. Offsets are in chroma samples (H.264 7-19..7-22), and in row pairs for field coding. */
function parseCropping(bits: BitReader, chroma: Chroma, rowsPerUnit: number): { horizontal: number; vertical: number } {
  if (!bits.flag()) return { horizontal: 0, vertical: 0 };
  const subsampled = chroma.separatePlanes ? 0 : chroma.format;
  const unitX = subsampled === 1 || subsampled === 2 ? 2 : 1;
  const unitY = (subsampled === 1 ? 2 : 1) * rowsPerUnit;
  const left = bits.ue();
  const right = bits.ue();
  const top = bits.ue();
  const bottom = bits.ue();
  return { horizontal: (left + right) * unitX, vertical: (top + bottom) * unitY };
}

interface Vui extends VuiHead {
  frameRate?: number;
  reorderFrames?: number;
}

/** Fields are collected one by one, so that a truncated VUI still gives the fields before the truncation. */
function parseOptionalVui(bits: BitReader): Vui {
  const vui: Vui = { sarNum: 1, sarDen: 1 };
  try {
    if (bits.flag()) parseVui(bits, vui);
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
  }
  return vui;
}

/** H.264 E.1.1. */
function parseVui(bits: BitReader, vui: Vui): void {
  readVuiHead(bits, vui);
  if (bits.flag()) {
    const unitsInTick = bits.bits(32);
    const timeScale = bits.bits(32);
    bits.skip(1); // fixed_frame_rate_flag
    // A tick is a field (H.264 E.2.1); a frame has two.
    const frameRate = frameRateOf(timeScale, 2 * unitsInTick);
    if (frameRate !== undefined) vui.frameRate = frameRate;
  }
  const nalHrd = bits.flag();
  if (nalHrd) skipHrd(bits);
  const vclHrd = bits.flag();
  if (vclHrd) skipHrd(bits);
  if (nalHrd || vclHrd) bits.skip(1); // low_delay_hrd_flag
  bits.skip(1); // pic_struct_present_flag
  if (!bits.flag()) return;
  bits.skip(1); // motion_vectors_over_pic_boundaries_flag
  bits.ue(); // max_bytes_per_pic_denom
  bits.ue(); // max_bits_per_mb_denom
  bits.ue(); // log2_max_mv_length_horizontal
  bits.ue(); // log2_max_mv_length_vertical
  vui.reorderFrames = bits.ue();
}

/** H.264 E.1.2. */
function skipHrd(bits: BitReader): void {
  const count = bits.ue() + 1;
  if (count > 32) throw mp4Error('mp4.sequence-parameter-set', `got cpb_cnt ${count}, expected 1..32`);
  bits.skip(8); // bit_rate_scale, cpb_size_scale
  for (let index = 0; index < count; index += 1) {
    bits.ue(); // bit_rate_value_minus1
    bits.ue(); // cpb_size_value_minus1
    bits.skip(1); // cbr_flag
  }
  bits.skip(20); // delay lengths, time_offset_length
}
