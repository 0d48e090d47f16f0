// Makes audio parts of the publisher's own frames, timed by counting samples: RTMP's milliseconds are too coarse for sound.
import { writeFragment } from '../../protocols/mp4/fragment-writer.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import { audioFramesPerPart } from '../timeline/part-timing.js';
import type { PartSink } from './part-sink.js';

/** The count of samples may run this far from the publisher's timestamps: half of what is noticed between sound and lips. */
export const DRIFT_LIMIT: Milliseconds = 50;

/** Frames in a row that must be off by more than DRIFT_LIMIT to one side: timestamps that jitter are not drift. */
const DRIFT_FRAMES = 16;

/** Off by more than this, sound was lost or paused, and goes on at its timestamp at once: more than encoders jitter. */
const LOSS_LIMIT: Milliseconds = 350;

/**
 * Sound this much before the first picture of a run is kept: pictures are shown later than they are decoded, so the frames
 * that a publisher sends with its first picture sound before it. Less than EXTINF may be longer than TARGETDURATION by.
 */
export const LEAD_LIMIT: Milliseconds = 300;

/**
 * The pictures have gone on for so long without a frame of sound: it has paused, and silence stands for it. Less than players are
 * behind, and more than encoders keep their tracks apart in one connection.
 */
const PAUSE_LIMIT: Milliseconds = 1_000;

/** The same in steps of the pictures. */
const PAUSE_STEPS = 1.5;

/** Frames held while the schedule has not passed them: over 20 s. The oldest beyond it go by what is known then. */
const HELD_FRAMES_LIMIT = 1_024;

export interface AudioSamplesOptions {
  readonly schedule: CutSchedule;
  readonly sink: PartSink;
  readonly trackId: number;
  /** The sample rate, so that one PCM sample is one tick. */
  readonly timescale: number;
  readonly partTarget: Seconds;
  readonly nominal: Seconds;
  /** PCM samples of a frame that does not say how many it has. */
  readonly frameDuration: Ticks | undefined;
  /** What stands for sound that has paused; without it nothing does. */
  readonly silence?: Buffer | undefined;
  /** Silence stands for sound: once for each pause. */
  readonly onSilence?: (() => void) | undefined;
}

interface Frame {
  readonly start: Ticks;
  duration: Ticks;
  readonly data: Buffer;
  readonly cts: 0;
  readonly sync: true;
}

export class AudioSamples {
  readonly #options: AudioSamplesOptions;
  #held: Frame[] = [];
  #part: Frame[] = [];
  /** Of the cut schedule. */
  #index = -1;
  /** Where the next frame starts by the count of samples. */
  #next: Ticks | undefined;
  #offBy: Ticks = 0;
  #offFrames = 0;
  #framesPerPart: number | undefined;
  #sequenceNumber = 0;
  #frameDuration: Ticks = 0;
  /** How far the pictures were when the last frame came; undefined where nothing can stand for sound. */
  #picturesAtFrame: Milliseconds | undefined;
  /** How far the pictures are, and how far they came at once. */
  #pictures: Milliseconds | undefined;
  #pictureStep: Milliseconds = 0;
  /** Where the last frame that came ended. */
  #soundEnd: Ticks = 0;
  /** Frames of silence since. */
  #silent = 0;

  constructor(options: AudioSamplesOptions) {
    this.#options = options;
  }

  push(dts: Milliseconds, data: Buffer, sampleCount: number | undefined): void {
    const { timescale, frameDuration, nominal, partTarget } = this.#options;
    const given = Math.round((dts / 1000) * timescale);
    const duration = Math.max(1, sampleCount ?? frameDuration ?? Math.round(timescale / 50));
    this.#framesPerPart ??= audioFramesPerPart(nominal, duration / timescale, partTarget);
    this.#frameDuration = duration;
    // It was not sent in time, and silence has gone out for it.
    if (this.#silent > 0 && given < (this.#next ?? given) - duration / 2) return;
    this.#fillUntil(given);
    this.#silent = 0;
    const start = this.#startOf(given);
    const corrected = duration + this.#correction(given - start, duration);
    this.#next = start + corrected;
    this.#soundEnd = this.#next;
    this.#picturesAtFrame = this.#options.schedule.horizon;
    this.#held.push({ start, duration: corrected, data, cts: 0, sync: true });
    this.advance();
  }

  /** Silence up to where sound goes on, so that there is no hole. */
  #fillUntil(given: Ticks): void {
    const next = this.#next;
    if (next === undefined) return;
    // A shorter hole may be timestamps that jitter.
    const isPause = this.#silent > 0 || given - next > (PAUSE_LIMIT / 1000) * this.#options.timescale;
    if (!isPause) return;
    this.#addSilence(given - this.#frameDuration / 2);
  }

