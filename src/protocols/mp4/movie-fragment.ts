// Parses one complete moof+mdat into timed samples. Duration and independence of a part are known from nowhere else.
import { ByteReader } from '../bytes/byte-reader.js';
import { type Box, readFullBoxHeader, requireBytes, walkBoxes } from './boxes.js';
import { mp4Error } from './errors.js';
import type { Fragment, Sample } from './fragment.js';
import {
  TFHD_BASE_DATA_OFFSET,
  TFHD_DEFAULT_SAMPLE_DURATION,
  TFHD_DEFAULT_SAMPLE_FLAGS,
  TFHD_DEFAULT_SAMPLE_SIZE,
  TFHD_SAMPLE_DESCRIPTION_INDEX,
  TRUN_DATA_OFFSET,
  TRUN_FIRST_SAMPLE_FLAGS,
  TRUN_SAMPLE_COMPOSITION_OFFSET,
  TRUN_SAMPLE_DURATION,
  TRUN_SAMPLE_FLAGS,
  TRUN_SAMPLE_SIZE,
} from './fragment-flags.js';

/** Values from `trex` or `tfhd` for fields that a `trun` omits (ISO/IEC 14496-12 8.8.3, 8.8.7). */
export interface SampleDefaults {
  readonly trackId: number;
  readonly defaultSampleDuration: number;
  readonly defaultSampleSize: number;
  readonly defaultSampleFlags: number;
}

/**
 * A `trun` without per-sample fields could announce 2^32 samples in 20 bytes. Four minutes at 240 fps have fewer samples than this limit.
 */
const MAX_SAMPLES_PER_FRAGMENT = 65_536;

/** ISO/IEC 14496-12 8.8.3.1: sample_is_non_sync_sample. */
const SAMPLE_IS_NON_SYNC = 0x1_0000;

/**
 * @param bytes a moof directly followed by its mdat
 * @param track the defaults from the track's `trex`
 * @throws mp4.fragment, mp4.box-missing, mp4.box-content, mp4.box-size, bytes.truncated
 */
export function parseFragment(bytes: Buffer, track: SampleDefaults): Fragment {
  const { moof, mdat } = topLevelBoxes(bytes);
  const { header, decodeTime, runs } = trackFragmentBoxes(onlyTrackFragment(moof.body));
  const defaults = parseTrackFragmentHeader(header, track);
  const baseMediaDecodeTime = parseDecodeTime(decodeTime);

  const samples: Sample[] = [];
  const start = mdat.start + mdat.headerSize;
  const data = { bytes, start, end: mdat.start + mdat.size, position: start };
  for (const run of runs) appendTrackRun(run, defaults, data, samples);
  const first = samples[0];
  if (first === undefined) throw mp4Error('mp4.fragment', 'got no samples, expected at least one');

  let duration = 0;
  let presentationStart = Number.POSITIVE_INFINITY;
  for (const sample of samples) {
    presentationStart = Math.min(presentationStart, baseMediaDecodeTime + duration + sample.cts);
    duration += sample.duration;
  }
  return { bytes, baseMediaDecodeTime, duration, presentationStart, startsWithSync: first.sync, samples };
}

/** A single pass over each level, because this runs for every audio frame of every stream. */
function topLevelBoxes(bytes: Buffer): { moof: Box; mdat: Box } {
  let moof: Box | undefined;
  for (const box of walkBoxes(bytes)) {
    if (box.type === 'moof') moof ??= box;
    else if (box.type === 'mdat' && moof !== undefined) return { moof, mdat: box };
  }
  throw mp4Error('mp4.box-missing', moof === undefined ? 'no moof box' : 'no mdat box after moof');
}

function trackFragmentBoxes(traf: Buffer): { header: Buffer; decodeTime: Buffer; runs: Buffer[] } {
  let header: Buffer | undefined;
  let decodeTime: Buffer | undefined;
  const runs: Buffer[] = [];
  for (const { type, body } of walkBoxes(traf)) {
    if (type === 'trun') runs.push(body);
    else if (type === 'tfhd') header ??= body;
    else if (type === 'tfdt') decodeTime ??= body;
  }
  if (header === undefined) throw mp4Error('mp4.box-missing', 'no moof/traf/tfhd box');
  if (decodeTime === undefined) throw mp4Error('mp4.box-missing', 'no moof/traf/tfdt box');
  return { header, decodeTime, runs };
}

