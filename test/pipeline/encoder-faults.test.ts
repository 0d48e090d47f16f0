// The real FFmpeg dies and hangs inside the real modules. Afterwards every picture of the publisher is listed exactly once.
import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Presentation } from '../../src/hls/presentation.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { npmFfmpeg } from '../support/processes.js';
import { type FlvSource, makeFlvSource } from '../transcode/flv-source.js';
import { TrackRecorder } from '../transcode/track-recorder.js';
import { restartAtOnce, type SetUpOptions, setUp } from './pipeline-under-test.js';

const LONG_WINDOW = { presentation: () => ({ windowSegments: 40, firstMediaSequence: 1 }) };

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

/** Every sample of a rendition, read from its init segment and its segments. */
function recorded(presentation: Presentation, name: string): TrackRecorder {
  const rendition = presentation.rendition(name);
  const recorder = new TrackRecorder();
  if (rendition?.init === undefined) throw new Error(`${name} has no init segment`);
  recorder.push(rendition.init);
  for (const { media } of rendition.window.listed) recorder.push(media.whole());
  return recorder;
}

/** Publishes a whole source and kills FFmpeg after every `step` tags, if it has output anything. */
async function playAndKill(source: FlvSource, options: SetUpOptions, first: number, step: number) {
  const under = setUp({ ffmpeg: npmFfmpeg(), onLog: restartAtOnce, ...LONG_WINDOW, ...options });
  const { pipeline, stream, clock, publish, seen, lines } = under;
  const rungs = (options.ladder ?? []).filter((name) => name !== 'source');
  const least = (of: 'segments' | 'end'): number =>
    Math.min(...rungs.map((name) => pipeline.presentation?.rendition(name)?.[of] ?? 0));
  /** As in a live stream, publishing never runs so far ahead of FFmpeg that rungs would be given up. */
  const untilMade = (tag: FlvTag | undefined): Promise<void> =>
    until(() => least('end') >= ((tag?.timestamp ?? 0) - 2_000) / 1000);
  stream.publish('video', 1000, source.videoHeader);
  if (source.audioHeader.length > 0) stream.publish('audio', 1000, source.audioHeader);
  publish(source.media.slice(0, first));
  clock.advance(1000);
  await seen('stream started');
  const started = (): number => lines.filter(({ message }) => message === 'FFmpeg started').length;
  const starts = started();
  let kills = 0;
  let from = first;
  for (; from + step < source.media.length; from += step) {
    await seen('FFmpeg started', starts + kills);
    await untilMade(source.media[from - 1]);
    // Processes that make no segment would be given up.
    const before = least('segments');
    publish(source.media.slice(from, from + step));
    await until(() => least('segments') > before);
    kills += 1;
    process.kill(Number(lines.findLast(({ message }) => message === 'FFmpeg started')?.fields.ffmpegPid), 'SIGKILL');
    await seen('FFmpeg failed and will be started again', kills);
  }
  await seen('FFmpeg started', starts + kills);
  publish(source.media.slice(from));
  await pipeline.end();
  if (pipeline.presentation === undefined) throw new Error('nothing was presented');
  return { ...under, presentation: pipeline.presentation, kills };
}

/** Presentation times of the publisher's pictures, and of those in a rung, in whole milliseconds. */
function expectEveryPicture(presentation: Presentation, name: string, { videoTimes }: FlvSource): void {
  const times = recorded(presentation, name).times.map(Math.round);
  expect(times, name).toEqual([...videoTimes].sort((a, b) => a - b));
}

