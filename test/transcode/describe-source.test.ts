// The headers of real encoders, and headers with wrong values.
import { describe, expect, it } from 'vitest';
import { describeSource } from '../../src/transcode/describe-source.js';
import { makeFlvSource } from './flv-source.js';

/** Baseline, 1280x720, without VUI and so without a frame rate. */
const NO_TIMING = avcHeader(80, 45);

/** An avcC whose SPS has this many macroblocks and nothing optional (ITU-T H.264 7.3.2.1.1). */
function avcHeader(widthInMacroblocks: number, heightInMacroblocks: number): Buffer {
  const bits = [
    ...[ue(0), ue(0), ue(2), ue(1), '0'], // id, log2_max_frame_num, pic_order_cnt_type, references, gaps
    ...[ue(widthInMacroblocks - 1), ue(heightInMacroblocks - 1)],
    ...['1', '1', '0', '0', '1'], // frames only, direct 8x8, no cropping, no VUI, stop bit
  ].join('');
  const payload = (bits.padEnd(Math.ceil(bits.length / 8) * 8, '0').match(/.{8}/g) ?? []).map((byte) =>
    Number.parseInt(byte, 2),
  );
  const nal = Buffer.from([0x67, 66, 0xc0, 31, ...payload]);
  const pps = Buffer.from('68ebe3cb', 'hex');
  const record = Buffer.concat([
    Buffer.from([1, 100, 0, 0x16, 0xff, 0xe1, 0, nal.length]),
    nal,
    Buffer.from([1, 0, pps.length]),
    pps,
  ]);
  return record;
}

/** Exp-Golomb, ITU-T H.264 9.1. */
function ue(value: number): string {
  const binary = (value + 1).toString(2);
  return '0'.repeat(binary.length - 1) + binary;
}

