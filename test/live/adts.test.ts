// AAC with ADTS headers: however the messages are cut and whatever the sequence header contains, the result is the same as that of an MP4 muxer.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import { splitAdts } from '../../src/protocols/bitstream/adts.js';
import { parseAudioTag } from '../../src/protocols/flv/audio-tag.js';
import { FlvReader } from '../../src/protocols/flv/flv-reader.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { STILL } from './media.js';

interface Recording {
  /** What FFmpeg's FLV muxer makes from it. */
  readonly config: Buffer;
  readonly frames: readonly Buffer[];
  /** The same frames, each with its ADTS header. */
  readonly adts: readonly Buffer[];
}

async function record(layout: string, channels: number): Promise<Recording> {
  const waves = Array.from({ length: channels }, (_, index) => `0.1*sin(${300 + 100 * index}*t)`).join('|');
  const source = `aevalsrc='${waves}':c=${layout}:s=48000:d=0.4`;
  const input = ['-v', 'error', '-nostdin', '-f', 'lavfi', '-i', source, '-c:a', 'aac', '-flags', '+bitexact'];
  const [stream, flv] = await Promise.all(
    ['adts', 'flv'].map((format) => runProgram(npmFfmpeg(), [...input, '-f', format, 'pipe:1'])),
  );
  const reader = new FlvReader();
  reader.push(flv?.stdout ?? Buffer.alloc(0));
  const tags = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) {
    if (tag.type === 'audio') tags.push(parseAudioTag(tag.body));
  }
  const [header, ...frames] = tags.map(({ data }) => Buffer.from(data));
  const adts: Buffer[] = [];
  const bytes = stream?.stdout ?? Buffer.alloc(0);
  for (let at = 0; at < bytes.length; ) {
    const size = (bytes.readUIntBE(at + 3, 3) >> 5) & 0x1fff;
    adts.push(bytes.subarray(at, at + size));
    at += size;
  }
  return { config: header ?? Buffer.alloc(0), frames, adts };
}

function publish(messages: readonly Buffer[], header: Buffer | undefined, start = 0) {
  const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
  const tags: LiveTag[] = [];
  stream.on({ onTag: (tag) => tags.push(tag) });
  if (header !== undefined) stream.publish('audio', 0, Buffer.concat([Buffer.of(0xaf, 0), header]));
  let frames = 0;
  for (const message of messages) {
    const time = start + Math.round((frames * 1024) / 48);
    stream.publish('audio', time, Buffer.concat([Buffer.of(0xaf, 1), message]));
    frames += splitAdts(message)?.length ?? 1;
  }
  return { stream, tags, sounds: tags.filter(({ sequenceHeader }) => !sequenceHeader) };
}

/** Whole frames, in messages with these numbers of frames. */
function bundles(frames: readonly Buffer[], sizes: readonly number[]): Buffer[] {
  const messages: Buffer[] = [];
  for (let at = 0, index = 0; at < frames.length; index += 1) {
    const size = sizes[index % sizes.length] ?? 1;
    messages.push(Buffer.concat(frames.slice(at, at + size)));
    at += size;
  }
  return messages;
}

