// Writes samples as one moof+mdat. All parts are made like this, except those that are FFmpeg's fragments unchanged.
import type { Ticks } from '../units.js';
import { BOX_HEADER_SIZE } from './boxes.js';
import { mp4Error } from './errors.js';
import type { Sample } from './fragment.js';
import {
  TFHD_DEFAULT_BASE_IS_MOOF,
  TFHD_DEFAULT_SAMPLE_DURATION,
  TFHD_DEFAULT_SAMPLE_FLAGS,
  TFHD_DEFAULT_SAMPLE_SIZE,
  TRUN_DATA_OFFSET,
  TRUN_FIRST_SAMPLE_FLAGS,
  TRUN_SAMPLE_COMPOSITION_OFFSET,
  TRUN_SAMPLE_DURATION,
  TRUN_SAMPLE_FLAGS,
  TRUN_SAMPLE_SIZE,
} from './fragment-flags.js';

export interface FragmentToWrite {
  /** `mfhd`: increases by one per fragment of a track (ISO/IEC 14496-12 8.8.5). */
  readonly sequenceNumber: number;
  readonly trackId: number;
  /** May be negative for priming before time 0, which is written as FFmpeg does it. */
  readonly baseMediaDecodeTime: Ticks;
  /** At least one. `size` is not used: the length of the data is. */
  readonly samples: readonly Pick<Sample, 'duration' | 'cts' | 'sync' | 'data'>[];
}

/** sample_depends_on = 2 (I picture), and = 1 with sample_is_non_sync_sample (ISO/IEC 14496-12 8.8.3.1). */
const SYNC_SAMPLE_FLAGS = 0x0200_0000;
const NON_SYNC_SAMPLE_FLAGS = 0x0101_0000;

const TFHD_FLAGS = TFHD_DEFAULT_BASE_IS_MOOF | TFHD_DEFAULT_SAMPLE_DURATION | TFHD_DEFAULT_SAMPLE_FLAGS;
/** Version 1: composition offsets are signed. */
const TRUN_VERSION = 0x0100_0000;

const MFHD_SIZE = 16;
const TFHD_SIZE = 24;
const TFDT_SIZE = 16;
const TFDT_LARGE_SIZE = 20;
const TRUN_FIXED_SIZE = 20;
const MAX_U32 = 0xffff_ffff;

const MOOF = fourCc('moof');
const MFHD = fourCc('mfhd');
const TRAF = fourCc('traf');
const TFHD = fourCc('tfhd');
const TFDT = fourCc('tfdt');
const TRUN = fourCc('trun');
const MDAT = fourCc('mdat');

/**
 * Writes one moof with one `trun`, and its mdat, in a single allocation: the data of each sample is copied once. Fields that are equal in
 * all samples are written once.
 * @throws mp4.fragment if there are no samples
 */
export function writeFragment(fragment: FragmentToWrite): Buffer {
  return writeBegin(fragment, fragment.samples.length);
}

/** In bytes. Smaller data is cheaper to copy than to refer to, and a view may keep a much larger buffer in memory. */
const SMALLEST_PIECE = 4_096;

/**
 * Writes the same fragment as buffers to be concatenated. Large sample data is referred to, not copied.
 * @throws mp4.fragment if there are no samples
 */
export function writeFragmentPieces(fragment: FragmentToWrite): Buffer[] {
  const { samples } = fragment;
  const large = samples.findIndex(({ data }) => data.length >= SMALLEST_PIECE);
  if (large === -1) return [writeFragment(fragment)];
  const pieces = [writeBegin(fragment, large)];
  let small: Buffer[] = [];
  const flush = (): void => {
    if (small.length > 0) pieces.push(Buffer.concat(small));
    small = [];
  };
  for (const { data } of samples.slice(large)) {
    if (data.length < SMALLEST_PIECE) {
      small.push(data);
    } else {
      flush();
      pieces.push(data);
    }
  }
  flush();
  return pieces;
}

/** @param count number of samples whose data follows in the same buffer */
function writeBegin(fragment: FragmentToWrite, count: number): Buffer {
  const followed = fragment.samples.slice(0, count);
  const room = followed.reduce((size, { data }) => size + data.length, 0);
  const { out, headSize } = writeHead(fragment, room);
  let at = headSize;
  for (const { data } of followed) {
    out.set(data, at);
    at += data.length;
  }
  return out;
}

