// Passes on FFmpeg's video fragments as parts, unchanged where that satisfies RFC 8216bis 4.4.4.9; otherwise collects their samples into
// new parts.
import type { Fragment, Sample } from '../../protocols/mp4/fragment.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import { shortestPart } from '../timeline/part-timing.js';
import type { PartOptions } from './part.js';
import { VideoParts } from './video-parts.js';

export interface VideoFragmentsOptions extends PartOptions {
  readonly frame: Seconds;
}

/**
 * FFmpeg ends a fragment at every key frame, even if it is not a cut: 1 s GOPs of 25 frames in a 2 s segment give parts of 12, 12 and 1
 * frames, and a 1-frame part in the middle of a segment is not allowed. Only in such cases are samples collected again; all other fragments
 * pass without a copy.
 */
export class VideoFragments {
  readonly #options: VideoFragmentsOptions;
  readonly #parts: VideoParts;
  readonly #target: Ticks;
  readonly #nominal: Ticks;
  readonly #halfFrame: Ticks;
  readonly #shortest: Ticks;
  /** Difference from decode to presentation time: 0 with `+cmaf`, otherwise the composition offset of the last sync sample. */
  #offset: Ticks = 0;
  /** Index in the cut schedule: the segment of the newest picture. */
  #index = -1;
  /** Decode time at which the newest fragment ends. */
  #end: Ticks | undefined;

  constructor(options: VideoFragmentsOptions) {
    this.#options = options;
    this.#parts = new VideoParts(options);
    this.#target = options.partTarget * options.timescale;
    this.#nominal = options.nominal * options.timescale;
    this.#halfFrame = (options.frame * options.timescale) / 2;
    this.#shortest = shortestPart(options.partTarget, options.nominal) * options.timescale;
  }

  push(fragment: Fragment): void {
    const { samples, baseMediaDecodeTime: start } = fragment;
    if (fragment.startsWithSync) this.#offset = samples[0]?.cts ?? 0;
    const index = this.#indexOf(fragment);
    this.#index = index;
    if (index < 0) return;
    const isHole = this.#end !== undefined && Math.abs(start - this.#end) > this.#halfFrame;
    if (isHole) this.#parts.flush(index !== this.#parts.index);
    this.#end = start + fragment.duration;
    const split = this.#samplesBeforeForcedCut(fragment, index);
    if (split > 0) {
      // FFmpeg does not know about forced cuts, so a fragment may extend over one: divides it there.
      this.#index = index + 1;
      const cut = this.#collect(samples.slice(0, split), start, index, true);
      this.#collect(samples.slice(split), cut, index + 1, this.#completes(index + 1));
      return;
    }
    const completes = this.#completes(index);
    if (completes !== undefined && this.#passesAsItIs(fragment, completes))
      this.#parts.pass(fragment, index, completes);
    else this.#collect(samples, start, index, completes);
  }

  advance(): void {
    // Nothing to do. Video is never held for the schedule: its fragments come after their key frames were noted.
  }

  flush(): void {
    this.#parts.flush();
  }

  /**
   * @param completes whether the segment ends with these samples; undefined if only the next picture shows it
   * @returns the decode time at which the samples end
   */
  #collect(samples: readonly Sample[], start: Ticks, index: number, completes: boolean | undefined): Ticks {
    let time = start;
    for (const { duration, cts, sync, data } of samples) {
      if (index === this.#parts.index) this.#parts.stretch(time, duration);
      const at = this.#parts.begin(time, index, 2 * this.#halfFrame, duration);
      this.#parts.add(at, index, { shown: time + cts, end: time + duration, sync, data });
      time += duration;
    }
    if (completes !== undefined) this.#parts.settle(completes);
    return time;
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

  /** Whether segment `index` ends with the newest fragment; undefined if only the next picture decides it. */
  #completes(index: number): boolean | undefined {
    return this.#options.schedule.pictureEnds(index, this.#shown(this.#end ?? 0));
  }

  #passesAsItIs(fragment: Fragment, completes: boolean): boolean {
    const { isEmpty, end } = this.#parts;
    // The fragment cannot become a part: samples of an earlier fragment wait to be joined with it, or the last part was shortened, so that
    // this one would begin after a gap.
    if (!isEmpty || (end !== undefined && end !== fragment.baseMediaDecodeTime)) return false;
    // A frame lasts until the next one. After a pause of the source that is longer than a part may last: see PartWriter.
    if (fragment.duration > this.#target) return (fragment.samples.at(-1)?.duration ?? 0) > this.#nominal;
    if (completes || fragment.duration >= this.#shortest) return true;
    // A short part may stay if it is independent. But a stream of key frames only must not get one part per frame.
    return fragment.startsWithSync && fragment.duration >= this.#nominal / 2;
  }

  #indexOf({ baseMediaDecodeTime, startsWithSync }: Fragment): number {
    const { schedule } = this.#options;
    const time = this.#shown(baseMediaDecodeTime);
    if (!startsWithSync) return schedule.pictureIndexAt(time, this.#index);
    // An encoder's first picture is a key frame, whatever that picture was in the source.
    return this.#index < 0 ? schedule.indexAt(time) : schedule.keyFrameIndexAt(time);
  }

  #shown(decodeTime: Ticks): Milliseconds {
    return secondsToMilliseconds((decodeTime + this.#offset) / this.#options.timescale);
  }
}
