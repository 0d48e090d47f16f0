// What the presentation does with any rendition's input, whoever packages it.
import type { Seconds } from '../protocols/units.js';
import type { CutSchedule } from './timeline/cut-schedule.js';
import type { RenditionPartTiming } from './timeline/part-timing.js';
import type { Rendition } from './window/rendition.js';

export interface FeedOptions {
  readonly rendition: Rendition;
  readonly schedule: CutSchedule;
  readonly partTarget: Seconds;
  readonly timing: RenditionPartTiming;
  /** The track is another than the one that parts of this epoch were made of. */
  readonly onTrackChanged: (rendition: Rendition) => void;
  /** A new init segment: codecs and sizes may be others. */
  readonly onInit: () => void;
  /** Its sound has paused, and silence stands for it. */
  readonly onSilence: () => void;
  readonly onOverlongPart: (duration: Seconds) => void;
}

export interface Feed {
  readonly rendition: Rendition;
  /** The cut schedule has moved on, or a run has begun: what was held may go. */
  advance(): void;
  /** The publisher is gone, or what it sends changes: what is held goes now. */
  finishRun(): void;
}
