// The command line that makes one JPEG of one key frame, as a pure function like the ladder's.
import { FIRST_OUTPUT_FD } from './arguments.js';
import { toArgumentList } from './fluent-command.js';

/** Longest side, samples; a smaller picture keeps its size. Twice the width of a card of the live list. */
const LONGEST_SIDE = 640;
/** FFmpeg's scale for JPEG, 2 (best) to 31: 640 x 360 takes 15 to 80 kB. */
const QUALITY = 5;

/**
 * Fragmented MP4 with one key frame comes in on fd 0, a JPEG goes out on fd 3. MP4 and not FLV, because every FFmpeg reads
 * HEVC, AV1 and VP9 out of it.
 */
export function thumbnailArguments(): string[] {
  const box = `'min(${LONGEST_SIDE},iw)':'min(${LONGEST_SIDE},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2`;
  return toArgumentList({
    inputOptions: [
      ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+warning', '-filter_complex_threads', '1'],
      // Nothing before an open group of pictures is there, and nothing of it is needed.
      ...['-threads', '1', '-flags', '+output_corrupt', '-protocol_whitelist', 'pipe', '-f', 'mp4'],
    ],
    input: 'pipe:0',
    // Samples that are not square become square first; where they are, that costs nothing.
    filters: [`[0:v:0]scale='trunc(iw*sar/2)*2':ih,setsar=1,scale=${box}:flags=bilinear,format=yuvj420p[t]`],
    outputs: [
      {
        options: [
          ...['-map', '[t]', '-frames:v', '1', '-c:v', 'mjpeg', '-q:v', `${QUALITY}`, '-threads', '1'],
          ...['-map_metadata', '-1', '-fflags', '+bitexact', '-f', 'image2pipe'],
        ],
        target: `pipe:${FIRST_OUTPUT_FD}`,
      },
    ],
  });
}
