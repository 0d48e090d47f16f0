// A publisher leaves and continues the same playlists, checked as a player reads them.
import { describe, expect, it } from 'vitest';
import type { LiveStream } from '../../src/live/stream.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { npmFfmpeg } from '../support/processes.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { type SetUpOptions, setUp } from './pipeline-under-test.js';

type PipelineUnderTest = ReturnType<typeof setUp>;

/** Publishes at once, with a test clock that follows the timestamps, so that dates and cuts are those of a live stream. */
function publishAll(
  tested: PipelineUnderTest,
  source: FlvSource,
  stream = tested.stream,
  media: readonly FlvTag[] = source.media,
) {
  if (source.videoHeader.length > 0) stream.publish('video', 0, source.videoHeader);
  for (const [index, tag] of media.entries()) publishTag(tested, stream, tag, media[index - 1]);
}

function publishTag({ clock }: PipelineUnderTest, stream: LiveStream, tag: FlvTag, before: FlvTag | undefined) {
  clock.advance(Math.max(0, tag.timestamp - (before ?? tag).timestamp));
  stream.publish(tag.type, tag.timestamp, tag.body);
}

/** Publishes as fast as FFmpeg can follow, because playlists do not wait for a rung that is a segment behind. */
async function publishPaced(tested: PipelineUnderTest, source: FlvSource, stream = tested.stream, from = 0) {
  if (from === 0) stream.publish('video', 0, source.videoHeader);
  for (const [index, tag] of source.media.entries()) {
    if (index < from) continue;
    publishTag(tested, stream, tag, source.media[index - 1]);
    if (lag(tested) > 1) await expect.poll(() => lag(tested), { interval: 2, timeout: 5_000 }).toBeLessThanOrEqual(1);
  }
}

/** Number of parts by which a rung is behind the source; infinite while one FFmpeg replaces another. */
function lag({ pipeline }: PipelineUnderTest): number {
  if (pipeline.state !== 'running') return 0;
  const renditions = pipeline.presentation?.renditions ?? [];
  if (renditions.length > 1 && pipeline.transcode === undefined) return Number.POSITIVE_INFINITY;
  const parts = renditions.map((rendition) => rendition.parts);
  return Math.max(...parts) - Math.min(...parts);
}

async function streaming(options: SetUpOptions = {}) {
  const tested = setUp({ resumeWindow: 15, ...options });
  const source = await makeFlvSource({ seconds: 4, audio: false });
  await publishPaced(tested, source);
  await tested.seen('stream started');
  return { ...tested, tested, source };
}

