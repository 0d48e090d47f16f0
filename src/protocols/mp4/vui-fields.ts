// The fields with which the VUI of both H.264 and HEVC begins: sample aspect ratio and colours.
import type { BitReader } from '../bytes/bit-reader.js';
import { COLOR_UNSPECIFIED, type ColorDescription } from './color.js';

/** H.264 table E-1 and H.265 table E.1, aspect_ratio_idc 1..16. */
const SAMPLE_ASPECT_RATIOS: readonly (readonly [number, number])[] = [
  [1, 1],
  [12, 11],
  [10, 11],
  [16, 11],
  [40, 33],
  [24, 11],
  [20, 11],
  [32, 11],
  [80, 33],
  [18, 11],
  [15, 11],
  [64, 33],
  [160, 99],
  [4, 3],
  [3, 2],
  [2, 1],
];
const EXTENDED_SAR = 255;

export interface VuiHead {
  sarNum: number;
  sarDen: number;
  color?: ColorDescription;
}

/** H.264 E.1.1 and H.265 E.2.1, up to the chroma sample locations. Each field is stored as soon as it is read. @throws bytes.truncated */
export function readVuiHead(bits: BitReader, vui: VuiHead): void {
  if (bits.flag()) Object.assign(vui, readSampleAspectRatio(bits));
  if (bits.flag()) bits.skip(1); // overscan_appropriate_flag
  if (bits.flag()) vui.color = readColor(bits);
  if (bits.flag()) {
    bits.ue(); // chroma_sample_loc_type_top_field
    bits.ue(); // chroma_sample_loc_type_bottom_field
  }
}

/** From aspect_ratio_idc on; 1:1 for undefined values. @throws bytes.truncated */
function readSampleAspectRatio(bits: BitReader): { sarNum: number; sarDen: number } {
  const idc = bits.bits(8);
  const [num, den] = idc === EXTENDED_SAR ? [bits.bits(16), bits.bits(16)] : (SAMPLE_ASPECT_RATIOS[idc - 1] ?? [1, 1]);
  return num > 0 && den > 0 ? { sarNum: num, sarDen: den } : { sarNum: 1, sarDen: 1 };
}

/** From video_format on. @throws bytes.truncated */
function readColor(bits: BitReader): ColorDescription {
  bits.skip(3); // video_format
  const fullRange = bits.flag();
  if (!bits.flag()) {
    return { primaries: COLOR_UNSPECIFIED, transfer: COLOR_UNSPECIFIED, matrix: COLOR_UNSPECIFIED, fullRange };
  }
  return { primaries: bits.bits(8), transfer: bits.bits(8), matrix: bits.bits(8), fullRange };
}