  /** The pictures go on and no sound comes. */
  #fillPause(): void {
    const { schedule, timescale } = this.#options;
    if (this.#picturesAtFrame === undefined || schedule.runStart === undefined) return;
    const { horizon } = schedule;
    // Pictures that are far apart, or were away themselves, say nothing about the sound between them.
    const step = horizon - (this.#pictures ?? horizon);
    if (step > 0) this.#pictureStep = step;
    this.#pictures = horizon;
    const paused = horizon - this.#picturesAtFrame - PAUSE_LIMIT - PAUSE_STEPS * this.#pictureStep;
    if (!(paused > 0 && Number.isFinite(paused))) return;
    const before = this.#silent;
    // Where sound is sent before its pictures there is nothing to fill that they have not reached.
    const until = Math.min(this.#soundEnd + (paused / 1000) * timescale, (horizon / 1000) * timescale);
    this.#addSilence(until);
    if (before === 0 && this.#silent > 0) this.#options.onSilence?.();
  }

  #addSilence(until: Ticks): void {
    const { silence } = this.#options;
    const duration = this.#frameDuration;
    if (silence === undefined || this.#next === undefined || duration <= 0) return;
    while (this.#next + duration <= until) {
      this.#silent += 1;
      this.#held.push({ start: this.#next, duration, data: silence, cts: 0, sync: true });
      this.#next += duration;
    }
  }

  /** The cut schedule has moved on: what was held may go. */
  advance(): void {
    const { schedule } = this.#options;
    if (schedule.runStart === undefined) {
      if (this.#held.length > HELD_FRAMES_LIMIT) this.#held.splice(0, this.#held.length - HELD_FRAMES_LIMIT);
      return;
    }
    this.#fillPause();
    const { horizon } = schedule;
    let released = 0;
    for (const frame of this.#held) {
      // Half a frame past its end is as far as a cut can be and still be this frame's end.
      const known = this.#time(frame.start + 1.5 * frame.duration) <= horizon;
      if (!known && this.#held.length - released <= HELD_FRAMES_LIMIT) break;
      released += 1;
      this.#release(frame);
    }
    if (released > 0) this.#held.splice(0, released);
    else if (this.#held.length === 0) this.#emitPaused(horizon);
  }

  /** What is held goes now. */
  flush(): void {
    const held = this.#held;
    this.#held = [];
    if (this.#options.schedule.runStart !== undefined) {
      for (const frame of held) this.#release(frame);
      this.#emit(false);
    }
    this.#next = undefined;
    this.#offFrames = 0;
    this.#picturesAtFrame = undefined;
    this.#silent = 0;
  }

  /** Where the last frame ended, but for sound that was lost or paused. */
  #startOf(given: Ticks): Ticks {
    const next = this.#next;
    if (next === undefined) return given;
    const off = given - next;
    if (off <= (LOSS_LIMIT / 1000) * this.#options.timescale) return next;
    const last = this.#held.at(-1);
    if (last !== undefined) last.duration += off;
    return given;
  }

  /**
   * How much longer or shorter a frame lasts, so that the next begins where the publisher says again.
   * @param off how much later than it starts it should
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
    // A frame can only be made so much shorter: the rest is for those after it.
    if (correction === this.#offBy) this.#offFrames = 0;
    else this.#offBy -= correction;
    return correction;
  }

  #release(frame: Frame): void {
    const index = this.#indexAt(frame.start, frame.duration);
    if (index === undefined) return;
    const last = this.#part.at(-1);
    if (last !== undefined) {
      const hole = frame.start !== last.start + last.duration;
      const tooLong = frame.start + frame.duration - (this.#part[0]?.start ?? 0) > this.#targetTicks();
      if (index !== this.#index) this.#emit(true);
      else if (hole || tooLong) this.#emit(false);
    } else if (index > this.#index) {
      this.#options.sink.complete(index - 1);
    }
    this.#index = index;
    this.#part.push(frame);
    const completes = (this.#indexAt(frame.start + frame.duration, frame.duration) ?? index) > index;
    if (completes || this.#part.length >= (this.#framesPerPart ?? 1)) this.#emit(completes);
  }

  /** The sound paused: what is gathered must not wait for its return. */
  #emitPaused(horizon: Milliseconds): void {
    const last = this.#part.at(-1);
    if (last === undefined) return;
    const end = this.#time(last.start + last.duration) + secondsToMilliseconds(this.#options.nominal);
    if (end < horizon) this.#emit(false);
  }

  #emit(completes: boolean): void {
    const [first] = this.#part;
    const last = this.#part.at(-1);
    if (first === undefined || last === undefined) return;
    const samples = this.#part;
    this.#part = [];
    const { trackId, timescale, partTarget, sink } = this.#options;
    const bytes = writeFragment({
      sequenceNumber: ++this.#sequenceNumber,
      trackId,
      baseMediaDecodeTime: first.start,
      samples,
    });
    sink.accept({
      bytes,
      shared: false,
      segmentIndex: this.#index,
      start: first.start / timescale,
      duration: Math.min((last.start + last.duration - first.start) / timescale, partTarget),
      independent: true,
      completes,
    });
  }

  #targetTicks(): Ticks {
    return this.#options.partTarget * this.#options.timescale;
  }

  #time(ticks: Ticks): Milliseconds {
    return secondsToMilliseconds(ticks / this.#options.timescale);
  }

  /** Undefined before the run. */
  #indexAt(ticks: Ticks, frame: Ticks): number | undefined {
    const { schedule } = this.#options;
    const time = this.#time(ticks);
    const index = schedule.indexAt(time, this.#time(frame / 2));
    const first = schedule.runStart ?? 0;
    if (index >= first) return index;
    const begins = schedule.timeOf(first);
    return begins !== undefined && begins - time <= LEAD_LIMIT ? first : undefined;
  }
}
