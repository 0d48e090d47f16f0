// All codecs that an encoder may send: which become tracks, what their tags contain, and at which pictures decoding can start.
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { amfObject } from '../../src/protocols/amf/values.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { audioFrame, audioHeader, SPS_320, SPS_640, STILL, videoFrame, videoHeader } from './media.js';

function newStream() {
  const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
  const tags: LiveTag[] = [];
  const warnings: SluiceError[] = [];
  stream.on({ onTag: (tag) => tags.push(tag), onWarning: (warning) => warnings.push(warning) });
  return { stream, tags, warnings };
}

const bytes = (...parts: (string | Buffer | number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part, 'latin1') : Buffer.from(part))));
const nal = (...units: Buffer[]): Buffer =>
  Buffer.concat(units.flatMap((unit) => [Buffer.from([0, 0, 0, unit.length]), unit]));
const annexB = (...units: Buffer[]): Buffer =>
  Buffer.concat(units.flatMap((unit) => [Buffer.from([0, 0, 0, 1]), unit]));
const avcFrame = (head: number, data: Buffer): Buffer => bytes([head, 1, 0, 0, 0], data);

const PPS = Buffer.from([0x68, 0xce, 0x3c, 0x80]);
const IDR = Buffer.from([0x65, 0x88, 0x84, 0x21]);
/** first_mb_in_slice 0, slice_type 7 (I), and 5 (P). */
const I_SLICE = Buffer.from([0x41, 0x88, 0x84]);
const P_SLICE = Buffer.from([0x41, 0x9a, 0x21]);
const RECOVERY_POINT = Buffer.from([0x06, 0x06, 0x01, 0xc4, 0x80]);

describe('video of real encoders', () => {
  it.each([
    ['avc', 'avc1.', [], ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '12']],
    [
      'avc',
      'avc1.',
      [1_360, 1_840],
      [
        '-c:v',
        'libx264',
        '-preset',
        'veryfast',
        '-x264-params',
        'open-gop=1:keyint=12:min-keyint=12:scenecut=0:b-adapt=0',
      ],
    ],
    [
      'hevc',
      'hvc1.1.6.',
      [],
      ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'keyint=12:no-open-gop=1:bframes=0:log-level=none'],
    ],
    ['vp9', 'vp09.00.', [], ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8', '-g', '12']],
    ['av1', 'av01.0.', [], ['-c:v', 'libaom-av1', '-usage', 'realtime', '-cpu-used', '8', '-g', '12']],
  ] as const)('A9.03 A7.15 serves %s (%s, open at %j)', async (codec, codecs, open, encoder) => {
    const { stdout } = await runProgram(npmFfmpeg(), [
      ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=25'],
      ...['-t', '1.4', '-pix_fmt', 'yuv420p', ...encoder, '-f', 'flv', 'pipe:1'],
    ]);
    const { stream, tags } = newStream();
    const reader = new FlvReader();
    reader.push(stdout);
    for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
      stream.publish(tag.type, tag.timestamp, tag.body);
    }
    const video = tags.filter(({ kind }) => kind === 'video');
    const keyTimes = open.length > 0 ? [1_000, ...open] : [1_000, 1_480, 1_960];
    expect(video.filter(({ keyFrame }) => keyFrame).map(({ dts }) => dts)).toEqual(keyTimes);
    expect(video.filter(({ openGop }) => openGop).map(({ dts }) => dts)).toEqual(open);
    expect(stream.statistics).toMatchObject({ videoFrames: 35, keyFrameMismatches: 0, droppedTags: 0 });
    expect(stream.videoTrack).toMatchObject({ codec, description: { width: 160, height: 96 } });
    expect(stream.videoTrack?.description.codecs.startsWith(codecs)).toBe(true);
    // No frame was copied: each passed-on body ends where its message ended.
    for (const { body, data } of video) {
      expect(data.buffer).toBe(body.buffer);
      expect(data.byteOffset + data.length).toBe(body.byteOffset + body.length);
    }
  });
});

