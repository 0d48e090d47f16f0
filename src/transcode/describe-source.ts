// Says what the publisher really sends, read from the codec's own headers, so that the ladder is fitted to facts.
import { SluiceError } from '../protocols/errors.js';
import { parseAudioTag } from '../protocols/flv/audio-tag.js';
import type { AudioCodecId } from '../protocols/flv/codecs.js';
import { parseVideoTag } from '../protocols/flv/video-tag.js';
import { parseAudioSpecificConfig } from '../protocols/mp4/aac.js';
import { parseAvcDecoderConfigurationRecord } from '../protocols/mp4/avc.js';
import type { BitsPerSecond } from '../protocols/units.js';
import { transcodeError } from './errors.js';

export interface SourceVideo {
  readonly codec: 'avc';
  /** Luma samples after cropping. */
  readonly width: number;
  readonly height: number;
  /** Width of a sample over its height; 1 when the SPS does not say or says nonsense (ITU-T H.264 E.2.1). */
  readonly sampleAspectRatio: number;
  /** Frames per second: SPS timing, else metadata, else measured, else 30. */
  readonly frameRate: number;
  /** `profile_idc` (ITU-T H.264 7.4.2.1.1). */
  readonly profile: number;
  /** `chroma_format_idc`: 1 is 4:2:0. */
  readonly chromaFormat: number;
  /** Bits of a luma sample. */
  readonly bitDepth: number;
  /** As announced by the publisher. */
  readonly bitrate?: BitsPerSecond;
}

/** FLV audio codecs other than AAC that every FFmpeg this program accepts decodes from FLV. */
export type TranscodedAudioCodec = Extract<
  AudioCodecId,
  'mp3' | 'pcm' | 'adpcm' | 'nellymoser' | 'g711-alaw' | 'g711-mulaw' | 'speex'
>;

export type SourceAudio =
  | {
      readonly codec: 'aac';
      /** MPEG-4 audio object type of the core coder (ISO/IEC 14496-3 table 1.17). */
      readonly objectType: number;
      /** Hz, of the core coder: the rate of its timestamps. */
      readonly sampleRate: number;
      readonly channels: number;
      /** As announced by the publisher. */
      readonly bitrate?: BitsPerSecond;
    }
  | { readonly codec: TranscodedAudioCodec; readonly bitrate?: BitsPerSecond };

export interface SourceDescription {
  readonly video?: SourceVideo;
  readonly audio?: SourceAudio;
}

/** What the publisher or the clock says where the headers are silent. None of it is trusted further than that. */
export interface SourceHints {
  /** `framerate` of onMetaData, frames per second. */
  readonly frameRate?: number;
  /** Counted from timestamps, frames per second. */
  readonly measuredFrameRate?: number;
  readonly videoBitrate?: BitsPerSecond;
  readonly audioBitrate?: BitsPerSecond;
}

export interface SourceHeaders {
  /** Body of the FLV video tag with the sequence header. */
  readonly videoHeader?: Buffer;
  /** Body of the FLV audio tag with the sequence header; for codecs that have none, of any audio tag. */
  readonly audioHeader?: Buffer;
  readonly metadata?: SourceHints;
}

/** Luma samples of one side; the largest any level of ITU-T H.264 annex A needs (level 6.2, 8192x4320). */
const MAX_SIDE = 8192;
/** MaxFS of level 6.2 (ITU-T H.264 table A-1), macroblocks of 256 luma samples. */
const MAX_LUMA_SAMPLES = 139_264 * 256;
/** One macroblock: below it there is no picture to serve. */
const MIN_SIDE = 16;
const MIN_FRAME_RATE = 1;
const MAX_FRAME_RATE = 240;
const DEFAULT_FRAME_RATE = 30;
/** Outside these a sample aspect ratio is a mistake, not a format. */
const MIN_ASPECT = 0.25;
const MAX_ASPECT = 4;

const TRANSCODED_AUDIO: Readonly<Record<TranscodedAudioCodec, true>> = {
  mp3: true,
  pcm: true,
  adpcm: true,
  nellymoser: true,
  'g711-alaw': true,
  'g711-mulaw': true,
  speex: true,
};

/** @throws transcode.source-invalid, transcode.source-unsupported, transcode.source-limit */
export function describeSource(headers: SourceHeaders): SourceDescription {
  const hints = headers.metadata ?? {};
  return {
    ...(headers.videoHeader === undefined ? {} : { video: describeVideo(headers.videoHeader, hints) }),
    ...(headers.audioHeader === undefined ? {} : { audio: describeAudio(headers.audioHeader, hints) }),
  };
}

