// Describes the video of any codec in one form: codec string, size, frame rate and the record for the sample entry.
import {
  AV1_RECORD_SIZE,
  type Av1Configuration,
  findSequenceHeader,
  parseAv1CodecConfigurationRecord,
  writeAv1CodecConfigurationRecord,
} from './av1.js';
import { parseAvcDecoderConfigurationRecord, writeAvcDecoderConfigurationRecord } from './avc.js';
import { av1CodecString, avcCodecString, hevcCodecString, vp9CodecString } from './codec-string.js';
import { type ColorDescription, isUnspecified } from './color.js';
import { mp4Error } from './errors.js';
import { parseHevcDecoderConfigurationRecord, writeHevcDecoderConfigurationRecord } from './hevc.js';
import type { PictureFormat } from './picture-format.js';
import {
  isVp9Level,
  parseVp9KeyFrame,
  parseVpCodecConfigurationRecord,
  type Vp9Configuration,
  vp9Level,
  writeVpCodecConfigurationRecord,
} from './vp9.js';

export type DescribedVideoCodec = 'avc' | 'hevc' | 'av1' | 'vp9';

export interface VideoDescription {
  readonly codec: DescribedVideoCodec;
  /** RFC 6381, for CODECS: `avc1.640028`, `hvc1.1.6.L93.B0`, `av01.0.04M.08`, `vp09.00.30.08`. */
  readonly codecs: string;
  /**
   * Content of the sample entry, with common encoder mistakes corrected: avcC, hvcC, av1C, or vpcC without its version and flags. If it is
   * unchanged, no new init segment is needed.
   */
  readonly record: Buffer;
  /** In pixels; absent if only a key frame can provide it and none has come. */
  readonly width?: number;
  readonly height?: number;
  /** Sample aspect ratio. */
  readonly sarNum: number;
  readonly sarDen: number;
  /** Frames per second according to the bitstream. */
  readonly frameRate?: number;
  /** Size of the length before each NAL unit, in bytes; avc and hevc only. */
  readonly nalLengthSize?: 1 | 2 | 4;
  readonly bitDepth: number;
  readonly interlaced: boolean;
  /** Number of pictures that may be reordered before display; 0 means no B-frames. Present only for avc, if the SPS contains it. */
  readonly reorderFrames?: number;
  /** Memory that a decoder needs for pictures, in bytes; absent while the size is unknown. */
  readonly decoderBytes?: number;
  /** Absent if the bitstream has no colour information. */
  readonly color?: ColorDescription;
}

/** H.265 A.4.2: MaxDpbSize at the largest size of a level, used if the SPS is truncated before its own value. */
const HEVC_BUFFERED_PICTURES = 6;
/** AV1 7.20 and VP9 8.4.2: a decoder always keeps eight reference frames. */
const EIGHT_REFERENCES = 8;

/**
 * @param configuration the record of the sequence header: avcC, hvcC, av1C, vpcC. AV1 and VP9 encoders may send none
 * @param firstKeyFrame the coded bytes of a key frame, in which AV1 and VP9 give their size
 * @throws mp4.avc-configuration, mp4.hevc-configuration, mp4.av1-configuration, mp4.vp9-configuration, mp4.sequence-parameter-set
 */
export function describeVideo(
  codec: DescribedVideoCodec,
  configuration: Buffer | undefined,
  firstKeyFrame?: Buffer,
): VideoDescription {
  // Some encoders send an empty sequence header.
  const record = configuration?.length === 0 ? undefined : configuration;
  switch (codec) {
    case 'avc':
      return describeAvc(record);
    case 'hevc':
      return describeHevc(record);
    case 'av1':
      return describeAv1(record, firstKeyFrame);
    case 'vp9':
      return describeVp9(record, firstKeyFrame);
  }
}

function describeAvc(configuration: Buffer | undefined): VideoDescription {
  if (configuration === undefined) throw mp4Error('mp4.avc-configuration', 'got no avcC');
  const avc = parseAvcDecoderConfigurationRecord(configuration);
  const { spsInfo } = avc;
  return {
    codec: 'avc',
    codecs: avcCodecString(avc),
    record: writeAvcDecoderConfigurationRecord(avc),
    nalLengthSize: avc.nalLengthSize,
    ...pictureOf(spsInfo, spsInfo.referenceFrames),
    ...(spsInfo.reorderFrames === undefined ? {} : { reorderFrames: spsInfo.reorderFrames }),
  };
}

function describeHevc(configuration: Buffer | undefined): VideoDescription {
  if (configuration === undefined) throw mp4Error('mp4.hevc-configuration', 'got no hvcC');
  const hevc = parseHevcDecoderConfigurationRecord(configuration);
  return {
    codec: 'hevc',
    codecs: hevcCodecString(hevc),
    record: writeHevcDecoderConfigurationRecord(hevc),
    nalLengthSize: hevc.nalLengthSize,
    ...pictureOf(hevc.spsInfo, hevc.spsInfo.bufferedPictures ?? HEVC_BUFFERED_PICTURES),
    ...(hevc.frameRate === undefined ? {} : { frameRate: hevc.frameRate }),
  };
}