describe('video heads of HEVC', () => {
  it('A7.11 gives legacy HEVC (codec id 12) the Enhanced header, with its composition time', async () => {
    const { stdout } = await runProgram(npmFfmpeg(), [
      ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=25'],
      ...[
        '-t',
        '0.8',
        '-pix_fmt',
        'yuv420p',
        '-c:v',
        'libx265',
        '-preset',
        'ultrafast',
        '-x265-params',
        'log-level=none',
      ],
      ...['-f', 'flv', 'pipe:1'],
    ]);
    const [enhanced, legacy] = [newStream(), newStream()];
    const reader = new FlvReader();
    reader.push(stdout);
    for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
      if (tag.type !== 'video') continue;
      const { packetType, keyFrame, compositionTime, data } = parseVideoTag(tag.body);
      enhanced.stream.publish('video', tag.timestamp, tag.body);
      if (data.length === 0) continue;
      const head = Buffer.from([keyFrame ? 0x1c : 0x2c, packetType === 'frames' ? 1 : 0, 0, 0, 0]);
      head.writeIntBE(compositionTime, 2, 3);
      legacy.stream.publish('video', tag.timestamp, Buffer.concat([head, data]));
    }
    const seen = ({ tags }: typeof legacy): unknown =>
      tags.map(({ dts, compositionTime, keyFrame, data }) => [dts, compositionTime, keyFrame, data.toString('base64')]);
    expect(legacy.tags.length).toBe(21);
    expect(seen(legacy)).toEqual(seen(enhanced));
    expect(legacy.stream.videoTrack).toEqual(enhanced.stream.videoTrack);
    for (const { body, data, dts, compositionTime } of legacy.tags) {
      const again = parseVideoTag(body);
      expect(again).toMatchObject({ codec: 'hevc', enhanced: true, compositionTime });
      expect([dts, again.data.equals(data)]).toEqual([dts, true]);
    }
  });
});

describe('video heads and parameter sets', () => {
  it('A7.15 finds key frames in the bitstream, not by the flag, and corrects the flag', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, avcFrame(0x17, nal(IDR)));
    stream.publish('video', 40, avcFrame(0x17, nal(P_SLICE)));
    stream.publish('video', 80, avcFrame(0x17, nal(RECOVERY_POINT, I_SLICE)));
    stream.publish('video', 120, avcFrame(0x17, nal(RECOVERY_POINT, P_SLICE)));
    stream.publish('video', 160, avcFrame(0x07, nal(IDR)));
    expect(tags.slice(1).map(({ keyFrame, openGop, body }) => [keyFrame, openGop ?? false, body[0]])).toEqual([
      [true, false, 0x17],
      [false, false, 0x27],
      [true, true, 0x17],
      [false, false, 0x27],
      [true, false, 0x17],
    ]);
    expect(stream.statistics.keyFrameMismatches).toBe(2);
  });

  it.each([
    ['behind lengths', nal],
    ['behind start codes', annexB],
  ])('A7.03 A7.05 makes the sequence header from parameter sets in the pictures, %s', (_, join) => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, avcFrame(0x27, join(P_SLICE)));
    stream.publish('video', 40, avcFrame(0x17, join(SPS_320, PPS, IDR)));
    stream.publish('video', 80, avcFrame(0x27, join(P_SLICE)));
    stream.publish('video', 120, avcFrame(0x17, join(SPS_640, PPS, IDR)));
    expect(tags.map(({ sequenceHeader, keyFrame, changed }) => [sequenceHeader, keyFrame, changed])).toEqual([
      [true, false, false],
      [false, true, false],
      [false, false, false],
      [true, false, true],
      [false, true, false],
    ]);
    expect(tags[1]?.data.equals(nal(SPS_320, PPS, IDR))).toBe(true);
    expect(stream.videoTrack?.description).toMatchObject({ width: 640, height: 480, nalLengthSize: 4 });
    expect(stream.videoHeader?.body.subarray(0, 5).toString('hex')).toBe('1700000000');
  });

  it('A9.04 keeps the colours that metadata announces', () => {
    const { stream } = newStream();
    const config = amfObject([
      ['colorPrimaries', 9],
      ['transferCharacteristics', 16],
      ['matrixCoefficients', 9],
    ]);
    const info = encodeAmf0(['colorInfo', amfObject([['colorConfig', config]])]);
    stream.publish('video', 0, bytes([0xd4], 'hvc1', info));
    stream.publish('video', 0, videoHeader());
    expect(stream.videoTrack?.color).toEqual({ primaries: 9, transfer: 16, matrix: 9, fullRange: false });
  });

  it('A9.07 A9.09 passes further tracks of the same codec to listeners only, at the time of the first', () => {
    const { stream, tags, warnings } = newStream();
    const subscription = stream.subscribe({ maxBytes: 100_000 });
    const second = (type: number, data: Buffer): Buffer => bytes([0x96, type], 'avc1', [1], data);
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, second(0, videoHeader(SPS_640).subarray(5)));
    stream.publish('video', 500, avcFrame(0x17, nal(IDR)));
    stream.publish('video', 500, second(1, bytes([0, 0, 0], nal(IDR))));
    stream.publish('video', 500, bytes([0x96, 1], 'hvc1', [2], [0, 0, 0, 0, 0]));
    stream.end();
    expect(tags.map(({ trackId, dts, keyFrame }) => [trackId, dts, keyFrame])).toEqual([
      [0, 0, false],
      [1, 0, false],
      [0, 1_000, true],
      [1, 1_000, true],
    ]);
    expect(tags[1]?.data.equals(videoHeader(SPS_640).subarray(5))).toBe(true);
    expect(tags[3]?.body.equals(avcFrame(0x17, nal(IDR)))).toBe(true);
    expect(warnings.map(({ code }) => code)).toEqual(['live.extra-track']);
    for (let tag = subscription.take(); tag !== undefined; tag = subscription.take()) expect(tag.trackId).toBe(0);
  });

  it('keeps eight further tracks and leaves out the others', () => {
    const { stream, tags, warnings } = newStream();
    stream.publish('video', 0, videoHeader());
    for (let track = 1; track <= 20; track += 1) {
      stream.publish('video', 0, bytes([0x96, 0], 'avc1', [track], videoHeader(SPS_640).subarray(5)));
    }
    expect(tags.map(({ trackId }) => trackId)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(warnings.map(({ code }) => code)).toEqual(['live.extra-track']);
  });
});

