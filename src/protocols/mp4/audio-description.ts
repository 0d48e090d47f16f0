// Describes the audio of any codec in one form: codec string, rate, channels and the record for the sample entry.
import { parseAudioSpecificConfig } from './aac.js';
import { ac3Samples, parseAc3Configuration } from './ac3.js';
import { writeAc3SpecificBox, writeEac3SpecificBox } from './ac3-specific-box.js';
import { aacCodecString, MP3_CODEC_STRING } from './codec-string.js';
import { mp4Error } from './errors.js';
import { flacFrameSamples, parseFlacStreamInfo, writeFlacSpecificBox } from './flac.js';
import { parseMpegAudioHeader } from './mpeg-audio.js';
import {
  defaultOpusConfiguration,
  OPUS_SAMPLE_RATE,
  opusPacketSamples,
  parseOpusHead,
  writeOpusSpecificBox,
} from './opus.js';

export type DescribedAudioCodec = 'aac' | 'mp3' | 'opus' | 'flac' | 'ac-3' | 'e-ac-3';

export interface AudioDescription {
  readonly codec: DescribedAudioCodec;
  /** RFC 6381, for CODECS: `mp4a.40.2`, `mp4a.40.34`, `Opus`, `fLaC`, `ac-3`, `ec-3`. */
  readonly codecs: string;
  /** Content of the sample entry: AudioSpecificConfig, or the content of dOps, dfLa, dac3 or dec3; empty for mp3. */
  readonly record: Buffer;
  /** Output sample rate in Hz. */
  readonly sampleRate: number;
  readonly channels: number;
  /** The rate in Hz to which `samplesPerFrame` refers. Differs from `sampleRate` for HE-AAC, whose frames are counted at the core rate. */
  readonly frameRateBase: number;
  /** PCM samples in every frame; absent if frames may differ (Opus, FLAC with variable block size): see {@link countSamples}. */
  readonly samplesPerFrame?: number;
  readonly bitDepth?: number;
}

/**
 * @param configuration the sequence header: AudioSpecificConfig, OpusHead, FLAC; undefined if the codec has none
 * @param firstFrame needed for ac-3, e-ac-3 and mp3; used for opus without configuration
 * @throws mp4.audio-configuration, mp4.audio-frame
 */
export function describeAudio(
  codec: DescribedAudioCodec,
  configuration: Buffer | undefined,
  firstFrame?: Buffer,
): AudioDescription {
  switch (codec) {
    case 'aac':
      return describeAac(required(codec, configuration));
    case 'opus':
      return describeOpus(configuration, firstFrame);
    case 'flac':
      return describeFlac(required(codec, configuration));
    case 'ac-3':
    case 'e-ac-3':
      return describeAc3(firstFrame);
    case 'mp3':
      return describeMp3(firstFrame);
  }
}

function required(codec: DescribedAudioCodec, configuration: Buffer | undefined): Buffer {
  if (configuration === undefined)
    throw mp4Error('mp4.audio-configuration', `got no sequence header of ${codec} audio`);
  return configuration;
}

function describeAac(configuration: Buffer): AudioDescription {
  const aac = parseAudioSpecificConfig(configuration);
  return {
    codec: 'aac',
    codecs: aacCodecString(aac),
    record: Buffer.from(configuration),
    sampleRate: aac.outputSampleRate,
    channels: aac.outputChannels,
    frameRateBase: aac.sampleRate,
    samplesPerFrame: aac.samplesPerFrame,
  };
}

function describeOpus(configuration: Buffer | undefined, firstFrame: Buffer | undefined): AudioDescription {
  const opus =
    configuration === undefined || configuration.length === 0
      ? defaultOpusConfiguration(firstFrame)
      : parseOpusHead(configuration);
  return {
    codec: 'opus',
    codecs: 'Opus',
    record: writeOpusSpecificBox(opus),
    sampleRate: OPUS_SAMPLE_RATE,
    channels: opus.channels,
    frameRateBase: OPUS_SAMPLE_RATE,
  };
}

function describeFlac(configuration: Buffer): AudioDescription {
  const flac = parseFlacStreamInfo(configuration);
  return {
    codec: 'flac',
    codecs: 'fLaC',
    record: writeFlacSpecificBox(flac),
    sampleRate: flac.sampleRate,
    channels: flac.channels,
    frameRateBase: flac.sampleRate,
    bitDepth: flac.bitsPerSample,
    ...(flac.minBlockSize === flac.maxBlockSize ? { samplesPerFrame: flac.maxBlockSize } : {}),
  };
}

/** The frame itself shows which of the two codecs it is: some encoders send E-AC-3 as `ac-3`. */
function describeAc3(firstFrame: Buffer | undefined): AudioDescription {
  if (firstFrame === undefined) throw mp4Error('mp4.audio-frame', 'got no AC-3 frame to describe');
  const ac3 = parseAc3Configuration(firstFrame);
  const { enhanced, sampleRate, samples } = ac3.main;
  return {
    codec: enhanced ? 'e-ac-3' : 'ac-3',
    codecs: enhanced ? 'ec-3' : 'ac-3',
    record: enhanced ? writeEac3SpecificBox(ac3) : writeAc3SpecificBox(ac3),
    sampleRate,
    channels: ac3.channels,
    frameRateBase: sampleRate,
    samplesPerFrame: samples,
  };
}

function describeMp3(firstFrame: Buffer | undefined): AudioDescription {
  if (firstFrame === undefined) throw mp4Error('mp4.audio-frame', 'got no MP3 frame to describe');
  const { sampleRate, channels, samplesPerFrame } = parseMpegAudioHeader(firstFrame);
  return {
    codec: 'mp3',
    codecs: MP3_CODEC_STRING,
    record: Buffer.alloc(0),
    sampleRate,
    channels,
    frameRateBase: sampleRate,
    samplesPerFrame,
  };
}

/**
 * PCM samples of one message of a track, at `frameRateBase`. Time counted in samples does not drift, unlike rounded milliseconds.
 * @returns undefined if the frame is malformed
 */
export function countSamples(description: AudioDescription, frame: Buffer): number | undefined {
  switch (description.codec) {
    case 'opus':
      return opusPacketSamples(frame);
    case 'flac':
      return flacFrameSamples(frame) ?? description.samplesPerFrame;
    case 'ac-3':
    case 'e-ac-3':
      return frame.length >= 8 && frame.readUInt16BE(0) === 0x0b77 ? ac3Samples(frame) : undefined;
    case 'aac':
    case 'mp3':
      return description.samplesPerFrame;
  }
}
