// The interface through which the presentation feeds a rendition, whoever packages its media.
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import type { Seconds } from '../protocols/units.js';
import type { PartOptions } from './packaging/part.js';
import { type Silence, silentFrame } from './packaging/silence.js';
import type { CutSchedule } from './timeline/cut-schedule.js';
import type { RenditionPartTiming } from './timeline/part-timing.js';
import type { Rendition } from './window/rendition.js';

export interface FeedOptions {
  readonly rendition: Rendition;
  readonly schedule: CutSchedule;
  readonly partTarget: Seconds;
  readonly timing: RenditionPartTiming;
  /** The track differs from the one that earlier parts of this period were made from. */
  readonly onTrackChanged: (rendition: Rendition) => void;
  /** A new init segment: codecs and sizes may have changed. */
  readonly onInit: () => void;
  /** Its audio has paused and is replaced by silence. */
  readonly onSilence: () => void;
  readonly onOverlongPart: (duration: Seconds) => void;
}

export interface Feed {
  readonly rendition: Rendition;
  /** Media comes, but is not used until it has reached what stands for it. */
  readonly catchesUp: boolean;
  /** The cut schedule has advanced, or a run has begun: media that was held may be emitted. */
  advance(): void;
  /** Its media is so late that its segments up to segment `index` would be gaps: fills them with silence, if it can. */
  fillUpTo(index: number): void;
  /** The publisher has left, or what it sends changes: emit all held media now. */
  finishRun(): void;
}

/** Makes parts of what a feed is given. */
export interface PartMaker {
  /** The cut schedule has advanced: held media may be emitted. */
  advance(): void;
  /** This run has ended: emit all held media. */
  flush(): void;
}

/** Uses an init segment for the parts that follow. @param init kept, not copied */
export function setInit({ rendition, onTrackChanged, onInit }: FeedOptions, init: Buffer, track: InitTrack): void {
  if (rendition.init?.equals(init) === true) return;
  if (rendition.init !== undefined) onTrackChanged(rendition);
  rendition.segmenter.setInit(init, track);
  onInit();
}

export function partOptions(feed: FeedOptions, { trackId, timescale, kind }: InitTrack): PartOptions {
  const { rendition, schedule, partTarget, timing } = feed;
  const onOverlongPart = kind === 'video' ? feed.onOverlongPart : undefined;
  return {
    schedule,
    sink: rendition.segmenter,
    trackId,
    timescale,
    partTarget,
    nominal: timing.nominal,
    onOverlongPart,
  };
}

/** Undefined for a codec whose silence is not known. */
export function silenceOf({ codecs, channels }: InitTrack, { rendition, onSilence }: FeedOptions): Silence | undefined {
  const frame = silentFrame(codecs, channels);
  return frame && { frame, isFirst: () => rendition.segments === 0, onBegin: onSilence };
}
