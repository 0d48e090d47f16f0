// What the parameter sets of H.264 and HEVC say alike of their pictures, so that whoever asks need not know which it was.
import type { ColorDescription } from './color.js';

export interface PictureFormat {
  /** Luma samples inside the cropping or conformance window. */
  readonly width: number;
  readonly height: number;
  /** Sample aspect ratio; 1:1 when the stream does not say. */
  readonly sarNum: number;
  readonly sarDen: number;
  /** Frames per second of the VUI timing; fields are paired. Absent when the stream does not say or says nonsense. */
  readonly frameRate?: number;
  /** 0 = monochrome, 1 = 4:2:0, 2 = 4:2:2, 3 = 4:4:4. */
  readonly chromaFormat: number;
  readonly bitDepthLuma: number;
  readonly bitDepthChroma: number;
  /** H.264: pictures may be fields (frame_mbs_only_flag is 0). HEVC: they are (field_seq_flag is 1). */
  readonly interlaced: boolean;
  readonly color?: ColorDescription;
}