describe('a publisher that returns', () => {
  it('A8.05 continues the same playlists, with one discontinuity and dates that show the pause', async () => {
    const { tested, source, pipeline, stream, clock, attach, seen, playlist } = await streaming();
    stream.end();
    await seen('publisher gone, waiting for it to return');
    expect(pipeline.state).toBe('suspended');
    expect(playlist('source').ended).toBe(false);
    clock.advance(5_000);
    publishAll(tested, source, attach());
    await seen('stream resumed');
    await pipeline.end();

    const { segments, ended, mediaSequence } = playlist('source');
    expect(ended).toBe(true);
    expect(segments.map(({ duration, discontinuity, gap }) => [duration, discontinuity, gap])).toEqual([
      [2, false, false],
      [2, false, false],
      [2, true, false],
      [2, false, false],
    ]);
    expect(mediaSequence).toBe(1);
    // 4 s of media and a pause of 5 s. The first frame was held for a second until the tracks were decided.
    const [first, , third] = segments.map(({ programDateTime }) => programDateTime ?? 0);
    expect((third ?? 0) - (first ?? 0)).toBeGreaterThanOrEqual(8_900);
    expect((third ?? 0) - (first ?? 0)).toBeLessThanOrEqual(9_200);
    // Equal parameters give the same init segment.
    expect(new Set(segments.map(({ map }) => map)).size).toBe(1);
    expect(pipeline.publishes).toBe(2);
  });

  it('C4.08 continues at the right time although the clock of the machine was set while its tracks were being decided', async () => {
    const tested = setUp({ resumeWindow: 15 });
    const source = await makeFlvSource({ seconds: 4, audio: false });
    tested.stream.publish('video', 0, source.videoHeader);
    for (const [index, tag] of source.media.entries()) {
      if (index === 5) tested.clock.wallClockOffset += 3_600_000;
      publishTag(tested, tested.stream, tag, source.media[index - 1]);
    }
    await tested.seen('stream started');
    // At the position of the media, and not an hour later.
    expect(tested.pipeline.resumeTime).toBeLessThan(6_000);
  });

  it('may leave while its stream is being set up: its media is served, and its stream waits for it', async () => {
    let freed = (): void => undefined;
    const predecessor = new Promise<void>((resolve) => {
      freed = resolve;
    });
    const tested = setUp({ resumeWindow: 15, predecessor });
    const source = await makeFlvSource({ seconds: 4, audio: false });
    publishAll(tested, source);
    tested.stream.end();
    expect(tested.pipeline.state).toBe('waiting');
    freed();
    await tested.seen('publisher gone, waiting for it to return');
    expect(tested.pipeline.state).toBe('suspended');
    expect(tested.pipeline.publishing).toBe(false);
    expect(tested.playlist('source').segments.length).toBeGreaterThan(0);
  });

  it('ends with ENDLIST if nobody returns within the window, which publishers without media do not prolong', async () => {
    const { pipeline, stream, clock, attach, seen, playlist } = await streaming();
    stream.end();
    await seen('publisher gone, waiting for it to return');
    clock.advance(10_000);
    const visitor = attach();
    clock.advance(1_000);
    visitor.end();
    expect(pipeline.state).toBe('suspended');
    expect(pipeline.resumeLeft).toBe(4_000);
    clock.advance(3_999);
    expect(pipeline.resumable).toBe(true);
    clock.advance(1);
    await pipeline.end();
    expect(pipeline.state).toBe('ended');
    expect(playlist('source').ended).toBe(true);
    expect(pipeline.resumable).toBe(false);
  });

  it('ends at once without a window', async () => {
    const { pipeline, stream, playlist } = await streaming({ resumeWindow: 0 });
    stream.end();
    await pipeline.end();
    expect(playlist('source').ended).toBe(true);
  });

  it('A7.02 brings another size: one discontinuity at the same number everywhere, a new init segment, the same rungs', async () => {
    const { tested, pipeline, stream, clock, attach, seen, playlist } = await streaming({
      ffmpeg: npmFfmpeg(),
      ladder: ['source', '120p', '90p'],
    });
    stream.end();
    await seen('FFmpeg ended');
    clock.advance(2_000);
    const small = await makeFlvSource({ seconds: 4, audio: false, size: '160x96' });
    await publishPaced(tested, small, attach());
    await seen('stream resumed');
    await pipeline.end();
    const numbers = ['source', '120p', '90p'].map((name) =>
      playlist(name)
        .segments.filter(({ discontinuity }) => discontinuity)
        .map(({ mediaSequence }) => mediaSequence),
    );
    expect(numbers).toEqual([[3], [3], [3]]);
    expect(playlist('source').segments.map(({ map }) => map)).toEqual([
      playlist('source').segments[0]?.map,
      playlist('source').segments[0]?.map,
      expect.not.stringMatching(playlist('source').segments[0]?.map ?? '-'),
      playlist('source').segments[3]?.map,
    ]);
    const sizes = pipeline.presentation?.renditions.map(({ name, width, height }) => `${name} ${width}x${height}`);
    expect(sizes).toEqual(['source 160x96', '90p 150x90', '120p 160x96']);
  });

  it('takes over while the last tags of the previous one are being processed', async () => {
    const { tested, source, pipeline, stream, attach, seen, playlist } = await streaming({
      ffmpeg: npmFfmpeg(),
      ladder: ['source', '90p'],
    });
    stream.end();
    // FFmpeg has not ended. The tracks of the next publisher are known after a second of its media.
    const next = attach();
    publishAll(tested, source, next, source.media.slice(0, 27));
    await seen('stream resumed');
    await publishPaced(tested, source, next, 27);
    await pipeline.end();
    for (const name of ['source', '90p']) {
      const { segments } = playlist(name);
      expect(segments.map(({ duration, gap }) => [duration, gap])).toEqual(Array.from({ length: 4 }, () => [2, false]));
      expect(segments.filter(({ discontinuity }) => discontinuity).map(({ mediaSequence }) => mediaSequence)).toEqual([
        3,
      ]);
    }
  });
});

