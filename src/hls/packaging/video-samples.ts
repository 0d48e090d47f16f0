// Times the publisher's pictures. This is the hot path of a stream that is not encoded, so each frame is touched only once.
import type { Seconds, Ticks } from '../../protocols/units.js';
import type { MediaSample, PartOptions } from './part.js';
import { VideoParts } from './video-parts.js';

/** Weight of one frame in the expected frame interval: timestamps are whole milliseconds, and frames get lost. */
const INTERVAL_WEIGHT = 1 / 8;

/** If an interval deviates by more than this share of itself, it is not a rounding error, and the next interval is not predicted. */
const REGULAR_SHARE = 1 / 4;

/** After an irregular frame, no interval is predicted for this many frames. */
const UNEVEN_FRAMES = 250;

export interface VideoSamplesOptions extends PartOptions {
  /** Expected frame duration until it is measured. */
  readonly frame: Seconds;
}

/**
 * A part is emitted with its last frame, not one frame later: that frame gets the expected duration, and the next frame is decoded at its
 * end. The difference, a fraction of a millisecond in a regular stream, is subtracted from the composition offset. So pictures are shown
 * exactly at the publisher's time, and decode times have no gap.
 *
 * If frames come at irregular times, nothing is predicted: a part is emitted one frame later and ends where that frame begins. Key frames
 * are then decoded a constant time before they are shown, whatever the publisher says, so that the durations of parts add up to the time
 * between cuts, which are at the presentation times of key frames (docs/decisions/0002).
 */
export class VideoSamples {
  readonly #options: VideoSamplesOptions;
  readonly #parts: VideoParts;
  readonly #ticksPerMillisecond: number;
  #interval: Ticks;
  /** The publisher's decode time of the last frame. */
  #lastGiven: Ticks | undefined;
  /** Intended composition offset of key frames in this run. */
  #delay: Ticks | undefined;
  /** Number of frames until intervals are predicted again. */
  #uneven = 0;

  constructor(options: VideoSamplesOptions) {
    this.#options = options;
    this.#parts = new VideoParts(options);
    this.#ticksPerMillisecond = options.timescale / 1000;
    this.#interval = options.frame * options.timescale;
  }

  push({ dts, cts, sync, data }: MediaSample): void {
    const { schedule, sink } = this.#options;
    const parts = this.#parts;
    const runStart = schedule.runStart;
    const given = Math.round(dts * this.#ticksPerMillisecond);
    const shown = given + Math.round(cts * this.#ticksPerMillisecond);
    const step = given - (this.#lastGiven ?? given);
    if (this.#lastGiven !== undefined) this.#measure(step);
    this.#lastGiven = given;
    if (runStart === undefined) return;
    if (sink.needsSync && parts.isEmpty) {
      if (!sync) return;
      this.flush();
    }
    const wanted = sync
      ? this.#keyFrameTime(given, shown)
      : Math.max(given, parts.last + Math.max(1, Math.round(step / 2)));
    const index = schedule.indexAt((sync ? shown : wanted + parts.offset) / this.#ticksPerMillisecond);
    if (index < runStart) return;

    if (parts.isEmpty && index > parts.index) sink.complete(index - 1);
    const at = parts.begin(wanted, index, this.#interval);
    if (sync) this.#noteKeyFrame(shown - at);
    const end = at + this.#interval;
    parts.add(at, index, { shown, end, sync, data });
    if (this.#uneven === 0 && parts.isFull(end, this.#interval)) parts.emit(Math.round(end), this.#cutIsKnownAt(end));
  }

  /** The video paused and a cut was made without a picture: emits the collected part, whose last picture is shown up to the cut. */
  advance(): void {
    const { schedule, timescale } = this.#options;
    const parts = this.#parts;
    if (parts.isEmpty || !schedule.beginsInPause(parts.index + 1)) return;
    const cut = schedule.timeOf(parts.index + 1);
    if (cut === undefined) return;
    const end = Math.round((cut / 1000) * timescale) - parts.offset;
    if (end > parts.last) parts.emit(end, true);
  }

  /** Emits the collected part. */
  flush(): void {
    this.#parts.flush();
    this.#delay = undefined;
  }

  /** A key frame is decoded as long before its presentation as the first one was, if the preceding frames leave room. */
  #keyFrameTime(given: Ticks, shown: Ticks): Ticks {
    if (this.#delay === undefined) return given;
    const wanted = shown - this.#delay;
    if (Math.abs(wanted - given) > REGULAR_SHARE * this.#interval) this.#uneven = UNEVEN_FRAMES;
    return Math.max(wanted, this.#parts.earliest);
  }

  /** If the preceding frames left too little room, uses the smaller offset from now on, so that dates and durations of segments agree. */
  #noteKeyFrame(offset: Ticks): void {
    if (this.#delay === undefined || offset < this.#delay - this.#interval / 2) this.#delay = offset;
  }

  #cutIsKnownAt(end: Ticks): boolean {
    const { schedule } = this.#options;
    return schedule.indexAt((end + this.#parts.offset) / this.#ticksPerMillisecond) > this.#parts.index;
  }

  #measure(interval: Ticks): void {
    const off = Math.abs(interval - this.#interval);
    if (off > REGULAR_SHARE * this.#interval + this.#ticksPerMillisecond) this.#uneven = UNEVEN_FRAMES;
    else if (this.#uneven > 0) this.#uneven -= 1;
    const usual = Math.min(2 * this.#interval, Math.max(this.#interval / 2, interval));
    this.#interval += (usual - this.#interval) * INTERVAL_WEIGHT;
  }
}
