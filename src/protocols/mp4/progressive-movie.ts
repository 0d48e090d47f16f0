// Writes the header of a progressive MP4 file (ISO/IEC 14496-12): `moov` first, then one `mdat` whose media the caller stores elsewhere. Playback can
// start before the file is complete, and any byte range can be produced without the rest.
import { ByteWriter } from '../bytes/byte-writer.js';
import { box, fullBox } from './box-writer.js';
import { findBox, LARGE_BOX_HEADER_SIZE, readFullBoxHeader, requireBox, requireBytes } from './boxes.js';
import { mp4Error } from './errors.js';

/** A run of samples whose bytes follow each other in the file. */
export interface MovieChunk {
  /** Decode time of its first sample, in the timescale of its track. */
  readonly time: number;
  /** Bytes. */
  readonly length: number;
  readonly samples: readonly MovieSample[];
}

export interface MovieSample {
  readonly duration: number;
  readonly size: number;
  /** Presentation time minus decode time. */
  readonly cts: number;
  readonly sync: boolean;
}

export interface MovieTrack {
  /** ftyp and moov of the track's init segment. */
  readonly init: Buffer;
  readonly timescale: number;
  /**
   * In the order of decode times. Time between the end of one chunk and the beginning of the next extends the last sample, so that a gap stays a gap.
   */
  readonly chunks: readonly MovieChunk[];
}

/** The part of the tracks that players show, in seconds of their common media time. */
export interface ShownTime {
  readonly from: number;
  readonly to: number;
}

export interface MovieLayout {
  /** Everything before the media: ftyp, moov, and the header of mdat. */
  readonly header: Buffer;
  /** The chunks in file order: sorted by time, so that a player does not have to seek between tracks. */
  readonly order: readonly { readonly track: number; readonly chunk: number }[];
  /** Bytes of the whole file. */
  readonly length: number;
}

/** Milliseconds. */
const MOVIE_TIMESCALE = 1000;
const MAX_U32 = 0xffff_ffff;

/**
 * @param shown default: everything. What comes before is in the file, because pictures need their key frame, but an edit list hides it.
 * @throws mp4.box-missing and the like if an init segment is not one; mp4.track-description if there is nothing to write
 */
export function layOutMovie(tracks: readonly MovieTrack[], shown?: ShownTime): MovieLayout {
  const order = tracks
    .flatMap(({ chunks, timescale }, track) =>
      chunks.map(({ time }, chunk) => ({ track, chunk, seconds: time / timescale })),
    )
    .sort((a, b) => a.seconds - b.seconds || a.track - b.track);
  const [earliest] = order;
  if (earliest === undefined) throw mp4Error('mp4.track-description', 'got no samples, expected at least one');
  const ftyp = box(
    'ftyp',
    new ByteWriter(16).utf8('isom').u32be(0x200).utf8('isom').utf8('iso4').utf8('mp41').toBuffer(),
  );
  const window = shown ?? { from: earliest.seconds, to: Number.POSITIVE_INFINITY };
  // Offsets have 64 bits, so the length of moov does not depend on them.
  const measured = writeMoov(
    tracks,
    tracks.map(({ chunks }) => chunks.map(() => 0)),
    window,
  );
  let position = ftyp.length + measured.length + LARGE_BOX_HEADER_SIZE;
  const offsets: number[][] = tracks.map(() => []);
  for (const { track, chunk } of order) {
    (offsets[track] as number[])[chunk] = position;
    position += tracks[track]?.chunks[chunk]?.length ?? 0;
  }
  const moov = writeMoov(tracks, offsets, window);
  const media = position - ftyp.length - moov.length;
  const mdat = new ByteWriter(LARGE_BOX_HEADER_SIZE).u32be(1).utf8('mdat').u64be(BigInt(media)).toBuffer();
  return { header: Buffer.concat([ftyp, moov, mdat]), order, length: position };
}

function writeMoov(tracks: readonly MovieTrack[], offsets: readonly (readonly number[])[], shown: ShownTime): Buffer {
  const written = tracks.map((track, index) => writeTrack(track, index + 1, offsets[index] ?? [], shown));
  const duration = Math.max(...written.map((track) => track.duration));
  const mvhd = Buffer.from(requireBox(requireBox(tracks[0]?.init ?? Buffer.alloc(0), 'moov'), 'mvhd'));
  requireBytes(mvhd, 100, 'mvhd');
  const fields = new ByteWriter(108)
    .bytes(Buffer.alloc(16)) // creation and modification time
    .u32be(MOVIE_TIMESCALE)
    .u64be(BigInt(duration))
    .bytes(mvhd.subarray(20, 96)) // rate, volume, matrix
    .u32be(tracks.length + 1);
  return box('moov', fullBox('mvhd', 1, 0, fields.toBuffer()), ...written.map(({ bytes }) => bytes));
}

