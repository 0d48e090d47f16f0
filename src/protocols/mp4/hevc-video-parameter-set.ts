// Reads the frame rate from the HEVC VPS, because some encoders write it nowhere else.
import { BitReader } from '../bytes/bit-reader.js';
import { SluiceError } from '../errors.js';
import { frameRateOf } from './frame-rate.js';
import { readProfileTierLevel } from './hevc-profile-tier-level.js';
import { removeEmulationPrevention } from './sequence-parameter-set.js';

/** H.265 7.4.3.1: vps_num_layer_sets_minus1 is 0..1023. */
const MAX_LAYER_SETS_MINUS1 = 1023;

/**
 * Frames per second from vps_timing_info (H.265 7.3.2.1); undefined if that is absent or the VPS is broken, which matters for nothing else.
 * @param nal one NAL unit with its two header bytes
 */
export function parseHevcVideoParameterSetTiming(nal: Uint8Array): number | undefined {
  try {
    return readTiming(new BitReader(removeEmulationPrevention(nal.subarray(2))));
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return undefined;
  }
}

function readTiming(bits: BitReader): number | undefined {
  bits.skip(4 + 2 + 6); // vps_video_parameter_set_id, base layer flags, vps_max_layers_minus1
  const maxSubLayersMinus1 = bits.bits(3);
  bits.skip(1 + 16); // vps_temporal_id_nesting_flag, reserved
  readProfileTierLevel(bits, maxSubLayersMinus1);
  const subLayers = bits.flag() ? maxSubLayersMinus1 + 1 : 1;
  for (let index = 0; index < subLayers * 3; index += 1) bits.ue(); // buffering, reordering, latency
  const maxLayerId = bits.bits(6);
  const layerSets = bits.ue();
  if (layerSets > MAX_LAYER_SETS_MINUS1) return undefined;
  bits.skip(layerSets * (maxLayerId + 1));
  if (!bits.flag()) return undefined;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  return frameRateOf(timeScale, unitsInTick);
}
