// The picture format fields that H.264 and HEVC parameter sets have in common.
import type { ColorDescription } from './color.js';

export interface PictureFormat {
  /** Luma samples inside the cropping or conformance window. */
  readonly width: number;
  readonly height: number;
  /** Sample aspect ratio; 1:1 if not signalled. */
  readonly sarNum: number;
  readonly sarDen: number;
  /** Frames per second according to the VUI timing, two fields counted as one frame. Absent if not signalled or implausible. */
  readonly frameRate?: number;
  /** 0 = monochrome, 1 = 4:2:0, 2 = 4:2:2, 3 = 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** H.264: pictures may be fields (frame_mbs_only_flag is 0). HEVC: they are (field_seq_flag is 1). */
  readonly interlaced: boolean;
  readonly color?: ColorDescription;
}