/** @param references number of pictures kept for reference */
function pictureOf(format: PictureFormat, references: number) {
  const { width, height, sarNum, sarDen, frameRate, bitDepthLuma, chromaFormat, interlaced, color } = format;
  return {
    width,
    height,
    sarNum,
    sarDen,
    bitDepth: bitDepthLuma,
    interlaced,
    ...decoderBytes(format, bitDepthLuma, SAMPLES_PER_PIXEL[chromaFormat] ?? 3, references),
    ...(frameRate === undefined ? {} : { frameRate }),
    ...knownColor(color),
  };
}

/** By chroma format: monochrome, 4:2:0, 4:2:2, 4:4:4. */
const SAMPLES_PER_PIXEL = [1, 1.5, 2, 3] as const;

function av1ChromaFormat({ monochrome, subsamplingX, subsamplingY }: Omit<Av1Configuration, 'sequenceHeader'>) {
  if (monochrome) return 0;
  if (subsamplingX === 0) return 3;
  return subsamplingY === 0 ? 2 : 1;
}

/** Memory for the reference pictures and the picture being decoded. */
function decoderBytes(
  { width, height }: { readonly width?: number; readonly height?: number },
  bitDepth: number,
  samplesPerPixel: number,
  references: number,
): { decoderBytes?: number } {
  if (width === undefined || height === undefined) return {};
  return { decoderBytes: (references + 1) * width * height * samplesPerPixel * (bitDepth > 8 ? 2 : 1) };
}

function knownColor(color: ColorDescription | undefined): { color?: ColorDescription } {
  return color === undefined || isUnspecified(color) ? {} : { color };
}

function describeAv1(configuration: Buffer | undefined, firstKeyFrame: Buffer | undefined): VideoDescription {
  const record = configuration === undefined ? undefined : parseAv1CodecConfigurationRecord(configuration);
  const inBand = firstKeyFrame === undefined ? undefined : findSequenceHeader(firstKeyFrame);
  const header = record?.sequenceHeader ?? inBand?.header;
  const facts: Omit<Av1Configuration, 'sequenceHeader'> | undefined = header ?? record;
  if (facts === undefined) {
    throw mp4Error('mp4.av1-configuration', 'got neither an av1C nor a key frame with a sequence header');
  }
  // If the record has no sequence header, the one of the first key frame is added, because some players look only in the record.
  const own = record?.sequenceHeader === undefined ? inBand?.obu.bytes : undefined;
  const configObus = own ?? configuration?.subarray(AV1_RECORD_SIZE) ?? Buffer.alloc(0);
  return {
    codec: 'av1',
    codecs: av1CodecString(facts, header?.color),
    record: writeAv1CodecConfigurationRecord(facts, configObus),
    sarNum: 1,
    sarDen: 1,
    bitDepth: facts.bitDepth,
    ...decoderBytes(header ?? {}, facts.bitDepth, SAMPLES_PER_PIXEL[av1ChromaFormat(facts)], EIGHT_REFERENCES),
    interlaced: false,
    ...(header === undefined ? {} : { width: header.width, height: header.height, ...knownColor(header.color) }),
    ...(header?.frameRate === undefined ? {} : { frameRate: header.frameRate }),
  };
}

function describeVp9(configuration: Buffer | undefined, firstKeyFrame: Buffer | undefined): VideoDescription {
  const record = configuration === undefined ? undefined : parseVpCodecConfigurationRecord(configuration);
  const frame = firstKeyFrame === undefined ? undefined : parseVp9KeyFrame(firstKeyFrame);
  if (record === undefined && frame === undefined) {
    throw mp4Error('mp4.vp9-configuration', 'got neither a vpcC nor a key frame');
  }
  const vp9 = mergeVp9(record, frame);
  return {
    codec: 'vp9',
    codecs: vp9CodecString(vp9),
    record: writeVpCodecConfigurationRecord(vp9),
    sarNum: 1,
    sarDen: 1,
    bitDepth: vp9.bitDepth,
    ...decoderBytes(frame ?? {}, vp9.bitDepth, SAMPLES_PER_PIXEL[vp9.chromaSubsampling > 1 ? 3 : 1], EIGHT_REFERENCES),
    interlaced: false,
    ...(frame === undefined ? {} : { width: frame.width, height: frame.height }),
    ...knownColor(vp9.color),
  };
}

/** The frame header counts, because decoders use it. Colours and level come from the record, which can express more values. */
function mergeVp9(record: Vp9Configuration | undefined, frame: ReturnType<typeof parseVp9KeyFrame>): Vp9Configuration {
  const base = frame ?? record;
  if (base === undefined) throw mp4Error('mp4.vp9-configuration', 'got neither a vpcC nor a key frame');
  const { profile, bitDepth } = base;
  const recordColor = record !== undefined && !isUnspecified(record.color) ? record.color : undefined;
  const level =
    record !== undefined && isVp9Level(record.level)
      ? record.level
      : frame === undefined
        ? 31
        : vp9Level(frame.width, frame.height);
  return {
    profile,
    bitDepth,
    level,
    chromaSubsampling: record?.chromaSubsampling ?? base.chromaSubsampling,
    color: recordColor ?? base.color,
  };
}
