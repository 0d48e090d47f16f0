// From the bytes of one FFmpeg output pipe to parts: one reader and one part maker for each run of FFmpeg.
import type { Fragment } from '../protocols/mp4/fragment.js';
import { FragmentReader } from '../protocols/mp4/fragment-reader.js';
import { type InitTrack, parseInitSegment } from '../protocols/mp4/init-segment.js';
import type { Seconds } from '../protocols/units.js';
import { AudioRegrouper } from './audio-regrouper.js';
import type { CutSchedule } from './cut-schedule.js';
import type { PartMaker } from './part-sink.js';
import type { RenditionPartTiming } from './part-timing.js';
import type { Rendition } from './rendition.js';
import { VideoParts } from './video-parts.js';

export interface TrackFeedOptions {
  readonly rendition: Rendition;
  readonly schedule: CutSchedule;
  readonly partTarget: Seconds;
  readonly timing: RenditionPartTiming;
  /** Where this run of FFmpeg begins is decided. */
  readonly hasBegun: () => boolean;
  /** Asked while it is not: whether the run begins with this fragment, or the fragment is to be held until it does. */
  readonly admits: (init: InitTrack, fragment: Fragment) => boolean;
  /** A new init segment: codecs and sizes may be others. */
  readonly onInit: () => void;
  readonly onOverlongPart: (duration: Seconds) => void;
}

export class TrackFeed {
  readonly rendition: Rendition;
  readonly #options: TrackFeedOptions;
  #reader = new FragmentReader();
  #init: InitTrack | undefined;
  #maker: PartMaker | undefined;

  constructor(options: TrackFeedOptions) {
    this.#options = options;
    this.rendition = options.rendition;
  }

  /** @throws the typed error of the MP4 room, after what came before the bytes at fault was used */
  write(bytes: Buffer): void {
    this.#reader.push(bytes);
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      if (event.type === 'init') this.#onInit(event.bytes);
      else this.#onFragment(event.fragment);
    }
  }

  /** The cut schedule has moved on, or the run has begun: what was held may go. */
  advance(): void {
    this.#maker?.advance();
  }

  /** The run is over: what is held goes now, half a fragment never. Bytes that follow come from a new FFmpeg. */
  finishRun(): void {
    this.#maker?.flush();
    this.#maker = undefined;
    this.#reader = new FragmentReader();
  }

  #onInit(written: Buffer): void {
    // What the reader gives is a view of a whole pipe chunk, which would stay in memory as long as the init segment and
    // the parameter sets found in it.
    const bytes = Buffer.from(written);
    const init = parseInitSegment(bytes);
    this.#init = init;
    this.rendition.setInit(bytes, init);
    this.#maker = this.#newMaker(init);
    this.#options.onInit();
  }

  #onFragment(fragment: Fragment): void {
    const { hasBegun, admits } = this.#options;
    if (this.#init === undefined || !(hasBegun() || admits(this.#init, fragment))) return;
    this.#maker?.push(fragment);
  }

  #newMaker(init: InitTrack): PartMaker {
    const { rendition, schedule, partTarget, timing, hasBegun, onOverlongPart } = this.#options;
    const shared = {
      schedule,
      trackId: init.trackId,
      timescale: init.timescale,
      partTarget,
      nominal: timing.nominal,
      sink: (part: Parameters<Rendition['accept']>[0]) => rendition.accept(part),
    };
    if (init.kind === 'audio') {
      return new AudioRegrouper({ ...shared, frameDuration: init.frameDuration, isOpen: hasBegun });
    }
    return new VideoParts({ ...shared, frame: timing.frame ?? timing.nominal, onOverlongPart });
  }
}
