// Parses size, level, frame rate and colours in the AV1 sequence header. Players must know these before the first picture.
import { BitReader } from '../bytes/bit-reader.js';
import { COLOR_UNSPECIFIED, type ColorDescription } from './color.js';
import { mp4Error } from './errors.js';
import { frameRateOf } from './frame-rate.js';
import { MAX_DIMENSION } from './sequence-parameter-set.js';

export interface Av1SequenceHeader {
  /** seq_profile: 0 = Main. */
  readonly profile: number;
  /** seq_level_idx of operating point 0. */
  readonly level: number;
  readonly highTier: boolean;
  /** max_frame_width_minus_1 + 1. */
  readonly width: number;
  readonly height: number;
  /** Frames per second; present only if the stream signals equally spaced frames. */
  readonly frameRate?: number;
  readonly bitDepth: 8 | 10 | 12;
  readonly monochrome: boolean;
  readonly subsamplingX: 0 | 1;
  readonly subsamplingY: 0 | 1;
  readonly chromaSamplePosition: number;
  readonly color: ColorDescription;
}

const SELECT_SCREEN_CONTENT_TOOLS = 2;
const PROFILE_HIGH = 1;
const PROFILE_PROFESSIONAL = 2;
/** ITU-T H.273: sRGB is signalled as BT.709 primaries with this transfer function and the identity matrix. */
const TRANSFER_SRGB = 13;
const MATRIX_IDENTITY = 0;

/**
 * AV1 5.5.1.
 * @param payload payload of an OBU of type 1
 * @throws mp4.av1-configuration, bytes.truncated
 */
export function parseAv1SequenceHeader(payload: Uint8Array): Av1SequenceHeader {
  const bits = new BitReader(payload);
  const profile = bits.bits(3);
  if (profile > PROFILE_PROFESSIONAL)
    throw mp4Error('mp4.av1-configuration', `got seq_profile ${profile}, expected 0..2`);
  bits.skip(1); // still_picture
  const reduced = bits.flag();
  const operation = reduced
    ? { level: bits.bits(5), highTier: false, frameRate: undefined }
    : readOperatingPoints(bits);
  const { frameRate, ...level } = operation;
  const size = readMaximumFrameSize(bits, reduced);
  skipTools(bits, reduced);
  return {
    profile,
    ...level,
    ...size,
    ...(frameRate === undefined ? {} : { frameRate }),
    ...readColorConfig(bits, profile),
  };
}

function readOperatingPoints(bits: BitReader): { level: number; highTier: boolean; frameRate: number | undefined } {
  let frameRate: number | undefined;
  let bufferDelayBits: number | undefined;
  if (bits.flag()) {
    frameRate = readTimingInfo(bits);
    if (bits.flag()) {
      bufferDelayBits = bits.bits(5) + 1;
      bits.skip(32 + 5 + 5); // num_units_in_decoding_tick, lengths of two times
    }
  }
  const initialDisplayDelay = bits.flag();
  const points = bits.bits(5) + 1;
  let level = 0;
  let highTier = false;
  for (let index = 0; index < points; index += 1) {
    bits.skip(12); // operating_point_idc
    const pointLevel = bits.bits(5);
    const pointTier = pointLevel > 7 && bits.flag();
    if (index === 0) {
      level = pointLevel;
      highTier = pointTier;
    }
    if (bufferDelayBits !== undefined && bits.flag()) bits.skip(2 * bufferDelayBits + 1);
    if (initialDisplayDelay && bits.flag()) bits.skip(4);
  }
  return { level, highTier, frameRate };
}

/** AV1 5.5.3. */
function readTimingInfo(bits: BitReader): number | undefined {
  const unitsInTick = bits.bits(32);
  const timeScale = bits.bits(32);
  if (!bits.flag()) return undefined;
  return frameRateOf(timeScale, unitsInTick * (readUvlc(bits) + 1));
}

