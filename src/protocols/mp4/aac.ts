// Parses the AudioSpecificConfig. Sample rate and channel count in FLV tags and metadata are only conventions.
import { BitReader } from '../bytes/bit-reader.js';
import { SluiceError } from '../errors.js';
import { mp4Error } from './errors.js';

/** ISO/IEC 14496-3 1.6.2.1. */
export interface AudioSpecificConfig {
  /** Audio object type of the core coder: 2 = AAC-LC, also with SBR or PS on top. */
  readonly objectType: number;
  /** Sample rate of the core coder in Hz. */
  readonly sampleRate: number;
  /** Channels of the core coder. */
  readonly channels: number;
  /** Table 1.19, for the core coder; 0 = a program config element lists the channels. */
  readonly channelConfiguration: number;
  /** PCM samples per channel in one coded frame, at `sampleRate`: 1024 or 960. */
  readonly samplesPerFrame: number;
  /** Spectral band replication is signalled (HE-AAC). Implicit SBR cannot be detected here. */
  readonly sbr: boolean;
  /** Parametric stereo is signalled (HE-AAC v2). */
  readonly ps: boolean;
  /** Hz, as a decoder with SBR support outputs it. */
  readonly outputSampleRate: number;
  /** As a decoder with PS support outputs it. */
  readonly outputChannels: number;
}

/** AAC-LC; SBR and PS are extensions of it (ISO/IEC 14496-3 table 1.17). */
export const AAC_LC = 2;
const OBJECT_TYPE_SBR = 5;
const OBJECT_TYPE_PS = 29;
const OBJECT_TYPE_ESCAPE = 31;
/** Object types whose configuration is a GASpecificConfig (ISO/IEC 14496-3 4.4.1). */
const GENERAL_AUDIO: ReadonlySet<number> = new Set([1, 2, 3, 4, 6, 7, 17, 19, 20, 21, 22, 23]);
const ERROR_RESILIENT_MINIMUM = 17;
const SYNC_EXTENSION_SBR = 0x2b7;
const SYNC_EXTENSION_PS = 0x548;
const SAMPLE_RATE_ESCAPE = 15;
/** No AAC stream has a higher rate; the 24-bit escape value could say 16 MHz. */
const MAX_SAMPLE_RATE = 192_000;

/** ISO/IEC 14496-3 table 1.18, samplingFrequencyIndex 0..12. */
const SAMPLE_RATES: readonly number[] = [
  96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350,
];
/** ISO/IEC 14496-3 table 1.19, channelConfiguration; 0 = defined by a program config element. */
const CHANNELS: readonly (number | undefined)[] = [
  0,
  1,
  2,
  3,
  4,
  5,
  6,
  8,
  undefined,
  undefined,
  undefined,
  7,
  8,
  24,
  8,
];

/** @throws mp4.audio-configuration */
export function parseAudioSpecificConfig(config: Uint8Array): AudioSpecificConfig {
  try {
    return parseConfig(new BitReader(config));
  } catch (error) {
    if (error instanceof SluiceError && error.code === 'bytes.truncated') {
      throw mp4Error('mp4.audio-configuration', `got ${config.length} bytes that end inside a field`, { cause: error });
    }
    throw error;
  }
}

function parseConfig(bits: BitReader): AudioSpecificConfig {
  let objectType = readObjectType(bits);
  const sampleRate = readSampleRate(bits);
  const channelConfiguration = bits.bits(4);
  let sbr = false;
  let ps = false;
  let extensionRate: number | undefined;
  // Explicit hierarchical signalling: the outer type is SBR or PS, and the core type follows.
  const wrapped = objectType === OBJECT_TYPE_SBR || objectType === OBJECT_TYPE_PS;
  if (wrapped) {
    sbr = true;
    ps = objectType === OBJECT_TYPE_PS;
    extensionRate = readSampleRate(bits);
    objectType = readObjectType(bits);
  }
  const general = GENERAL_AUDIO.has(objectType)
    ? parseGeneralAudio(bits, objectType, channelConfiguration)
    : { samplesPerFrame: 1024, channels: undefined };
  const channels = general.channels ?? CHANNELS[channelConfiguration];
  if (channels === undefined || channels === 0) {
    throw mp4Error('mp4.audio-configuration', `got channel configuration ${channelConfiguration} without channels`);
  }
  if (!wrapped) {
    const extension = readSyncExtension(bits);
    if (extension !== undefined) {
      sbr = true;
      ps = extension.ps;
      extensionRate = extension.sampleRate;
    }
  }
  return {
    objectType,
    sampleRate,
    channels,
    channelConfiguration,
    samplesPerFrame: general.samplesPerFrame,
    sbr,
    ps,
    outputSampleRate: extensionRate ?? sampleRate,
    outputChannels: ps && channels === 1 ? 2 : channels,
  };
}