describe('AAC behind ADTS headers', () => {
  let mono: Recording;
  let quad: Recording;
  beforeAll(async () => {
    [mono, quad] = await Promise.all([record('mono', 1), record('quad', 4)]);
  });

  it('gives the bare frames at their times, however many are in a message and whatever the sequence header contains', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 5 });
    const headers = fc.constantFrom('none', 'right', 'an ADTS header', 'wrong');
    const starts = fc.constantFrom(0, 5_000, 2 ** 32 - 100);
    fc.assert(
      fc.property(sizes, headers, starts, (cut, kind, start) => {
        const wrong = Buffer.from('1210', 'hex');
        const header = { none: undefined, right: mono.config, 'an ADTS header': mono.adts[0]?.subarray(0, 7), wrong }[
          kind
        ];
        const { stream, sounds, tags } = publish(bundles(mono.adts, cut), header, start);
        expect(sounds.map(({ data }) => data)).toEqual(mono.frames);
        const times = mono.frames.map((_, index) => 1_000 + (index * 1024) / 48);
        sounds.forEach(({ dts }, index) => {
          expect(Math.abs(dts - (times[index] ?? 0))).toBeLessThanOrEqual(1);
        });
        expect(stream.audioTrack).toMatchObject({ sampleRate: 48_000, channels: 1 });
        expect(tags.at(-1)?.body.subarray(0, 2).toString('hex')).toBe('af01');
        const made = kind === 'right' ? 0 : 1;
        expect(stream.statistics.repairs.get('audio-header-made') ?? 0).toBe(made);
        expect(stream.statistics.repairs.get('adts-headers')).toBe(bundles(mono.adts, cut).length);
        expect(stream.shortcomings).toHaveLength(1 + made);
      }),
      { numRuns: 60 },
    );
  });

  it('takes the channel layout of a program config element from the first frame, as FFmpeg does', () => {
    const { stream, sounds } = publish(quad.adts, undefined);
    const made = stream.audioTrack?.configuration ?? Buffer.alloc(0);
    // FFmpeg appends bits that signal that SBR is absent.
    expect(quad.config.subarray(0, made.length).toString('hex')).toBe(made.toString('hex'));
    expect(stream.audioTrack).toMatchObject({ channels: 4, sampleRate: 48_000 });
    expect(sounds).toHaveLength(quad.frames.length);
  });

  it('joins frames that were cut anywhere, whatever the sequence header contains', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 8 });
    fc.assert(
      fc.property(sizes, fc.boolean(), (cut, hasHeader) => {
        const bytes = Buffer.concat(mono.adts);
        const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
        const sounds: LiveTag[] = [];
        stream.on({ onTag: (tag) => tag.sequenceHeader || sounds.push(tag) });
        if (hasHeader) stream.publish('audio', 0, Buffer.concat([Buffer.of(0xaf, 0), mono.config]));
        for (let at = 0, index = 0; at < bytes.length; index += 1) {
          const size = cut[index % cut.length] ?? 1;
          const time = Math.round((at / bytes.length) * ((mono.frames.length * 1024) / 48));
          stream.publish('audio', time, Buffer.concat([Buffer.of(0xaf, 1), bytes.subarray(at, at + size)]));
          at += size;
        }
        expect(sounds.map(({ data }) => data)).toEqual(mono.frames);
        expect(stream.statistics.droppedTags).toBe(0);
        expect(stream.statistics.repairs.get('broken-audio')).toBeUndefined();
        expect(stream.statistics.repairs.get('split-audio')).toBeGreaterThan(0);
        expect(stream.shortcomings.filter((sentence) => sentence.includes('are split over'))).toHaveLength(1);
      }),
      { numRuns: 60 },
    );
  });

  it('finds the next whole frame after one whose end never comes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10 }), fc.integer({ min: 1, max: 60 }), (torn, missing) => {
        const messages = mono.adts.map((frame, index) =>
          index === torn ? frame.subarray(0, Math.max(7, frame.length - missing)) : frame,
        );
        const { stream, sounds } = publish(messages, mono.config);
        expect(sounds.map(({ data }) => data)).toEqual(mono.frames.filter((_, index) => index !== torn));
        expect(stream.statistics.repairs.get('broken-audio')).toBe(1);
      }),
      { numRuns: 40 },
    );
  });

  it('leaves out a truncated frame, and reports it', () => {
    const [first = Buffer.alloc(0), second = Buffer.alloc(0), third = Buffer.alloc(0)] = mono.adts;
    const torn = Buffer.concat([first, second.subarray(0, second.length - 3)]);
    const { stream, sounds } = publish([torn, second.subarray(0, 20), third], undefined);
    expect(sounds.map(({ data }) => data)).toEqual([mono.frames[0], mono.frames[2]]);
    expect(stream.statistics.repairs.get('broken-audio')).toBe(2);
    expect(stream.statistics.droppedTags).toBe(1);
  });

  it('passes bare frames unchanged, without a copy', () => {
    const { stream, sounds } = publish(mono.frames, mono.config);
    expect(sounds.map(({ data }) => data)).toEqual(mono.frames);
    expect(stream.shortcomings).toEqual([]);
    const body = Buffer.concat([Buffer.of(0xaf, 1), mono.frames[0] ?? Buffer.alloc(0)]);
    const tags: LiveTag[] = [];
    stream.on({ onTag: (tag) => tags.push(tag) });
    stream.publish('audio', 400, body);
    expect(tags[0]?.body).toBe(body);
  });
});

describe('a clock that stands still', () => {
  it('is reported once for each publisher', () => {
    const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
    const warnings: string[] = [];
    stream.on({ onWarning: ({ code, message }) => warnings.push(`${code}: ${message}`) });
    stream.publish('audio', 0, Buffer.from('af001190', 'hex'));
    for (let frame = 0; frame < 300; frame += 1) stream.publish('audio', 0, Buffer.from('af0121', 'hex'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('live.repaired: the timestamps do not advance');
    expect(stream.shortcomings[0]).toContain('timestamps do not advance');
  });

  it('is not suspected in frames that share a timestamp with a few others', () => {
    const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: STILL });
    stream.publish('audio', 0, Buffer.from('af001190', 'hex'));
    for (let frame = 0; frame < 400; frame += 1) {
      stream.publish('audio', Math.floor(frame / 40) * 853, Buffer.from('af0121', 'hex'));
    }
    expect(stream.shortcomings).toEqual([]);
  });
});
