// A relay that joins in the middle of a GOP: its audio comes at once, and its pictures with the next key frame.
import { describe, expect, it } from 'vitest';
import { encodeAmf0 } from '../../src/protocols/amf/amf0-encoder.js';
import { AmfEcmaArray } from '../../src/protocols/amf/values.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { setUp } from './pipeline-under-test.js';

type PipelineUnderTest = ReturnType<typeof setUp>;

const GROUP = 8_000;

function metadata(videocodecid: number): Buffer {
  return encodeAmf0(['onMetaData', new AmfEcmaArray([['videocodecid', videocodecid]])]);
}

/** From `join` on, with a test clock that follows the timestamps. The video header comes with the first key frame. */
function relay(
  { clock }: PipelineUnderTest,
  stream: PipelineUnderTest['stream'],
  source: FlvSource,
  join: number,
  announced: number | undefined,
) {
  const first = source.media[0]?.timestamp ?? 0;
  const key = source.keyFrameTimes.find((time) => time >= first + join) ?? 0;
  if (announced !== undefined) stream.publish('script', 0, metadata(announced));
  stream.publish('audio', 0, source.audioHeader);
  let before: number | undefined;
  const isWanted = ({ type, timestamp }: FlvTag): boolean => timestamp >= (type === 'video' ? key : first + join);
  for (const { type, timestamp, body } of source.media.filter(isWanted)) {
    clock.advance(Math.max(0, timestamp - (before ?? timestamp)));
    if (type === 'video' && timestamp === key) stream.publish('video', timestamp, source.videoHeader);
    stream.publish(type, timestamp, body);
    before = timestamp;
  }
}

describe('a publisher that joins in the middle of a GOP', () => {
  const makeSource = () => makeFlvSource({ seconds: 26, gop: 200, size: '160x90' });

  it('does not start with audio alone if its metadata announces pictures, nor when it returns', async () => {
    const source = await makeSource();
    const tested = setUp({ resumeWindow: 30 });
    const { pipeline, stream, seen, lines, attach, clock } = tested;
    relay(tested, stream, source, 500, 7);
    await seen('stream started');
    stream.end();
    await seen('publisher gone, waiting for it to return');
    clock.advance(3_000);
    relay(tested, attach(), source, 500, 7);
    await seen('stream resumed');
    await pipeline.end();
    expect(lines.filter(({ message }) => message === 'stream changed')).toEqual([]);
    expect(pipeline.presentation?.counters).toMatchObject({ discontinuities: 1, gaps: 0 });
    const { segments } = tested.playlist('source');
    expect(segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    expect(tested.playlist('audio').segments).toHaveLength(segments.length);
  });

  it('gets a few seconds to send the pictures that it had before, although it announces none', async () => {
    const source = await makeSource();
    const tested = setUp({ resumeWindow: 30 });
    const { pipeline, stream, seen, lines, attach, clock } = tested;
    relay(tested, stream, source, 0, undefined);
    await seen('stream started');
    stream.end();
    await seen('publisher gone, waiting for it to return');
    clock.advance(3_000);
    relay(tested, attach(), source, GROUP - 2_500, undefined);
    await seen('stream resumed');
    await pipeline.end();
    expect(lines.filter(({ message }) => message === 'stream changed')).toEqual([]);
    expect(pipeline.presentation?.counters).toMatchObject({ discontinuities: 1, gaps: 0 });
  });

  it('has audio alone in the end if no picture comes, and at once if none is announced', async () => {
    const source = await makeFlvSource({ seconds: 16, video: false });
    for (const [announced, after] of [
      [7, 12_000],
      [0, 1_000],
      [undefined, 1_000],
    ] as const) {
      const tested = setUp();
      const { stream, clock, pipeline } = tested;
      if (announced !== undefined) stream.publish('script', 0, metadata(announced));
      stream.publish('audio', 0, source.audioHeader);
      const began = clock.now();
      let decided: number | undefined;
      for (const [i, { timestamp, body }] of source.media.entries()) {
        clock.advance(timestamp - (source.media[i - 1]?.timestamp ?? timestamp));
        stream.publish('audio', timestamp, body);
        await Promise.resolve();
        if (pipeline.state === 'running') decided ??= clock.now() - began;
      }
      await pipeline.end();
      expect(decided).toBeGreaterThanOrEqual(after);
      expect(decided).toBeLessThan(after + 300);
    }
  });

  it('keeps no more while it waits than it would keep for an encoder', async () => {
    const tested = setUp();
    const { stream, pipeline, seen } = tested;
    const source = await makeFlvSource({ seconds: 1, video: false });
    stream.publish('script', 0, metadata(7));
    stream.publish('audio', 0, source.audioHeader);
    // No time passes: 20 MB of audio at once.
    for (let i = 0; i < 20; i += 1) {
      const frame = Buffer.concat([source.media[0]?.body ?? Buffer.alloc(0), Buffer.alloc(1024 * 1024)]);
      stream.publish('audio', i * 21, frame);
    }
    await seen('stream started');
    expect(pipeline.state).toBe('running');
  });
});
