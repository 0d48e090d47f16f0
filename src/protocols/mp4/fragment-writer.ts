// Regroups samples into one moof+mdat, so that audio, which FFmpeg writes frame by frame, can be cut where the video is cut.
import type { Ticks } from '../units.js';
import { BOX_HEADER_SIZE } from './boxes.js';
import { mp4Error } from './errors.js';
import type { Sample } from './fragment.js';

export interface FragmentToWrite {
  /** `mfhd`: grows by one per fragment of a track (ISO/IEC 14496-12 8.8.5). */
  readonly sequenceNumber: number;
  readonly trackId: number;
  /** May be negative for priming before time 0, which is written as FFmpeg does. */
  readonly baseMediaDecodeTime: Ticks;
  /** At least one. `size` is not read: the data says it. */
  readonly samples: readonly Pick<Sample, 'duration' | 'cts' | 'sync' | 'data'>[];
}

/** sample_depends_on = 2 (I picture) and = 1 with sample_is_non_sync_sample (ISO/IEC 14496-12 8.8.3.1). */
const SYNC_SAMPLE_FLAGS = 0x0200_0000;
const NON_SYNC_SAMPLE_FLAGS = 0x0101_0000;

/** default-base-is-moof | default-sample-duration | default-sample-flags present */
const TFHD_FLAGS = 0x02_0000 | 0x8 | 0x20;
const TRUN_DATA_OFFSET = 0x1;
const TRUN_FIRST_SAMPLE_FLAGS = 0x4;
const TRUN_SAMPLE_DURATION = 0x100;
const TRUN_SAMPLE_SIZE = 0x200;
const TRUN_SAMPLE_FLAGS = 0x400;
const TRUN_SAMPLE_COMPOSITION_OFFSET = 0x800;

const MFHD_SIZE = 16;
const TFHD_SIZE = 24;
const TFDT_SIZE = 20;
const TRUN_FIXED_SIZE = 20;

/**
 * One moof with one `trun`, and its mdat, in one allocation: each sample's data is copied once.
 * Fields equal in all samples are written once.
 * @throws mp4.fragment when there is nothing to write
 */
export function writeFragment(fragment: FragmentToWrite): Buffer {
  const { samples } = fragment;
  const [first] = samples;
  if (first === undefined) throw mp4Error('mp4.fragment', 'got no samples to write, expected at least one');
  const layout = layOut(samples, first);
  const trunSize = TRUN_FIXED_SIZE + (layout.firstSampleFlags ? 4 : 0) + samples.length * layout.bytesPerSample;
  const trafSize = BOX_HEADER_SIZE + TFHD_SIZE + TFDT_SIZE + trunSize;
  const moofSize = BOX_HEADER_SIZE + MFHD_SIZE + trafSize;
  let dataSize = 0;
  for (const sample of samples) dataSize += sample.data.length;

  const out = Buffer.allocUnsafe(moofSize + BOX_HEADER_SIZE + dataSize);
  let at = writeHeader(out, 0, 'moof', moofSize);
  at = writeHeader(out, at, 'mfhd', MFHD_SIZE);
  at = out.writeUInt32BE(0, at);
  at = out.writeUInt32BE(fragment.sequenceNumber >>> 0, at);
  at = writeHeader(out, at, 'traf', trafSize);
  at = writeHeader(out, at, 'tfhd', TFHD_SIZE);
  at = out.writeUInt32BE(TFHD_FLAGS, at);
  at = out.writeUInt32BE(fragment.trackId, at);
  at = out.writeUInt32BE(first.duration, at);
  at = out.writeUInt32BE(layout.defaultFlags, at);
  at = writeHeader(out, at, 'tfdt', TFDT_SIZE);
  at = out.writeUInt32BE(0x0100_0000, at);
  at = out.writeBigInt64BE(BigInt(fragment.baseMediaDecodeTime), at);
  at = writeHeader(out, at, 'trun', trunSize);
  // Version 1: composition offsets are signed.
  at = out.writeUInt32BE(0x0100_0000 | layout.trunFlags, at);
  at = out.writeUInt32BE(samples.length, at);
  at = out.writeUInt32BE(moofSize + BOX_HEADER_SIZE, at);
  if (layout.firstSampleFlags) at = out.writeUInt32BE(sampleFlags(first.sync), at);
  for (const sample of samples) {
    if ((layout.trunFlags & TRUN_SAMPLE_DURATION) !== 0) at = out.writeUInt32BE(sample.duration, at);
    at = out.writeUInt32BE(sample.data.length, at);
    if ((layout.trunFlags & TRUN_SAMPLE_FLAGS) !== 0) at = out.writeUInt32BE(sampleFlags(sample.sync), at);
    if ((layout.trunFlags & TRUN_SAMPLE_COMPOSITION_OFFSET) !== 0) at = out.writeInt32BE(sample.cts, at);
  }
  at = writeHeader(out, at, 'mdat', BOX_HEADER_SIZE + dataSize);
  for (const sample of samples) at += sample.data.copy(out, at);
  return out;
}

interface Layout {
  readonly trunFlags: number;
  readonly firstSampleFlags: boolean;
  readonly defaultFlags: number;
  readonly bytesPerSample: number;
}

/** Which fields differ between samples and so have to be written for each. */
function layOut(samples: FragmentToWrite['samples'], first: FragmentToWrite['samples'][number]): Layout {
  const rest = samples.slice(1);
  const restSync = rest[0]?.sync ?? first.sync;
  let trunFlags = TRUN_DATA_OFFSET | TRUN_SAMPLE_SIZE;
  if (rest.some((sample) => sample.duration !== first.duration)) trunFlags |= TRUN_SAMPLE_DURATION;
  if (samples.some((sample) => sample.cts !== 0)) trunFlags |= TRUN_SAMPLE_COMPOSITION_OFFSET;
  const mixed = rest.some((sample) => sample.sync !== restSync);
  // The usual GOP: the first sample differs, all others are alike (ISO/IEC 14496-12 8.8.8.1).
  const firstSampleFlags = !mixed && restSync !== first.sync;
  if (mixed) trunFlags |= TRUN_SAMPLE_FLAGS;
  if (firstSampleFlags) trunFlags |= TRUN_FIRST_SAMPLE_FLAGS;
  let bytesPerSample = 4;
  for (const field of [TRUN_SAMPLE_DURATION, TRUN_SAMPLE_FLAGS, TRUN_SAMPLE_COMPOSITION_OFFSET]) {
    if ((trunFlags & field) !== 0) bytesPerSample += 4;
  }
  return { trunFlags, firstSampleFlags, defaultFlags: sampleFlags(restSync), bytesPerSample };
}

function sampleFlags(sync: boolean): number {
  return sync ? SYNC_SAMPLE_FLAGS : NON_SYNC_SAMPLE_FLAGS;
}

function writeHeader(out: Buffer, at: number, type: string, size: number): number {
  out.writeUInt32BE(size, at);
  out.write(type, at + 4, 'latin1');
  return at + BOX_HEADER_SIZE;
}