describe('describeSource', () => {
  it('reads size, rate and sound from the headers an encoder wrote', async () => {
    const { description } = await makeFlvSource({ rate: '30000/1001', size: '318x242', seconds: 1 });
    expect(description.video).toMatchObject({
      codec: 'avc',
      width: 318,
      height: 242,
      sampleAspectRatio: 1,
      bitDepth: 8,
      interlaced: false,
    });
    expect(description.video?.frameRate).toBeCloseTo(29.97, 2);
    expect(description.audio).toEqual({
      codec: 'aac',
      objectType: 2,
      sampleRate: 48_000,
      channels: 2,
      channelConfiguration: 2,
      samplesPerFrame: 1024,
    });
  });

  it('A7.17 recognizes chroma formats and bit depths that browsers cannot play', async () => {
    const { description } = await makeFlvSource({ seconds: 1, videoOptions: ['-pix_fmt', 'yuv422p10le'] });
    expect(description.video).toMatchObject({ profile: 122, chromaFormat: 2, bitDepth: 10 });
  });

  it.each([
    { hints: {}, expected: 30 },
    { hints: { frameRate: 25 }, expected: 25 },
    { hints: { frameRate: 25, measuredFrameRate: 24.1 }, expected: 25 },
    { hints: { frameRate: 25, measuredFrameRate: 50 }, expected: 50 },
    { hints: { frameRate: 0.1 }, expected: 0.1 },
    { hints: { frameRate: 0, measuredFrameRate: 50 }, expected: 50 },
    { hints: { frameRate: 1000, measuredFrameRate: 50 }, expected: 50 },
    { hints: { frameRate: Number.NaN, measuredFrameRate: Number.POSITIVE_INFINITY }, expected: 30 },
  ])('takes the frame rate from the hints $hints when the SPS is silent', ({ hints, expected }) => {
    expect(
      describeSource({ video: { codec: 'avc', configuration: NO_TIMING }, metadata: hints }).video?.frameRate,
    ).toBe(expected);
  });

  it('C2.17 refuses a thousand frames a second', () => {
    expect(() =>
      describeSource({
        video: { codec: 'avc', configuration: NO_TIMING },
        metadata: { frameRate: 1000, measuredFrameRate: 999 },
      }),
    ).toThrow(
      expect.objectContaining({
        code: 'transcode.source-limit',
        message: 'got 1000, 999 frames per second, expected 0.09..240',
      }),
    );
  });

  it('C2.17 A7.17 refuses pictures that no H.264 level allows', () => {
    for (const configuration of [avcHeader(512, 512), avcHeader(513, 1), avcHeader(1, 513)]) {
      expect(() => describeSource({ video: { codec: 'avc', configuration } })).toThrow(
        expect.objectContaining({ code: 'transcode.source-limit' }),
      );
    }
    expect(describeSource({ video: { codec: 'avc', configuration: avcHeader(512, 270) } }).video).toMatchObject({
      width: 8192,
      height: 4320,
    });
  });

  it.each([
    ['a record cut short', 'avc', NO_TIMING.subarray(0, 7), 'transcode.source-invalid'],
    ['A7.04 without SPS', 'avc', Buffer.from('0164001607fffe000', 'hex'), 'transcode.source-invalid'],
    ['A7.09 VP6', 'vp6', Buffer.alloc(0), 'transcode.source-unsupported'],
    ['unknown', { unsupported: 'FourCC "abcd"' }, Buffer.alloc(0), 'transcode.source-unsupported'],
    ['HEVC of unknown size', 'hevc', Buffer.alloc(0), 'transcode.source-invalid'],
  ] as const)('refuses video that is %s', (_, codec, configuration, code) => {
    expect(() => describeSource({ video: { codec, configuration } })).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    { codec: 'hevc', facts: { width: 3840, height: 2160, bitDepth: 10, frameRate: 50 } },
    { codec: 'av1', facts: { width: 1920, height: 1080, bitDepth: 8, interlaced: false } },
    { codec: 'vp9', facts: { width: 853, height: 481 } },
  ] as const)(
    'A9 takes $codec as its headers were read, and plain values where they are silent',
    ({ codec, facts }) => {
      const { video } = describeSource({
        video: { codec, configuration: Buffer.alloc(0), description: { ...facts, sarNum: 4, sarDen: 3 } },
      });
      const silent = { frameRate: 30, bitDepth: 8, chromaFormat: 1, interlaced: false };
      expect(video).toEqual({ ...silent, ...facts, codec, sampleAspectRatio: 4 / 3 });
    },
  );

  it.each([
    ['hevc', 'hvc1.2.4.L93.B0', 1],
    ['hevc', 'hvc1.4.10.L93.B0', 3],
    ['av1', 'av01.0.04M.10', 1],
    ['av1', 'av01.2.04M.10', 3],
    ['vp9', 'vp09.02.30.10', 1],
    ['vp9', 'vp09.01.30.08', 3],
  ] as const)('A7.17 knows from the profile of %s %s which chroma there can be', (codec, codecs, chromaFormat) => {
    const video = { codec, configuration: Buffer.alloc(0), description: { width: 1280, height: 720, codecs } };
    expect(describeSource({ video }).video?.chromaFormat).toBe(chromaFormat);
  });

  it.each([
    ['A7.10 of a sample rate of 0', 'aac', Buffer.from('1780000000', 'hex'), 'transcode.source-invalid'],
    ['AAC without its configuration', 'aac', undefined, 'transcode.source-invalid'],
    ['unknown', { unsupported: 'sound format 12' }, undefined, 'transcode.source-unsupported'],
  ] as const)('refuses audio that is %s', (_, codec, configuration, code) => {
    expect(() => describeSource({ audio: { codec, configuration } })).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    { transfer: 16, hdr: 'PQ' },
    { transfer: 18, hdr: 'HLG' },
    { transfer: 1, hdr: undefined },
  ])('recognizes HDR by the transfer characteristics $transfer', ({ transfer, hdr }) => {
    const description = { width: 1920, height: 1080, bitDepth: 10, color: { transfer } };
    const { video } = describeSource({ video: { codec: 'hevc', configuration: Buffer.alloc(0), description } });
    expect(video?.hdr).toBe(hdr);
  });

  it('A7.10 describes audio without a header by its codec and its frames', () => {
    expect(describeSource({ audio: { codec: 'mp3' } }).audio).toEqual({ codec: 'mp3' });
    const opus = { codec: 'opus', description: { sampleRate: 48_000, channels: 6 } } as const;
    expect(describeSource({ audio: opus, metadata: { audioBitrate: 96_000 } }).audio).toEqual({
      codec: 'opus',
      sampleRate: 48_000,
      channels: 6,
      bitrate: 96_000,
    });
  });
});
