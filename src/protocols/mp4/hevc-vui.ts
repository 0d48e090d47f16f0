// Reads aspect ratio, colours and frame rate from the HEVC VUI, at the end of the SPS (H.265 annex E).
import type { BitReader } from '../bytes/bit-reader.js';
import { frameRateOf } from './frame-rate.js';
import { readVuiHead, type VuiHead } from './vui-fields.js';

export interface HevcVui extends VuiHead {
  interlaced: boolean;
  frameRate?: number;
  /** Size of the decoded picture buffer in pictures; absent if the SPS is truncated before it. It precedes the VUI. */
  bufferedPictures?: number;
}

/** H.265 E.2.1. Each field is stored as soon as it is read. @throws bytes.truncated */
export function readHevcVui(bits: BitReader, vui: HevcVui): void {
  readVuiHead(bits, vui);
  bits.skip(1); // neutral_chroma_indication_flag
  vui.interlaced = bits.flag();
  bits.skip(1); // frame_field_info_present_flag
  if (bits.flag()) for (let index = 0; index < 4; index += 1) bits.ue(); // default display window
  if (!bits.flag()) return;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  // A tick is a picture (H.265 E.3.1), which is half a frame if pictures are fields.
  const rate = frameRateOf(timeScale, unitsInTick * (vui.interlaced ? 2 : 1));
  if (rate !== undefined) vui.frameRate = rate;
}