/** @param room bytes to reserve after the head for sample data that the caller writes */
function writeHead(fragment: FragmentToWrite, room: number): { readonly out: Buffer; readonly headSize: number } {
  const { samples, baseMediaDecodeTime: time } = fragment;
  const [first] = samples;
  if (first === undefined) throw mp4Error('mp4.fragment', 'got no samples to write, expected at least one');
  const layout = layOut(samples, first);
  const { trunFlags } = layout;
  const equalSizes = (trunFlags & TRUN_SAMPLE_SIZE) === 0;
  // Negative times are written as 64-bit two's complement, as FFmpeg does; 64 bits are also needed from 2^32 on.
  const largeTime = time < 0 || time > MAX_U32;
  const tfhdSize = TFHD_SIZE + (equalSizes ? 4 : 0);
  const tfdtSize = largeTime ? TFDT_LARGE_SIZE : TFDT_SIZE;
  const firstFlags = (trunFlags & TRUN_FIRST_SAMPLE_FLAGS) !== 0;
  const trunSize = TRUN_FIXED_SIZE + (firstFlags ? 4 : 0) + samples.length * layout.bytesPerSample;
  const trafSize = BOX_HEADER_SIZE + tfhdSize + tfdtSize + trunSize;
  const moofSize = BOX_HEADER_SIZE + MFHD_SIZE + trafSize;

  const out = Buffer.allocUnsafe(moofSize + BOX_HEADER_SIZE + room);
  let at = writeHeader(out, 0, MOOF, moofSize);
  at = writeHeader(out, at, MFHD, MFHD_SIZE);
  at = out.writeUInt32BE(0, at);
  at = out.writeUInt32BE(fragment.sequenceNumber >>> 0, at);
  at = writeHeader(out, at, TRAF, trafSize);
  at = writeHeader(out, at, TFHD, tfhdSize);
  at = out.writeUInt32BE(TFHD_FLAGS | (equalSizes ? TFHD_DEFAULT_SAMPLE_SIZE : 0), at);
  at = out.writeUInt32BE(fragment.trackId, at);
  at = out.writeUInt32BE(first.duration, at);
  if (equalSizes) at = out.writeUInt32BE(first.data.length, at);
  at = out.writeUInt32BE(layout.defaultFlags, at);
  at = writeHeader(out, at, TFDT, tfdtSize);
  at = out.writeUInt32BE(largeTime ? 0x0100_0000 : 0, at);
  at = largeTime ? out.writeBigInt64BE(BigInt(time), at) : out.writeUInt32BE(time, at);
  at = writeHeader(out, at, TRUN, trunSize);
  at = out.writeUInt32BE(TRUN_VERSION | trunFlags, at);
  at = out.writeUInt32BE(samples.length, at);
  at = out.writeUInt32BE(moofSize + BOX_HEADER_SIZE, at);
  if (firstFlags) at = out.writeUInt32BE(sampleFlags(first.sync), at);
  for (const sample of samples) {
    if ((trunFlags & TRUN_SAMPLE_DURATION) !== 0) at = out.writeUInt32BE(sample.duration, at);
    if (!equalSizes) at = out.writeUInt32BE(sample.data.length, at);
    if ((trunFlags & TRUN_SAMPLE_FLAGS) !== 0) at = out.writeUInt32BE(sampleFlags(sample.sync), at);
    if ((trunFlags & TRUN_SAMPLE_COMPOSITION_OFFSET) !== 0) at = out.writeInt32BE(sample.cts, at);
  }
  at = writeHeader(out, at, MDAT, BOX_HEADER_SIZE + layout.dataSize);
  return { out, headSize: at };
}

interface Layout {
  readonly trunFlags: number;
  readonly defaultFlags: number;
  readonly bytesPerSample: number;
  readonly dataSize: number;
}

/** Determines which fields differ between samples, so that they must be written for each. */
function layOut(samples: FragmentToWrite['samples'], first: FragmentToWrite['samples'][number]): Layout {
  const restSync = samples[1]?.sync ?? first.sync;
  let dataSize = 0;
  let varying = 0;
  let mixed = false;
  for (const sample of samples) {
    dataSize += sample.data.length;
    if (sample.duration !== first.duration) varying |= TRUN_SAMPLE_DURATION;
    if (sample.data.length !== first.data.length) varying |= TRUN_SAMPLE_SIZE;
    if (sample.cts !== 0) varying |= TRUN_SAMPLE_COMPOSITION_OFFSET;
    if (sample !== first && sample.sync !== restSync) mixed = true;
  }
  if (mixed) varying |= TRUN_SAMPLE_FLAGS;
  let bytesPerSample = 0;
  for (let bits = varying; bits !== 0; bits &= bits - 1) bytesPerSample += 4;
  // The usual GOP: only the first sample differs (ISO/IEC 14496-12 8.8.8.1).
  const firstFlags = !mixed && restSync !== first.sync ? TRUN_FIRST_SAMPLE_FLAGS : 0;
  const trunFlags = TRUN_DATA_OFFSET | firstFlags | varying;
  return { trunFlags, defaultFlags: sampleFlags(restSync), bytesPerSample, dataSize };
}

function sampleFlags(sync: boolean): number {
  return sync ? SYNC_SAMPLE_FLAGS : NON_SYNC_SAMPLE_FLAGS;
}

function writeHeader(out: Buffer, at: number, type: number, size: number): number {
  out.writeUInt32BE(size, at);
  return out.writeUInt32BE(type, at + 4);
}

function fourCc(type: string): number {
  return Buffer.from(type, 'latin1').readUInt32BE(0);
}
