// A real FFmpeg makes a picture from every served codec, and everything that goes wrong ends with its process.
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../src/system-clock.js';
import { type KeyFrame, ThumbnailMaker, type ThumbnailMakerOptions } from '../../src/transcode/thumbnail-maker.js';
import { videoFromFlv } from '../protocols/mp4/real-tracks.js';
import { ffmpegChildren, npmFfmpeg, runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

type Codec = Parameters<typeof videoFromFlv>[0];

async function keyFrameOf(codec: Codec, args: readonly string[]): Promise<KeyFrame> {
  const { description, samples } = await videoFromFlv(codec, [...args, '-pix_fmt', 'yuv420p']);
  const key = samples.filter(({ sync }) => sync).at(-1);
  if (key === undefined) throw new Error('no key frame');
  return { description: description as KeyFrame['description'], data: key.data };
}

const AVC = ['-c:v', 'libx264', '-preset', 'ultrafast'];

function makerUnderTest(options: Partial<ThumbnailMakerOptions> = {}): ThumbnailMaker {
  const maker = new ThumbnailMaker({ ffmpeg: { path: npmFfmpeg() }, clock: systemClock, ...options });
  onTestFinished(() => maker.close());
  return maker;
}

/** Codec and size, read by another program. */
async function inspect(jpeg: Buffer): Promise<string> {
  const args = ['-hide_banner', '-f', 'mjpeg', '-i', 'pipe:0', '-f', 'null', '-'];
  const { stderr } = await runProgram(npmFfmpeg(), args, jpeg);
  return /Video: (mjpeg).*?(\d+x\d+)/.exec(stderr)?.slice(1).join(' ') ?? stderr;
}

describe('ThumbnailMaker', () => {
  it.each<{ codec: Codec; args: readonly string[] }>([
    { codec: 'avc', args: AVC },
    { codec: 'hevc', args: ['-c:v', 'libx265', '-preset', 'ultrafast', '-x265-params', 'log-level=error'] },
    { codec: 'av1', args: ['-c:v', 'libsvtav1', '-preset', '13'] },
    { codec: 'vp9', args: ['-c:v', 'libvpx-vp9', '-deadline', 'realtime', '-cpu-used', '8'] },
  ])('makes a JPEG from one key frame of $codec', async ({ codec, args }) => {
    const frame = await keyFrameOf(codec, args);
    expect(await inspect(await makerUnderTest().make(() => frame))).toBe('mjpeg 320x180');
  });

  it.each([
    { name: 'large', scale: '1920:1080,setsar=1', size: '640x360' },
    { name: 'upright', scale: '1080:1920,setsar=1', size: '360x640' },
    { name: 'anamorphic', scale: '720:576,setsar=64/45', size: '640x360' },
  ])('scales a picture that is $name into 640 pixels, which are square', async ({ scale, size }) => {
    const frame = await keyFrameOf('avc', ['-vf', `scale=${scale}`, ...AVC]);
    expect(await inspect(await makerUnderTest().make(() => frame))).toBe(`mjpeg ${size}`);
  });

  it('accepts a recovery point of an open group of pictures', async () => {
    const open = ['-x264-params', 'open-gop=1:keyint=10:min-keyint=10:scenecut=0:bframes=2'];
    const frame = await keyFrameOf('avc', ['-c:v', 'libx264', ...open]);
    expect(await inspect(await makerUnderTest().make(() => frame))).toBe('mjpeg 320x180');
  });

  it('says why there is none: no key frame, or one that cannot be decoded', async () => {
    const maker = makerUnderTest();
    const frame = await keyFrameOf('avc', AVC);
    await expect(maker.make(() => undefined)).rejects.toMatchObject({ code: 'transcode.thumbnail' });
    const broken = maker.make(() => ({ ...frame, data: Buffer.alloc(64, 0xff) }));
    await expect(broken).rejects.toMatchObject({ code: 'transcode.thumbnail' });
    // Neither keeps its place.
    for (let index = 0; index < 3; index += 1) expect((await maker.make(() => frame)).length).toBeGreaterThan(500);
    expect(maker.running).toBe(0);
  });

  it('makes a few at a time, and refuses requests if too many wait', async () => {
    const maker = makerUnderTest({ concurrency: 1, maxWaiting: 2 });
    const frame = await keyFrameOf('avc', AVC);
    let most = 0;
    const asked = Array.from({ length: 4 }, () =>
      maker.make(() => {
        most = Math.max(most, maker.running + 1);
        return frame;
      }),
    );
    const results = await Promise.allSettled(asked);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'fulfilled', 'fulfilled', 'rejected']);
    expect(most).toBe(1);
  });

  it('kills an FFmpeg whose output is too large', async () => {
    const frame = await keyFrameOf('avc', AVC);
    const program = join(await temporaryDirectory(), 'ffmpeg');
    const script = '#!/bin/sh\nhead -c 3000000 /dev/zero >&3 2>/dev/null || head -c 3000000 /dev/zero\nexec sleep 60\n';
    await writeFile(program, script, { mode: 0o755 });
    const making = makerUnderTest({ ffmpeg: { path: program }, timeout: 30_000 }).make(() => frame);
    await expect(making).rejects.toThrow('SIGKILL');
    expect(await ffmpegChildren()).toEqual([]);
  });

  it('kills an FFmpeg that takes too long, and all running and waiting ones on close', async () => {
    const frame = await keyFrameOf('avc', AVC);
    const program = join(await temporaryDirectory(), 'ffmpeg');
    await writeFile(program, '#!/bin/sh\nexec sleep 60\n', { mode: 0o755 });
    const hanging = makerUnderTest({ ffmpeg: { path: program }, timeout: 50 });
    await expect(hanging.make(() => frame)).rejects.toThrow('within 50 ms');
    const maker = makerUnderTest({ concurrency: 1 });
    const asked = [maker.make(() => frame), maker.make(() => frame)];
    maker.close();
    for (const { status } of await Promise.allSettled([...asked, maker.make(() => frame)]))
      expect(status).toBe('rejected');
    expect(await ffmpegChildren()).toEqual([]);
  });
});
