// What a publisher may send, and what reaches readers: each odd encoder that broke another server has a test.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveStreamOptions } from '../../src/live/stream-options.js';
import type { LiveTag } from '../../src/live/tag.js';
import { TIMELINE_ORIGIN } from '../../src/live/timeline.js';
import { SluiceError } from '../../src/protocols/errors.js';
import { AUDIO_VECTORS, VIDEO_VECTORS } from '../vectors/flv-tags.js';
import { audioFrame, audioHeader, metadata, SPS_640, STILL, videoFrame, videoHeader } from './media.js';

function newStream(options: Partial<LiveStreamOptions> = {}): {
  stream: LiveStream;
  tags: LiveTag[];
  warnings: SluiceError[];
} {
  const stream = new LiveStream({
    app: 'live',
    name: 'test',
    startedAt: 0,
    clock: STILL,
    ...options,
  });
  const tags: LiveTag[] = [];
  const warnings: SluiceError[] = [];
  stream.on({ onTag: (tag) => tags.push(tag), onWarning: (warning) => warnings.push(warning) });
  return { stream, tags, warnings };
}

const short = (tag: LiveTag): string =>
  `${tag.kind[0]}${tag.sequenceHeader ? 'H' : tag.keyFrame ? 'K' : ''}${tag.kind === 'script' ? '' : tag.dts}`;

