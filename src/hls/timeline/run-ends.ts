// The end of the media of each kind, in the current run and in earlier ones: one kind may have continued longer than the other.
import type { Milliseconds } from '../../protocols/units.js';

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

export class RunEnds {
  /** By index of the last segment of the run. */
  readonly #ends = new Map<number, RunEnd>();
  #video: Milliseconds = Number.NEGATIVE_INFINITY;
  #audio: Milliseconds = Number.NEGATIVE_INFINITY;

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

  /** The run ends with segment `index`; ends before `oldest` are dropped. */
  end(index: number, all: Milliseconds, oldest: number): void {
    this.#ends.set(index, { all, ...this.now });
    for (const earlier of this.#ends.keys()) if (earlier < oldest) this.#ends.delete(earlier);
  }

  /** @param kind not later than media of this kind was sent. @returns undefined if no run ended with segment `index` */
  at(index: number, kind?: 'video' | 'audio'): Milliseconds | undefined {
    const end = this.#ends.get(index);
    if (end === undefined || kind === undefined) return end?.all;
    return Math.min(end.all, end[kind]);
  }

  clear(): void {
    this.#ends.clear();
  }
}
