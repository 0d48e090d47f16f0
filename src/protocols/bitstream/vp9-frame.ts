// VP9 always comes in whole frames. This file only finds out whether decoding can start at a frame.
import type { FrameKind } from './bitstream.js';

/** VP9 6.2 uncompressed_header; in a superframe the first frame comes first (annex B). */
export function vp9FrameKind(frame: Buffer): FrameKind {
  const head = frame[0];
  if (head === undefined || head >> 6 !== 2) return 'unknown';
  const profile = ((head >> 5) & 1) | (((head >> 4) & 1) << 1);
  // Profile 3 has a reserved bit before show_existing_frame.
  const shift = profile === 3 ? 2 : 3;
  const showExisting = ((head >> shift) & 1) === 1;
  const interFrame = ((head >> (shift - 1)) & 1) === 1;
  return showExisting || interFrame ? 'inter' : 'key';
}
