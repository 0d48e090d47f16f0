// The properties of a video track, for planning renditions and writing init segments.
import type { ColorDescription } from '../protocols/mp4/color.js';
import type { DescribedVideoCodec, VideoDescription } from '../protocols/mp4/video-description.js';

export interface VideoTrack {
  readonly codec: DescribedVideoCodec;
  /** The record of the sequence header as received: avcC, hvcC, av1C, vpcC. For AV1 and VP9 without one, the record of the description. */
  readonly configuration: Buffer;
  /** AV1 and VP9: without width and height until the first key frame. */
  readonly description: VideoDescription;
  /** From Enhanced RTMP metadata; the description has the colours of the bitstream. */
  readonly color?: ColorDescription;
}
