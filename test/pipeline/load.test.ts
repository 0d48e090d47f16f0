// An encoder that is too slow, and a publisher with GOPs that are too long: real FFmpegs, judged by playlists and the log.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { systemClock } from '../../src/system-clock.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { setUp } from './pipeline-under-test.js';

type PipelineUnderTest = ReturnType<typeof setUp>;

/** Publishes in real time, from `media` on, until `done`. */
async function publishLive(
  { stream }: PipelineUnderTest,
  media: readonly FlvTag[],
  done: () => boolean,
): Promise<void> {
  const [first] = media;
  const start = performance.now();
  for (const { type, timestamp, body } of media) {
    const wait = timestamp - (first?.timestamp ?? 0) - (performance.now() - start);
    if (wait > 0) await delay(wait);
    if (done()) return;
    stream.publish(type, timestamp, body);
  }
}

/** An FFmpeg that reads its input at this share of real time, unless it makes fewer renditions than that. */
async function slowFfmpeg(share: number, renditions = 2): Promise<string> {
  const path = join(await temporaryDirectory(), 'ffmpeg');
  const real = npmFfmpeg();
  const lines = [
    '#!/bin/sh',
    // The first pipe after those of input, output and errors is for progress.
    `case "$*" in *pipe:${renditions + 3}*) exec '${real}' -readrate ${share} "$@";; esac`,
    `exec '${real}' "$@"`,
    '',
  ];
  await writeFile(path, lines.join('\n'));
  await chmod(path, 0o755);
  return path;
}

describe('an FFmpeg that does not keep up', () => {
  it('C4.11 is detected, the most expensive rung is withdrawn, and the others keep up; the source is not affected', async () => {
    const source = await makeFlvSource({ seconds: 20, audio: false });
    const sheds: string[] = [];
    let started = Number.NaN;
    const tested = setUp({
      ffmpeg: await slowFfmpeg(0.4),
      onLog: ({ message }) => {
        if (message === 'FFmpeg started') started = performance.now();
      },
      ladder: ['source', '120p', '90p'],
      clock: systemClock,
      capacity: { admit: () => ({ admitted: true, release: () => undefined }), noteShed: () => sheds.push('shed') },
    });
    const { stream, pipeline, lines, playlist } = tested;
    stream.publish('video', 0, source.videoHeader);
    const shed = () => pipeline.withdrawn.length > 0;
    await publishLive(tested, source.media, shed);
    // FFmpeg may need seconds for its first output, from which the lag is counted.
    expect(performance.now() - started).toBeLessThan(9_000);
    expect(pipeline.withdrawn).toEqual([{ name: '120p', reason: 'overload' }]);
    expect(sheds).toEqual(['shed']);
    expect(lines.filter(({ fields }) => fields.code === 'pipeline.withdrawn')).toHaveLength(1);
    expect(pipeline.presentation?.rendition('120p')).toBeUndefined();
    expect(pipeline.presentation?.multivariantBody().toString()).not.toContain('120p');
    await expect.poll(() => pipeline.transcode?.renditions).toEqual(['90p']);
    await pipeline.end();
    const { segments } = playlist('source');
    expect(segments.some(({ gap, discontinuity }) => gap || discontinuity)).toBe(false);
  });

  it('keeps the only rung beside a source that not every browser decodes', async () => {
    const source = await makeFlvSource({ seconds: 10, audio: false, videoCodec: 'libx265' });
    const tested = setUp({ ffmpeg: await slowFfmpeg(0.2, 1), ladder: ['source', '90p'], clock: systemClock });
    tested.stream.publish('video', 0, source.videoHeader);
    await publishLive(tested, source.media, () => tested.pipeline.transcode?.load?.overloaded === true);
    expect(tested.pipeline.transcode?.load?.overloaded).toBe(true);
    expect(tested.pipeline.withdrawn).toEqual([]);
    expect(tested.pipeline.transcode?.renditions).toEqual(['90p']);
    await tested.pipeline.end();
  });

  it('keeps all its renditions if configured', async () => {
    const source = await makeFlvSource({ seconds: 8, audio: false });
    const tested = setUp({
      ffmpeg: await slowFfmpeg(0.2),
      ladder: ['source', '120p', '90p'],
      clock: systemClock,
      shedsOnOverload: false,
    });
    const { stream, pipeline } = tested;
    stream.publish('video', 0, source.videoHeader);
    await publishLive(tested, source.media, () => pipeline.transcode?.load?.overloaded === true);
    expect(pipeline.transcode?.load?.overloaded).toBe(true);
    expect(pipeline.withdrawn).toEqual([]);
    await pipeline.end();
  });
});

