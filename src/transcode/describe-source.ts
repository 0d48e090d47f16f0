// Describes what the publisher really sends, from the headers of the codecs, so that the ladder is based on facts.
import { SluiceError } from '../protocols/errors.js';
import {
  type AudioCodec,
  type AudioCodecId,
  audioCodecName,
  type VideoCodec,
  videoCodecName,
} from '../protocols/flv/codecs.js';
import { parseAudioSpecificConfig } from '../protocols/mp4/aac.js';
import { parseAvcDecoderConfigurationRecord } from '../protocols/mp4/avc.js';
import type { BitsPerSecond } from '../protocols/units.js';
import { transcodeError } from './errors.js';

export type SourceVideoCodec = 'avc' | 'hevc' | 'av1' | 'vp9';

export interface SourceVideo {
  readonly codec: SourceVideoCodec;
  /** Luma samples after cropping. */
  readonly width: number;
  readonly height: number;
  /** Width of a sample divided by its height; 1 if the headers give none or an implausible one (ITU-T H.264 E.2.1). */
  readonly sampleAspectRatio: number;
  /**
   * Frames per second. The measured rate if it contradicts the signalled one; otherwise the rate in the codec headers, or else in the
   * metadata, or else 30.
   */
  readonly frameRate: number;
  /** `profile_idc` of H.264 (ITU-T H.264 7.4.2.1.1); absent for other codecs. */
  readonly profile?: number;
  /** 0: monochrome, 1: 4:2:0, 2: 4:2:2, 3: 4:4:4. */
  readonly chromaFormat: number;
  /** Bits of a luma sample. */
  readonly bitDepth: number;
  /** Whether pictures may be coded as fields. If so, encoded rungs are deinterlaced. */
  readonly interlaced: boolean;
  /** Set if the pictures are HDR; absent for SDR. */
  readonly hdr?: HdrTransfer;
  /** As announced by the publisher. */
  readonly bitrate?: BitsPerSecond;
}

/** How HDR pictures are coded: SMPTE ST 2084 or ARIB STD-B67. */
export type HdrTransfer = 'PQ' | 'HLG';

export type SourceAudio =
  | {
      readonly codec: 'aac';
      /** MPEG-4 audio object type of the core coder (ISO/IEC 14496-3 table 1.17). */
      readonly objectType: number;
      /** Sample rate of the core coder in Hz: the time base of its timestamps. */
      readonly sampleRate: number;
      readonly channels: number;
      /** ISO/IEC 14496-3 table 1.19; 0 = a program config element lists the channels. Absent: equal to `channels`. */
      readonly channelConfiguration?: number;
      /** PCM samples in a coded frame. Default 1024. */
      readonly samplesPerFrame?: number;
      /** As announced by the publisher. */
      readonly bitrate?: BitsPerSecond;
    }
  | {
      readonly codec: Exclude<AudioCodecId, 'aac'>;
      /** Hz; absent if only the frames contain it. */
      readonly sampleRate?: number;
      readonly channels?: number;
      readonly bitrate?: BitsPerSecond;
    };

export interface SourceDescription {
  readonly video?: SourceVideo;
  readonly audio?: SourceAudio;
}

/** Properties from the publisher's metadata or timestamps. Used only if the headers do not contain them. */
export interface SourceHints {
  /** `framerate` of onMetaData, in frames per second. */
  readonly frameRate?: number;
  /** Frames per second counted from timestamps. */
  readonly measuredFrameRate?: number;
  readonly videoBitrate?: BitsPerSecond;
  readonly audioBitrate?: BitsPerSecond;
}

/** The facts from the headers of a codec: the part of `describeVideo`'s result (protocols/mp4) that is needed here. */
export interface VideoFacts {
  /** Luma samples after cropping. */
  readonly width?: number | undefined;
  readonly height?: number | undefined;
  /** Frames per second. */
  readonly frameRate?: number | undefined;
  readonly bitDepth?: number | undefined;
  /** RFC 6381 codec string: its profile limits the possible chroma formats. */
  readonly codecs?: string | undefined;
  readonly interlaced?: boolean | undefined;
  /** TransferCharacteristics of ITU-T H.273. */
  readonly color?: { readonly transfer: number } | undefined;
  /** Sample aspect ratio, numerator and denominator. */
  readonly sarNum?: number | undefined;
  readonly sarDen?: number | undefined;
}

