// How long parts are, decided once per stream: PART-TARGET may never change, and every part must fit under it (docs/decisions/0002).
import type { Seconds } from '../protocols/units.js';
import type { PresentationPlan, RenditionPlan } from './plan.js';

/** A rendition that does not say its frame rate is taken for this one. */
export const ASSUMED_FRAME_RATE = 30;

/** RFC 8216bis 4.4.4.9: a part that is neither independent nor last of its segment lasts at least this share of PART-TARGET. */
export const SHORTEST_PART_SHARE = 0.85;

/** Slack above the nominal part as a share of it: 1 / 1.17 = 0.855, so a part of nominal length passes the 85 % rule. */
const SLACK_SHARE = 0.17;

export interface PartTiming {
  /** EXT-X-PART-INF:PART-TARGET, the same in all renditions. A multiple of 10 µs, as it is printed. */
  readonly partTarget: Seconds;
  /** One frame of the fastest video rendition, the precision of a cut; undefined without video. */
  readonly frame: Seconds | undefined;
  /** Per rendition of the plan. */
  readonly renditions: readonly RenditionPartTiming[];
}

export interface RenditionPartTiming {
  readonly plan: RenditionPlan;
  /** What a full part lasts. */
  readonly nominal: Seconds;
  /** One video frame; undefined for audio, whose frame is known from its init segment. */
  readonly frame: Seconds | undefined;
}

/** Whole frames in a part: FFmpeg is told half a frame less, so a part holds exactly so many in spite of ms-rounded timestamps. */
export function framesPerPart(partDuration: Seconds, frameRate: number): number {
  return Math.max(1, Math.floor(partDuration * frameRate + 1e-6));
}

/** Pure: same plan, same timing. */
export function partTiming(plan: PresentationPlan, partDuration: Seconds): PartTiming {
  const frameOf = (rendition: RenditionPlan): Seconds =>
    1 / (rendition.frameRate ?? plan.frameRate ?? ASSUMED_FRAME_RATE);
  const video = plan.renditions.filter((rendition) => rendition.kind === 'video').map(frameOf);
  const nominalOf = (frame: Seconds): Seconds => framesPerPart(partDuration, 1 / frame) * frame;

  // The slowest parts decide the target; renditions of other frame rates must fit under it.
  let target = 0;
  let nominal = 0;
  for (const frame of video) {
    const part = nominalOf(frame);
    target = Math.max(target, part + Math.min(2 * frame, SLACK_SHARE * part));
    nominal = Math.max(nominal, part);
  }
  if (video.length === 0) {
    nominal = partDuration;
    target = partDuration * (1 + SLACK_SHARE);
  }
  return {
    partTarget: Math.ceil(target * 1e5 - 1e-6) / 1e5,
    frame: video.length === 0 ? undefined : Math.min(...video),
    renditions: plan.renditions.map((rendition) => {
      if (rendition.kind === 'audio') return { plan: rendition, nominal, frame: undefined };
      const frame = frameOf(rendition);
      return { plan: rendition, nominal: nominalOf(frame), frame };
    }),
  };
}

/**
 * AAC frames in a part: enough to last as long as a video part, but never longer than PART-TARGET. Audio parts are all
 * independent, so the 85 % rule does not bind them.
 */
export function audioFramesPerPart(nominal: Seconds, frame: Seconds, partTarget: Seconds): number {
  const wanted = Math.ceil(nominal / frame - 1e-6);
  const fitting = Math.floor(partTarget / frame + 1e-6);
  return Math.max(1, Math.min(wanted, fitting));
}

/** RFC 8216bis 6.2.5.2, Advance Part Limit: how many parts ahead of the playlist a client may ask. */
export function advancePartLimit(partTarget: Seconds): number {
  return partTarget < 1 ? Math.ceil(3 / partTarget) : 3;
}
