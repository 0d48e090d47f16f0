// The pipeline asks one question of every video codec: what is this, how large, and what does a player have to be told.
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
   * What the sample entry holds, with what encoders get wrong put right: avcC, hvcC, av1C, or vpcC without its version
   * and flags. Two equal records need no new init segment.
   */
  readonly record: Buffer;
  /** Pixels; absent when only a key frame can tell and there was none. */
  readonly width?: number;
  readonly height?: number;
  /** Sample aspect ratio. */
  readonly sarNum: number;
  readonly sarDen: number;
  /** Frames per second as the bitstream says it. */
  readonly frameRate?: number;
  /** Bytes of the length before each NAL unit; avc and hevc. */
  readonly nalLengthSize?: 1 | 2 | 4;
  readonly bitDepth: number;
  readonly interlaced: boolean;
  /** Pictures may wait for others before they are shown: 0 means no B-frames; avc, when the SPS says it. */
  readonly reorderFrames?: number;
  /** Absent when the bitstream says nothing. */
  readonly color?: ColorDescription;
}

/**
 * @param configuration the record of the sequence header: avcC, hvcC, av1C, vpcC. AV1 and VP9 encoders may send none.
 * @param firstKeyFrame the coded bytes of a key frame: AV1 and VP9 say their size only there
 * @throws mp4.avc-configuration, mp4.hevc-configuration, mp4.av1-configuration, mp4.vp9-configuration, mp4.sequence-parameter-set
 */
export function describeVideo(
  codec: DescribedVideoCodec,
  configuration: Buffer | undefined,
  firstKeyFrame?: Buffer,
): VideoDescription {
  // Some encoders send a sequence header with nothing in it.
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
    ...pictureOf(spsInfo),
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
    ...pictureOf(hevc.spsInfo),
    ...(hevc.frameRate === undefined ? {} : { frameRate: hevc.frameRate }),
  };
}

function pictureOf({ width, height, sarNum, sarDen, frameRate, bitDepthLuma, interlaced, color }: PictureFormat) {
  return {
    width,
    height,
    sarNum,
    sarDen,
    bitDepth: bitDepthLuma,
    interlaced,
    ...(frameRate === undefined ? {} : { frameRate }),
    ...knownColor(color),
  };
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
  // A record without its sequence header gets that of the first key frame: some players read nothing else.
  const own = record?.sequenceHeader === undefined ? inBand?.obu.bytes : undefined;
  const configObus = own ?? configuration?.subarray(AV1_RECORD_SIZE) ?? Buffer.alloc(0);
  return {
    codec: 'av1',
    codecs: av1CodecString(facts, header?.color),
    record: writeAv1CodecConfigurationRecord(facts, configObus),
    sarNum: 1,
    sarDen: 1,
    bitDepth: facts.bitDepth,
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
    interlaced: false,
    ...(frame === undefined ? {} : { width: frame.width, height: frame.height }),
    ...knownColor(vp9.color),
  };
}

/** The frame is what a decoder sees; colours and level are better known to the record, which has more code points. */
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
