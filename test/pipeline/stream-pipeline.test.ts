// The whole path of a stream with real tags, real FFmpeg and the real HLS module. The test controls only the clock.
import { chmod, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parsePlaylist } from '../support/playlist-checker.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { restartAtOnce, setUp } from './pipeline-under-test.js';

/** In shell syntax: a moof without a moov before it. */
const NOT_FRAGMENTED_MP4 = "printf '\\000\\000\\000\\020moof........' >&3";

async function program(...lines: readonly string[]): Promise<string> {
  const path = join(await temporaryDirectory(), 'ffmpeg');
  await writeFile(path, ['#!/bin/sh', ...lines, ''].join('\n'));
  await chmod(path, 0o755);
  return path;
}

describe('StreamPipeline', () => {
  it('B1.12 dates count from the arrival of the first tag, not from when the tracks were known', async () => {
    const source = await makeFlvSource({ seconds: 5, audio: false });
    const { pipeline, clock, stream, publish, seen } = setUp({ ffmpeg: npmFfmpeg() });
    const arrival = clock.wallClock();
    stream.publish('video', 1000, source.videoHeader);
    publish(source.media.slice(0, 5));
    // No audio comes, which is certain after a second.
    clock.advance(1000);
    await seen('stream started');
    publish(source.media.slice(5));
    await pipeline.end();
    const rendition = pipeline.presentation?.rendition('source');
    const [first] = parsePlaylist(rendition?.playlistBody().toString() ?? '').segments;
    expect(first?.programDateTime).toBe(arrival);
  });

  it('C4.01 replaces an FFmpeg whose output cannot be used, and continues with the next', async () => {
    const first = `if mkdir "$0.started" 2>/dev/null; then ${NOT_FRAGMENTED_MP4}; exec cat >/dev/null; fi`;
    const ffmpeg = await program(first, `exec '${npmFfmpeg()}' "$@"`);
    const source = await makeFlvSource({ seconds: 8, audio: false });
    const { pipeline, clock, stream, lines, failures, publish, seen, playlist } = setUp({
      ffmpeg,
      onLog: restartAtOnce,
      ladder: ['source', '90p'],
    });
    stream.publish('video', 1000, source.videoHeader);
    publish(source.media.slice(0, 50));
    clock.advance(1000);
    await seen('FFmpeg started', 2);
    publish(source.media.slice(50));
    await pipeline.end();

    const unusable = lines.filter(({ message }) => message === 'output of FFmpeg cannot be used');
    expect(unusable.map(({ level, fields }) => ({ level, ...fields, err: undefined }))).toEqual([
      { level: 'warn', app: 'live', stream: 'test', rendition: '90p', code: 'mp4.box-order', err: undefined },
    ]);
    expect(lines.find(({ fields }) => 'restartIn' in fields)?.fields.code).toBe('transcode.output-invalid');
    // Many FFmpegs write into one log, so each line names the stream.
    const ofFfmpeg = lines.filter(({ message }) => message.startsWith('FFmpeg '));
    expect(ofFfmpeg.length).toBeGreaterThanOrEqual(4);
    for (const { fields } of ofFfmpeg) expect(fields).toMatchObject({ app: 'live', stream: 'test' });
    expect(lines.at(-1)).toMatchObject({ level: 'info', message: 'stream ended', fields: { publishes: 1 } });
    expect(failures).toEqual([]);
    const durations = (name: string) => playlist(name).segments.map(({ duration }) => duration);
    // The source does not wait for FFmpeg. The rung lacks the media that had passed when the next FFmpeg came.
    expect(durations('source')).toEqual([2, 2, 2, 2]);
    expect(durations('90p')).toEqual([2, 2, 2]);
    expect(playlist('90p').mediaSequence).toBe(2);
  });

  it('C4.01 withdraws the renditions of an FFmpeg that never writes anything, and continues with the source', async () => {
    const ffmpeg = await program(NOT_FRAGMENTED_MP4, 'exec cat >/dev/null');
    const source = await makeFlvSource({ seconds: 8, audio: false });
    const { pipeline, clock, stream, lines, failures, publish, seen, playlist } = setUp({
      ffmpeg,
      onLog: restartAtOnce,
      ladder: ['source', '90p', '120p'],
    });
    stream.publish('video', 1000, source.videoHeader);
    publish(source.media.slice(0, 50));
    clock.advance(1000);
    await seen('FFmpeg failed too often');
    publish(source.media.slice(50));
    expect(lines.filter(({ fields }) => fields.code === 'pipeline.withdrawn')).toMatchObject([
      { level: 'warn', fields: { renditions: ['120p', '90p'], reason: 'failed' } },
    ]);
    expect(pipeline.withdrawn.map(({ name }) => name)).toEqual(['120p', '90p']);
    expect(pipeline.presentation?.rendition('90p')).toBeUndefined();
    expect(pipeline.transcode).toBeUndefined();
    expect(failures).toEqual([]);
    await pipeline.end();
    const { segments } = playlist('source');
    expect(segments.map(({ duration, gap, discontinuity }) => ({ duration, gap, discontinuity }))).toEqual(
      Array.from({ length: 4 }, () => ({ duration: 2, gap: false, discontinuity: false })),
    );
  });

  it('C4.01 gives up a stream with no rendition left, and says why', async () => {
    const ffmpeg = await program(NOT_FRAGMENTED_MP4, 'exec cat >/dev/null');
    const source = await makeFlvSource({ seconds: 2, audio: false });
    const { pipeline, clock, stream, failed, publish } = setUp({ ffmpeg, onLog: restartAtOnce, ladder: ['90p'] });
    stream.publish('video', 1000, source.videoHeader);
    publish(source.media);
    clock.advance(1000);
    expect(await failed).toMatchObject({ code: 'transcode.gave-up' });
    expect((await failed).message).toContain('got moof');
    await pipeline.end();
    expect(pipeline.state).toBe('ended');
  });

  it('A7.10 logs once that the audio is left out, and why', async () => {
    const { stream, lines } = setUp({ ffmpeg: npmFfmpeg() });
    // An AAC sequence header with an AudioSpecificConfig of one byte, and another one.
    stream.publish('audio', 0, Buffer.from([0xaf, 0x00, 0x12]));
    stream.publish('audio', 23, Buffer.from([0xaf, 0x00, 0x13]));
    expect(lines.map(({ level, fields }) => ({ level, ...fields }))).toEqual([
      { level: 'warn', app: 'live', stream: 'test', code: expect.stringMatching(/^[a-z0-9]+\./) },
    ]);
    expect(lines[0]?.message).toMatch(
      /^part of what the publisher sends is left out: the AAC audio configuration .*got 1 bytes/,
    );
  });
});
