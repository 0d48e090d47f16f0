// Builds the command line that makes a JPEG of one key frame, as a pure function.
import { FIRST_OUTPUT_FD } from './arguments.js';
import { toArgumentList } from './fluent-command.js';

/** Longest side in samples; a smaller picture keeps its size. Twice the width of a card in the live list. */
const LONGEST_SIDE = 640;
/** FFmpeg's JPEG quality scale, 2 (best) to 31: 640 x 360 takes 15 to 80 kB. */
const QUALITY = 5;

/**
 * Reads fragmented MP4 with one key frame from fd 0 and writes a JPEG to fd 3. The input is MP4 and not FLV, because every FFmpeg can read
 * HEVC, AV1 and VP9 from MP4.
 */
export function thumbnailArguments(): string[] {
  const box = `'min(${LONGEST_SIDE},iw)':'min(${LONGEST_SIDE},ih)':force_original_aspect_ratio=decrease:force_divisible_by=2`;
  return toArgumentList({
    inputOptions: [
      ...['-hide_banner', '-nostdin', '-nostats', '-loglevel', 'level+warning', '-filter_complex_threads', '1'],
      // Pictures before an open GOP are missing, but none of them is needed.
      ...['-threads', '1', '-flags', '+output_corrupt', '-protocol_whitelist', 'pipe', '-f', 'mp4'],
    ],
    input: 'pipe:0',
    // Non-square samples are made square first; for square samples this costs nothing.
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
