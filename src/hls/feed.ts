// The interface through which the presentation feeds a rendition, whoever packages its media.
import type { Seconds } from '../protocols/units.js';
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
  /** The cut schedule has advanced, or a run has begun: media that was held may be emitted. */
  advance(): void;
  /** The publisher has left, or what it sends changes: emit all held media now. */
  finishRun(): void;
}
