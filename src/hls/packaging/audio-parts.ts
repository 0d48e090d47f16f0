// Collects the audio frames of a track, FFmpeg's or the publisher's, into parts. Segments end at the frame nearest to the video's cut
// (docs/decisions/0001).
import {
  type Milliseconds,
  millisecondsToSeconds,
  type Seconds,
  secondsToMilliseconds,
  type Ticks,
} from '../../protocols/units.js';
import { audioFramesPerPart } from '../timeline/part-timing.js';
import { type PartOptions, PartWriter } from './part.js';

/**
 * Maximum number of frames held until the cut schedule has passed them: more than 20 s. Beyond that the oldest are emitted by the cuts
 * known so far.
 */
const HELD_FRAMES_LIMIT = 1_024;

export interface AudioPartsOptions extends PartOptions {
  /** Audio up to this long before the first picture of a run is kept, as part of its segment. */
  readonly lead: Milliseconds;
}

interface Frame {
  readonly start: Ticks;
  duration: Ticks;
  readonly data: Buffer;
  readonly cts: 0;
  readonly sync: true;
}

export class AudioParts {
  readonly #options: AudioPartsOptions;
  readonly #writer: PartWriter;
  /** Frames whose segment is not decided yet. */
  #held: Frame[] = [];
  /** Frames of the next part. */
  #part: Frame[] = [];
  /** Index in the cut schedule: the segment of the newest frame that was released. */
  #index = -1;
  /** Number of frames in each part of that segment. */
  #framesPerPart = 0;
  /** Duration of the first frame. */
  #usualFrame: Seconds = 0;

  constructor(options: AudioPartsOptions) {
    this.#options = options;
    this.#writer = new PartWriter(options);
  }

  /** Holds a frame until `advance` can assign it to a segment. */
  push(start: Ticks, duration: Ticks, data: Buffer): void {
    const frame = { start, duration: Math.max(1, duration), data, cts: 0, sync: true } as const;
    if (this.#usualFrame === 0) this.#usualFrame = frame.duration / this.#options.timescale;
    this.#held.push(frame);
  }

  /** Makes the last frame longer, if it is still held. */
  lengthenLast(by: Ticks): void {
    const last = this.#held.at(-1);
    if (last !== undefined) last.duration += by;
  }

  /**
   * Call when the cut schedule has advanced or frames were added.
   * @returns whether the segment of any frame was decided
   */
  advance(): boolean {
    const { schedule } = this.#options;
    const held = this.#held;
    if (schedule.runStart === undefined) {
      if (held.length > HELD_FRAMES_LIMIT) held.splice(0, held.length - HELD_FRAMES_LIMIT);
      return false;
    }
    const { horizon } = schedule;
    let released = 0;
    for (const frame of held) {
      // If a cut is at most half a frame after the end of this frame, the segment ends with this frame.
      const known = this.#time(frame.start + 1.5 * frame.duration) <= horizon;
      if (!known && held.length - released <= HELD_FRAMES_LIMIT) break;
      released += 1;
      this.#collect(frame);
    }
    if (released > 0) held.splice(0, released);
    return released > 0;
  }

  /** Emits the collected part if it ends before `time` and no frame is held. */
  emitBefore(time: Milliseconds): void {
    const last = this.#part.at(-1);
    if (last !== undefined && this.#held.length === 0 && this.#time(last.start + last.duration) < time)
      this.#emit(false);
  }

  /** Emits all frames. */
  flush(): void {
    const held = this.#held;
    this.#held = [];
    if (this.#options.schedule.runStart === undefined) return;
    for (const frame of held) this.#collect(frame);
    this.#emit(false);
  }

  #collect(frame: Frame): void {
    const { sink, partTarget, timescale } = this.#options;
    const index = this.#indexAt(frame.start, frame.duration);
    if (index === undefined) return;
    const [first] = this.#part;
    const last = this.#part.at(-1);
    if (first !== undefined && last !== undefined) {
      const hole = Math.abs(frame.start - (last.start + last.duration)) > frame.duration / 2;
      const tooLong = frame.start + frame.duration - first.start > partTarget * timescale;
      // Because timestamps are whole milliseconds, frames seem a few ticks longer or shorter: each lasts until the next one begins.
      if (!hole) last.duration = frame.start - last.start;
      if (index !== this.#index) this.#emit(true);
      else if (hole || tooLong) this.#emit(false);
    } else if (index > this.#index) {
      sink.complete(index - 1);
    }
    if (index !== this.#index) this.#enter(index);
    this.#part.push(frame);
    const completes = (this.#indexAt(frame.start + frame.duration, frame.duration) ?? index) > index;
    if (completes || this.#part.length >= this.#framesPerPart) this.#emit(completes);
  }

  /** A segment is expected to last as long as the one before it. */
  #enter(index: number): void {
    const { schedule, nominal, partTarget } = this.#options;
    this.#index = index;
    const begins = schedule.timeOf(index);
    const began = index > (schedule.runStart ?? index) ? schedule.timeOf(index - 1) : undefined;
    const before = begins === undefined || began === undefined ? undefined : millisecondsToSeconds(begins - began);
    const segment = before ?? schedule.targetDuration;
    this.#framesPerPart = audioFramesPerPart(nominal, this.#usualFrame, partTarget, segment);
  }

  #emit(completes: boolean): void {
    const samples = this.#part;
    const [first] = samples;
    const last = samples.at(-1);
    if (first === undefined || last === undefined) return;
    this.#part = [];
    const duration = last.start + last.duration - first.start;
    this.#writer.write(samples, first.start, { segmentIndex: this.#index, start: first.start, duration, completes });
  }

  #time(ticks: Ticks): Milliseconds {
    return secondsToMilliseconds(ticks / this.#options.timescale);
  }

  /** Undefined before the run began. */
  #indexAt(ticks: Ticks, frame: Ticks): number | undefined {
    const { schedule, lead } = this.#options;
    const time = this.#time(ticks);
    const index = schedule.indexAt(time, this.#time(frame / 2));
    const first = schedule.runStart ?? 0;
    if (index >= first) return index;
    const begins = schedule.timeOf(first);
    return begins !== undefined && begins - time <= lead ? first : undefined;
  }
}