/** @param shown times are relative to its beginning, which by default is the decode time of the earliest sample of all tracks */
function writeTrack(
  { init, timescale, chunks }: MovieTrack,
  trackId: number,
  offsets: readonly number[],
  { from, to }: ShownTime,
): { readonly bytes: Buffer; readonly duration: number } {
  const trak = requireBox(requireBox(init, 'moov'), 'trak');
  const mdia = requireBox(trak, 'mdia');
  const minf = requireBox(mdia, 'minf');
  const samples = chunks.flatMap((chunk, index) => lengthened(chunk, chunks[index + 1]));
  const ticks = samples.reduce((sum, { duration }) => sum + duration, 0);
  const first = chunks[0];
  const firstSeconds = (first?.time ?? 0) / timescale;
  const delay = Math.max(0, Math.round((firstSeconds - from) * MOVIE_TIMESCALE));
  // Presentation begins with the smallest composition time; without this edit list, players would begin with a reorder delay.
  const earliest = Math.max(0, Math.min(...samples.slice(0, 64).map(composition())));
  const mediaStart = Math.max(earliest, Math.round((from - firstSeconds) * timescale));
  const mediaEnd = Math.min(ticks, (to - firstSeconds) * timescale);
  const shown = Math.max(0, Math.round(((mediaEnd - mediaStart) / timescale) * MOVIE_TIMESCALE));
  const edits = [...(delay > 0 ? [[delay, -1] as const] : []), [shown, mediaStart] as const];
  const elst = new ByteWriter(4 + edits.length * 20).u32be(edits.length);
  for (const [length, start] of edits)
    elst
      .u64be(BigInt(length))
      .u64be(BigInt.asUintN(64, BigInt(start)))
      .u32be(0x1_0000);
  const tkhd = Buffer.from(requireBox(trak, 'tkhd'));
  const { version } = readFullBoxHeader(tkhd, 'tkhd');
  const rest = version === 1 ? 36 : 24;
  requireBytes(tkhd, rest + 60, 'tkhd');
  const header = new ByteWriter(104)
    .bytes(Buffer.alloc(16))
    .u32be(trackId)
    .u32be(0)
    .u64be(BigInt(delay + shown))
    .bytes(tkhd.subarray(rest, rest + 60)); // layer, volume, matrix, size
  const mdhd = new ByteWriter(36).bytes(Buffer.alloc(16)).u32be(timescale).u64be(BigInt(ticks)).u16be(0x55c4).u16be(0);
  const mediaHeader = findBox(minf, 'vmhd') ?? findBox(minf, 'smhd');
  const stbl = box(
    'stbl',
    box('stsd', requireBox(minf, 'stbl', 'stsd')),
    ...sampleTables(
      samples,
      chunks.map((chunk) => chunk.samples.length),
      offsets,
    ),
  );
  const bytes = box(
    'trak',
    fullBox('tkhd', 1, 3, header.toBuffer()),
    box('edts', fullBox('elst', 1, 0, elst.toBuffer())),
    box(
      'mdia',
      fullBox('mdhd', 1, 0, mdhd.toBuffer()),
      box('hdlr', requireBox(mdia, 'hdlr')),
      box(
        'minf',
        mediaHeader === undefined ? Buffer.alloc(0) : box(mediaHeader.type, mediaHeader.body),
        box('dinf', requireBox(minf, 'dinf')),
        stbl,
      ),
    ),
  );
  return { bytes, duration: delay + shown };
}

/** The samples of a chunk; the last one lasts until the next chunk begins. */
function lengthened({ time, samples }: MovieChunk, next: MovieChunk | undefined): readonly MovieSample[] {
  if (next === undefined) return samples;
  const end = samples.reduce((at, { duration }) => at + duration, time);
  const last = samples.at(-1);
  if (last === undefined || end === next.time) return samples;
  const duration = Math.min(MAX_U32, Math.max(0, last.duration + next.time - end));
  return [...samples.slice(0, -1), { ...last, duration }];
}

/** Composition times of samples in order, from the decode time of the first. */
function composition(): (sample: MovieSample) => number {
  let decode = 0;
  return ({ cts, duration }) => {
    decode += duration;
    return decode - duration + cts;
  };
}

/** ISO/IEC 14496-12 8.6 and 8.7. */
function sampleTables(
  samples: readonly MovieSample[],
  perChunk: readonly number[],
  offsets: readonly number[],
): Buffer[] {
  const tables = [
    fullBox('stts', 0, 0, runs(samples.map(({ duration }) => duration))),
    ...(samples.some(({ cts }) => cts !== 0) ? [fullBox('ctts', 1, 0, runs(samples.map(({ cts }) => cts)))] : []),
  ];
  if (samples.some(({ sync }) => !sync)) {
    const numbers = samples.flatMap(({ sync }, index) => (sync ? [index + 1] : []));
    tables.push(fullBox('stss', 0, 0, list(numbers)));
  }
  const stsc: number[] = [];
  for (const [index, count] of perChunk.entries()) {
    if (count !== perChunk[index - 1]) stsc.push(index + 1, count, 1);
  }
  const sizes = new ByteWriter(8 + samples.length * 4).u32be(0).u32be(samples.length);
  for (const { size } of samples) sizes.u32be(size);
  const co64 = new ByteWriter(4 + offsets.length * 8).u32be(offsets.length);
  for (const offset of offsets) co64.u64be(BigInt(offset));
  return [
    ...tables,
    fullBox('stsc', 0, 0, list(stsc, 3)),
    fullBox('stsz', 0, 0, sizes.toBuffer()),
    fullBox('co64', 0, 0, co64.toBuffer()),
  ];
}

/** Pairs of count and value. */
function runs(values: readonly number[]): Buffer {
  const pairs: number[] = [];
  for (const value of values) {
    if (pairs.length > 0 && pairs[pairs.length - 1] === value) (pairs[pairs.length - 2] as number) += 1;
    else pairs.push(1, value);
  }
  return list(pairs, 2);
}

/** @param width values per entry */
function list(values: readonly number[], width = 1): Buffer {
  const out = new ByteWriter(4 + values.length * 4).u32be(values.length / width);
  for (const value of values) out.i32be(value | 0);
  return out.toBuffer();
}