describe('AV1 with frames that are not shown', () => {
  it('A9.11 takes each message for one picture at its time: AV1 has no composition time', async () => {
    const { stdout } = await runProgram(npmFfmpeg(), [
      ...['-hide_banner', '-nostdin', '-loglevel', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=160x96:rate=25'],
      ...['-t', '2', '-pix_fmt', 'yuv420p', '-c:v', 'libaom-av1', '-cpu-used', '8'],
      // The encoder looks ahead and hides frames to which others refer. OBS gives such packets a decode time of their own.
      ...['-lag-in-frames', '16', '-auto-alt-ref', '1', '-g', '50', '-f', 'flv', 'pipe:1'],
    ]);
    const { stream, tags, warnings } = newStream();
    const reader = new FlvReader();
    reader.push(stdout);
    const sent: number[] = [];
    for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
      if (tag.type !== 'video') continue;
      const { packetType } = parseVideoTag(tag.body);
      // Decode times of an encoder that is two pictures ahead of its output.
      const decodeTime = packetType === 'frames' ? Math.max(sent.length, tag.timestamp - 80) : tag.timestamp;
      if (packetType === 'frames') sent.push(decodeTime);
      stream.publish('video', decodeTime, tag.body);
    }
    const pictures = tags.filter(({ kind, sequenceHeader }) => kind === 'video' && !sequenceHeader);
    expect(pictures).toHaveLength(50);
    expect(pictures.every(({ compositionTime }) => compositionTime === 0)).toBe(true);
    expect(pictures.map(({ dts }) => dts - 1_000)).toEqual(sent);
    expect(stream.statistics).toMatchObject({ repairedTimestamps: 0, discontinuities: 0, keyFrameMismatches: 0 });
    expect([...stream.statistics.repairs.keys()]).toEqual(['temporal-delimiters']);
    expect(warnings).toEqual([]);
  });
});

describe('audio', () => {
  const OPUS_HEAD = bytes('OpusHead', [1, 2, 0x38, 1, 0x80, 0xbb, 0, 0, 0, 0, 0]);

  it('A9.08 serves Opus by its OpusHead, with unchanged messages', () => {
    const { stream, tags } = newStream();
    const frame = bytes([0x91], 'Opus', [0xfc, 1, 2, 3]);
    stream.publish('audio', 0, bytes([0x90], 'Opus', OPUS_HEAD));
    stream.publish('audio', 0, frame);
    expect(stream.audioTrack).toMatchObject({ codec: 'opus', sampleRate: 48_000, channels: 2 });
    expect(stream.audioTrack?.configuration?.equals(OPUS_HEAD)).toBe(true);
    expect(tags[1]?.body).toBe(frame);
    expect(tags[1]?.data.toString('hex')).toBe('fc010203');
  });

  it('A9.08 gives MP3 with a FourCC the legacy header', () => {
    const { stream, tags } = newStream();
    stream.publish('audio', 0, bytes([0x91], '.mp3', [0xff, 0xfb, 0x90, 0x64]));
    expect(tags[0]?.body.toString('hex')).toBe('2ffffb9064');
    expect(stream.audioTrack).toMatchObject({ codec: 'mp3', sampleRate: 44_100, channels: 2 });
  });

  it('A7.10 reports that audio without a configuration is left out, and continues with the video', () => {
    const { stream, warnings } = newStream();
    stream.publish('video', 0, videoHeader());
    for (let time = 0; time < 4_000; time += 20) {
      stream.publish('video', time, videoFrame(time === 0));
      stream.publish('audio', time, audioFrame());
    }
    expect(warnings).toMatchObject([
      { code: 'live.audio-configuration', message: '100 frames of AAC audio came without a usable configuration' },
    ]);
    expect(stream.audioTrack).toBeUndefined();
    // A header that comes later is accepted.
    stream.publish('audio', 4_000, audioHeader());
    expect(stream.audioTrack?.codec).toBe('aac');
  });

  it('A7.10 refuses the publisher if audio with a broken configuration is all there is', () => {
    const { stream } = newStream();
    stream.publish('audio', 0, audioHeader('0210'));
    const play = (): void => {
      for (let time = 0; time < 4_000; time += 20) stream.publish('audio', time, audioFrame());
    };
    expect(play).toThrow(expect.objectContaining({ code: 'live.audio-configuration' }));
  });
});
