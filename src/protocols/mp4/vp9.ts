// Parses vpcC, or the first key frame if the VP9 encoder sends no vpcC.
import { BitReader } from '../bytes/bit-reader.js';
import { ByteReader } from '../bytes/byte-reader.js';
import { COLOR_UNSPECIFIED, type ColorDescription } from './color.js';
import { mp4Error } from './errors.js';
import { readRecord } from './read-record.js';

/** VP Codec ISO Media File Format Binding: VPCodecConfigurationRecord. */
export interface Vp9Configuration {
  readonly profile: number;
  /** 10 × the level, for example 31 = 3.1; 0 = not signalled. */
  readonly level: number;
  readonly bitDepth: 8 | 10 | 12;
  /** 0 = 4:2:0 vertical, 1 = 4:2:0 colocated, 2 = 4:2:2, 3 = 4:4:4. */
  readonly chromaSubsampling: number;
  readonly color: ColorDescription;
}

/** Fields of the uncompressed header of a key frame (VP9 bitstream 6.2). */
export interface Vp9KeyFrame {
  readonly profile: number;
  readonly bitDepth: 8 | 10 | 12;
  readonly chromaSubsampling: number;
  readonly color: ColorDescription;
  readonly width: number;
  readonly height: number;
}

const FRAME_MARKER = 2;
const SYNC_CODE = 0x49_8342;
const COLOR_SPACE_RGB = 7;
const CHROMA_420 = 1;
const CHROMA_422 = 2;
const CHROMA_444 = 3;
const CHROMA_440 = 4;
/** VP9 bitstream 7.2.2 color_space as H.273 primaries, transfer and matrix. */
const COLOR_SPACES: readonly (readonly [number, number, number])[] = [
  [2, 2, 2],
  [6, 6, 6],
  [1, 1, 1],
  [6, 6, 6],
  [7, 7, 7],
  [9, 2, 9],
  [2, 2, 2],
  [1, 13, 0],
];
/** VP9 levels: 10 × level, luma samples per second, luma samples per picture. */
const LEVELS: readonly (readonly [number, number, number])[] = [
  [10, 829_440, 36_864],
  [11, 2_764_800, 73_728],
  [20, 4_608_000, 122_880],
  [21, 9_216_000, 245_760],
  [30, 20_736_000, 552_960],
  [31, 36_864_000, 983_040],
  [40, 83_558_400, 2_228_224],
  [41, 160_432_128, 2_228_224],
  [50, 311_951_360, 8_912_896],
  [51, 588_251_136, 8_912_896],
  [52, 1_176_502_272, 8_912_896],
  [60, 1_176_502_272, 35_651_584],
  [61, 2_353_004_544, 35_651_584],
  [62, 4_706_009_088, 35_651_584],
];
/** Assumed if the stream does not signal its frame rate. A level that is too high only excludes slow players. */
const ASSUMED_FRAME_RATE = 60;

/**
 * @param record with or without the version and flags of its box: encoders send both
 * @throws mp4.vp9-configuration
 */
export function parseVpCodecConfigurationRecord(record: Buffer): Vp9Configuration {
  return readRecord('mp4.vp9-configuration', record, (bytes) => {
    const reader = new ByteReader(bytes);
    // Without version and flags, the third byte contains the bit depth, which is never 0.
    if (bytes.length >= 4 && bytes.readUInt32BE(0) === 0x0100_0000) reader.skip(4);
    const profile = reader.u8();
    const level = reader.u8();
    const packed = reader.u8();
    const bitDepth = packed >> 4;
    if (profile > 3 || (bitDepth !== 8 && bitDepth !== 10 && bitDepth !== 12)) {
      throw mp4Error(
        'mp4.vp9-configuration',
        `got profile ${profile} with ${bitDepth} bits, expected 0..3 with 8, 10 or 12`,
      );
    }
    const color = {
      primaries: reader.u8(),
      transfer: reader.u8(),
      matrix: reader.u8(),
      fullRange: (packed & 0x01) !== 0,
    };
    return { profile, level, bitDepth, chromaSubsampling: (packed >> 1) & 0x07, color };
  });
}

/**
 * @param frame a VP9 frame or superframe
 * @returns undefined if it is not a key frame
 * @throws mp4.vp9-configuration
 */
export function parseVp9KeyFrame(frame: Buffer): Vp9KeyFrame | undefined {
  return readRecord('mp4.vp9-configuration', frame, (bytes) => readUncompressedHeader(new BitReader(bytes)));
}

function readUncompressedHeader(bits: BitReader): Vp9KeyFrame | undefined {
  if (bits.bits(2) !== FRAME_MARKER) throw mp4Error('mp4.vp9-configuration', 'got no VP9 frame marker');
  const profile = bits.bit() + bits.bit() * 2;
  if (profile === 3) bits.skip(1);
  if (bits.flag() || bits.flag()) return undefined; // show_existing_frame, or not a key frame
  bits.skip(2); // show_frame, error_resilient_mode
  const sync = bits.bits(24);
  if (sync !== SYNC_CODE) {
    throw mp4Error('mp4.vp9-configuration', `got sync code 0x${sync.toString(16)}, expected 0x498342`);
  }
  const color = readColorConfig(bits, profile);
  return { profile, ...color, width: bits.bits(16) + 1, height: bits.bits(16) + 1 };
}

function readColorConfig(
  bits: BitReader,
  profile: number,
): { bitDepth: 8 | 10 | 12; chromaSubsampling: number; color: ColorDescription } {
  const bitDepth = profile >= 2 ? (bits.flag() ? 12 : 10) : 8;
  const odd = profile % 2 === 1;
  const space = bits.bits(3);
  const [primaries, transfer, matrix] = COLOR_SPACES[space] ?? [
    COLOR_UNSPECIFIED,
    COLOR_UNSPECIFIED,
    COLOR_UNSPECIFIED,
  ];
  const color = { primaries, transfer, matrix };
  if (space === COLOR_SPACE_RGB) {
    if (odd) bits.skip(1);
    return { bitDepth, chromaSubsampling: CHROMA_444, color: { ...color, fullRange: true } };
  }
  const fullRange = bits.flag();
  let chromaSubsampling = CHROMA_420;
  if (odd) {
    const x = bits.flag();
    const y = bits.flag();
    bits.skip(1);
    chromaSubsampling = x ? (y ? CHROMA_420 : CHROMA_422) : y ? CHROMA_440 : CHROMA_444;
  }
  return { bitDepth, chromaSubsampling, color: { ...color, fullRange } };
}

/** The lowest level into which the stream fits; the highest one if there is none. */
export function vp9Level(width: number, height: number, frameRate = ASSUMED_FRAME_RATE): number {
  const size = width * height;
  return LEVELS.find(([, rate, picture]) => size <= picture && size * frameRate <= rate)?.[0] ?? 62;
}

export function isVp9Level(level: number): boolean {
  return LEVELS.some(([known]) => known === level);
}

/** The content of vpcC after version and flags. */
export function writeVpCodecConfigurationRecord(configuration: Vp9Configuration): Buffer {
  const { profile, level, bitDepth, chromaSubsampling, color } = configuration;
  const packed = (bitDepth << 4) | (chromaSubsampling << 1) | (color.fullRange ? 1 : 0);
  return Buffer.from([profile, level, packed, color.primaries, color.transfer, color.matrix, 0, 0]);
}
