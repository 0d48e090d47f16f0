// Collects FFmpeg's output on its pipes as fragments with times in milliseconds, so that tests compare media, not bytes.
import { FragmentReader } from '../../src/protocols/mp4/fragment-reader.js';
import type { InitTrack } from '../../src/protocols/mp4/init-segment.js';

export interface RecordedFragment {
  /** Milliseconds. */
  readonly start: number;
  readonly presentationStart: number;
  readonly duration: number;
  readonly startsWithSync: boolean;
  readonly samples: number;
}

export class TrackRecorder {
  readonly #reader = new FragmentReader();
  init: InitTrack | undefined;
  readonly fragments: RecordedFragment[] = [];
  /** Presentation times, milliseconds, ascending once `finish` was called. */
  readonly times: number[] = [];
  readonly keyFrameTimes: number[] = [];
  bytes = 0;

  push(bytes: Buffer): void {
    this.#reader.push(bytes);
    for (let event = this.#reader.next(); event !== undefined; event = this.#reader.next()) {
      if (event.type === 'init') {
        this.init = event.track;
        continue;
      }
      const { fragment } = event;
      const milliseconds = (ticks: number): number => (ticks * 1000) / (this.init?.timescale ?? Number.NaN);
      this.fragments.push({
        start: milliseconds(fragment.baseMediaDecodeTime),
        presentationStart: milliseconds(fragment.presentationStart),
        duration: milliseconds(fragment.duration),
        startsWithSync: fragment.startsWithSync,
        samples: fragment.samples.length,
      });
      let decodeTime = fragment.baseMediaDecodeTime;
      for (const sample of fragment.samples) {
        const time = milliseconds(decodeTime + sample.cts);
        this.times.push(time);
        if (sample.sync) this.keyFrameTimes.push(time);
        this.bytes += sample.size;
        decodeTime += sample.duration;
      }
    }
  }

  /** Presentation times in order. */
  sortedTimes(): number[] {
    return [...this.times].sort((a, b) => a - b);
  }
}

/** The largest distance between two lists of the same length; NaN when the lengths differ. */
export function largestError(actual: readonly number[], expected: readonly number[]): number {
  if (actual.length !== expected.length) return Number.NaN;
  return Math.max(0, ...actual.map((time, index) => Math.abs(time - (expected[index] ?? Number.NaN))));
}
