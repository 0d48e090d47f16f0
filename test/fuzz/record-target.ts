// The records and first frames that describe a track: they are the first part of a publisher's media that is parsed.
import { type DescribedAudioCodec, describeAudio } from '../../src/protocols/mp4/audio-description.js';
import { parseInitSegment } from '../../src/protocols/mp4/init-segment.js';
import { writeInitSegment } from '../../src/protocols/mp4/init-segment-writer.js';
import { type DescribedVideoCodec, describeVideo } from '../../src/protocols/mp4/video-description.js';
import { ensure, type FuzzTarget, read, text } from './target.js';

const VIDEO: readonly DescribedVideoCodec[] = ['avc', 'hevc', 'av1', 'vp9'];
const AUDIO: readonly DescribedAudioCodec[] = ['aac', 'opus', 'flac', 'ac-3', 'e-ac-3', 'mp3'];

const HVCC =
  '0101600000009000000000001ef000fcfdf8f800000f03200001001840010c01ffff01600000030090000003000003001e959809' +
  '210001002942010101600000030090000003000003001ea020810596566924caf016808000000300800000030284220001000744' +
  '01c172b42240';
const STREAM_INFO = '664c6143000000221000100000000e00001003e800f0000000000000000000000000000000000000000000';

/** One byte for the codec, two for the length of the record, the record, then the first frame. */
function input(codec: number, recordHex: string, frameHex = ''): Buffer {
  const record = Buffer.from(recordHex, 'hex');
  return Buffer.concat([
    Buffer.of(codec, record.length >> 8, record.length & 0xff),
    record,
    Buffer.from(frameHex, 'hex'),
  ]);
}

const SEEDS = [
  input(0, '0164000affe100186764000aacd94426c044000003000400000300283c48965801000668ebe3cb22c0fdf8f800'),
  input(1, HVCC, '000004212801af26a506ecf8bc8e9d1a1673'),
  input(2, '81000c000a0a00000002afff9fff3008', '12000a0a00000002afff9fff300832c70414002f'),
  input(2, '', '12000a0a00000002afff8d5f200832b0071400aac090'),
  input(3, '01000000000a820202020000', '824983420003f003f60238241c184a0003b07cb1'),
  input(4, '119056e500'),
  input(5, '4f707573486561640102380180bb0000000000', 'fc7bdc'),
  input(6, STREAM_INFO, 'fff85908003c4e00'),
  input(7, '', '0b771ef84c402f842be1877b875dfbe7d5df3e7ef9f3e7cf'),
  input(8, '', '0b7700cf7287c00021061870c3bdc3aefdf3eaef9f3f7cf9'),
  input(9, '', 'fffb50c400000a2c432e55948001811566233ad00007aac3'),
];

export const recordTarget: FuzzTarget = {
  name: 'codec-records',
  seeds: SEEDS,
  dictionary: [
    ...text('OpusHead', 'fLaC'),
    Buffer.of(0, 0, 3),
    Buffer.of(0xff, 0xff),
    Buffer.of(0x0b, 0x77),
    Buffer.of(0, 0, 0, 1),
  ],
  maxBytes: 512,
  run(bytes) {
    if (bytes.length < 3) return;
    const codec = bytes.readUInt8(0) % (VIDEO.length + AUDIO.length);
    const end = 3 + bytes.readUInt16BE(1);
    const record = bytes.subarray(3, end);
    const frame = end < bytes.length ? bytes.subarray(end) : undefined;
    const videoCodec = VIDEO[codec];
    const audioCodec = AUDIO[codec - VIDEO.length];
    if (videoCodec !== undefined) describeAndWriteVideo(videoCodec, record, frame);
    else if (audioCodec !== undefined) describeAndWriteAudio(audioCodec, record, frame);
  },
};

function describeAndWriteVideo(codec: DescribedVideoCodec, configuration: Buffer, frame: Buffer | undefined): void {
  const description = read(() => describeVideo(codec, configuration, frame));
  if (description === undefined) return;
  const { width = 1, height = 1, codecs } = description;
  ensure(width > 0 && height > 0 && Number.isSafeInteger(width * height), 'a size is positive');
  ensure(/^[A-Za-z0-9.]+$/.test(codecs), 'a codec string may stand in a playlist');
  const init = read(() => writeInitSegment({ trackId: 1, timescale: 90_000, description }));
  if (init !== undefined) ensure(parseInitSegment(init).codecs === codecs, 'the init segment says the same codec');
}

function describeAndWriteAudio(codec: DescribedAudioCodec, configuration: Buffer, frame: Buffer | undefined): void {
  const description = read(() => describeAudio(codec, configuration, frame));
  if (description === undefined) return;
  const { sampleRate, channels, codecs } = description;
  ensure(sampleRate > 0 && channels > 0, 'sound has a rate and channels');
  ensure(/^[A-Za-z0-9.-]+$/.test(codecs), 'a codec string may stand in a playlist');
  const init = read(() => writeInitSegment({ trackId: 1, timescale: sampleRate, description }));
  if (init !== undefined) ensure(parseInitSegment(init).codecs === codecs, 'the init segment says the same codec');
}
