// Regroups one-frame audio fragments into parts whose segments end at the audio frame nearest to the video's cut (docs/decisions/0001).
import type { Fragment, Sample } from '../../protocols/mp4/fragment.js';
import { writeFragment } from '../../protocols/mp4/fragment-writer.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import { audioFramesPerPart } from '../timeline/part-timing.js';
import type { PartMaker, PartSink } from './part-sink.js';

/** Number of frames held until the schedule has passed them: over 20 s. Beyond it the oldest are emitted with what is known. */
const HELD_FRAMES_LIMIT = 1_024;

export interface AudioRegrouperOptions {
  readonly schedule: CutSchedule;
  readonly sink: PartSink;
  readonly trackId: number;
  readonly timescale: number;
  readonly partTarget: Seconds;
  readonly nominal: Seconds;
  /** Duration of one AAC frame if the init segment tells it; otherwise that of the first fragment. */
  readonly frameDuration: Ticks | undefined;
  /** Frames before this are dropped: the first frame of a new encoder contains only its delay. */
  readonly shownUntil: Seconds;
  /** Whether the start of this run is decided; until then all frames are held. */
  readonly isOpen: () => boolean;
}

interface Frame {
  readonly start: Ticks;
  readonly sample: Sample;
}

export class AudioRegrouper implements PartMaker {
  readonly #options: AudioRegrouperOptions;
  #held: Frame[] = [];
  #part: Frame[] = [];
  #partIndex = -1;
  #frame: Ticks | undefined;
  #framesPerPart = 1;
  #sequenceNumber = 0;

  constructor(options: AudioRegrouperOptions) {
    this.#options = options;
    if (options.frameDuration !== undefined) this.#setFrame(options.frameDuration);
  }

  push(fragment: Fragment): void {
    let start = fragment.baseMediaDecodeTime;
    for (const sample of fragment.samples) {
      if (this.#frame === undefined) this.#setFrame(sample.duration);
      this.#held.push({ start, sample });
      start += sample.duration;
    }
    this.advance();
  }

  advance(): void {
    const frame = this.#frame;
    if (frame === undefined) return;
    if (!this.#options.isOpen()) {
      this.#held.splice(0, Math.max(0, this.#held.length - HELD_FRAMES_LIMIT));
      return;
    }
    let released = 0;
    for (const held of this.#held) {
      // A cut is attributed to the end of this frame if it is at most half a frame later.
      const known = this.#time(held.start + 1.5 * frame) <= this.#options.schedule.horizon;
      if (!known && this.#held.length - released <= HELD_FRAMES_LIMIT) break;
      released += 1;
      this.#release(held, frame);
    }
    if (released > 0) this.#held.splice(0, released);
  }

  flush(): void {
    const frame = this.#frame;
    if (frame === undefined || !this.#options.isOpen()) return;
    for (const held of this.#held.splice(0)) this.#release(held, frame);
    this.#emit(false);
  }

  #release(held: Frame, frame: Ticks): void {
    if (held.start + frame / 2 < this.#options.shownUntil * this.#options.timescale) return;
    const index = this.#indexAt(held.start, frame);
    if (index < 0) return;
    const last = this.#part.at(-1);
    if (last !== undefined) {
      const hole = Math.abs(held.start - (last.start + last.sample.duration)) > frame / 2;
      if (index !== this.#partIndex) this.#emit(true);
      else if (hole) this.#emit(false);
    }
    this.#partIndex = index;
    this.#part.push(held);
    const completes = this.#indexAt(held.start + held.sample.duration, frame) > index;
    if (completes || this.#part.length >= this.#framesPerPart) this.#emit(completes);
  }

  #emit(completes: boolean): void {
    const frames = this.#part;
    const [first] = frames;
    const last = frames.at(-1);
    if (first === undefined || last === undefined) return;
    this.#part = [];
    // Timestamps in milliseconds make frames a few ticks longer or shorter; each lasts until the next one begins.
    const samples = frames.map(({ start, sample }, i) => {
      const next = frames[i + 1];
      return next === undefined ? sample : { ...sample, duration: next.start - start };
    });
    const bytes = writeFragment({
      sequenceNumber: ++this.#sequenceNumber,
      trackId: this.#options.trackId,
      baseMediaDecodeTime: first.start,
      samples,
    });
    const { timescale } = this.#options;
    this.#options.sink.accept({
      bytes,
      shared: false,
      segmentIndex: this.#partIndex,
      start: first.start / timescale,
      duration: (last.start + last.sample.duration - first.start) / timescale,
      independent: true,
      completes,
    });
  }

  #setFrame(duration: Ticks): void {
    const { timescale, nominal, partTarget } = this.#options;
    this.#frame = Math.max(1, duration);
    this.#framesPerPart = audioFramesPerPart(nominal, this.#frame / timescale, partTarget);
  }

  #time(ticks: Ticks): Milliseconds {
    return secondsToMilliseconds(ticks / this.#options.timescale);
  }

  #indexAt(ticks: Ticks, frame: Ticks): number {
    return this.#options.schedule.indexAt(this.#time(ticks), this.#time(frame / 2));
  }
}
