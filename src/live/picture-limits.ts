// Refuses pictures that are too large or too frequent before anything decodes them: they would slow down every stream on the machine.
import type { VideoDescription } from '../protocols/mp4/video-description.js';
import { liveError } from './errors.js';
import type { LiveStreamLimits } from './limits.js';

/** With timestamps in whole milliseconds, 240 frames per second can look like 250. */
const FRAME_RATE_TOLERANCE = 1.05;

/** @throws live.picture-limit; does nothing while the size is unknown */
export function checkPicture({ width, height, decoderBytes = 0 }: VideoDescription, limits: LiveStreamLimits): void {
  if (width === undefined || height === undefined) return;
  const { maxDimension, maxPixels, maxDecoderBytes } = limits;
  if (Math.max(width, height) > maxDimension || width * height > maxPixels) {
    throw liveError(
      'live.picture-limit',
      `got video of ${width}x${height}, the limit is ${maxDimension} on a side and ${maxPixels} pixels`,
    );
  }
  if (decoderBytes > maxDecoderBytes) {
    throw liveError(
      'live.picture-limit',
      `got video of ${width}x${height} whose reference pictures take ${mebibytes(decoderBytes)} MiB to decode, the limit is ${mebibytes(maxDecoderBytes)}: set fewer reference frames in the encoder`,
    );
  }
}

const mebibytes = (bytes: number): number => Math.ceil(bytes / (1024 * 1024));

/** @throws live.frame-rate-limit */
export function checkFrameRate(measured: number, { maxFrameRate }: LiveStreamLimits): void {
  if (measured <= maxFrameRate * FRAME_RATE_TOLERANCE) return;
  throw liveError(
    'live.frame-rate-limit',
    `got video of ${Math.round(measured)} frames per second, the limit is ${maxFrameRate}`,
  );
}
