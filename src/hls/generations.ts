// Each run of FFmpeg is a generation: where it begins on the playlists' numbering is decided once, for all renditions.
import type { Fragment } from '../protocols/mp4/fragment.js';
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import { type Seconds, secondsToMilliseconds } from '../protocols/units.js';
import type { CutSchedule } from './cut-schedule.js';

/** One run of FFmpeg, on the numbering of the playlist. The same object serves all renditions. */
export interface Generation {
  /** Of the cut schedule. */
  readonly startIndex: number;
  /** Media sequence number of segment `startIndex`. */
  readonly firstMediaSequence: number;
  /** Its first segment carries EXT-X-DISCONTINUITY. */
  readonly discontinuity: boolean;
  readonly discontinuityNumber: number;
}

export interface GenerationsOptions {
  readonly schedule: CutSchedule;
  /** One video frame; undefined without video. */
  readonly frame: Seconds | undefined;
  readonly firstMediaSequence: number;
  readonly firstDiscontinuitySequence: number;
  /** The very first generation continues an earlier life of the name. */
  readonly continuesEarlier: boolean;
}

export class Generations {
  readonly #options: GenerationsOptions;
  #current: Generation | undefined;
  #nextMediaSequence: number;
  #discontinuityNumber: number;
  /** The next generation's first segment carries EXT-X-DISCONTINUITY. */
  #discontinuity: boolean;
  /** Media of a new generation that ends before this was shown already. */
  #shownUntil: Seconds = Number.NEGATIVE_INFINITY;

  constructor(options: GenerationsOptions) {
    this.#options = options;
    this.#nextMediaSequence = options.firstMediaSequence;
    this.#discontinuityNumber = options.firstDiscontinuitySequence;
    this.#discontinuity = options.continuesEarlier;
  }

  /** Undefined between the end of one run and the first usable key frame of the next. */
  get current(): Generation | undefined {
    return this.#current;
  }

  /** Where the next generation would begin if the current one had made nothing. */
  get nextMediaSequence(): number {
    return this.#nextMediaSequence;
  }

  /** EXT-X-DISCONTINUITY tags so far. */
  get discontinuityNumber(): number {
    return this.#discontinuityNumber;
  }

  /**
   * A run begins with its first usable key frame, of whichever video rendition is first; without video with its audio.
   * @returns the generation, now current; undefined when it does not begin here
   */
  begin(init: InitTrack, fragment: Fragment): Generation | undefined {
    const { schedule, frame } = this.#options;
    const hasVideo = frame !== undefined;
    if (hasVideo !== (init.kind === 'video') || !fragment.startsWithSync) return undefined;
    const offset = hasVideo ? (fragment.samples[0]?.cts ?? 0) : 0;
    const start = (fragment.baseMediaDecodeTime + offset) / init.timescale;
    if (start < this.#shownUntil - (frame ?? 0)) return undefined;
    const time = secondsToMilliseconds(start);
    const tolerance = hasVideo ? undefined : secondsToMilliseconds(fragment.duration / init.timescale / 2);
    if (schedule.indexAt(time, tolerance) < 0) return undefined;
    if (this.#discontinuity) this.#discontinuityNumber += 1;
    this.#current = {
      startIndex: schedule.startAt(time, tolerance),
      firstMediaSequence: this.#nextMediaSequence,
      discontinuity: this.#discontinuity,
      discontinuityNumber: this.#discontinuityNumber,
    };
    this.#discontinuity = false;
    return this.#current;
  }

  /**
   * The run is over.
   * @param nextMediaSequence one past the highest number used
   * @param shownUntil media time at which its media ends, in the rendition that got furthest
   */
  end(nextMediaSequence: number, shownUntil: Seconds): void {
    this.#current = undefined;
    this.#discontinuity = true;
    this.#nextMediaSequence = Math.max(this.#nextMediaSequence, nextMediaSequence);
    this.#shownUntil = Math.max(this.#shownUntil, shownUntil);
  }
}