export interface SourceTracks {
  readonly video?: {
    readonly codec: VideoCodec;
    /** avcC, hvcC, av1C or vpcC. */
    readonly configuration: Buffer;
    /** Not used for AVC, whose avcC contains everything. */
    readonly description?: VideoFacts | undefined;
  };
  readonly audio?: {
    readonly codec: AudioCodec;
    /** AudioSpecificConfig for AAC; not used for other codecs. */
    readonly configuration?: Buffer | undefined;
    readonly description?:
      | { readonly sampleRate?: number | undefined; readonly channels?: number | undefined }
      | undefined;
  };
  readonly metadata?: SourceHints;
}

/** Maximum width and height in luma samples: the largest of any level in ITU-T H.264 annex A (level 6.2, 8192x4320). */
const MAX_SIDE = 8192;
/** MaxFS of level 6.2 (ITU-T H.264 table A-1), macroblocks of 256 luma samples. */
const MAX_LUMA_SAMPLES = 139_264 * 256;
/** One macroblock: no smaller picture is worth serving. */
const MIN_SIDE = 16;
/** One picture in ten seconds, as digital signage sends, with a little tolerance for rounding. */
const MIN_FRAME_RATE = 0.09;
const MAX_FRAME_RATE = 240;
const DEFAULT_FRAME_RATE = 30;
/** A sample aspect ratio outside these bounds is a mistake of the encoder. */
const MIN_ASPECT = 0.25;
const MAX_ASPECT = 4;

/** @throws transcode.source-invalid, transcode.source-unsupported, transcode.source-limit */
export function describeSource(tracks: SourceTracks): SourceDescription {
  const hints = tracks.metadata ?? {};
  return {
    ...(tracks.video === undefined ? {} : { video: describeVideoTrack(tracks.video, hints) }),
    ...(tracks.audio === undefined ? {} : { audio: describeAudioTrack(tracks.audio, hints) }),
  };
}

function describeVideoTrack(track: NonNullable<SourceTracks['video']>, hints: SourceHints): SourceVideo {
  const { codec } = track;
  if (codec !== 'avc' && codec !== 'hevc' && codec !== 'av1' && codec !== 'vp9') {
    throw transcodeError(
      'transcode.source-unsupported',
      `got ${videoCodecName(codec)} video, expected H.264, HEVC, AV1 or VP9`,
    );
  }
  const facts = codec === 'avc' ? avcFacts(track.configuration) : otherFacts(codec, track.description ?? {});
  const { width, height } = facts;
  checkPictureSize(width, height);
  const aspect = (facts.sarNum ?? 1) / (facts.sarDen ?? 1);
  const bitrate = plausibleBitrate(hints.videoBitrate);
  return {
    codec,
    width,
    height,
    sampleAspectRatio: aspect >= MIN_ASPECT && aspect <= MAX_ASPECT ? aspect : 1,
    frameRate: chooseFrameRate([facts.frameRate, hints.frameRate], hints.measuredFrameRate),
    ...(facts.profile === undefined ? {} : { profile: facts.profile }),
    chromaFormat: facts.chromaFormat,
    bitDepth: facts.bitDepth ?? 8,
    interlaced: facts.interlaced ?? false,
    ...hdrOf(facts),
    ...(bitrate === undefined ? {} : { bitrate }),
  };
}

/** Code points of ITU-T H.273 table 3. */
const HDR_TRANSFERS: ReadonlyMap<number, HdrTransfer> = new Map([
  [16, 'PQ'],
  [18, 'HLG'],
]);

function hdrOf({ color }: VideoFacts): { readonly hdr?: HdrTransfer } {
  const hdr = color && HDR_TRANSFERS.get(color.transfer);
  return hdr === undefined ? {} : { hdr };
}

interface ReadFacts extends VideoFacts {
  readonly width: number;
  readonly height: number;
  readonly profile?: number;
  readonly chromaFormat: number;
}

