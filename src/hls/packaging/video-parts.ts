// Turns FFmpeg's video fragments into parts, unchanged wherever that satisfies RFC 8216bis 4.4.4.9.
import type { Fragment, Sample } from '../../protocols/mp4/fragment.js';
import { writeFragment } from '../../protocols/mp4/fragment-writer.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import { fullPart, shortestPart } from '../timeline/part-timing.js';
import { keyFrameBytes, type MadePart, type PartMaker, type PartSink } from './part-sink.js';

export interface VideoPartsOptions {
  readonly schedule: CutSchedule;
  readonly sink: PartSink;
  readonly trackId: number;
  readonly timescale: number;
  readonly partTarget: Seconds;
  readonly nominal: Seconds;
  readonly frame: Seconds;
  /** A frame lasted longer than PART-TARGET; its part is listed with that duration. */
  readonly onOverlongPart?: (duration: Seconds) => void;
}

/**
 * FFmpeg ends a fragment at every key frame, even if it is not a cut: 1 s GOPs of 25 frames in a 2 s segment give parts of 12, 12 and 1
 * frames, and a 1-frame part in the middle of a segment is not allowed. Only in such cases are samples regrouped; all other fragments pass
 * without a copy.
 */
export class VideoParts implements PartMaker {
  readonly #options: VideoPartsOptions;
  readonly #target: Ticks;
  readonly #nominal: Ticks;
  readonly #frame: Ticks;
  readonly #shortest: Ticks;
  /** Difference from decode to presentation time: 0 with `+cmaf`, otherwise the composition offset of the last sync sample. */
  #offset: Ticks = 0;
  /** Segment index of the newest fragment. */
  #index = -1;
  #pending: Sample[] = [];
  #pendingStart: Ticks = 0;
  #pendingDuration: Ticks = 0;
  #pendingIndex = -1;
  #sequenceNumber = 0;

  constructor(options: VideoPartsOptions) {
    this.#options = options;
    this.#target = options.partTarget * options.timescale;
    this.#nominal = options.nominal * options.timescale;
    this.#frame = options.frame * options.timescale;
    this.#shortest = shortestPart(options.partTarget, options.nominal) * options.timescale;
  }

  push(fragment: Fragment): void {
    const first = fragment.samples[0];
    if (fragment.startsWithSync && first !== undefined) this.#offset = first.cts;
    const start = fragment.baseMediaDecodeTime;
    const index = this.#indexOf(fragment);
    this.#index = index;
    if (index < 0) return;
    if (this.#pending.length > 0) {
      const hole = Math.abs(start - this.#pendingStart - this.#pendingDuration) > this.#frame / 2;
      if (index !== this.#pendingIndex) this.#emitFullParts(true);
      else if (hole) this.#emitPending(this.#pending.length, false);
    }
    const before = this.#samplesBeforeForcedCut(fragment, index);
    if (before > 0) {
      this.#pushSplit(fragment, index, before);
      return;
    }
    const completes = this.#options.schedule.pictureEnds(index, this.#shown(start + fragment.duration));

    if (this.#pending.length === 0 && this.#passesAsItIs(fragment, completes)) {
      this.#options.sink.accept(
        this.#made(fragment.bytes, fragment.samples, true, index, start, fragment.duration, completes),
      );
      return;
    }
    this.#gather(fragment.samples, index, start);
    if (completes !== undefined) this.#emitFullParts(completes);
  }

  #gather(samples: readonly Sample[], index: number, start: Ticks): void {
    if (this.#pending.length === 0) {
      this.#pendingStart = start;
      this.#pendingIndex = index;
    }
    this.#pending.push(...samples);
    this.#pendingDuration += durationOf(samples);
  }

