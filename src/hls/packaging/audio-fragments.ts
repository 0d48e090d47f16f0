// Takes the frames out of FFmpeg's audio fragments, because these do not end at the cuts of the video, and fills the publisher's pauses.
import type { Fragment } from '../../protocols/mp4/fragment.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import { AudioParts } from './audio-parts.js';
import type { PartOptions } from './part.js';
import type { Silence } from './silence.js';

/**
 * When audio pauses, FFmpeg keeps back less than this until it goes on: an unfinished fragment, and the buffers of its decoder, resampler
 * and encoder.
 */
const HELD_BY_FFMPEG: Milliseconds = 500;

/** Audio from before a pause that FFmpeg has not delivered after this time is lost. */
const LONGEST_DELIVERY: Milliseconds = 3_000;

export interface AudioFragmentsOptions extends PartOptions {
  /** Frames before this are dropped: the first frame of a new encoder contains only its delay. */
  readonly shownUntil: Seconds;
  /** Duration of a frame if the init segment tells it; otherwise that of the first frame. */
  readonly frameDuration: Ticks | undefined;
  /** What replaces audio that the publisher does not send; undefined if nothing can replace it. */
  readonly silence?: Silence | undefined;
  /** Whether the frames before `shownUntil` were silent, because the publisher sends no audio. */
  readonly isSilent?: boolean;
}

export class AudioFragments {
  readonly #options: AudioFragmentsOptions;
  readonly #parts: AudioParts;
  readonly #shownUntil: number;
  #frame: Ticks | undefined;
  /** End of the last frame, silent or not. */
  #next: Ticks | undefined;
  /** Number of silent frames since the last audio frame. */
  #silent = 0;

  constructor(options: AudioFragmentsOptions) {
    this.#options = options;
    // Frames before the encoder's first input are dropped: they contain only the encoder's delay.
    this.#parts = new AudioParts({ ...options, lead: 0 });
    this.#shownUntil = options.shownUntil * options.timescale;
    this.#frame = options.frameDuration;
    if (Number.isFinite(this.#shownUntil)) this.#next = Math.round(this.#shownUntil);
    if (options.isSilent === true) this.#silent = 1;
  }

  /** Whether silence currently replaces the audio. */
  get isSilent(): boolean {
    return this.#silent > 0;
  }

  push({ baseMediaDecodeTime, samples }: Fragment): void {
    let start = baseMediaDecodeTime;
    for (const { duration, data } of samples) {
      if (start + duration / 2 >= this.#shownUntil) this.#take(start, duration, data);
      start += duration;
    }
    this.advance();
  }

  advance(): void {
    this.#fillPause();
    this.#parts.advance();
  }

  flush(): void {
    const { silence, schedule, timescale } = this.#options;
    // The pause lasts until the end of the pictures.
    if (silence !== undefined && this.#silent > 0) this.#addSilence((schedule.soundPause.pictures / 1000) * timescale);
    this.#parts.flush();
  }

  #take(start: Ticks, duration: Ticks, data: Buffer): void {
    this.#frame ??= duration;
    if (this.#silent > 0) {
      // Silence has already been emitted in place of this frame. When audio goes on, FFmpeg itself makes silence for the whole pause.
      if (start < (this.#next ?? start) - duration / 2) return;
      this.#addSilence(start - duration / 2);
      this.#silent = 0;
    }
    this.#parts.push(start, duration, data);
    this.#next = start + duration;
  }

  /** Emits silence while the publisher sends pictures but no audio. */
  #fillPause(): void {
    const { silence, schedule, timescale } = this.#options;
    if (silence === undefined || this.#next === undefined || schedule.runStart === undefined) return;
    const { since } = schedule.soundPause;
    const until = schedule.soundPause.until(silence.isFirst());
    if (until === undefined || since === undefined) return;
    const isDelivered = this.#silent > 0 || secondsToMilliseconds(this.#next / timescale) >= since - HELD_BY_FFMPEG;
    if (!isDelivered && until - since < LONGEST_DELIVERY) return;
    const before = this.#silent;
    this.#addSilence((until / 1000) * timescale);
    if (before === 0 && this.#silent > 0) silence.onBegin();
  }

  #addSilence(until: Ticks): void {
    const frame = this.#options.silence?.frame;
    const duration = this.#frame;
    if (frame === undefined || duration === undefined || this.#next === undefined) return;
    for (; this.#next + duration <= until; this.#next += duration) {
      this.#silent += 1;
      this.#parts.push(this.#next, duration, frame);
    }
  }
}