describe('LiveStream.publish', () => {
  it('passes headers and frames on, on its own timeline', () => {
    const { stream, tags } = newStream();
    expect(stream.state).toBe('waiting');
    stream.publish('script', 0, metadata({ width: 320 }));
    stream.publish('video', 0, videoHeader());
    stream.publish('audio', 0, audioHeader());
    expect(stream.state).toBe('waiting');
    stream.publish('video', 70, videoFrame(true));
    stream.publish('video', 110, videoFrame(false, 10, -40));
    stream.publish('audio', 60, audioFrame());
    expect(stream.state).toBe('live');
    expect(tags.map(short)).toEqual(['s', 'vH0', 'aH0', 'vK1000', 'v1040', 'a990']);
    expect(tags.at(-2)).toMatchObject({ compositionTime: -40, keyFrame: false });
    expect(stream.videoTrack).toMatchObject({
      codec: 'avc',
      description: { width: 320, height: 240, nalLengthSize: 4 },
    });
    expect(stream.audioTrack).toMatchObject({ codec: 'aac', sampleRate: 48_000, channels: 2 });
    expect(stream.videoTrack?.configuration.equals(videoHeader().subarray(5))).toBe(true);
    expect(stream.statistics).toMatchObject({ videoFrames: 2, keyFrames: 1, audioFrames: 1, droppedTags: 0 });
  });

  it('A7.14 a sequence header at 0 before media at 20 000 000 makes no gap', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 20_000_000, videoFrame(true));
    stream.publish('video', 20_000_040, videoFrame(false));
    stream.publish('audio', 0, audioHeader());
    stream.publish('audio', 20_000_010, audioFrame());
    expect(tags.map(short)).toEqual(['vH0', `vK${TIMELINE_ORIGIN}`, 'v1040', 'aH0', 'a1010']);
  });

  it('A7.01 A6.04 drops repeated headers and metadata', () => {
    const { stream, tags } = newStream();
    for (let time = 0; time < 10; time += 1) {
      stream.publish('script', time, metadata({ width: 320 }));
      stream.publish('video', time, videoHeader());
      stream.publish('audio', time, audioHeader());
    }
    expect(tags.map(short)).toEqual(['s', 'vH0', 'aH0']);
    expect(stream.statistics.ignoredTags).toBe(27);
  });

  it('A7.02 marks a different header as changed', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, videoFrame(true));
    stream.publish('video', 40, videoHeader(SPS_640));
    expect(tags.map(({ sequenceHeader, changed }) => sequenceHeader && changed)).toEqual([false, false, true]);
    expect(stream.videoHeader).toBe(tags[2]);
    expect(stream.videoTrack?.description.width).toBe(640);
  });

  it('A7.15 drops and counts frames before the sequence header and the first key frame', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, videoFrame(true));
    stream.publish('audio', 0, audioFrame());
    stream.publish('video', 40, videoHeader());
    stream.publish('video', 40, videoFrame(false));
    stream.publish('video', 80, videoFrame(true));
    expect(tags.map(short)).toEqual(['vH0', 'vK1000']);
    expect(stream.statistics.droppedTags).toBe(3);
  });

  it.each([
    ['A7.03', 'live.no-sequence-header', 10_000, false],
    ['A7.15', 'live.no-key-frame', 20_000, true],
  ])('%s says %s instead of showing a black picture for ever', (_line, code, patience, withHeader) => {
    const { stream } = newStream();
    if (withHeader) stream.publish('video', 0, videoHeader());
    for (let time = 0; time <= patience; time += 40) stream.publish('video', time, videoFrame(false));
    expect(() => stream.publish('video', patience + 1, videoFrame(false))).toThrow(
      expect.objectContaining({ code, kind: 'invalid-data' }),
    );
  });

  it('A7.07 A7.08 A2.23 ignores ends of sequence, info frames and empty messages', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, videoFrame(true));
    for (const hex of ['', '17', '1702', '1702000000', '5700', '2701000000']) {
      stream.publish('video', 10, Buffer.from(hex, 'hex'));
    }
    for (const hex of ['', 'af', 'af01']) stream.publish('audio', 10, Buffer.from(hex, 'hex'));
    stream.publish('video', 40, videoFrame(false));
    expect(tags.map(short)).toEqual(['vH0', 'vK1000', 'v1040']);
    expect(stream.statistics.ignoredTags).toBe(9);
  });

  it.each([
    ['12aa', 'Sorenson H.263 video cannot be served: set the encoder to H.264'],
    ['24aa', 'On2 VP6 video cannot be served: set the encoder to H.264'],
    ['9176766331000000aa', 'VVC (H.266) video cannot be served: set the encoder to H.264'],
    ['1faa', 'codec id 15 video cannot be served: set the encoder to H.264'],
  ])('A7.09 refuses unsupported video if nothing else comes (%s)', (hex, message) => {
    const { stream, warnings } = newStream();
    const body = Buffer.from(hex, 'hex');
    for (let time = 0; time <= 2_000; time += 40) stream.publish('video', time, body);
    expect(() => stream.publish('video', 2_040, body)).toThrow(
      expect.objectContaining({ code: 'live.video-codec', kind: 'unsupported', message }),
    );
    expect(warnings.map(({ code }) => code)).toEqual(['live.video-codec']);
    expect(stream.statistics.unservedTags).toBe(52);
  });

  it('A7.09 leaves unsupported video out, reports that once, and continues with the audio', () => {
    const { stream, tags, warnings } = newStream();
    stream.publish('video', 0, Buffer.from('24aa', 'hex'));
    stream.publish('audio', 0, audioHeader());
    for (let time = 0; time <= 10_000; time += 40) {
      stream.publish('video', time, Buffer.from('24aa', 'hex'));
      stream.publish('audio', time, audioFrame());
    }
    expect(new Set(tags.map(({ kind }) => kind))).toEqual(new Set(['audio']));
    expect(warnings).toHaveLength(1);
    expect(stream.statistics.unservedTags).toBe(252);
  });

  it('A7.09 refuses at once if neither audio nor video is supported', () => {
    const { stream } = newStream();
    stream.publish('audio', 0, Buffer.from('cfaa', 'hex'));
    expect(() => stream.publish('video', 0, Buffer.from('24aa', 'hex'))).toThrow(
      expect.objectContaining({ code: 'live.video-codec' }),
    );
  });

  it.each([
    ['cfaa', 'sound format 12 audio cannot be served: set the encoder to AAC'],
    ['9141424344aa', 'FourCC "ABCD" audio cannot be served: set the encoder to AAC'],
  ])('A9.08 refuses unsupported audio if nothing else comes (%s)', (hex, message) => {
    const { stream } = newStream();
    const body = Buffer.from(hex, 'hex');
    for (let time = 0; time <= 2_000; time += 20) stream.publish('audio', time, body);
    expect(() => stream.publish('audio', 2_020, body)).toThrow(
      expect.objectContaining({ code: 'live.audio-codec', kind: 'unsupported', message }),
    );
  });

  it.each([
    ['mp3', '2ffffb90', { sampleRate: 44_100, channels: 2 }],
    ['g711-alaw', '72d5d5', { sampleRate: 8_000, channels: 1 }],
    ['g711-mulaw', '82ffff', { sampleRate: 8_000, channels: 1 }],
    ['speex', 'b2aabb', { sampleRate: 16_000, channels: 1 }],
  ])('A7.10 accepts %s, to be encoded', (codec, hex, track) => {
    const { stream, tags } = newStream();
    stream.publish('audio', 5, Buffer.from(hex, 'hex'));
    expect(tags.map(short)).toEqual(['a1000']);
    expect(stream.audioTrack).toMatchObject({ codec, ...track });
    expect(stream.audioHeader).toBeUndefined();
    expect(() => stream.publish('audio', 9, audioFrame())).toThrow(
      expect.objectContaining({ code: 'live.codec-changed' }),
    );
  });

  it('A7.04 refuses a broken avcC with a typed error', () => {
    for (const hex of ['170000000009', '1700000000014200', '170000000001420000ffe1']) {
      expect(() => newStream().stream.publish('video', 0, Buffer.from(hex, 'hex'))).toThrow(
        expect.objectContaining({
          code: 'live.video-configuration',
          kind: 'invalid-data',
          message: expect.stringContaining('H.264 video configuration'),
        }),
      );
    }
  });

  it('A7.10 leaves out audio whose configuration is broken, reports it, and continues with the video', () => {
    const { stream, tags, warnings } = newStream();
    stream.publish('audio', 0, audioHeader('0210'));
    stream.publish('audio', 0, audioFrame());
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, videoFrame(true));
    stream.publish('video', 40, videoFrame(false));
    expect(tags.map(short)).toEqual(['vH0', 'vK1000', 'v1040']);
    expect(warnings).toMatchObject([
      { code: 'live.audio-configuration', message: expect.stringMatching(/^the AAC audio configuration is broken/) },
    ]);
    expect(stream.statistics.droppedTags).toBe(1);
  });

  it('A9.03 gives Enhanced RTMP H.264 and AAC the legacy headers that FFmpeg reads', () => {
    const { stream, tags } = newStream();
    const record = videoHeader().subarray(5);
    stream.publish('video', 0, Buffer.concat([Buffer.from('9061766331', 'hex'), record]));
    stream.publish('video', 0, Buffer.from('9161766331000028000000026588', 'hex'));
    stream.publish('video', 40, Buffer.from('a36176633100000002419a', 'hex'));
    stream.publish('audio', 0, Buffer.from('906d7034611190', 'hex'));
    stream.publish('audio', 0, Buffer.from('916d70346121aa', 'hex'));
    expect(tags.map(({ body }) => body.toString('hex'))).toEqual([
      videoHeader().toString('hex'),
      '1701000028000000026588',
      '270100000000000002419a',
      'af001190',
      'af0121aa',
    ]);
    expect(tags[1]).toMatchObject({ compositionTime: 40, keyFrame: true });
  });

  it('A9.04 A9.07 A9.09 ignores colour information, commands and second tracks', () => {
    const { stream, tags } = newStream();
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, videoFrame(true));
    stream.publish('audio', 0, audioHeader());
    stream.publish('video', 0, Buffer.from('d4687663310200', 'hex'));
    stream.publish('video', 0, Buffer.from('d100', 'hex'));
    stream.publish('video', 0, Buffer.from('96016176633101000000aa', 'hex'));
    stream.publish('audio', 0, Buffer.from('95016d70346101aa', 'hex'));
    stream.end();
    expect(tags).toHaveLength(3);
  });

  it('A6.01 A6.06 uses metadata as hints, and ignores other data messages', () => {
    const { stream, tags } = newStream();
    stream.publish('script', 0, Buffer.from('00000001', 'hex'));
    stream.publish('script', 0, Buffer.alloc(0));
    expect(tags).toHaveLength(0);
    stream.publish(
      'script',
      0,
      metadata({ width: 1920, height: 1080, framerate: 59.94, videodatarate: 6000, stereo: true }),
    );
    expect(stream.metadataHints).toEqual({
      width: 1920,
      height: 1080,
      frameRate: 59.94,
      videoBitrate: 6_000_000,
      audioChannels: 2,
    });
    expect(stream.metadata).toBe(tags[0]);
  });

  it('C2.12 turns any message into tags or one typed error', () => {
    const seeds = [...VIDEO_VECTORS, ...AUDIO_VECTORS].map(({ hex }) => Buffer.from(hex, 'hex'));
    const message = fc.tuple(
      fc.constantFrom('video', 'audio', 'script'),
      fc.nat(0xffff_ffff),
      fc.oneof(
        fc.constantFrom(...seeds),
        fc.uint8Array({ maxLength: 20 }).map((bytes) => Buffer.from(bytes)),
      ),
    );
    fc.assert(
      fc.property(fc.array(message, { maxLength: 30 }), (messages) => {
        const { stream } = newStream();
        stream.publish('video', 0, videoHeader());
        for (const [kind, timestamp, body] of messages) {
          try {
            stream.publish(kind, timestamp, body);
          } catch (error) {
            expect(error).toBeInstanceOf(SluiceError);
          }
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('LiveStream.end', () => {
  it('is reported once, releases everything, and accepts nothing more', () => {
    const { stream } = newStream();
    const reasons: unknown[] = [];
    stream.on({ onEnd: (reason) => reasons.push(reason) });
    stream.publish('video', 0, videoHeader());
    stream.publish('video', 0, videoFrame(true));
    const subscription = stream.subscribe({ maxBytes: 1_000 });
    const reason = new SluiceError('test.reason', 'unavailable', 'x');
    stream.end(reason);
    stream.end();
    expect(reasons).toEqual([reason]);
    expect(stream.state).toBe('ended');
    expect(stream.statistics).toMatchObject({ subscribers: 0, gopCacheBytes: 0 });
    // Queued tags can still be taken, so that a transcoder gets the last frames.
    expect(subscription.ended).toBe(true);
    expect(subscription.take()?.sequenceHeader).toBe(true);
    expect(() => stream.publish('video', 40, videoFrame(false))).toThrow(
      expect.objectContaining({ code: 'live.ended' }),
    );
    expect(stream.subscribe({ maxBytes: 1_000 }).take()).toBeUndefined();
  });

  it('removes a listener with the function that it returned', () => {
    const { stream } = newStream();
    let calls = 0;
    const remove = stream.on({ onEnd: () => (calls += 1) });
    remove();
    stream.end();
    expect(calls).toBe(0);
  });
});

describe('statistics', () => {
  it('measures rates on the media timeline', () => {
    const { stream } = newStream();
    stream.publish('video', 0, videoHeader());
    for (let frame = 0; frame <= 100; frame += 1)
      stream.publish('video', frame * 40, videoFrame(frame % 50 === 0, 995));
    expect(stream.statistics.videoBitrate).toBe(200_000);
    expect(stream.statistics.videoFrameRate).toBe(25);
    expect(stream.statistics.keyFrames).toBe(3);
  });
});
