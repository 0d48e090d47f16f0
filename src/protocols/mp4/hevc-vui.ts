// Aspect ratio, colours and frame rate of HEVC are usability hints at the end of the SPS (H.265 annex E).
import type { BitReader } from '../bytes/bit-reader.js';
import { frameRateOf } from './frame-rate.js';
import { readVuiHead, type VuiHead } from './vui-fields.js';

export interface HevcVui extends VuiHead {
  interlaced: boolean;
  frameRate?: number;
  /** Pictures of the decoded picture buffer; absent when the SPS breaks off before it. Not of the VUI, but just before it. */
  bufferedPictures?: number;
}

/** H.265 E.2.1. Fields are stored as they come. @throws bytes.truncated */
export function readHevcVui(bits: BitReader, vui: HevcVui): void {
  readVuiHead(bits, vui);
  bits.skip(1); // neutral_chroma_indication_flag
  vui.interlaced = bits.flag();
  bits.skip(1); // frame_field_info_present_flag
  if (bits.flag()) for (let index = 0; index < 4; index += 1) bits.ue(); // default display window
  if (!bits.flag()) return;
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  // A tick is a picture (H.265 E.3.1), which is half a frame when pictures are fields.
  const rate = frameRateOf(timeScale, unitsInTick * (vui.interlaced ? 2 : 1));
  if (rate !== undefined) vui.frameRate = rate;
}
