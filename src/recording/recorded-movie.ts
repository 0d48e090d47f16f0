// A recording as one progressive MP4 that is never stored: its header is computed from the segments, and its media is read from them while it is
// sent. It therefore takes no disk space, and any byte range can be sent at once.

import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readBoxHeader } from '../protocols/mp4/boxes.js';
import { type InitTrack, parseInitSegment } from '../protocols/mp4/init-segment.js';
import { parseFragment } from '../protocols/mp4/movie-fragment.js';
import { layOutMovie, type MovieChunk } from '../protocols/mp4/progressive-movie.js';
import type { CatalogueEntry } from './catalogue.js';
import { neededChunks, shownTime } from './clip-edit.js';
import { recordingError } from './errors.js';
import { PLAYLIST, readPlaylist } from './recorded-playlist.js';

export interface RecordedMovie {
  /** Bytes. */
  readonly length: number;
  /** Memory that it occupies. */
  readonly heldBytes: number;
  /** The bytes from `first` to `last`, both included. Keeps one buffer of one file in memory at a time. */
  read(first: number, last: number): AsyncGenerator<Buffer, void, undefined>;
}

/** Where the bytes of a chunk are. */
export interface StoredChunk extends MovieChunk {
  readonly path: string;
  readonly offset: number;
}

export interface StoredTrack {
  readonly init: Buffer;
  readonly timescale: number;
  readonly chunks: readonly StoredChunk[];
}

/** A piece of the movie: `at` is its first byte in the movie. */
interface Piece {
  readonly at: number;
  readonly path: string;
  readonly offset: number;
  readonly length: number;
}

/** Bytes of memory per entry of the list of pieces. The pieces of a segment share their path. */
const PIECE_BYTES = 96;

/**
 * Reads every segment once for its sample tables.
 * @param renditions one video, one audio, or both
 * @throws {SluiceError} `recording.mp4` if the codec changes in the middle, or there is no media; the errors of `mp4` for damaged files
 * @throws the system error if a file cannot be read
 */
export async function recordedMovie(
  { directory, facts: { clip } }: CatalogueEntry,
  renditions: readonly string[],
): Promise<RecordedMovie> {
  const found = await Promise.all(renditions.map((rendition) => readTrack(join(directory, rendition))));
  const whole = found.filter(({ chunks }) => chunks.length > 0);
  const [deciding] = whole;
  if (deciding === undefined) throw recordingError('recording.mp4', 'the recording has no media of these renditions');
  const shown = clip && shownTime(deciding, clip);
  const needed = whole.map((track) => (shown === undefined ? track : { ...track, chunks: neededChunks(track, shown) }));
  const tracks = needed.filter(({ chunks }) => chunks.length > 0);
  const { header, order, length } = layOutMovie(tracks, shown);
  const pieces: Piece[] = [];
  let at = header.length;
  for (const { track, chunk } of order) {
    const stored = tracks[track]?.chunks[chunk];
    if (stored === undefined) continue;
    pieces.push({ at, path: stored.path, offset: stored.offset, length: stored.length });
    at += stored.length;
  }
  return {
    length,
    heldBytes: header.length + pieces.length * PIECE_BYTES,
    async *read(first, last) {
      if (first < header.length) yield header.subarray(first, Math.min(last + 1, header.length));
      for (let index = indexOf(pieces, first); index < pieces.length; index += 1) {
        const piece = pieces[index] as Piece;
        if (piece.at > last) return;
        const start = piece.offset + Math.max(0, first - piece.at);
        const end = piece.offset + Math.min(piece.length, last + 1 - piece.at) - 1;
        yield* createReadStream(piece.path, { start, end });
      }
    },
  };
}

/** Index of the piece that contains this byte. */
function indexOf(pieces: readonly Piece[], byte: number): number {
  let low = 0;
  let high = pieces.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const piece = pieces[middle] as Piece;
    if (piece.at + piece.length <= byte) low = middle + 1;
    else high = middle;
  }
  return low;
}

async function readTrack(directory: string): Promise<StoredTrack> {
  const entries = readPlaylist(await readFile(join(directory, PLAYLIST), 'utf8'))?.entries ?? [];
  const chunks: StoredChunk[] = [];
  let init: Buffer | undefined;
  let track: InitTrack | undefined;
  for (const { uri, map, gap } of entries) {
    if (gap) continue;
    const needed = await readFile(join(directory, map));
    if (init !== undefined && !needed.equals(init)) {
      throw recordingError(
        'recording.mp4',
        'the codec or the picture changes in the middle, and one MP4 cannot say so',
      );
    }
    init = needed;
    track ??= parseInitSegment(init);
    const path = join(directory, uri);
    chunks.push(...readChunks(path, await readFile(path), track));
  }
  return { init: init ?? Buffer.alloc(0), timescale: track?.timescale ?? 1, chunks };
}

/** The parts of a segment: each is a moof and its mdat. */
function readChunks(path: string, segment: Buffer, track: InitTrack): StoredChunk[] {
  const chunks: StoredChunk[] = [];
  let moof: number | undefined;
  for (let at = 0, header = readBoxHeader(segment); header !== undefined; header = readBoxHeader(segment, at)) {
    if (header.type === 'moof') moof = at;
    else if (header.type === 'mdat' && moof !== undefined) {
      const { baseMediaDecodeTime: time, samples } = parseFragment(segment.subarray(moof, at + header.size), track);
      const offset = (samples[0]?.data.byteOffset ?? 0) - segment.byteOffset;
      const length = samples.reduce((sum, { size }) => sum + size, 0);
      // Copy the numbers only; otherwise the samples would keep the bytes of the segment in memory.
      const times = samples.map(({ duration, size, cts, sync }) => ({ duration, size, cts, sync }));
      chunks.push({ path, offset, length, time, samples: times });
      moof = undefined;
    }
    at += header.size;
  }
  return chunks;
}
