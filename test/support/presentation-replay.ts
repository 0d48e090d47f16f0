// Feeds a recording to a presentation in the order of a live stream: tags at ingest, then the output of FFmpeg.
import type { Presentation } from '../../src/hls/presentation.js';
import type { Milliseconds } from '../../src/protocols/units.js';
import type { NotedTag, PipeChunk, Recording } from './ladder-recording.js';
import type { ManualClock } from './manual-clock.js';

export interface ReplayOptions {
  readonly clock: ManualClock;
  /** How much later than the source copy the encoded rungs arrive. */
  readonly encoderLag?: Milliseconds;
  /** Seed for cutting the bytes of the pipes at random places. */
  readonly seed?: number;
  /** Called after each step that may have changed a playlist. */
  readonly onStep?: () => void | Promise<void>;
  /** Stream time of this FFmpeg's first input. */
  readonly from?: Milliseconds;
  /** Tags up to this time were noted before. This FFmpeg gets them at once, because an earlier one had already been fed with them. */
  readonly notedUntil?: Milliseconds;
}

/** One run of FFmpeg, which can be stopped at any stream time and continued. */
export class Replay {
  readonly #presentation: Presentation;
  readonly #options: ReplayOptions;
  /** Names of the renditions, in the order of the pipes. */
  readonly #names: readonly string[];
  readonly #random: () => number;
  readonly #tags: NotedTag[];
  readonly #chunks: { readonly chunk: PipeChunk; readonly due: Milliseconds }[];
  #last: Milliseconds | undefined;

  constructor(presentation: Presentation, recording: Recording, options: ReplayOptions) {
    const { encoderLag = 120, from = 0 } = options;
    this.#presentation = presentation;
    this.#names = presentation.renditions.map(({ name }) => name);
    this.#options = options;
    this.#random = generator(options.seed ?? 1);
    this.#tags = recording.tags.filter(({ dts }) => dts >= from);
    this.#chunks = recording.chunks
      .filter(({ after }) => after === 0 || after > from)
      .map((chunk) => ({ chunk, due: dueOf(chunk, recording, encoderLag) }))
      .sort((a, b) => a.due - b.due);
  }

  /** Plays up to and including this stream time. */
  async playUntil(until: Milliseconds): Promise<void> {
    for (;;) {
      const tag = this.#tags[0];
      if (tag === undefined || tag.dts > until) return;
      this.#tags.shift();
      if (tag.dts > (this.#options.notedUntil ?? Number.NEGATIVE_INFINITY)) {
        this.#options.clock.advance(Math.max(0, tag.dts - (this.#last ?? tag.dts)));
        this.#last = Math.max(this.#last ?? tag.dts, tag.dts);
        take(this.#presentation, tag);
      }
      while (this.#chunks[0] !== undefined && this.#chunks[0].due <= tag.dts) {
        this.#writeNext();
        await this.#options.onStep?.();
      }
      await this.#options.onStep?.();
    }
  }

  /** Plays the rest, then the output that FFmpeg flushes at the end of its input, then the end. */
  async finish(): Promise<void> {
    await this.playUntil(Number.POSITIVE_INFINITY);
    while (this.#chunks.length > 0) this.#writeNext();
    await this.#options.onStep?.();
    await this.#presentation.end();
    await this.#options.onStep?.();
  }

  #writeNext(): void {
    const next = this.#chunks.shift();
    if (next === undefined) return;
    const { rendition, bytes } = next.chunk;
    const name = this.#names[rendition] ?? '';
    for (let at = 0; at < bytes.length; ) {
      const size = Math.max(1, Math.floor(this.#random() * bytes.length * 1.5));
      this.#presentation.write(name, bytes.subarray(at, at + size));
      at += size;
    }
  }
}

/** Plays the whole recording, to the end of the stream. */
export async function replay(presentation: Presentation, recording: Recording, options: ReplayOptions): Promise<void> {
  await new Replay(presentation, recording, options).finish();
}

/** @param rendition the rendition with input `samples` that consists of these tags, if any */
function take(presentation: Presentation, tag: NotedTag, rendition?: string): void {
  const { kind, dts, pts, keyFrame, data } = tag;
  const sync = kind === 'audio' || keyFrame;
  presentation.take({ role: kind, mayCut: keyFrame, rendition, dts, cts: pts - dts, sync, data });
}

/** The earliest tag that makes FFmpeg emit a fragment: with `+cmaf` its times are ahead of decode time by the reordering. */
function dueOf(chunk: PipeChunk, recording: Recording, encoderLag: Milliseconds): Milliseconds {
  const video = recording.tags.find(({ kind }) => kind === 'video');
  if (video === undefined || chunk.after === 0) return chunk.after;
  const isAudio = chunk.rendition === recording.pipes.length - 1 && recording.tags.some(({ kind }) => kind === 'audio');
  if (isAudio) return chunk.after;
  return chunk.rendition === 0 ? chunk.after - (video.pts - video.dts) : chunk.after + encoderLag;
}

/** mulberry32 random numbers: the same in every run. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Init segments of a recording, for renditions that the gateway packages: the source's video and the audio. */
export function initsOf(recording: Recording): {
  readonly video: Buffer | undefined;
  readonly audio: Buffer | undefined;
} {
  const inits = recording.chunks.filter(({ after }) => after === 0);
  const of = (rendition: number): Buffer | undefined => inits.find((chunk) => chunk.rendition === rendition)?.bytes;
  const hasVideo = recording.tags.some(({ kind }) => kind === 'video');
  const hasAudio = recording.tags.some(({ kind }) => kind === 'audio');
  return {
    video: hasVideo ? of(0) : undefined,
    audio: hasAudio ? of(recording.pipes.length - 1) : undefined,
  };
}

export interface PublishOptions {
  readonly clock: ManualClock;
  /** Names of the renditions with input `samples`. */
  readonly video?: string;
  readonly audio?: string;
  /** First time to play, on the recording's timeline. */
  readonly from?: Milliseconds;
  readonly until?: Milliseconds;
  /** The time of `from` on the presentation's timeline; default: the same as in the recording. */
  readonly origin?: Milliseconds;
  /** Called after each tag. */
  readonly onStep?: () => void;
  /** Tags that never arrive. */
  readonly lost?: (tag: NotedTag) => boolean;
}

/** A publisher whose frames the gateway packages itself: each tag is noted, then written. */
export function publish(presentation: Presentation, recording: Recording, options: PublishOptions): void {
  const { clock, video, audio, from = 0, until = Number.POSITIVE_INFINITY, onStep, lost } = options;
  const move = (options.origin ?? from) - from;
  let last: Milliseconds | undefined;
  for (const tag of recording.tags) {
    if (tag.dts < from || tag.dts > until) continue;
    clock.advance(Math.max(0, tag.dts - (last ?? tag.dts)));
    last = Math.max(last ?? tag.dts, tag.dts);
    if (lost?.(tag) === true) continue;
    const dts = tag.dts + move;
    take(presentation, { ...tag, dts, pts: tag.pts + move }, tag.kind === 'video' ? video : audio);
    onStep?.();
  }
}
