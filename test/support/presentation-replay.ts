// Feeds a recording to a presentation in the order a live stream would: tags at ingest, then what FFmpeg made of them.
import type { Presentation } from '../../src/hls/presentation.js';
import type { Milliseconds } from '../../src/protocols/units.js';
import type { NotedTag, PipeChunk, Recording } from './ladder-recording.js';
import type { ManualClock } from './manual-clock.js';

export interface ReplayOptions {
  readonly clock: ManualClock;
  /** How much later than the source copy the encoded rungs come. */
  readonly encoderLag?: Milliseconds;
  /** For the random cutting of the pipes' bytes. */
  readonly seed?: number;
  /** After each step that may have changed a playlist. */
  readonly onStep?: () => void | Promise<void>;
  /** Only tags and chunks of this stretch of stream time. */
  readonly from?: Milliseconds;
  readonly until?: Milliseconds;
  /** FFmpeg's start: init segments first, and no fragment before it. */
  readonly skipNotes?: boolean;
  readonly end?: boolean;
}

export async function replay(presentation: Presentation, recording: Recording, options: ReplayOptions): Promise<void> {
  const { clock, encoderLag = 120, from = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY } = options;
  const random = generator(options.seed ?? 1);
  const inside = (chunk: PipeChunk): boolean => chunk.after === 0 || (chunk.after > from && chunk.after <= until);
  const waiting = recording.chunks.filter(inside).map((chunk) => ({ chunk, due: dueOf(chunk, recording, encoderLag) }));
  waiting.sort((a, b) => a.due - b.due);
  let last: Milliseconds | undefined;
  const write = ({ rendition, bytes }: PipeChunk): void => {
    for (let at = 0; at < bytes.length; ) {
      const size = Math.max(1, Math.floor(random() * bytes.length * 1.5));
      presentation.write(rendition, bytes.subarray(at, at + size));
      at += size;
    }
  };
  for (const tag of recording.tags.filter(({ dts }) => dts >= from && dts <= until)) {
    clock.advance(Math.max(0, tag.dts - (last ?? tag.dts)));
    last = Math.max(last ?? tag.dts, tag.dts);
    if (options.skipNotes !== true) note(presentation, tag);
    while (waiting[0] !== undefined && waiting[0].due <= tag.dts) {
      const next = waiting.shift();
      if (next !== undefined) write(next.chunk);
      await options.onStep?.();
    }
    await options.onStep?.();
  }
  if (options.end === false) return;
  for (const { chunk } of waiting) write(chunk);
  await options.onStep?.();
  await presentation.end();
  await options.onStep?.();
}

export function note(presentation: Presentation, tag: NotedTag): void {
  if (tag.kind === 'video') presentation.noteVideo(tag.dts, tag.pts, tag.keyFrame);
  else presentation.noteAudio(tag.dts);
}

/** The earliest tag that makes FFmpeg let a fragment go: with `+cmaf` its times run ahead of decode time by the reordering. */
function dueOf(chunk: PipeChunk, recording: Recording, encoderLag: Milliseconds): Milliseconds {
  const video = recording.tags.find(({ kind }) => kind === 'video');
  if (video === undefined || chunk.after === 0) return chunk.after;
  if (chunk.rendition === recording.pipes.length - 1) return chunk.after;
  return chunk.rendition === 0 ? chunk.after - (video.pts - video.dts) : chunk.after + encoderLag;
}

/** mulberry32: the same cuttings at each run. */
export function generator(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}
