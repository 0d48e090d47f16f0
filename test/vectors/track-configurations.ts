// Configuration records and first frames as encoders send them, and what they say: for the parsers and as seeds of the noise.
import type { AudioDescription, DescribedAudioCodec } from '../../src/protocols/mp4/audio-description.js';
import type { DescribedVideoCodec, VideoDescription } from '../../src/protocols/mp4/video-description.js';

export interface VideoConfigurationVector {
  readonly name: string;
  readonly codec: DescribedVideoCodec;
  /** The record of the sequence header; undefined when the encoder sent none. */
  readonly hex: string | undefined;
  /** The beginning of the first key frame, where it says something. */
  readonly frame?: string;
  readonly value: Partial<Omit<VideoDescription, 'record'>>;
}

export interface AudioConfigurationVector {
  readonly name: string;
  readonly codec: DescribedAudioCodec;
  readonly hex: string | undefined;
  readonly frame?: string;
  /** `record` as hex. */
  readonly value: Partial<Omit<AudioDescription, 'record'>> & { readonly record?: string };
}

const text = (value: string): string => Buffer.from(value, 'latin1').toString('hex');

const X265 =
  '0101600000009000000000003cf000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003003c959409210001002b42010101600000030090000003000003003ca00a080c1f3e595952930bc05a020000030002000003003c1022000100064401c073c189';
const X265_HDR =
  '0102200000009000000000003cf000fcfdfafa00000f03200001001840010c01ffff02200000030090000003000003003c959409210001002e42010102200000030090000003000003003ca00a080c1f3b6595952930bc39a848804820000003002000000303c122000100064401c073c189';
const X265_422 =
  '0104080000009d08000000003cf000fcfefafa00000f03200001001740010c01ffff0408000003009d0800000300003c959809210001002b4201010408000003009d0800000300003cb00a080b9d4ed96566924caf016808000003000800000300f04022000100074401c172b46240';
const AV1_OBU = '0a0b000000043cfecc6af90040';
const STREAMINFO = `12001200000000004a580bb802f000000000${'00'.repeat(16)}`;

export const VIDEO_CONFIGURATIONS: readonly VideoConfigurationVector[] = [
  {
    name: 'HEVC Main of x265',
    codec: 'hevc',
    hex: X265,
    value: { codecs: 'hvc1.1.6.L60.90', width: 320, height: 180, frameRate: 30, nalLengthSize: 4, bitDepth: 8 },
  },
  {
    name: 'HEVC whose record says nothing of profile, chroma and depth',
    codec: 'hevc',
    hex: `01${'00'.repeat(12)}000000000000${'00'.repeat(2)}03${X265.slice(44)}`,
    value: { codecs: 'hvc1.1.6.L60.90', width: 320, height: 180, bitDepth: 8 },
  },
  {
    name: 'HEVC Main 10 in BT.2020 and PQ, pixels 4:3',
    codec: 'hevc',
    hex: X265_HDR,
    value: {
      codecs: 'hvc1.2.4.L60.90',
      bitDepth: 10,
      sarNum: 4,
      sarDen: 3,
      color: { primaries: 9, transfer: 16, matrix: 9, fullRange: false },
    },
  },
  {
    name: 'HEVC 4:2:2 with a conformance window, two constraint bytes',
    codec: 'hevc',
    hex: X265_422,
    value: { codecs: 'hvc1.4.10.L60.9D.8', width: 318, height: 178, bitDepth: 10, frameRate: 30 },
  },
  {
    name: 'AV1 of SVT-AV1',
    codec: 'av1',
    hex: '81000c000a0b000000043cfecc02f80040',
    value: { codecs: 'av01.0.00M.08', width: 320, height: 180, bitDepth: 8 },
  },
  {
    name: 'AV1 of 10 bits in BT.2020 and PQ',
    codec: 'av1',
    hex: '81004c000a0e000000043cfecc02f85091009040',
    value: {
      codecs: 'av01.0.00M.10.0.110.09.16.09.0',
      width: 320,
      color: { primaries: 9, transfer: 16, matrix: 9, fullRange: false },
    },
  },
  {
    name: 'AV1 whose record has no sequence header: the size is in the key frame',
    codec: 'av1',
    hex: '81044c00',
    frame: `1200${AV1_OBU}`,
    value: { codecs: 'av01.0.00M.08', width: 320, height: 180 },
  },
  {
    name: 'AV1 without a record',
    codec: 'av1',
    hex: undefined,
    frame: AV1_OBU,
    value: { codecs: 'av01.0.00M.08', width: 320, height: 180 },
  },
  {
    name: 'AV1 of level 3.0 by its record alone',
    codec: 'av1',
    hex: '81040c00',
    value: { codecs: 'av01.0.04M.08' },
  },
  {
    name: 'AV1 High tier, 4:4:4',
    codec: 'av1',
    hex: '812d8000',
    value: { codecs: 'av01.1.13H.08.0.000.01.01.01.0' },
  },
  {
    name: 'VP9 with the version of the box before the record',
    codec: 'vp9',
    hex: '01000000000b820202020000',
    frame: '824983420013f00b3606',
    value: { codecs: 'vp09.00.11.08', width: 320, height: 180 },
  },
  {
    name: 'VP9 with the record alone',
    codec: 'vp9',
    hex: '001e800101010000',
    value: { codecs: 'vp09.00.30.08', bitDepth: 8 },
  },
  {
    name: 'VP9 without a record: the level is that of 60 frames per second',
    codec: 'vp9',
    hex: undefined,
    frame: '824983420013f00b3606',
    value: { codecs: 'vp09.00.20.08', width: 320, height: 180 },
  },
  {
    name: 'VP9 profile 3, 4:4:4 of 10 bits, level not said',
    codec: 'vp9',
    hex: '0300a60202020000',
    frame: 'b124c1a100009f8059b031',
    value: { codecs: 'vp09.03.20.10.03.01.01.01.0', width: 320, height: 180, bitDepth: 10 },
  },
];

