// Takes the frames out of FFmpeg's audio fragments, which end wherever FFmpeg was told to, not at the cuts of the video.
import type { Fragment } from '../../protocols/mp4/fragment.js';
import type { Seconds } from '../../protocols/units.js';
import { AudioParts } from './audio-parts.js';
import type { PartOptions } from './part.js';

export interface AudioFragmentsOptions extends PartOptions {
  /** Frames before this are dropped: the first frame of a new encoder contains only its delay. */
  readonly shownUntil: Seconds;
}

export class AudioFragments {
  readonly #parts: AudioParts;
  readonly #shownUntil: number;

  constructor(options: AudioFragmentsOptions) {
    // What an encoder emits before its first input contains only its delay.
    this.#parts = new AudioParts({ ...options, lead: 0 });
    this.#shownUntil = options.shownUntil * options.timescale;
  }

  push({ baseMediaDecodeTime, samples }: Fragment): void {
    let start = baseMediaDecodeTime;
    for (const { duration, data } of samples) {
      if (start + duration / 2 >= this.#shownUntil) this.#parts.push(start, duration, data);
      start += duration;
    }
    this.advance();
  }

  advance(): void {
    this.#parts.advance();
  }

  flush(): void {
    this.#parts.flush();
  }
}
