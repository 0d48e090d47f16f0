// The headers of real encoders, and the lies around them.
import { describe, expect, it } from 'vitest';
import { describeSource } from '../../src/transcode/describe-source.js';
import { makeFlvSource } from './flv-source.js';

/** Baseline, 1280x720, without VUI and so without timing. */
const NO_TIMING = avcHeader(80, 45);

/** A sequence header whose SPS has these many macroblocks and nothing optional (ITU-T H.264 7.3.2.1.1). */
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
  return Buffer.concat([Buffer.from([0x17, 0, 0, 0, 0]), record]);
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
    });
    expect(description.video?.frameRate).toBeCloseTo(29.97, 2);
    expect(description.audio).toEqual({ codec: 'aac', objectType: 2, sampleRate: 48_000, channels: 2 });
  });

  it('A7.17 sees chroma and depth that browsers cannot play', async () => {
    const { description } = await makeFlvSource({ seconds: 1, videoOptions: ['-pix_fmt', 'yuv422p10le'] });
    expect(description.video).toMatchObject({ profile: 122, chromaFormat: 2, bitDepth: 10 });
  });

  it.each([
    { hints: {}, expected: 30 },
    { hints: { frameRate: 25 }, expected: 25 },
    { hints: { frameRate: 25, measuredFrameRate: 50 }, expected: 25 },
    { hints: { frameRate: 0, measuredFrameRate: 50 }, expected: 50 },
    { hints: { frameRate: 1000, measuredFrameRate: 50 }, expected: 50 },
    { hints: { frameRate: Number.NaN, measuredFrameRate: Number.POSITIVE_INFINITY }, expected: 30 },
  ])('takes the frame rate from the hints $hints when the SPS is silent', ({ hints, expected }) => {
    expect(describeSource({ videoHeader: NO_TIMING, metadata: hints }).video?.frameRate).toBe(expected);
  });

  it('C2.17 refuses a thousand frames a second', () => {
    expect(() =>
      describeSource({ videoHeader: NO_TIMING, metadata: { frameRate: 1000, measuredFrameRate: 999 } }),
    ).toThrow(
      expect.objectContaining({
        code: 'transcode.source-limit',
        message: 'got 1000, 999 frames per second, expected 1..240',
      }),
    );
  });

  it('C2.17 A7.17 refuses pictures that no H.264 level allows', () => {
    for (const header of [avcHeader(512, 512), avcHeader(513, 1), avcHeader(1, 513)]) {
      expect(() => describeSource({ videoHeader: header })).toThrow(
        expect.objectContaining({ code: 'transcode.source-limit' }),
      );
    }
    expect(describeSource({ videoHeader: avcHeader(512, 270) }).video).toMatchObject({ width: 8192, height: 4320 });
  });

  it.each([
    ['a frame instead of a header', Buffer.from('17010000000000000102', 'hex'), 'transcode.source-invalid'],
    ['a record cut short', NO_TIMING.subarray(0, 12), 'transcode.source-invalid'],
    ['A7.04 no SPS', Buffer.from('1700000000016400160fffe000', 'hex'), 'transcode.source-invalid'],
    ['A7.09 VP6', Buffer.from('1400', 'hex'), 'transcode.source-unsupported'],
    ['nothing', Buffer.alloc(0), 'transcode.source-unsupported'],
  ])('refuses video that is %s', (_, videoHeader, code) => {
    expect(() => describeSource({ videoHeader })).toThrow(expect.objectContaining({ code }));
  });

  it.each([
    ['A7.10 a sample rate of 0', Buffer.from('af001780000000', 'hex'), 'transcode.source-invalid'],
    ['an AAC frame', Buffer.from('af0121', 'hex'), 'transcode.source-invalid'],
    ['an unknown codec', Buffer.from('c000', 'hex'), 'transcode.source-unsupported'],
  ])('refuses audio that is %s', (_, audioHeader, code) => {
    expect(() => describeSource({ audioHeader })).toThrow(expect.objectContaining({ code }));
  });

  it('A7.10 takes MP3 and G.711 by any of their frames', () => {
    expect(describeSource({ audioHeader: Buffer.from('2fffb0', 'hex') }).audio).toEqual({ codec: 'mp3' });
    expect(describeSource({ audioHeader: Buffer.from('7200', 'hex') }).audio).toEqual({ codec: 'g711-alaw' });
  });
});
