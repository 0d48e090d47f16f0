// For other modules the slate must look like any publisher: H.264 and AAC, real time, a key frame every two seconds.
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseAudioTag } from '../../src/protocols/flv/audio-tag.js';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { parseVideoTag } from '../../src/protocols/flv/video-tag.js';
import { systemClock } from '../../src/system-clock.js';
import { describeSource } from '../../src/transcode/describe-source.js';
import { type SlateSpec, slateArguments } from '../../src/transcode/slate-arguments.js';
import { SlateSource } from '../../src/transcode/slate-source.js';
import { strictDomain } from '../support/failure-domain.js';
import { npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const AUDIO = { sampleRate: 44_100, channels: 1 };

/** Makes a picture or clip of one second, of another shape than the slate. */
async function makeFile(name: string): Promise<string> {
  const file = join(await temporaryDirectory(), name);
  const length = name.endsWith('.png') ? ['-frames:v', '1', '-update', '1'] : ['-t', '1'];
  const input = ['-f', 'lavfi', '-i', 'testsrc2=size=160x160:rate=10'];
  await runProgram(npmFfmpeg(), ['-hide_banner', '-loglevel', 'error', '-nostdin', ...input, ...length, file]);
  return file;
}

/** Plays until a tag satisfies the condition, then stops. */
async function play(slate: SlateSpec, until: (tag: FlvTag) => boolean) {
  const tags: FlvTag[] = [];
  const began = performance.now();
  let source: SlateSource | undefined;
  await new Promise<void>((resolve, reject) => {
    source = new SlateSource({
      ffmpeg: { path: npmFfmpeg() },
      slate,
      clock: systemClock,
      domain: strictDomain(),
      onTag: (tag) => {
        tags.push(tag);
        if (until(tag)) resolve();
      },
      onFailed: reject,
    });
    onTestFinished(() => source?.stop());
  });
  const pid = source?.pid ?? 0;
  await source?.stop();
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
  return { tags, took: performance.now() - began };
}

describe('slateArguments', () => {
  const size = { width: 1280, height: 720 };

  it.each([
    { name: 'slate-image', spec: { file: '/etc/sluice/away%d.PNG', ...size, frameRate: 30_000 / 1001, audio: AUDIO } },
    { name: 'slate-clip', spec: { file: '/etc/sluice/-i http:/x.mp4', ...size, frameRate: 25 } },
  ])('writes the golden command line of $name', async ({ name, spec }) => {
    await expect(`${slateArguments(spec).join('\n')}\n`).toMatchFileSnapshot(`golden/${name}.txt`);
  });

  it('refuses a relative path, which FFmpeg could take for an option', () => {
    expect(() => slateArguments({ file: '-i', ...size, frameRate: 25 })).toThrow(TypeError);
  });
});

describe('SlateSource', () => {
  it.each(['away 100%.png', 'away.mp4'])('plays %s in a loop at real time', async (name) => {
    const slate = { file: await makeFile(name), width: 320, height: 180, frameRate: 20, audio: AUDIO };
    const { tags, took } = await play(slate, (tag) => tag.type === 'video' && tag.timestamp >= 2_000);
    const video = tags
      .filter(({ type }) => type === 'video')
      .map(({ body, timestamp }) => ({ ...parseVideoTag(body), timestamp }));
    const audio = tags
      .filter(({ type }) => type === 'audio')
      .map(({ body, timestamp }) => ({ ...parseAudioTag(body), timestamp }));
    const [videoHeader, audioHeader] = [video[0], audio[0]];
    if (videoHeader === undefined || audioHeader === undefined) throw new Error('expected both tracks');
    expect(
      describeSource({
        video: { codec: videoHeader.codec, configuration: videoHeader.data },
        audio: { codec: audioHeader.codec, configuration: audioHeader.data },
      }),
    ).toMatchObject({
      video: { width: 320, height: 180, frameRate: 20, profile: 100 },
      audio: { codec: 'aac', ...AUDIO },
    });
    const frames = video.filter(({ packetType }) => packetType === 'frames');
    const first = frames[0]?.timestamp ?? 0;
    expect(frames.filter(({ keyFrame }) => keyFrame).map(({ timestamp }) => timestamp - first)).toEqual([0, 2_000]);
    expect(took).toBeGreaterThan(1_500);
    // Silence keeps pace with the pictures instead of running ahead.
    expect(Math.abs((audio.at(-1)?.timestamp ?? 0) - (frames.at(-1)?.timestamp ?? 0))).toBeLessThan(1_000);
  });

  it.each([
    ['/nowhere/away.mp4', 'there is no such file'],
    ['/etc/passwd', 'could not be decoded'],
  ])('says why %s cannot be played', async (file, reason) => {
    const slate = { file, width: 320, height: 180, frameRate: 25 };
    await expect(play(slate, () => false)).rejects.toMatchObject({
      code: 'transcode.exited',
      message: expect.stringContaining(reason),
    });
  });
});
