// What is known of a video track, for those who plan renditions and write init segments.
import type { ColorDescription } from '../protocols/mp4/color.js';
import type { DescribedVideoCodec, VideoDescription } from '../protocols/mp4/video-description.js';

export interface VideoTrack {
  readonly codec: DescribedVideoCodec;
  /** The sequence header's record as it came: avcC, hvcC, av1C, vpcC. Of AV1 and VP9 without one the description's. */
  readonly configuration: Buffer;
  /** AV1 and VP9: without width and height until the first key frame. */
  readonly description: VideoDescription;
  /** As Enhanced RTMP metadata said it; the description has what the bitstream says. */
  readonly color?: ColorDescription;
}