describe('an FFmpeg that is killed', () => {
  it('C4.01 loses no picture and no audio, and no segment is a gap', async () => {
    const source = await makeFlvSource({ seconds: 20, audioCodec: 'libmp3lame', gop: 50 });
    const { presentation, kills, playlist } = await playAndKill(source, { ladder: ['source', '120p', '90p'] }, 37, 197);
    expect(kills).toBeGreaterThan(4);
    expect(presentation.counters).toMatchObject({ gaps: 0, discontinuities: 0 });
    for (const name of ['120p', '90p']) expectEveryPicture(presentation, name, source);
    for (const name of ['source', '120p', '90p']) {
      expect(playlist(name).segments.map(({ duration }) => duration)).toEqual(Array(10).fill(2));
    }
    const sound = recorded(presentation, 'audio').times;
    const steps = sound.slice(1).map((time, index) => time - (sound[index] ?? 0));
    // One frame of AAC: the frames of the next FFmpeg are on the same grid.
    expect(Math.min(...steps)).toBeGreaterThan(1024 / 44.1 - 2);
    expect(Math.max(...steps)).toBeLessThan(1024 / 44.1 + 2);
  });

  it('C4.01 A7.16 also loses nothing if GOPs are too long and the gateway chooses the cuts', async () => {
    const source = await makeFlvSource({ seconds: 20, audio: false, gop: 150 });
    const { presentation, playlist } = await playAndKill(source, { ladder: ['source', '90p'], maxGop: 4 }, 120, 57);
    expect(presentation.counters).toMatchObject({ gaps: 0, discontinuities: 0, forcedCuts: 0 });
    for (const name of ['source', '90p']) {
      expectEveryPicture(presentation, name, source);
      const { segments } = playlist(name);
      expect(segments.slice(1, -1).every(({ duration }) => duration === 2)).toBe(true);
    }
  });
});

describe('an FFmpeg that dies before it makes anything', () => {
  it('C4.01 may have died of its input: the next one begins with another key frame', async () => {
    const source = await makeFlvSource({ seconds: 12, audio: false, gop: 50 });
    const { pipeline, stream, clock, lines, publish, seen, playlist } = setUp({
      ffmpeg: npmFfmpeg(),
      ladder: ['source', '90p'],
      ...LONG_WINDOW,
      onLog: (line, ownClock) => {
        restartAtOnce(line, ownClock);
        const { message, fields } = line;
        if (message === 'FFmpeg started' && fields.generation === 2) process.kill(Number(fields.ffmpegPid), 'SIGKILL');
      },
    });
    stream.publish('video', 1000, source.videoHeader);
    publish(source.media.slice(0, 80));
    clock.advance(1000);
    await seen('FFmpeg started');
    await until(() => (pipeline.presentation?.rendition('90p')?.segments ?? 0) > 0);
    process.kill(Number(lines.find(({ message }) => message === 'FFmpeg started')?.fields.ffmpegPid), 'SIGKILL');
    await seen('FFmpeg started', 3);
    publish(source.media.slice(80));
    await pipeline.end();
    const story = playlist('90p').segments.map(({ gap }) => (gap ? 'G' : '.'));
    // The frames of two segments were lost as input.
    expect(story.join('')).toBe('.G....');
    expect(playlist('source').segments.some(({ gap }) => gap)).toBe(false);
  });
});

describe('an FFmpeg that hangs', () => {
  it('C4.01 is given up at the fifth time, with its renditions, although it makes something each time', async () => {
    const source = await makeFlvSource({ seconds: 24, audio: false, gop: 25 });
    const { pipeline, stream, clock, lines, failures, publish, seen, playlist } = setUp({
      ffmpeg: npmFfmpeg(),
      onLog: restartAtOnce,
      ladder: ['source', '90p'],
      ...LONG_WINDOW,
    });
    const media = [...source.media];
    const end = (): number => pipeline.presentation?.rendition('90p')?.segments ?? 0;
    stream.publish('video', 1000, source.videoHeader);
    publish(media.splice(0, 10));
    clock.advance(1000);
    for (let hang = 1; hang <= 5; hang += 1) {
      await seen('FFmpeg started', hang);
      const before = end();
      publish(media.splice(0, 100));
      await until(() => end() > before);
      process.kill(Number(lines.findLast(({ message }) => message === 'FFmpeg started')?.fields.ffmpegPid), 'SIGSTOP');
      const failed = (): number => lines.filter(({ fields }) => fields.code === 'transcode.stalled').length;
      while (failed() < hang) {
        publish(media.splice(0, 1));
        clock.advance(250);
        await once(process, 'nothing', { signal: AbortSignal.timeout(20) }).catch(() => undefined);
      }
    }
    await seen('FFmpeg failed too often');
    expect(pipeline.withdrawn).toEqual([{ name: '90p', reason: 'failed' }]);
    expect(lines.filter(({ fields }) => fields.code === 'pipeline.withdrawn')).toHaveLength(1);
    expect(failures).toEqual([]);
    await pipeline.end();
    expect(playlist('source').segments.some(({ gap }) => gap)).toBe(false);
  });
});
