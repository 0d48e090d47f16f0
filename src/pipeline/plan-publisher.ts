// Plans how a publisher is served, considering what it sends, what its playlists already offer, and what the machine can encode.
import { describeSource } from '../transcode/describe-source.js';
import type { FlvReader } from '../transcode/readable-codecs.js';
import type { KeyFrames } from '../transcode/rendition-spec.js';
import type { Encoding } from './encoding.js';
import type { Publisher } from './publisher.js';
import { byCost, planStream, type StreamPlan } from './stream-plan.js';

/** Frames per second. At lower rates every picture becomes a key frame. */
const SLOWEST_REGULAR = 2;

export interface PlanOptions {
  readonly ladder: readonly string[];
  /** Undefined if none was found. */
  readonly ffmpeg: FlvReader | undefined;
  /** Whether its GOPs are too long to cut. */
  readonly longGop: boolean;
}

/**
 * Plans how this publisher is served. Takes a transcode place if pictures must be encoded and a place is free.
 * @throws the typed errors of the transcode module, mp4.*, pipeline.nothing-to-serve
 */
export function planPublisher(publisher: Publisher, encoding: Encoding, options: PlanOptions): StreamPlan {
  const { ladder, ffmpeg, longGop } = options;
  const { media, tracks = { video: false, audio: false } } = publisher;
  const source = describeSource(media.source(tracks, publisher.hints));
  const request = {
    source,
    extraTracks: media.extraVideo.map((trackId) => ({ trackId, ...media.video(trackId)?.description })),
    ladder,
    ffmpeg,
    keyFrames: longGop ? ownKeyFrames(source.video?.frameRate) : 'source',
    offered: byCost(encoding.plan?.renditions ?? []).map(({ name }) => name),
    withdrawn: new Set(encoding.withdrawn.map(({ name }) => name)),
  } as const;
  const plan = planStream({ ...request, mayEncodeVideo: true });
  if (byCost(plan.renditions).length === 0) return plan;
  const refusal = encoding.admit();
  return refusal === undefined ? plan : planStream({ ...request, mayEncodeVideo: false, refusal });
}

/**
 * Regular key frames are possible only with a picture near each multiple of the segment duration.
 * @param frameRate frames per second
 */
function ownKeyFrames(frameRate: number | undefined): KeyFrames {
  return frameRate !== undefined && frameRate < SLOWEST_REGULAR ? 'every' : 'regular';
}