function describeVideo(body: Buffer, hints: SourceHints): SourceVideo {
  const tag = parseVideoTag(body);
  if (tag.codec !== 'avc') {
    throw transcodeError(
      'transcode.source-unsupported',
      `got video codec ${JSON.stringify(tag.codec)}, expected "avc"`,
    );
  }
  if (tag.packetType !== 'sequence-header') {
    throw transcodeError('transcode.source-invalid', `got a video ${tag.packetType} tag, expected a sequence header`);
  }
  const { spsInfo } = readHeader('AVCDecoderConfigurationRecord', () => parseAvcDecoderConfigurationRecord(tag.data));
  checkPictureSize(spsInfo.width, spsInfo.height);
  const aspect = spsInfo.sarNum / spsInfo.sarDen;
  const bitrate = plausibleBitrate(hints.videoBitrate);
  return {
    codec: 'avc',
    width: spsInfo.width,
    height: spsInfo.height,
    sampleAspectRatio: aspect >= MIN_ASPECT && aspect <= MAX_ASPECT ? aspect : 1,
    frameRate: chooseFrameRate([spsInfo.frameRate, hints.frameRate, hints.measuredFrameRate]),
    profile: spsInfo.profile,
    chromaFormat: spsInfo.chromaFormat,
    bitDepth: Math.max(spsInfo.bitDepthLuma, spsInfo.bitDepthChroma),
    ...(bitrate === undefined ? {} : { bitrate }),
  };
}

function checkPictureSize(width: number, height: number): void {
  const largest = Math.max(width, height);
  const smallest = Math.min(width, height);
  if (largest <= MAX_SIDE && smallest >= MIN_SIDE && width * height <= MAX_LUMA_SAMPLES) return;
  throw transcodeError(
    'transcode.source-limit',
    `got a picture of ${width}x${height}, expected sides of ${MIN_SIDE}..${MAX_SIDE} and at most ${MAX_LUMA_SAMPLES} samples`,
  );
}

/** The first that is possible. If something was said and all of it is impossible, the source is refused. */
function chooseFrameRate(candidates: readonly (number | undefined)[]): number {
  const said = candidates.filter((rate) => rate !== undefined && Number.isFinite(rate) && rate > 0);
  const possible = said.find((rate) => rate !== undefined && rate >= MIN_FRAME_RATE && rate <= MAX_FRAME_RATE);
  if (possible !== undefined) return possible;
  if (said.length === 0) return DEFAULT_FRAME_RATE;
  throw transcodeError(
    'transcode.source-limit',
    `got ${said.join(', ')} frames per second, expected ${MIN_FRAME_RATE}..${MAX_FRAME_RATE}`,
  );
}

function describeAudio(body: Buffer, hints: SourceHints): SourceAudio {
  const tag = parseAudioTag(body);
  const announced = plausibleBitrate(hints.audioBitrate);
  const bitrate = announced === undefined ? {} : { bitrate: announced };
  if (tag.codec === 'aac') {
    if (tag.packetType !== 'sequence-header') {
      throw transcodeError('transcode.source-invalid', `got an AAC ${tag.packetType} tag, expected a sequence header`);
    }
    const config = readHeader('AudioSpecificConfig', () => parseAudioSpecificConfig(tag.data));
    const { objectType, sampleRate, channels } = config;
    return { codec: 'aac', objectType, sampleRate, channels, ...bitrate };
  }
  if (isTranscodedAudio(tag.codec)) return { codec: tag.codec, ...bitrate };
  throw transcodeError(
    'transcode.source-unsupported',
    `got audio codec ${JSON.stringify(tag.codec)}, expected aac or one of ${Object.keys(TRANSCODED_AUDIO).join(', ')}`,
  );
}

function isTranscodedAudio(codec: unknown): codec is TranscodedAudioCodec {
  return typeof codec === 'string' && Object.hasOwn(TRANSCODED_AUDIO, codec);
}

function plausibleBitrate(bitrate: BitsPerSecond | undefined): BitsPerSecond | undefined {
  return bitrate !== undefined && Number.isFinite(bitrate) && bitrate > 0 ? bitrate : undefined;
}

function readHeader<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof SluiceError)) throw cause;
    throw transcodeError('transcode.source-invalid', `${name}: ${cause.message}`, { cause });
  }
}
