// From what a publisher sends, what was offered before and what the machine can carry to what is made of it.
import { describeSource } from '../transcode/describe-source.js';
import type { FlvReader } from '../transcode/readable-codecs.js';
import type { KeyFrames } from '../transcode/rendition-spec.js';
import type { Encoding } from './encoding.js';
import type { Publisher } from './publisher.js';
import { byCost, planStream, type StreamPlan } from './stream-plan.js';

/** Frames per second. */
const SLOWEST_REGULAR = 2;

export interface PlanOptions {
  readonly ladder: readonly string[];
  /** Undefined: none was found. */
  readonly ffmpeg: FlvReader | undefined;
  /** Its groups of pictures are too long to cut. */
  readonly longGop: boolean;
}

/**
 * Takes a place for encoding where pictures have to be encoded and there is one.
 * @throws the typed errors of the transcode room, mp4.*, pipeline.nothing-to-serve
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

/** Multiples of the segment duration need a picture near each of them. @param frameRate frames per second */
function ownKeyFrames(frameRate: number | undefined): KeyFrames {
  return frameRate !== undefined && frameRate < SLOWEST_REGULAR ? 'every' : 'regular';
}
