// Encoders flag frames as key frames that are none, and a player that starts there shows grey: the flag is checked against the bits.
import { BitReader } from '../protocols/bytes/bit-reader.js';
import { SluiceError } from '../protocols/errors.js';
import type { VideoCodecId } from '../protocols/flv/codecs.js';
import { walkObus } from '../protocols/mp4/av1.js';
import { removeEmulationPrevention } from '../protocols/mp4/sequence-parameter-set.js';
import { type NalLengthSize, splitNalUnits } from './nal-units.js';

/**
 * - `key`: decoding starts here without anything before it. H.264 IDR, HEVC IRAP, AV1 and VP9 key frames.
 * - `open`: an H.264 I picture behind a recovery point SEI that recovers at once: where encoders with open groups of pictures
 *   let decoders start. FFmpeg and Apple players do; Chromium's does not.
 * - `inter`: no decoder can start here.
 * - `unknown`: the bits cannot be read, so they prove nothing.
 */
export type FrameKind = 'key' | 'open' | 'inter' | 'unknown';

export interface KeyFrameOptions {
  /** H.264 and HEVC. */
  readonly nalLengthSize?: NalLengthSize;
  /** AV1: the decoder configuration holds the sequence header, so that key frames may come without. */
  readonly sequenceHeaderKnown?: boolean;
}

/** Reads the first slice or frame header of one coded frame; never throws. */
export function frameKind(codec: VideoCodecId, data: Buffer, options: KeyFrameOptions = {}): FrameKind {
  switch (codec) {
    case 'avc':
      return avcFrameKind(data, options.nalLengthSize ?? 4);
    case 'hevc':
      return hevcFrameKind(data, options.nalLengthSize ?? 4);
    case 'av1':
      return av1FrameKind(data, options.sequenceHeaderKnown ?? false);
    case 'vp9':
      return vp9FrameKind(data);
    default:
      return 'unknown';
  }
}

/** H.264 table 7-1. */
const AVC_SLICE = 1;
const AVC_PARTITION_A = 2;
const AVC_IDR = 5;
const AVC_SEI = 6;

function avcFrameKind(data: Buffer, lengthSize: NalLengthSize): FrameKind {
  const units = splitNalUnits(data, lengthSize);
  if (units === undefined) return 'unknown';
  let recoversHere = false;
  for (const unit of units) {
    const type = (unit[0] ?? 0) & 0x1f;
    if (type === AVC_IDR) return 'key';
    if (type === AVC_SEI) recoversHere ||= hasImmediateRecoveryPoint(unit);
    if (type === AVC_SLICE || type === AVC_PARTITION_A) return recoversHere && isIntraSlice(unit) ? 'open' : 'inter';
  }
  return 'unknown';
}

/** H.264 table 7-6: I slices; above 4 all slices of the picture are of that type. */
const SLICE_TYPE_I = 2;
const SLICE_TYPES = 5;
/** H.264 D.2.8. */
const SEI_RECOVERY_POINT = 6;
/** Of a slice header only the first two fields are read. */
const HEAD_BYTES = 32;

function isIntraSlice(unit: Buffer): boolean {
  return orFalse(() => {
    const bits = new BitReader(removeEmulationPrevention(unit.subarray(1, HEAD_BYTES)));
    bits.ue(); // first_mb_in_slice
    return bits.ue() % SLICE_TYPES === SLICE_TYPE_I;
  });
}

/** H.264 7.3.2.3.1: payloads one after the other; recovery_frame_cnt 0 = exact from this picture on. */
function hasImmediateRecoveryPoint(unit: Buffer): boolean {
  const clean = removeEmulationPrevention(unit.subarray(1));
  let at = 0;
  const readExtended = (): number => {
    let value = 0;
    while (clean[at] === 0xff) {
      value += 0xff;
      at += 1;
    }
    value += clean[at] ?? 0;
    at += 1;
    return value;
  };
  while (at + 2 < clean.length) {
    const type = readExtended();
    const size = readExtended();
    if (type === SEI_RECOVERY_POINT) return orFalse(() => new BitReader(clean.subarray(at, at + size)).ue() === 0);
    at += size;
  }
  return false;
}

/** H.265 table 7-1: VCL NAL units are 0..31, intra random access points 16..23 of which 22 and 23 are reserved. */
function hevcFrameKind(data: Buffer, lengthSize: NalLengthSize): FrameKind {
  const units = splitNalUnits(data, lengthSize);
  if (units === undefined) return 'unknown';
  for (const unit of units) {
    const type = ((unit[0] ?? 0) >> 1) & 0x3f;
    if (type < 32) return type >= 16 && type <= 21 ? 'key' : 'inter';
  }
  return 'unknown';
}

/** AV1 6.2.2 obu_type. */
const OBU_SEQUENCE_HEADER = 1;
const OBU_FRAME_HEADER = 3;
const OBU_FRAME = 6;
const MAX_OBUS = 1_024;

function av1FrameKind(data: Buffer, sequenceHeaderKnown: boolean): FrameKind {
  let known = sequenceHeaderKnown;
  let kind: FrameKind = 'unknown';
  const readable = orFalse(() => {
    let count = 0;
    for (const { type, payload } of walkObus(data)) {
      count += 1;
      if (count > MAX_OBUS) return false;
      if (type === OBU_SEQUENCE_HEADER) known = true;
      if (type !== OBU_FRAME && type !== OBU_FRAME_HEADER) continue;
      // AV1 5.9.2, of what is no reduced still picture: show_existing_frame, then frame_type, of which 0 is KEY_FRAME.
      const [first] = payload;
      if (first === undefined) return false;
      kind = first >> 5 === 0 && known ? 'key' : 'inter';
      return true;
    }
    return false;
  });
  return readable ? kind : 'unknown';
}

/** VP9 6.2 uncompressed_header; of a superframe the first frame comes first (annex B). */
function vp9FrameKind(data: Buffer): FrameKind {
  const head = data[0];
  if (head === undefined || head >> 6 !== 2) return 'unknown';
  const profile = ((head >> 5) & 1) | (((head >> 4) & 1) << 1);
  // Profile 3 has a reserved bit before show_existing_frame.
  const shift = profile === 3 ? 2 : 3;
  const showExisting = ((head >> shift) & 1) === 1;
  const interFrame = ((head >> (shift - 1)) & 1) === 1;
  return showExisting || interFrame ? 'inter' : 'key';
}

/** A header that ends too early proves nothing. */
function orFalse(read: () => boolean): boolean {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof SluiceError)) throw error;
    return false;
  }
}