function avcFacts(configuration: Buffer): ReadFacts {
  const { spsInfo } = readHeader('AVCDecoderConfigurationRecord', () =>
    parseAvcDecoderConfigurationRecord(configuration),
  );
  return { ...spsInfo, bitDepth: Math.max(spsInfo.bitDepthLuma, spsInfo.bitDepthChroma) };
}

function otherFacts(codec: SourceVideoCodec, facts: VideoFacts): ReadFacts {
  const { width, height } = facts;
  if (width !== undefined && height !== undefined) {
    return { ...facts, width, height, chromaFormat: chromaOfProfile(codec, facts.codecs ?? '') };
  }
  throw transcodeError(
    'transcode.source-invalid',
    `got ${videoCodecName(codec)} video whose headers do not say its size, expected width and height`,
  );
}

/**
 * 4:2:0 for profiles that allow nothing else (HEVC Main, Main 10 and Main Still Picture, AV1 Main, VP9 profiles 0 and 2), and if the
 * profile is unknown. 4:4:4 stands for anything that other profiles may contain.
 */
function chromaOfProfile(codec: SourceVideoCodec, codecs: string): number {
  const profile = codecs.split('.')[1];
  if (profile === undefined) return 1;
  switch (codec) {
    case 'hevc':
      return /^[123]$/.test(profile) ? 1 : 3;
    case 'av1':
      return profile === '0' ? 1 : 3;
    default:
      return profile === '00' || profile === '02' ? 1 : 3;
  }
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

/**
 * A signalled rate is believed if it differs from the measured one by at most this share, because a measurement covers a second or less.
 */
const BELIEVED_WITHIN = 0.15;

/** Chooses the first plausible rate, unless the measured rate contradicts it. If no known rate is plausible, the source is refused. */
function chooseFrameRate(said: readonly (number | undefined)[], measured: number | undefined): number {
  const known = [...said, measured].filter((rate) => rate !== undefined && Number.isFinite(rate) && rate > 0);
  const isPossible = (rate = 0): boolean => rate >= MIN_FRAME_RATE && rate <= MAX_FRAME_RATE;
  const believed = measured !== undefined && isPossible(measured) ? measured : undefined;
  const agrees = (rate = 0): boolean => believed === undefined || Math.abs(rate / believed - 1) <= BELIEVED_WITHIN;
  const rounded = believed === undefined ? undefined : Math.round(believed * 100) / 100;
  const best = known.find((rate) => isPossible(rate) && agrees(rate) && rate !== measured) ?? rounded;
  if (best !== undefined) return best;
  if (known.length === 0) return DEFAULT_FRAME_RATE;
  throw transcodeError(
    'transcode.source-limit',
    `got ${[...new Set(known)].join(', ')} frames per second, expected ${MIN_FRAME_RATE}..${MAX_FRAME_RATE}`,
  );
}

function describeAudioTrack(track: NonNullable<SourceTracks['audio']>, hints: SourceHints): SourceAudio {
  const { codec, configuration, description } = track;
  const announced = plausibleBitrate(hints.audioBitrate);
  const bitrate = announced === undefined ? {} : { bitrate: announced };
  if (typeof codec !== 'string') {
    throw transcodeError('transcode.source-unsupported', `got ${audioCodecName(codec)} audio, which is unknown here`);
  }
  if (codec === 'aac') {
    if (configuration === undefined) {
      throw transcodeError('transcode.source-invalid', 'got AAC without an AudioSpecificConfig, expected one');
    }
    const config = readHeader('AudioSpecificConfig', () => parseAudioSpecificConfig(configuration));
    const { objectType, sampleRate, channels, channelConfiguration, samplesPerFrame } = config;
    return { codec, objectType, sampleRate, channels, channelConfiguration, samplesPerFrame, ...bitrate };
  }
  const { sampleRate, channels } = description ?? {};
  return {
    codec,
    ...(sampleRate === undefined ? {} : { sampleRate }),
    ...(channels === undefined ? {} : { channels }),
    ...bitrate,
  };
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
