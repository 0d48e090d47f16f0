// Makes the CODECS strings, by which a player decides whether it can play a rendition. They must agree with the parameter sets.
import type { AudioSpecificConfig } from './aac.js';
import type { Av1Configuration } from './av1.js';
import type { AvcDecoderConfiguration } from './avc.js';
import { COLOR_UNSPECIFIED, type ColorDescription, isDefaultColor } from './color.js';
import type { HevcDecoderConfiguration } from './hevc.js';
import type { Vp9Configuration } from './vp9.js';

const OBJECT_TYPE_SBR = 5;
const OBJECT_TYPE_PS = 29;

/** RFC 6381 3.3: `avc1.PPCCLL`, the three bytes after the NAL header of the SPS. */
export function avcCodecString(configuration: AvcDecoderConfiguration, sampleEntry: 'avc1' | 'avc3' = 'avc1'): string {
  const { profile, compatibility, level } = configuration.spsInfo;
  return `${sampleEntry}.${hexByte(profile)}${hexByte(compatibility)}${hexByte(level)}`;
}

/** RFC 6381 3.3: `mp4a.40.N`. HE-AAC is never announced as LC: 29 with parametric stereo, 5 with SBR, otherwise the core type. */
export function aacCodecString(config: AudioSpecificConfig): string {
  return `mp4a.40.${config.ps ? OBJECT_TYPE_PS : config.sbr ? OBJECT_TYPE_SBR : config.objectType}`;
}

function hexByte(value: number): string {
  return value.toString(16).padStart(2, '0');
}

/** ISO/IEC 14496-15 annex E: `hvc1.{profile}.{compatibility, bits reversed}.{tier and level}{.constraint bytes}`. */
export function hevcCodecString(
  configuration: HevcDecoderConfiguration,
  sampleEntry: 'hvc1' | 'hev1' = 'hvc1',
): string {
  const { profileSpace, profile, compatibility, highTier, level, constraints } = configuration.profileTierLevel;
  const space = ['', 'A', 'B', 'C'][profileSpace] ?? '';
  let end = constraints.length;
  while (end > 0 && constraints[end - 1] === 0) end -= 1;
  // Trailing zero bytes are omitted, and bytes are written without leading zeros.
  const bytes = [...constraints.subarray(0, end)].map((byte) => `.${byte.toString(16).toUpperCase()}`).join('');
  const flags = reverseBits(compatibility).toString(16).toUpperCase();
  return `${sampleEntry}.${space}${profile}.${flags}.${highTier ? 'H' : 'L'}${level}${bytes}`;
}

function reverseBits(value: number): number {
  let reversed = 0;
  for (let bit = 0; bit < 32; bit += 1) reversed = reversed * 2 + (Math.floor(value / 2 ** bit) % 2);
  return reversed;
}

/**
 * AV1-ISOBMFF 5: `av01.P.LLT.DD`, with all optional fields if any of them differs from its default.
 * @param color colours according to the bitstream
 */
export function av1CodecString(
  configuration: Omit<Av1Configuration, 'sequenceHeader'>,
  color?: ColorDescription,
): string {
  const { profile, level, highTier, bitDepth, monochrome, subsamplingX, subsamplingY } = configuration;
  const short = `av01.${profile}.${twoDigits(level)}${highTier ? 'H' : 'M'}.${twoDigits(bitDepth)}`;
  const usualChroma = !monochrome && subsamplingX === 1 && subsamplingY === 1;
  if (usualChroma && isDefaultColor(color)) return short;
  const position = subsamplingX === 1 && subsamplingY === 1 ? configuration.chromaSamplePosition : 0;
  const chroma = `${subsamplingX}${subsamplingY}${position}`;
  return `${short}.${monochrome ? 1 : 0}.${chroma}.${colorFields(color)}`;
}

/** VP Codec ISO Media File Format Binding: `vp09.PP.LL.DD`, with all optional fields if any of them differs from its default. */
export function vp9CodecString(configuration: Vp9Configuration): string {
  const { profile, level, bitDepth, chromaSubsampling, color } = configuration;
  const short = `vp09.${twoDigits(profile)}.${twoDigits(level)}.${twoDigits(bitDepth)}`;
  if (chromaSubsampling <= 1 && isDefaultColor(color)) return short;
  return `${short}.${twoDigits(chromaSubsampling)}.${colorFields(color)}`;
}

function colorFields(color: ColorDescription | undefined): string {
  const { primaries = 1, transfer = 1, matrix = 1, fullRange = false } = color ?? {};
  // Players do not accept "unspecified" (2). Writes 1, which they assume anyway.
  const [cp, tc, mc] = [primaries, transfer, matrix].map((code) => twoDigits(code === COLOR_UNSPECIFIED ? 1 : code));
  return `${cp}.${tc}.${mc}.${fullRange ? 1 : 0}`;
}

function twoDigits(value: number): string {
  return value.toString().padStart(2, '0');
}

/** MPEG-4 audio object type 34, which more players support than the object type indication 6B (RFC 6381 3.3). */
export const MP3_CODEC_STRING = 'mp4a.40.34';
