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
  /** Called if the track differs from the one that earlier parts of this period were made from. */
  readonly onTrackChanged: (rendition: Rendition) => void;
  /** Called with each new init segment: codecs and sizes may have changed. */
  readonly onInit: () => void;
  /** Called when the audio has paused and silence begins to replace it. */
  readonly onSilence: () => void;
  readonly onOverlongPart: (duration: Seconds) => void;
}

export interface Feed {
  readonly rendition: Rendition;
  /** Whether media arrives but is still dropped, because silence was already emitted in its place. */
  readonly catchesUp: boolean;
  /** Call when the cut schedule has advanced or a run has begun: held media may now be emitted. */
  advance(): void;
  /** Call when the media is so late that the segments up to `index` would be gaps. Audio fills them with silence if it can. */
  fillUpTo(index: number): void;
  /** Call when the publisher has left or changes what it sends: emits all held media now. */
  finishRun(): void;
}

/** Makes parts from the media of one feed. */
export interface PartMaker {
  /** Call when the cut schedule has advanced: emits held media whose segment is now known. */
  advance(): void;
  /** Call when the run has ended: emits all held media. */
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

/** The silence for this track; undefined for a codec whose silent frame is not known. */
export function silenceOf({ codecs, channels }: InitTrack, { rendition, onSilence }: FeedOptions): Silence | undefined {
  const frame = silentFrame(codecs, channels);
  return frame && { frame, isFirst: () => rendition.segments === 0, onBegin: onSilence };
}
