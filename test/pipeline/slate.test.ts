// When a slate is shown: only if players need not change the codec for it, and only while there is no publisher.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Slate } from '../../src/pipeline/slate.js';
import { planStream } from '../../src/pipeline/stream-plan.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import type { SourceDescription } from '../../src/transcode/describe-source.js';
import { strictDomain } from '../support/failure-domain.js';
import { ManualClock } from '../support/manual-clock.js';
import { ffmpegChildren, npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { setUp } from './pipeline-under-test.js';

const FFMPEG = { path: npmFfmpeg(), versionText: '7.0', enhancedRtmp: true, enhancedRtmpAudio: false };
const VIDEO = {
  ...{ width: 320, height: 180, sampleAspectRatio: 1, frameRate: 25 },
  ...{ chromaFormat: 1, bitDepth: 8, interlaced: false },
};
const NO_PICTURES: SourceDescription = { audio: { codec: 'aac', objectType: 2, sampleRate: 48_000, channels: 2 } };

function refusals(source: SourceDescription): string[] {
  const plan = planStream({
    ...{ source, extraTracks: [], ladder: ['source'], ffmpeg: FFMPEG, mayEncodeVideo: true, keyFrames: 'source' },
    ...{ offered: [], withdrawn: new Set<string>() },
  });
  const failures: SluiceError[] = [];
  const slate = new Slate(
    {
      ...{ app: 'live', name: 'cam', slate: '/nowhere/away.png', ffmpeg: FFMPEG, clock: new ManualClock() },
      ...{ segmentDuration: 2, maxGop: 10 },
    },
    {
      domain: strictDomain(),
      resumeTime: () => 0,
      onStream: () => undefined,
      onFailed: (error) => failures.push(error),
    },
  );
  slate.play(plan);
  // Reported once, however often somebody comes and leaves without media.
  slate.play(plan);
  return failures.map(({ code, message }) => `${code} ${message}`);
}

it.each([
  ['HEVC', { video: { ...VIDEO, codec: 'hevc' } }, 'the pictures are hevc'],
  ['AV1', { video: { ...VIDEO, codec: 'av1' } }, 'the pictures are av1'],
  ['Opus', { video: { ...VIDEO, codec: 'avc' }, audio: { codec: 'opus' } }, 'the sound is opus'],
  ['sound alone', NO_PICTURES, 'no pictures'],
] as const)('stands in for no stream of %s', (_, source, reason) => {
  expect(refusals(source)).toEqual([expect.stringMatching(`^pipeline\\.slate no slate is shown: .*${reason}`)]);
});

async function streamingWithSlate() {
  const slate = join(await temporaryDirectory(), 'away.png');
  const picture = ['-f', 'lavfi', '-i', 'color=red:size=160x90', '-frames:v', '1', '-update', '1', slate];
  await runProgram(npmFfmpeg(), ['-hide_banner', '-loglevel', 'error', '-nostdin', ...picture]);
  const tested = setUp({ resumeWindow: 15, ffmpeg: npmFfmpeg(), slate });
  const source = await makeFlvSource({ seconds: 4 });
  const { clock, stream, publish, seen } = tested;
  const send = (to = stream): void => {
    to.publish('video', 0, source.videoHeader);
    to.publish('audio', 0, source.audioHeader);
    for (const [index, tag] of source.media.entries()) {
      clock.advance(Math.max(0, tag.timestamp - (source.media[index - 1]?.timestamp ?? tag.timestamp)));
      publish([tag], to);
    }
  };
  send();
  await seen('stream started');
  return { ...tested, send };
}

it('is hidden while a publisher without media is connected, is shown again afterwards, and prolongs no wait', async () => {
  const { pipeline, stream, attach, clock, seen, playlist } = await streamingWithSlate();
  stream.end();
  await seen('slate shown');
  expect(pipeline).toMatchObject({ showsSlate: true, state: 'suspended', publishing: false, publishes: 1 });
  clock.advance(5_000);
  const visitor = attach();
  expect(pipeline).toMatchObject({ showsSlate: false, state: 'suspended', publishing: true });
  visitor.end();
  await seen('slate shown', 2);
  expect(pipeline.resumeLeft).toBe(10_000);
  clock.advance(10_000);
  await pipeline.end();
  expect(playlist('source').ended).toBe(true);
  expect(pipeline.stream).toBe(visitor);
  expect(await ffmpegChildren()).toEqual([]);
});

it('is not started if the publisher returns at once, and ends at the position where the publisher continues', async () => {
  const { pipeline, stream, attach, lines, seen, send, playlist } = await streamingWithSlate();
  stream.end();
  const second = attach();
  send(second);
  await seen('stream resumed');
  expect(lines.some(({ message }) => message === 'slate shown')).toBe(false);
  expect(await ffmpegChildren()).toEqual([]);
  second.end();
  await seen('slate shown');
  const third = attach();
  const origin = third.timelineOrigin;
  send(third);
  await seen('stream resumed', 2);
  expect(pipeline).toMatchObject({ showsSlate: false, state: 'running', publishes: 3, resumeLeft: undefined });
  expect(origin).toBeGreaterThan(second.timelineOrigin + 4_000);
  await pipeline.end();
  const { segments } = playlist('source');
  const dates = segments.map(({ programDateTime = 0 }) => programDateTime);
  expect(dates).toEqual([...dates].sort((a, b) => a - b));
});
