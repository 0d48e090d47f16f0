// Reads codec, size and rate of a track from its sample entry, which FFmpeg or the gateway wrote.
import { type AudioSpecificConfig, parseAudioSpecificConfig } from './aac.js';
import { parseAc3SpecificBox, parseEac3SpecificBox } from './ac3-specific-box.js';
import { parseAv1CodecConfigurationRecord } from './av1.js';
import { type AvcDecoderConfiguration, parseAvcDecoderConfigurationRecord } from './avc.js';
import { type Box, findBox, printableType, requireBox, requireBytes } from './boxes.js';
import {
  aacCodecString,
  av1CodecString,
  avcCodecString,
  hevcCodecString,
  MP3_CODEC_STRING,
  vp9CodecString,
} from './codec-string.js';
import { COLOR_UNSPECIFIED, type ColorDescription, isUnspecified } from './color.js';
import { mp4Error } from './errors.js';
import { OBJECT_TYPE_AAC, OBJECT_TYPE_MPEG2_AUDIO, parseEsds } from './esds.js';
import { parseFlacStreamInfo } from './flac.js';
import { parseHevcDecoderConfigurationRecord } from './hevc.js';
import { OPUS_SAMPLE_RATE } from './opus.js';
import { parseVpCodecConfigurationRecord } from './vp9.js';

export interface SampleEntry {
  readonly kind: 'video' | 'audio';
  /** RFC 6381, for CODECS. */
  readonly codecs: string;
  /** Picture size of the sample entry, in pixels; video only. */
  readonly width?: number;
  readonly height?: number;
  /** From `colr`, otherwise from the bitstream; absent if neither contains it; video only. */
  readonly color?: ColorDescription;
  /** Output sample rate in Hz and channels (with SBR and PS if signalled); audio only. */
  readonly sampleRate?: number;
  readonly channels?: number;
  /** Duration of one audio frame in ticks of the track's timescale, if all frames last equally long; audio only. */
  readonly frameDuration?: number;
  readonly avc?: AvcDecoderConfiguration;
  readonly aac?: AudioSpecificConfig;
}

/** ISO/IEC 14496-12 12.1.3: size of a VisualSampleEntry before its boxes; width and height are at offset 24. */
const VISUAL_ENTRY_SIZE = 78;
const COLR_NCLX_SIZE = 11;
/** ISO/IEC 14496-12 12.2.3: size of an AudioSampleEntry before its boxes. */
const AUDIO_ENTRY_SIZE = 28;
/** Bytes added by versions 1 and 2 of QuickTime's audio entry. */
const QUICKTIME_EXTRA: readonly number[] = [0, 16, 36];

/**
 * @param timescale timescale of the track, for `frameDuration`
 * @throws mp4.unsupported-codec, mp4.box-missing, mp4.box-content, bytes.truncated and the errors of the configuration records
 */
export function parseSampleEntry({ type, body }: Box, timescale: number): SampleEntry {
  switch (type) {
    case 'avc1':
    case 'avc3': {
      const avc = parseAvcDecoderConfigurationRecord(configurationOf(body, 'avcC'));
      return { ...visual(body, avc.spsInfo.color), codecs: avcCodecString(avc, type), avc };
    }
    case 'hvc1':
    case 'hev1': {
      const hevc = parseHevcDecoderConfigurationRecord(configurationOf(body, 'hvcC'));
      return { ...visual(body, hevc.spsInfo.color), codecs: hevcCodecString(hevc, type) };
    }
    case 'av01': {
      const av1 = parseAv1CodecConfigurationRecord(configurationOf(body, 'av1C'));
      const color = av1.sequenceHeader?.color;
      return { ...visual(body, color), codecs: av1CodecString(av1, color) };
    }
    case 'vp09': {
      const vp9 = parseVpCodecConfigurationRecord(configurationOf(body, 'vpcC'));
      return { ...visual(body, vp9.color), codecs: vp9CodecString(vp9) };
    }
    case 'mp4a':
      return parseMp4a(body, timescale);
    case 'Opus':
      return parseOpus(audioBoxes(body));
    case 'fLaC':
      return parseFlac(audioBoxes(body), timescale);
    case 'ac-3':
      return parseAc3(requireBox(audioBoxes(body), 'dac3'), timescale);
    case 'ec-3':
      return parseEac3(requireBox(audioBoxes(body), 'dec3'));
    default:
      throw mp4Error(
        'mp4.unsupported-codec',
        `got sample entry ${printableType(type)}, expected one of avc1 hvc1 av01 vp09 mp4a Opus fLaC ac-3 ec-3`,
      );
  }
}

