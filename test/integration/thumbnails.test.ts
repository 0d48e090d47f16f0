// Thumbnails of a real publisher, from a real gateway that encodes nothing else.

import { expect, it } from 'vitest';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { ffmpegChildren, npmFfmpeg, runProgram } from '../support/processes.js';

it('makes a thumbnail on request only', async () => {
  const gateway = await startGateway('--ladder', 'source', '--resume-window', '30');
  const address = `${gateway.http}/hls/live/cam/thumbnail.jpg`;
  expect((await fetch(address)).status).toBe(404);
  const publisher = publishTestPattern(gateway.publishUrl('cam'), {
    gop: 25,
    videoSource: 'color=red:size=320x180:rate=25',
  });
  await until(async () => (await fetch(address)).status === 200);

  const answer = await fetch(address);
  expect(answer.headers.get('content-type')).toBe('image/jpeg');
  expect(answer.headers.get('cache-control')).toBe('public, max-age=2');
  const jpeg = Buffer.from(await answer.arrayBuffer());
  const pixel = ['-f', 'mjpeg', '-i', 'pipe:0', '-vf', 'scale=1:1', '-pix_fmt', 'rgb24', '-f', 'rawvideo', 'pipe:1'];
  const [red = 0, green = 255, blue = 255] = (await runProgram(npmFfmpeg(), ['-v', 'error', ...pixel], jpeg)).stdout;
  expect(red).toBeGreaterThan(200);
  expect(Math.max(green, blue)).toBeLessThan(60);
  const again = await fetch(address, { headers: { 'if-none-match': answer.headers.get('etag') ?? '' } });
  expect([200, 304]).toContain(again.status);
  // One FFmpeg is the publisher; the gateway has none running between two pictures.
  expect(await ffmpegChildren()).toEqual([publisher.pid]);

  publisher.child.kill('SIGKILL');
  await publisher.exit;
  await until(async () => (await streamState(gateway.http)).state === 'resuming');
  expect((await fetch(address)).status).toBe(200);
});

it('has none if they are switched off', async () => {
  const gateway = await startGateway('--ladder', 'source', '--thumbnails', 'off');
  publishTestPattern(gateway.publishUrl('cam'), { gop: 25 });
  const state = () => streamState(gateway.http);
  await until(async () => (await state()).state === 'live');
  expect((await state()).thumbnail).toBeUndefined();
  expect((await fetch(`${gateway.http}/hls/live/cam/thumbnail.jpg`)).status).toBe(404);
});

async function streamState(http: string): Promise<{ state?: string; thumbnail?: boolean }> {
  const answer = await fetch(`${http}/api/v1/streams/live/cam`);
  return (await answer.json()) as { state?: string; thumbnail?: boolean };
}

/** Polls until the condition holds; the test's timeout is the limit. */
async function until(condition: () => Promise<boolean>): Promise<void> {
  await eventually(async () => ((await condition()) ? true : undefined));
}