describe('a publisher that changes', () => {
  it('A7.02 changes its size in mid-stream: one discontinuity in every rendition, nothing lost', async () => {
    const { tested, source, pipeline, stream, seen, playlist } = await streaming({
      ffmpeg: npmFfmpeg(),
      ladder: ['source', '90p'],
    });
    const later = source.media.at(-1)?.timestamp ?? 0;
    const other = await makeFlvSource({ seconds: 4, audio: false, size: '640x360', offset: later + 40 });
    await publishPaced(tested, other, stream);
    await seen('stream changed');
    await pipeline.end();
    for (const name of ['source', '90p']) {
      const { segments } = playlist(name);
      expect(segments.map(({ duration, gap, discontinuity }) => [duration, gap, discontinuity])).toEqual([
        [2, false, false],
        [2, false, false],
        [2, false, true],
        [2, false, false],
      ]);
    }
    expect(pipeline.source?.video).toMatchObject({ width: 640, height: 360 });
  });

  it('A7.01 repeats its header before each key frame: nothing happens', async () => {
    const tested = setUp();
    const source = await makeFlvSource({ seconds: 4, gop: 25, audio: false });
    for (const tag of source.media) {
      if (tag.type !== 'video') continue;
      const isKeyFrame = (tag.body[0] ?? 0) >> 4 === 1;
      if (isKeyFrame) tested.stream.publish('video', 0, source.videoHeader);
      tested.publish([tag]);
    }
    tested.clock.advance(1_000);
    await tested.seen('stream started');
    await tested.pipeline.end();
    expect(tested.lines.filter(({ message }) => message === 'stream changed')).toEqual([]);
    expect(tested.playlist('source').segments.map(({ discontinuity }) => discontinuity)).toEqual([false, false]);
  });

  it('C2.16 changes its size again and again: it gets the reason, and the playlists stay valid', async () => {
    const { tested, source, stream, pipeline, playlist, seen } = await streaming();
    const other = await makeFlvSource({ seconds: 1, gop: 25, audio: false, size: '160x96' });
    const again = await makeFlvSource({ seconds: 1, gop: 25, audio: false });
    let at = source.media.at(-1)?.timestamp ?? 0;
    const flip = (to: FlvSource): void => {
      const base = to.media[0]?.timestamp ?? 0;
      const shifted = to.media.map((tag) => ({ ...tag, timestamp: tag.timestamp - base + at + 40 }));
      at = shifted.at(-1)?.timestamp ?? at;
      publishAll(tested, to, stream, shifted);
    };
    let changes = 0;
    const flipUntilRefused = async (): Promise<void> => {
      for (;;) {
        flip(changes % 2 === 0 ? other : again);
        changes += 1;
        await seen('stream changed', changes);
      }
    };
    await expect(flipUntilRefused()).rejects.toMatchObject({ kind: 'limit' });
    expect(changes).toBe(5);
    await pipeline.end();
    expect(playlist('source').segments.filter(({ discontinuity }) => discontinuity).length).toBeLessThanOrEqual(5);
  });
});