function configurationOf(body: Buffer, type: string): Buffer {
  requireBytes(body, VISUAL_ENTRY_SIZE, 'visual sample entry');
  return requireBox(body.subarray(VISUAL_ENTRY_SIZE), type);
}

/** @param coded colours according to the bitstream */
function visual(body: Buffer, coded: ColorDescription | undefined) {
  const colr = parseColr(body.subarray(VISUAL_ENTRY_SIZE));
  const color = colr === undefined || colr.transfer === COLOR_UNSPECIFIED ? (coded ?? colr) : colr;
  return {
    kind: 'video' as const,
    width: body.readUInt16BE(24),
    height: body.readUInt16BE(26),
    ...(color !== undefined && !isUnspecified(color) && { color }),
  };
}

/** ISO/IEC 14496-12 12.1.5: colr of colour_type nclx; undefined without one. */
function parseColr(boxes: Buffer): ColorDescription | undefined {
  const colr = findBox(boxes, 'colr')?.body;
  if (colr === undefined || colr.length < COLR_NCLX_SIZE || colr.toString('latin1', 0, 4) !== 'nclx') return undefined;
  const [primaries, transfer, matrix] = [colr.readUInt16BE(4), colr.readUInt16BE(6), colr.readUInt16BE(8)];
  return { primaries, transfer, matrix, fullRange: (colr.readUInt8(10) & 0x80) !== 0 };
}

function audioBoxes(body: Buffer): Buffer {
  requireBytes(body, AUDIO_ENTRY_SIZE, 'audio sample entry');
  const size = AUDIO_ENTRY_SIZE + (QUICKTIME_EXTRA[body.readUInt16BE(8)] ?? 0);
  requireBytes(body, size, 'audio sample entry');
  return body.subarray(size);
}

function parseMp4a(body: Buffer, timescale: number): SampleEntry {
  const boxes = audioBoxes(body);
  const { objectType, specificInfo } = parseEsds(findBox(boxes, 'esds')?.body ?? requireBox(boxes, 'wave', 'esds'));
  if (objectType !== OBJECT_TYPE_AAC) {
    const sampleRate = body.readUInt16BE(24);
    if (sampleRate === 0) throw mp4Error('mp4.box-content', 'got MP3 of 0 Hz');
    const samples = objectType === OBJECT_TYPE_MPEG2_AUDIO ? 576 : 1152;
    const frameDuration = Math.round((samples * timescale) / sampleRate);
    return { kind: 'audio', codecs: MP3_CODEC_STRING, sampleRate, channels: body.readUInt16BE(16), frameDuration };
  }
  const aac = parseAudioSpecificConfig(specificInfo);
  return {
    kind: 'audio',
    codecs: aacCodecString(aac),
    sampleRate: aac.outputSampleRate,
    channels: aac.outputChannels,
    // A muxer that knows HE-AAC may use the output rate as the timescale. Then a frame has correspondingly more ticks.
    frameDuration: Math.round((aac.samplesPerFrame * timescale) / aac.sampleRate),
    aac,
  };
}

/** Encapsulation of Opus in ISOBMFF 4.3.2: version, then the channel count. */
function parseOpus(boxes: Buffer): SampleEntry {
  const dOps = requireBox(boxes, 'dOps');
  requireBytes(dOps, 11, 'dOps');
  return { kind: 'audio', codecs: 'Opus', sampleRate: OPUS_SAMPLE_RATE, channels: dOps.readUInt8(1) };
}

function parseFlac(boxes: Buffer, timescale: number): SampleEntry {
  const dfLa = requireBox(boxes, 'dfLa');
  requireBytes(dfLa, 4, 'dfLa');
  const { sampleRate, channels, minBlockSize, maxBlockSize } = parseFlacStreamInfo(dfLa.subarray(4));
  const track = { kind: 'audio' as const, codecs: 'fLaC', sampleRate, channels };
  if (minBlockSize !== maxBlockSize) return track;
  return { ...track, frameDuration: Math.round((maxBlockSize * timescale) / sampleRate) };
}

function parseAc3(dac3: Buffer, timescale: number): SampleEntry {
  const { sampleRate, channels } = parseAc3SpecificBox(dac3);
  const frameDuration = Math.round((1536 * timescale) / sampleRate);
  return { kind: 'audio', codecs: 'ac-3', sampleRate, channels, frameDuration };
}

/** dec3 does not say how many blocks a frame has, so there is no frame duration. */
function parseEac3(dec3: Buffer): SampleEntry {
  return { kind: 'audio', codecs: 'ec-3', ...parseEac3SpecificBox(dec3) };
}