/** 5 bits; 31 escapes to 32 + 6 bits (ISO/IEC 14496-3 1.6.2.1 GetAudioObjectType). */
function readObjectType(bits: BitReader): number {
  const type = bits.bits(5);
  const full = type === OBJECT_TYPE_ESCAPE ? 32 + bits.bits(6) : type;
  if (full === 0) throw mp4Error('mp4.audio-configuration', 'got audio object type 0, expected for example 2 (AAC-LC)');
  return full;
}

function readSampleRate(bits: BitReader): number {
  const index = bits.bits(4);
  const rate = index === SAMPLE_RATE_ESCAPE ? bits.bits(24) : SAMPLE_RATES[index];
  if (rate === undefined || rate === 0 || rate > MAX_SAMPLE_RATE) {
    throw mp4Error(
      'mp4.audio-configuration',
      `got sample rate ${rate ?? `index ${index}`}, expected 1..${MAX_SAMPLE_RATE} Hz`,
    );
  }
  return rate;
}

/** ISO/IEC 14496-3 4.4.1. */
function parseGeneralAudio(
  bits: BitReader,
  objectType: number,
  channelConfiguration: number,
): { samplesPerFrame: number; channels: number | undefined } {
  const samplesPerFrame = bits.flag() ? 960 : 1024;
  if (bits.flag()) bits.skip(14); // coreCoderDelay
  const extension = bits.flag();
  const channels = channelConfiguration === 0 ? countProgramChannels(bits) : undefined;
  if (objectType === 6 || objectType === 20) bits.skip(3); // layerNr
  if (extension) {
    if (objectType === 22) bits.skip(16); // numOfSubFrame, layer_length
    if (objectType >= ERROR_RESILIENT_MINIMUM && objectType !== 21 && objectType !== 22) bits.skip(3);
    bits.skip(1); // extensionFlag3
  }
  return { samplesPerFrame, channels };
}

/** ISO/IEC 14496-3 4.4.1.1 program_config_element: channel pairs count twice. */
function countProgramChannels(bits: BitReader): number {
  bits.skip(4 + 2 + 4); // element_instance_tag, object_type, sampling_frequency_index
  const front = bits.bits(4);
  const side = bits.bits(4);
  const back = bits.bits(4);
  const lfe = bits.bits(2);
  const associated = bits.bits(3);
  const coupling = bits.bits(4);
  if (bits.flag()) bits.skip(4); // mono mixdown
  if (bits.flag()) bits.skip(4); // stereo mixdown
  if (bits.flag()) bits.skip(3); // matrix mixdown
  let channels = lfe;
  for (let index = 0; index < front + side + back; index += 1) {
    channels += bits.flag() ? 2 : 1;
    bits.skip(4);
  }
  bits.skip(lfe * 4 + associated * 4 + coupling * 5);
  // byte_alignment() counts from the start of the AudioSpecificConfig, which is where this reader started.
  bits.skip(bits.bitsLeft % 8);
  bits.skip(bits.bits(8) * 8); // comment_field_data
  return channels;
}

/** Backward-compatible signalling after the core configuration, which old decoders ignore. */
function readSyncExtension(bits: BitReader): { sampleRate: number; ps: boolean } | undefined {
  if (bits.bitsLeft < 16 || bits.bits(11) !== SYNC_EXTENSION_SBR) return undefined;
  if (bits.bits(5) !== OBJECT_TYPE_SBR || bits.bitsLeft < 5 || !bits.flag()) return undefined;
  const sampleRate = readSampleRate(bits);
  const ps = bits.bitsLeft >= 12 && bits.bits(11) === SYNC_EXTENSION_PS && bits.flag();
  return { sampleRate, ps };
}
