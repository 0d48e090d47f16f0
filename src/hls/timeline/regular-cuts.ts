// Cuts that do not depend on key frames of the source: for audio alone, and for a source that is re-encoded.
import type { Milliseconds } from '../../protocols/units.js';
import type { CutPolicy, CutSink } from './cut-policy.js';

export interface RegularCutsOptions {
  readonly segment: Milliseconds;
  readonly part: Milliseconds;
  /** Duration of one video frame; undefined for audio alone, whose cuts count from its first sample. */
  readonly frame: Milliseconds | undefined;
}

export class RegularCuts implements CutPolicy {
  readonly #sink: CutSink;
  readonly #segment: Milliseconds;
  readonly #frame: Milliseconds | undefined;
  readonly #part: Milliseconds;
  readonly longestGop = undefined;
  #newest: Milliseconds = Number.NEGATIVE_INFINITY;

  constructor(sink: CutSink, { segment, part, frame }: RegularCutsOptions) {
    this.#sink = sink;
    this.#segment = segment;
    this.#part = part;
    this.#frame = frame;
    sink.settle(segment, true);
  }

  get horizon(): Milliseconds {
    return this.#sink.last?.time ?? this.#newest;
  }

  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    if (this.#sink.last === undefined && !keyFrame) return;
    this.#reach(Math.max(dts, this.#sink.last === undefined ? pts : dts));
  }

  noteAudio(dts: Milliseconds): void {
    // The first cut of a run with video is a picture, because players can begin to decode only there.
    if (this.#frame !== undefined && this.#sink.last === undefined) return;
    this.#reach(dts);
  }

  /** Never: all cuts are known in advance. */
  expectsCut(): boolean {
    return false;
  }

  #reach(time: Milliseconds): void {
    this.#newest = Math.max(this.#newest, time);
    const { last } = this.#sink;
    let next: Milliseconds;
    if (last === undefined) {
      this.#sink.add({ time, forced: false });
      // A key frame is forced at the first frame at or after each multiple.
      next =
        this.#frame === undefined
          ? time + (this.#sink.endsFirstEarly() ? this.#part : this.#segment)
          : (Math.floor((time + this.#frame) / this.#segment) + 1) * this.#segment;
    } else {
      next = last.time + this.#segment;
    }
    // Add one cut more than `time` has reached: where a segment ends must be known before media gets there.
    for (; next <= time + this.#segment; next += this.#segment) this.#sink.add({ time: next, forced: false });
  }
}
