// The video that most cameras and encoders send, for tests of plans and ladders.
import type { SourceVideo } from '../../src/transcode/describe-source.js';

/** H.264 High of square pixels, 4:2:0, eight bits, 30 pictures a second. */
export function sourceVideo(width: number, height: number, more: Partial<SourceVideo> = {}): SourceVideo {
  return {
    codec: 'avc',
    width,
    height,
    sampleAspectRatio: 1,
    frameRate: 30,
    profile: 100,
    chromaFormat: 1,
    bitDepth: 8,
    interlaced: false,
    ...more,
  };
}