function onlyTrackFragment(moof: Buffer): Buffer {
  let found: Buffer | undefined;
  for (const box of walkBoxes(moof)) {
    if (box.type !== 'traf') continue;
    if (found !== undefined) throw mp4Error('mp4.fragment', 'got two traf boxes, expected one track per fragment');
    found = box.body;
  }
  if (found === undefined) throw mp4Error('mp4.box-missing', 'no moof/traf box');
  return found;
}

function parseTrackFragmentHeader(body: Buffer, track: SampleDefaults): SampleDefaults {
  const { flags } = readFullBoxHeader(body, 'tfhd');
  const fields = new ByteReader(body.subarray(4));
  const trackId = fields.u32be();
  if (trackId !== track.trackId) {
    throw mp4Error('mp4.fragment', `got track ${trackId}, expected ${track.trackId} of the init segment`);
  }
  if ((flags & TFHD_BASE_DATA_OFFSET) !== 0) {
    // CMAF (ISO/IEC 23000-19 7.5.17) forbids base-data-offset, because the bytes could not be moved to another file.
    throw mp4Error('mp4.fragment', 'got base-data-offset, expected default-base-is-moof');
  }
  if ((flags & TFHD_SAMPLE_DESCRIPTION_INDEX) !== 0) fields.u32be();
  return {
    trackId,
    defaultSampleDuration: (flags & TFHD_DEFAULT_SAMPLE_DURATION) !== 0 ? fields.u32be() : track.defaultSampleDuration,
    defaultSampleSize: (flags & TFHD_DEFAULT_SAMPLE_SIZE) !== 0 ? fields.u32be() : track.defaultSampleSize,
    defaultSampleFlags: (flags & TFHD_DEFAULT_SAMPLE_FLAGS) !== 0 ? fields.u32be() : track.defaultSampleFlags,
  };
}

function parseDecodeTime(body: Buffer): number {
  const { version } = readFullBoxHeader(body, 'tfdt');
  if (version === 0) {
    requireBytes(body, 8, 'tfdt');
    return body.readUInt32BE(4);
  }
  requireBytes(body, 12, 'tfdt');
  // Unsigned in the standard, but FFmpeg writes priming before time 0 as a negative number.
  const time = body.readBigInt64BE(4);
  if (time > BigInt(Number.MAX_SAFE_INTEGER) || time < BigInt(Number.MIN_SAFE_INTEGER)) {
    throw mp4Error('mp4.fragment', `got decode time ${time}, expected less than 2^53`);
  }
  return Number(time);
}

/** Position of the next sample's data inside the mdat. */
interface DataPosition {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
  position: number;
}

function appendTrackRun(body: Buffer, defaults: SampleDefaults, data: DataPosition, samples: Sample[]): void {
  const { version, flags } = readFullBoxHeader(body, 'trun');
  const fields = new ByteReader(body.subarray(4));
  const count = fields.u32be();
  if (samples.length + count > MAX_SAMPLES_PER_FRAGMENT) {
    throw mp4Error('mp4.fragment', `got ${samples.length + count} samples, expected <= ${MAX_SAMPLES_PER_FRAGMENT}`);
  }
  // Offsets count from the first byte of the moof, which is byte 0 here (default-base-is-moof).
  if ((flags & TRUN_DATA_OFFSET) !== 0) data.position = fields.i32be();
  let firstFlags = (flags & TRUN_FIRST_SAMPLE_FLAGS) !== 0 ? fields.u32be() : undefined;
  for (let index = 0; index < count; index += 1) {
    const duration = (flags & TRUN_SAMPLE_DURATION) !== 0 ? fields.u32be() : defaults.defaultSampleDuration;
    const size = (flags & TRUN_SAMPLE_SIZE) !== 0 ? fields.u32be() : defaults.defaultSampleSize;
    let sampleFlags = (flags & TRUN_SAMPLE_FLAGS) !== 0 ? fields.u32be() : defaults.defaultSampleFlags;
    if (firstFlags !== undefined) {
      sampleFlags = firstFlags;
      firstFlags = undefined;
    }
    let cts = 0;
    if ((flags & TRUN_SAMPLE_COMPOSITION_OFFSET) !== 0) cts = version === 0 ? fields.u32be() : fields.i32be();
    const start = data.position;
    const end = start + size;
    if (start < data.start || end > data.end) {
      throw mp4Error('mp4.fragment', `sample ${index} is at ${start}..${end}, its mdat at ${data.start}..${data.end}`);
    }
    data.position = end;
    const sync = (sampleFlags & SAMPLE_IS_NON_SYNC) === 0;
    samples.push({ duration, size, cts, sync, data: data.bytes.subarray(start, end) });
  }
}