/** Publishes at once, with a test clock that follows the timestamps. */
function publishAll({ stream, clock }: PipelineUnderTest, source: FlvSource): void {
  stream.publish('video', 0, source.videoHeader);
  for (const [index, { type, timestamp, body }] of source.media.entries()) {
    clock.advance(Math.max(0, timestamp - (source.media[index - 1]?.timestamp ?? timestamp)));
    stream.publish(type, timestamp, body);
  }
}

describe('a publisher with key frames far apart', () => {
  it('A7.16 has its source encoded from the start, with key frames of our own and a warning that names the setting', async () => {
    const source = await makeFlvSource({ seconds: 12, gop: 1000, audio: false });
    const tested = setUp({ ffmpeg: npmFfmpeg(), maxGop: 3, ladder: ['source'] });
    const { pipeline, lines, playlist, seen } = tested;
    tested.stream.publish('video', 0, source.videoHeader);
    for (const [index, { type, timestamp, body }] of source.media.entries()) {
      tested.clock.advance(Math.max(0, timestamp - (source.media[index - 1]?.timestamp ?? timestamp)));
      tested.stream.publish(type, timestamp, body);
      if (index === 30) await seen('stream started');
      // At eight times real time, so that FFmpeg can follow. What it cannot encode in time would be dropped.
      if (index > 80) await delay(5);
    }
    await pipeline.end();
    const warnings = lines.filter(({ fields }) => fields.code === 'pipeline.long-gop');
    expect(warnings).toMatchObject([{ level: 'warn', message: expect.stringContaining('keyframe interval') }]);
    const { segments, targetDuration } = playlist('source');
    expect(pipeline.presentation?.multivariantBody().toString()).toContain('#EXT-X-INDEPENDENT-SEGMENTS\n');
    expect(targetDuration).toBe(2);
    expect(segments.length).toBeGreaterThanOrEqual(4);
    expect(segments.filter(({ discontinuity, gap }) => discontinuity || gap)).toEqual([]);
  });

  it('A7.16 has its source encoded from the moment its key frames stop coming, after one discontinuity', async () => {
    const start = await makeFlvSource({ seconds: 6, gop: 50, audio: false });
    const last = start.media.at(-1)?.timestamp ?? 0;
    // The next picture is a key frame, the last one for a long time.
    const rest = await makeFlvSource({ seconds: 10, gop: 1000, audio: false, offset: last + 40 });
    const tested = setUp({ ffmpeg: npmFfmpeg(), maxGop: 3, ladder: ['source'] });
    const { pipeline, clock, stream, lines, playlist, seen } = tested;
    publishAll(tested, start);
    await seen('stream started');
    for (const { type, timestamp, body } of rest.media) {
      clock.advance(40);
      stream.publish(type, timestamp, body);
      // At eight times real time, so that FFmpeg can follow. What it cannot encode in time would be dropped.
      await delay(5);
    }
    await pipeline.end();
    expect(lines.filter(({ fields }) => fields.code === 'pipeline.long-gop')).toHaveLength(1);
    const { segments, targetDuration } = playlist('source');
    expect(targetDuration).toBe(2);
    expect(segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    expect(segments.filter(({ gap }) => gap).length).toBeLessThanOrEqual(1);
    expect(segments.at(-1)?.gap).toBe(false);
  });

  it('A7.16 is cut without key frames if there is no FFmpeg', async () => {
    const source = await makeFlvSource({ seconds: 12, gop: 1000, audio: false });
    const tested = setUp({ maxGop: 3 });
    publishAll(tested, source);
    await tested.seen('stream started');
    await tested.pipeline.end();
    const { segments, targetDuration } = tested.playlist('source');
    expect(targetDuration).toBe(3);
    expect(segments.length).toBeGreaterThanOrEqual(4);
    expect(Math.max(...segments.map(({ duration }) => duration))).toBeLessThanOrEqual(3.5);
    expect(tested.lines.filter(({ fields }) => fields.code === 'pipeline.long-gop')).toHaveLength(1);
  });
});
