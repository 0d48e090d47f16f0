// Skips two structures of variable length between the picture size and the frame rate of an HEVC SPS.
import type { BitReader } from '../bytes/bit-reader.js';
import { mp4Error } from './errors.js';

/** H.265 7.4.3.2.1: num_short_term_ref_pic_sets is 0..64. */
const MAX_REFERENCE_PICTURE_SETS = 64;
/** H.265 7.4.8: no set has more pictures than the decoded picture buffer. */
const MAX_PICTURES_OF_SET = 16;

/** H.265 7.3.4. */
export function skipScalingLists(bits: BitReader): void {
  for (let size = 0; size < 4; size += 1) {
    for (let matrix = 0; matrix < 6; matrix += size === 3 ? 3 : 1) {
      if (!bits.flag()) {
        bits.ue(); // scaling_list_pred_matrix_id_delta
        continue;
      }
      if (size > 1) bits.se(); // scaling_list_dc_coef_minus8
      const coefficients = Math.min(64, 1 << (4 + size * 2));
      for (let index = 0; index < coefficients; index += 1) bits.se();
    }
  }
}

/** H.265 7.3.2.2.1 and 7.3.7. @throws mp4.sequence-parameter-set for invalid counts */
export function skipShortTermReferencePictureSets(bits: BitReader): void {
  const count = bits.ue();
  if (count > MAX_REFERENCE_PICTURE_SETS) {
    throw mp4Error('mp4.sequence-parameter-set', `got ${count} reference picture sets, expected 0..64`);
  }
  let pictures = 0;
  for (let index = 0; index < count; index += 1) {
    pictures = index > 0 && bits.flag() ? skipPredictedSet(bits, pictures) : skipExplicitSet(bits);
  }
}

/** Skips a set predicted from the previous one. @returns the number of pictures in it */
function skipPredictedSet(bits: BitReader, reference: number): number {
  bits.skip(1); // delta_rps_sign
  bits.ue(); // abs_delta_rps_minus1
  let pictures = 0;
  for (let index = 0; index <= reference; index += 1) {
    // used_by_curr_pic_flag; use_delta_flag follows only if it is 0.
    if (bits.flag() || bits.flag()) pictures += 1;
  }
  return pictures;
}

function skipExplicitSet(bits: BitReader): number {
  const pictures = bits.ue() + bits.ue();
  if (pictures > MAX_PICTURES_OF_SET) {
    throw mp4Error('mp4.sequence-parameter-set', `got ${pictures} pictures in a reference set, expected 0..16`);
  }
  for (let index = 0; index < pictures; index += 1) {
    bits.ue(); // delta_poc_minus1
    bits.skip(1); // used_by_curr_pic_flag
  }
  return pictures;
}
