// Times the publisher's audio frames by counting samples, because RTMP's milliseconds are too coarse for audio, and fills its pauses.
import { type Milliseconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import { AudioParts } from './audio-parts.js';
import type { MediaSample, PartOptions } from './part.js';
import type { Silence } from './silence.js';

/** How far the sample count may deviate from the publisher's timestamps: half of the noticeable lip-sync error. */
export const DRIFT_LIMIT: Milliseconds = 50;

/** Consecutive frames that must deviate by more than DRIFT_LIMIT to the same side: jitter is not drift. */
const DRIFT_FRAMES = 16;

/**
 * If the deviation is larger, audio was lost or paused, and continues at its timestamp at once. The limit is above the jitter of encoders.
 */
const LOSS_LIMIT: Milliseconds = 350;

/**
 * Audio up to this long before the first picture of a run is kept: pictures are shown later than they are decoded, so the audio frames that
 * a publisher sends with its first picture are heard before it. The limit is below the amount by which EXTINF may exceed TARGETDURATION.
 */
export const LEAD_LIMIT: Milliseconds = 300;

/** A longer gap between two frames is a pause, and not jitter of the timestamps. */
const GAP_LIMIT: Milliseconds = 1_000;

export interface AudioSamplesOptions extends PartOptions {
  /** Duration of frames whose data does not contain it, as a number of PCM samples. */
  readonly frameDuration: Ticks | undefined;
  /** What replaces paused audio; undefined if nothing can replace it. */
  readonly silence?: Silence | undefined;
}

export class AudioSamples {
  readonly #options: AudioSamplesOptions;
  readonly #parts: AudioParts;
  /** Start of the next frame according to the sample count. */
  #next: Ticks | undefined;
  #offBy: Ticks = 0;
  #offFrames = 0;
  #frameDuration: Ticks = 0;
  /** Number of silent frames since the last audio frame. */
  #silent = 0;
  /** Whether audio arrives, but so late that silence has already replaced it. */
  catchesUp = false;

  constructor(options: AudioSamplesOptions) {
    this.#options = options;
    this.#parts = new AudioParts({ ...options, lead: LEAD_LIMIT });
  }

  push({ dts, data, sampleCount }: MediaSample): void {
    const { timescale, frameDuration } = this.#options;
    const given = Math.round((dts / 1000) * timescale);
    const duration = Math.max(1, sampleCount ?? frameDuration ?? Math.round(timescale / 50));
    this.#frameDuration = duration;
    // The frame came too late: silence has already been emitted in its place.
    this.catchesUp = this.#silent > 0 && given < (this.#next ?? given) - duration / 2;
    if (this.catchesUp) return;
    this.#fillUntil(given);
    this.#silent = 0;
    const start = this.#startOf(given);
    const corrected = duration + this.#correction(given - start, duration);
    this.#next = start + corrected;
    this.#parts.push(start, corrected, data);
    this.advance();
  }

  /** Fills with silence up to the frame with which audio continues, so that there is no gap. */
  #fillUntil(given: Ticks): void {
    const next = this.#next;
    if (next === undefined) return;
    // A shorter gap may be jitter of the timestamps.
    const isPause = this.#silent > 0 || given - next > (GAP_LIMIT / 1000) * this.#options.timescale;
    if (!isPause) return;
    this.#addSilence(given - this.#frameDuration / 2);
  }

  /** Emits silence while video continues without audio. */
  #fillPause(): void {
    const { silence, schedule, timescale } = this.#options;
    if (silence === undefined || schedule.runStart === undefined) return;
    const until = schedule.soundPause.until(silence.isFirst());
    if (until === undefined) return;
    this.catchesUp = false;
    this.#next ??= this.#startOfRun();
    this.#replace((until / 1000) * timescale);
  }

  /** Where silence begins if no audio has come in this run. */
  #startOfRun(): Ticks | undefined {
    const { schedule, timescale, frameDuration } = this.#options;
    const start = schedule.runStart === undefined ? undefined : schedule.timeOf(schedule.runStart);
    if (start === undefined || frameDuration === undefined) return undefined;
    this.#frameDuration = frameDuration;
    return Math.round((start / 1000) * timescale);
  }

  /** Audio is so late that the segments up to `end` would be gaps: fills them with silence. */
  fillUpTo(end: Milliseconds): void {
    // Adds one frame more, so that the end of the last segment is known.
    this.#replace((end / 1000) * this.#options.timescale + this.#frameDuration);
    this.advance();
  }

  #replace(until: Ticks): void {
    const before = this.#silent;
    this.#addSilence(until);
    if (before === 0 && this.#silent > 0) this.#options.silence?.onBegin();
  }

  #addSilence(until: Ticks): void {
    const { silence } = this.#options;
    const duration = this.#frameDuration;
    if (silence === undefined || this.#next === undefined || duration <= 0) return;
    while (this.#next + duration <= until) {
      this.#silent += 1;
      this.#parts.push(this.#next, duration, silence.frame);
      this.#next += duration;
    }
  }

  /** Call when the cut schedule has advanced: emits frames whose segment is now known. */
  advance(): void {
    this.#fillPause();
    if (this.#parts.advance()) return;
    // If the audio has paused, collected frames must not wait for its return.
    const { schedule, nominal } = this.#options;
    this.#parts.emitBefore(schedule.horizon - secondsToMilliseconds(nominal));
  }

  /** Emits all frames. */
  flush(): void {
    const { silence, schedule, timescale } = this.#options;
    // The pause lasts until the end of the pictures.
    if (silence !== undefined && this.#silent > 0) this.#addSilence((schedule.soundPause.pictures / 1000) * timescale);
    this.#parts.flush();
    this.#next = undefined;
    this.#offFrames = 0;
    this.#silent = 0;
  }

  /** Where this frame starts: at the end of the last one, unless audio was lost or paused. */
  #startOf(given: Ticks): Ticks {
    const next = this.#next;
    if (next === undefined) return given;
    const off = given - next;
    if (off <= (LOSS_LIMIT / 1000) * this.#options.timescale) return next;
    this.#parts.lengthenLast(off);
    return given;
  }

  /**
   * By how much this frame is made longer (shorter, if negative), so that the next one starts at the publisher's timestamp again.
   * @param off how much later this frame would start by the publisher's timestamp
   */
  #correction(off: Ticks, duration: Ticks): Ticks {
    const drifts = Math.abs(off) > (DRIFT_LIMIT / 1000) * this.#options.timescale;
    if (!drifts || (this.#offFrames > 0 && Math.sign(off) !== Math.sign(this.#offBy))) {
      this.#offFrames = 0;
      return 0;
    }
    this.#offBy = this.#offFrames === 0 || Math.abs(off) < Math.abs(this.#offBy) ? off : this.#offBy;
    this.#offFrames += 1;
    if (this.#offFrames < DRIFT_FRAMES) return 0;
    const correction = Math.max(this.#offBy, -Math.floor(duration / 2));
    // A frame can be shortened only so far; the following frames are shortened by the rest.
    if (correction === this.#offBy) this.#offFrames = 0;
    else this.#offBy -= correction;
    return correction;
  }
}