  /** A forced cut is where the source was cut. FFmpeg does not know about it, so a fragment may span it and must be split. */
  #pushSplit({ baseMediaDecodeTime: start, samples, duration }: Fragment, index: number, before: number): void {
    const head = samples.slice(0, before);
    this.#gather(head, index, start);
    this.#emitFullParts(true);
    this.#index = index + 1;
    this.#gather(samples.slice(before), this.#index, start + durationOf(head));
    const completes = this.#options.schedule.pictureEnds(this.#index, this.#shown(start + duration));
    if (completes !== undefined) this.#emitFullParts(completes);
  }

  /** @returns 0 if there is no forced cut inside the fragment */
  #samplesBeforeForcedCut({ baseMediaDecodeTime, samples }: Fragment, index: number): number {
    let at = baseMediaDecodeTime;
    for (const [i, sample] of samples.entries()) {
      if (i > 0 && this.#options.schedule.isForcedCut(index + 1, this.#shown(at))) return i;
      at += sample.duration;
    }
    return 0;
  }

  advance(): void {
    // Video is never held for the schedule: its fragments come after their key frames were noted.
  }

  flush(): void {
    if (this.#pending.length > 0) this.#emitPending(this.#pending.length, false);
  }

  #passesAsItIs(fragment: Fragment, completes: boolean | undefined): completes is boolean {
    // The name of the part after it is not known.
    if (completes === undefined) return false;
    // A frame lasts until the next one, which after a pause of the source is longer than a part may be: see #made.
    if (fragment.duration > this.#target) return (fragment.samples.at(-1)?.duration ?? 0) > this.#nominal;
    if (completes || fragment.duration >= this.#shortest) return true;
    // A short part may remain if it is independent, but a stream of key frames only must not get a part per frame.
    return fragment.startsWithSync && fragment.duration >= this.#nominal / 2;
  }

  #emitFullParts(completes: boolean): void {
    const full = fullPart(this.#shortest, this.#nominal, this.#frame);
    while (this.#pending.length > 0) {
      let count = 0;
      let duration = 0;
      for (const sample of this.#pending) {
        if (count > 0 && (duration + sample.duration > this.#target || duration >= full)) break;
        count += 1;
        duration += sample.duration;
      }
      const all = count === this.#pending.length;
      const long = duration >= this.#shortest;
      if (all && !completes && !long) return;
      if (!all && !long) this.#delayAfter(count, Math.ceil(this.#shortest) - duration);
      this.#emitPending(count, all && completes);
    }
  }

  /** A part is too short, and would be too long with one more frame: decode that frame later, and show it at its time. */
  #delayAfter(count: number, delay: Ticks): void {
    const last = this.#pending[count - 1];
    const next = this.#pending[count];
    if (last === undefined || next === undefined || delay <= 0 || delay >= next.duration) return;
    this.#pending[count - 1] = { ...last, duration: last.duration + delay };
    this.#pending[count] = { ...next, duration: next.duration - delay, cts: next.cts - delay };
  }

  #emitPending(count: number, completes: boolean): void {
    const samples = this.#pending.splice(0, count);
    const duration = durationOf(samples);
    const start = this.#pendingStart;
    this.#pendingStart += duration;
    this.#pendingDuration -= duration;
    const bytes = writeFragment({
      sequenceNumber: ++this.#sequenceNumber,
      trackId: this.#options.trackId,
      baseMediaDecodeTime: start,
      samples,
    });
    this.#options.sink.accept(this.#made(bytes, samples, false, this.#pendingIndex, start, duration, completes));
  }

  #made(
    bytes: Buffer,
    samples: readonly Sample[],
    shared: boolean,
    segmentIndex: number,
    start: Ticks,
    duration: Ticks,
    completes: boolean,
  ): MadePart {
    const { timescale, partTarget, onOverlongPart } = this.#options;
    // The playlist rule takes precedence over the exact duration. The media keeps its long frame, so playback has no gap.
    if (duration > this.#target) onOverlongPart?.(duration / timescale);
    return {
      bytes,
      shared,
      segmentIndex,
      start: (start + this.#offset) / timescale,
      duration: Math.min(duration / timescale, partTarget),
      end: (start + duration + this.#offset) / timescale,
      independent: samples[0]?.sync === true,
      keyFrameBytes: keyFrameBytes(bytes.length, samples),
      completes,
      // FFmpeg emits a fragment when it has the next frame.
      continues: !completes,
    };
  }

  #indexOf({ baseMediaDecodeTime, startsWithSync }: Fragment): number {
    const { schedule } = this.#options;
    const time = this.#shown(baseMediaDecodeTime);
    if (!startsWithSync) return schedule.pictureIndexAt(time, this.#index);
    // The first picture of an encoder is a key frame, whatever it was in the source.
    return this.#index < 0 ? schedule.indexAt(time) : schedule.keyFrameIndexAt(time);
  }

  #shown(decodeTime: Ticks): Milliseconds {
    return secondsToMilliseconds((decodeTime + this.#offset) / this.#options.timescale);
  }
}

function durationOf(samples: readonly Sample[]): Ticks {
  return samples.reduce((sum, { duration }) => sum + duration, 0);
}