/** AV1 4.10.3: like ue(v), except that 32 or more zeros mean 2^32 - 1 without further bits. */
function readUvlc(bits: BitReader): number {
  let zeros = 0;
  while (!bits.flag()) zeros += 1;
  return zeros >= 32 ? 2 ** 32 - 1 : 2 ** zeros - 1 + bits.bits(zeros);
}

function readMaximumFrameSize(bits: BitReader, reduced: boolean): { width: number; height: number } {
  const widthBits = bits.bits(4) + 1;
  const heightBits = bits.bits(4) + 1;
  const width = bits.bits(widthBits) + 1;
  const height = bits.bits(heightBits) + 1;
  if (width > MAX_DIMENSION || height > MAX_DIMENSION) {
    throw mp4Error('mp4.av1-configuration', `got ${width}x${height} pixels, expected 1..${MAX_DIMENSION}`);
  }
  if (!reduced && bits.flag()) bits.skip(4 + 3); // lengths of frame ids
  return { width, height };
}

function skipTools(bits: BitReader, reduced: boolean): void {
  bits.skip(3); // use_128x128_superblock, enable_filter_intra, enable_intra_edge_filter
  if (!reduced) {
    bits.skip(4); // interintra, masked, warped motion, dual filter
    const orderHint = bits.flag();
    if (orderHint) bits.skip(2); // enable_jnt_comp, enable_ref_frame_mvs
    const screenContentTools = bits.flag() ? SELECT_SCREEN_CONTENT_TOOLS : bits.bit();
    // Integer motion vectors: chosen per frame, or by one more bit for the whole sequence.
    if (screenContentTools > 0 && !bits.flag()) bits.skip(1);
    if (orderHint) bits.skip(3);
  }
  bits.skip(3); // enable_superres, enable_cdef, enable_restoration
}

type ColorConfig = Pick<
  Av1SequenceHeader,
  'bitDepth' | 'monochrome' | 'subsamplingX' | 'subsamplingY' | 'chromaSamplePosition' | 'color'
>;

/** AV1 5.5.2. */
function readColorConfig(bits: BitReader, profile: number): ColorConfig {
  const high = bits.flag();
  const bitDepth = profile === PROFILE_PROFESSIONAL && high ? (bits.flag() ? 12 : 10) : high ? 10 : 8;
  const monochrome = profile !== PROFILE_HIGH && bits.flag();
  const said = bits.flag();
  const primaries = said ? bits.bits(8) : COLOR_UNSPECIFIED;
  const transfer = said ? bits.bits(8) : COLOR_UNSPECIFIED;
  const matrix = said ? bits.bits(8) : COLOR_UNSPECIFIED;
  const color = { primaries, transfer, matrix };
  if (monochrome) {
    const fullRange = bits.flag();
    return {
      bitDepth,
      monochrome,
      subsamplingX: 1,
      subsamplingY: 1,
      chromaSamplePosition: 0,
      color: { ...color, fullRange },
    };
  }
  if (primaries === 1 && transfer === TRANSFER_SRGB && matrix === MATRIX_IDENTITY) {
    const srgb = { ...color, fullRange: true };
    return { bitDepth, monochrome, subsamplingX: 0, subsamplingY: 0, chromaSamplePosition: 0, color: srgb };
  }
  const fullRange = bits.flag();
  const [subsamplingX, subsamplingY] = readSubsampling(bits, profile, bitDepth);
  const chromaSamplePosition = subsamplingX === 1 && subsamplingY === 1 ? bits.bits(2) : 0;
  return { bitDepth, monochrome, subsamplingX, subsamplingY, chromaSamplePosition, color: { ...color, fullRange } };
}

function readSubsampling(bits: BitReader, profile: number, bitDepth: number): readonly [0 | 1, 0 | 1] {
  if (profile === 0) return [1, 1];
  if (profile === PROFILE_HIGH) return [0, 0];
  if (bitDepth !== 12) return [1, 0];
  const x = bits.bit();
  return [x, x === 1 ? bits.bit() : 0];
}