export const AUDIO_CONFIGURATIONS: readonly AudioConfigurationVector[] = [
  {
    name: 'AAC-LC',
    codec: 'aac',
    hex: '1190',
    value: { codecs: 'mp4a.40.2', sampleRate: 48_000, channels: 2, samplesPerFrame: 1024, record: '1190' },
  },
  {
    name: 'HE-AAC: frames count at the core rate',
    codec: 'aac',
    hex: '2b118800',
    value: { codecs: 'mp4a.40.5', sampleRate: 48_000, frameRateBase: 24_000, channels: 2, samplesPerFrame: 1024 },
  },
  {
    name: 'A9.08 Opus',
    codec: 'opus',
    hex: `${text('OpusHead')}0102380180bb0000000000`,
    value: { codecs: 'Opus', sampleRate: 48_000, channels: 2, record: '000201380000bb80000000' },
  },
  {
    name: 'A9.08 Opus of six channels',
    codec: 'opus',
    hex: `${text('OpusHead')}0106380180bb00000000010402000401020305`,
    value: { channels: 6, record: '000601380000bb800000010402000401020305' },
  },
  {
    name: 'A9.08 Opus without OpusHead, stereo by its first packet',
    codec: 'opus',
    hex: undefined,
    frame: 'fcb4',
    value: { channels: 2, record: '000201380000bb80000000' },
  },
  { name: 'A9.08 Opus with an empty header, mono', codec: 'opus', hex: '', frame: 'f8b4', value: { channels: 1 } },
  {
    name: 'A9.08 FLAC with its signature',
    codec: 'flac',
    hex: `${text('fLaC')}80000022${STREAMINFO}`,
    value: { codecs: 'fLaC', sampleRate: 48_000, channels: 2, bitDepth: 16, samplesPerFrame: 4608 },
  },
  {
    name: 'A9.08 FLAC STREAMINFO alone',
    codec: 'flac',
    hex: STREAMINFO,
    value: { codecs: 'fLaC', record: `0000000080000022${STREAMINFO}` },
  },
  {
    name: 'A9.08 AC-3 of 5.1 channels at 44.1 kHz',
    codec: 'ac-3',
    hex: undefined,
    frame: '0b77e1e75e40ebf8403eff9dffc2107f',
    value: { codecs: 'ac-3', sampleRate: 44_100, channels: 6, samplesPerFrame: 1536, record: '503de0' },
  },
  {
    name: 'A9.08 E-AC-3',
    codec: 'e-ac-3',
    hex: undefined,
    frame: '0b77017f3487c0002084210838008c06',
    value: { codecs: 'ec-3', sampleRate: 48_000, channels: 2, samplesPerFrame: 1536, record: '0600200400' },
  },
  {
    name: 'E-AC-3 that the encoder calls AC-3',
    codec: 'ac-3',
    hex: undefined,
    frame: '0b77017f3487c0002084210838008c06',
    value: { codec: 'e-ac-3', codecs: 'ec-3' },
  },
  {
    name: 'MP3 of MPEG-1',
    codec: 'mp3',
    hex: undefined,
    frame: 'fffb9464',
    value: { codecs: 'mp4a.40.34', sampleRate: 48_000, channels: 2, samplesPerFrame: 1152 },
  },
  {
    name: 'MP3 of MPEG-2, mono',
    codec: 'mp3',
    hex: undefined,
    frame: 'fff340c4',
    value: { sampleRate: 22_050, channels: 1, samplesPerFrame: 576 },
  },
];
