// Builds the thumbnail maker of streams, if thumbnails are on and there is an FFmpeg.

import type { PipelineDirectory } from '../pipeline/pipeline-directory.js';
import { Thumbnails } from '../pipeline/thumbnails.js';
import { ThumbnailMaker } from '../transcode/thumbnail-maker.js';
import type { GatewayParts } from './parts.js';

export function thumbnailMaker({ config, ffmpeg, clock, childSettings }: GatewayParts): ThumbnailMaker | undefined {
  if (config.thumbnails === 'off' || ffmpeg === undefined) return undefined;
  return new ThumbnailMaker({ ffmpeg, clock, ...(childSettings && { childSettings }) });
}

export function thumbnails(
  { config, logger, clock }: GatewayParts,
  maker: ThumbnailMaker,
  directory: PipelineDirectory,
): Thumbnails {
  return new Thumbnails({
    maker,
    find: (app, name) => directory.find(app, name),
    segmentDuration: config.segmentDuration,
    clock,
    logger: logger.child({ module: 'pipeline' }),
  });
}
