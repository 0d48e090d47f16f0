// profile_tier_level(), which begins VPS and SPS and is most of an HEVC codec string.
import type { BitReader } from '../bytes/bit-reader.js';

/** H.265 7.3.3, the general part. */
export interface HevcProfileTierLevel {
  /** general_profile_space, 0..3. */
  readonly profileSpace: number;
  readonly highTier: boolean;
  /** general_profile_idc: 1 = Main, 2 = Main 10. */
  readonly profile: number;
  /** general_profile_compatibility_flag[0..31], flag 0 in the highest bit. */
  readonly compatibility: number;
  /** The six bytes of source and constraint flags. */
  readonly constraints: Buffer;
  /** general_level_idc: 30 × the level, for example 93 = 3.1. */
  readonly level: number;
}

/** @throws bytes.truncated */
export function readProfileTierLevel(bits: BitReader, maxSubLayersMinus1: number): HevcProfileTierLevel {
  const profileSpace = bits.bits(2);
  const highTier = bits.flag();
  const profile = bits.bits(5);
  const compatibility = bits.bits(32);
  const constraints = Buffer.alloc(6);
  for (let index = 0; index < 6; index += 1) constraints[index] = bits.bits(8);
  const level = bits.bits(8);
  skipSubLayers(bits, maxSubLayersMinus1);
  return { profileSpace, highTier, profile, compatibility, constraints, level };
}

function skipSubLayers(bits: BitReader, maxSubLayersMinus1: number): void {
  let size = 0;
  for (let index = 0; index < maxSubLayersMinus1; index += 1) {
    if (bits.flag()) size += 88; // sub_layer profile
    if (bits.flag()) size += 8; // sub_layer_level_idc
  }
  // reserved_zero_2bits pad the list of flags to eight layers.
  if (maxSubLayersMinus1 > 0) size += (8 - maxSubLayersMinus1) * 2;
  bits.skip(size);
}
