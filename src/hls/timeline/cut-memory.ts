// The memory of the cut schedule, which is bounded: the cuts by their index (which counts from the start of the presentation), the end of the media
// of each run, and the key frames of the source.
import type { Milliseconds } from '../../protocols/units.js';
import type { Cut } from './cut-policy.js';

/** Half an hour of 1 s segments, far more than any rendition lags behind. */
const CUTS_REMEMBERED = 2_048;

export class CutList {
  #cuts: Cut[] = [];
  #firstIndex = 0;

  /** Index of the oldest cut that is remembered. */
  get firstIndex(): number {
    return this.#firstIndex;
  }

  /** -1 before the first cut. */
  get lastIndex(): number {
    return this.#firstIndex + this.#cuts.length - 1;
  }

  get first(): Cut | undefined {
    return this.#cuts[0];
  }

  get last(): Cut | undefined {
    return this.#cuts.at(-1);
  }

  at(index: number): Cut | undefined {
    return this.#cuts[index - this.#firstIndex];
  }

  /**
   * @param tolerance how much earlier than a cut a time still counts as the cut
   * @returns the index of the last cut at or before `time`; one less than the first index when there is none
   */
  indexAt(time: Milliseconds, tolerance: Milliseconds): number {
    for (let i = this.#cuts.length - 1; i >= 0; i -= 1) {
      const cut = this.#cuts[i];
      if (cut !== undefined && time >= cut.time - tolerance) return this.#firstIndex + i;
    }
    return this.#firstIndex - 1;
  }

  add(cut: Cut): void {
    this.#cuts.push(cut);
    if (this.#cuts.length > 2 * CUTS_REMEMBERED) {
      this.#firstIndex += CUTS_REMEMBERED;
      this.#cuts = this.#cuts.slice(CUTS_REMEMBERED);
    }
  }

  /** Removes the cuts after this one. */
  forgetAfter(lastIndex: number): void {
    this.#cuts.length = Math.max(0, Math.min(this.#cuts.length, lastIndex + 1 - this.#firstIndex));
  }

  clear(): void {
    this.#cuts = [];
    this.#firstIndex = 0;
  }
}

/** Longest duration of an audio frame: AAC at 22 kHz. */
const SOUND_FRAME: Milliseconds = 50;

interface KindEnds {
  readonly video: Milliseconds;
  readonly audio: Milliseconds;
}

interface RunEnd extends KindEnds {
  /** End of the media of the rendition that is furthest ahead. */
  readonly all: Milliseconds;
}

/** The end of the media of each kind, in the current run and in earlier ones: one kind may have continued longer than the other. */
export class RunEnds {
  /** By index of the last segment of the run. */
  readonly #ends = new Map<number, RunEnd>();
  #video: Milliseconds = Number.NEGATIVE_INFINITY;
  #audio: Milliseconds = Number.NEGATIVE_INFINITY;
  #uneven: { readonly index: number; readonly shorter: Milliseconds } | undefined;

  /** The end of each kind of media that was sent in this run. */
  get now(): KindEnds {
    return { video: this.#video, audio: this.#audio };
  }

  begin(): void {
    this.#video = Number.NEGATIVE_INFINITY;
    this.#audio = Number.NEGATIVE_INFINITY;
  }

  noteVideo(end: Milliseconds): void {
    if (end > this.#video) this.#video = end;
  }

  noteAudio(dts: Milliseconds): void {
    if (dts + SOUND_FRAME > this.#audio) this.#audio = dts + SOUND_FRAME;
  }

  /** Ends the run with segment `index`; forgets the ends of runs before `oldest`. */
  end(index: number, all: Milliseconds, oldest: number): void {
    this.#ends.set(index, { all, ...this.now });
    this.#uneven = { index, shorter: Math.min(this.#video, this.#audio) };
    for (const earlier of this.#ends.keys()) if (earlier < oldest) this.#ends.delete(earlier);
  }

  /** Whether only one kind of media has something at `time` in segment `index`, because the newest run of both kinds ended unevenly there. */
  isAlone(index: number, time: Milliseconds): boolean {
    const { index: last, shorter } = this.#uneven ?? { index: -1, shorter: 0 };
    return index <= last && Number.isFinite(shorter) && time > shorter - SOUND_FRAME;
  }

  /**
   * @param kind makes the answer no later than the end of the media of this kind.
   * @returns undefined if no run ended with segment `index`
   */
  at(index: number, kind?: 'video' | 'audio'): Milliseconds | undefined {
    const end = this.#ends.get(index);
    if (end === undefined || kind === undefined) return end?.all;
    return Math.min(end.all, end[kind]);
  }

  clear(): void {
    this.#ends.clear();
    this.#uneven = undefined;
  }
}

/** If every picture is a key frame, this is still more than half a minute. */
const KEY_FRAMES_REMEMBERED = 2_048;

/** Remembers the source's key frames. An encoder's key frames are at nearly the same times, and begin the same segments. */
export class KeyFrameMemory {
  /** Presentation times, the newest last. */
  #times: Milliseconds[] = [];

  note(time: Milliseconds): void {
    this.#times.push(time);
    if (this.#times.length > 2 * KEY_FRAMES_REMEMBERED) this.#times = this.#times.slice(KEY_FRAMES_REMEMBERED);
  }

  clear(): void {
    this.#times = [];
  }

  /** @returns undefined if none is less than `within` away */
  nearest(time: Milliseconds, within: Milliseconds): Milliseconds | undefined {
    let nearest: Milliseconds | undefined;
    for (let i = this.#times.length - 1; i >= 0; i -= 1) {
      const keyFrame = this.#times[i] ?? 0;
      if (nearest === undefined || Math.abs(keyFrame - time) < Math.abs(nearest - time)) nearest = keyFrame;
      if (keyFrame <= time) break;
    }
    return nearest !== undefined && Math.abs(nearest - time) < within ? nearest : undefined;
  }
}
