// Finds the samples that a clip needs, and its shown time range. The clip begins at exactly the requested picture, although decoding begins at the
// key frame before it.

import type { MovieChunk, ShownTime } from '../protocols/mp4/progressive-movie.js';
import type { Seconds } from '../protocols/units.js';

interface EditedTrack<Chunk extends MovieChunk> {
  readonly timescale: number;
  readonly chunks: readonly Chunk[];
}

/** Dates in playlists have whole milliseconds, so a picture may seem to begin this much later than requested. */
const TOLERANCE: Seconds = 0.001;

/**
 * @param track a video, if there is one
 * @param clip seconds to hide at the beginning and at the end
 * @returns media time; `from` is the beginning of the picture that is shown then
 */
export function shownTime<Chunk extends MovieChunk>(
  { timescale, chunks }: EditedTrack<Chunk>,
  { skip, cut }: { readonly skip: Seconds; readonly cut: Seconds },
): ShownTime {
  // Segments begin and end at decode times, on which playlists, dates and players are based.
  const start = chunks[0]?.time ?? 0;
  const last = chunks.at(-1);
  const end = (last?.time ?? 0) + (last?.samples.reduce((sum, { duration }) => sum + duration, 0) ?? 0);
  const asked = start / timescale + skip;
  let from = Number.NEGATIVE_INFINITY;
  let earliest = Number.POSITIVE_INFINITY;
  for (const shownAt of pictures(chunks)) {
    earliest = Math.min(earliest, shownAt);
    if (shownAt / timescale <= asked + TOLERANCE) from = Math.max(from, shownAt);
  }
  return { from: Math.max(from, earliest) / timescale, to: end / timescale - cut };
}

/** The chunks from the key frame before `from` to the last one that is shown. */
export function neededChunks<Chunk extends MovieChunk>(
  { timescale, chunks }: EditedTrack<Chunk>,
  { from, to }: ShownTime,
): readonly Chunk[] {
  const first = chunks.findLastIndex((chunk) => {
    const [sample] = chunk.samples;
    return sample?.sync === true && (chunk.time + sample.cts) / timescale <= from;
  });
  const beyond = chunks.findIndex(({ time }, index) => index > first && time / timescale >= to);
  return chunks.slice(Math.max(0, first), beyond === -1 ? undefined : beyond);
}

/** The presentation time of each sample, in the timescale of its track. */
function* pictures(chunks: readonly MovieChunk[]): Generator<number> {
  for (const { time, samples } of chunks) {
    let decode = time;
    for (const { cts, duration } of samples) {
      yield decode + cts;
      decode += duration;
    }
  }
}
