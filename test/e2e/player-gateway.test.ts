// The watch page on low-latency HLS of a real gateway: the live edge, the end, which hls.js alone does not find, and the return.

import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { PATIENCE } from '../support/patience.js';

const untilState = (page: Page, wanted: string) =>
  page.waitForSelector(`video[data-state="${wanted}"]`, { state: 'attached', timeout: PATIENCE });

/** Seconds of media played since the call, by the video's own clock. */
const playFor = (page: Page, seconds: number) =>
  page.evaluate(`new Promise((resolve) => {
    const video = document.querySelector('video');
    const from = video.currentTime;
    video.addEventListener('timeupdate', () => video.currentTime - from > ${seconds} && resolve());
  })`);

it('plays parts at the live edge, ends when the publisher has left, and starts again with the next one', async () => {
  const gateway = await startGateway('--ladder', 'source,180p');
  const followed = followStream(`${gateway.http}/hls/live/test`);
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  const asked: string[] = [];
  page.on('request', (request) => asked.push(new URL(request.url()).pathname));
  await page.goto(`${gateway.http}/watch/live/test`);
  await untilState(page, 'waiting');

  const first = publishTestPattern(gateway.publishUrl('test'), { preset: 'ultrafast' });
  await untilState(page, 'playing');
  await playFor(page, 3);
  expect(await page.evaluate('sluicePlayer.levels')).toEqual(['source', '180p']);
  expect(asked.some((path) => /\/part-[\d.]+\.m4s$/.test(path))).toBe(true);
  // Low latency asks players to stay within three parts; in plain HLS live is three target durations away.
  expect(await page.evaluate('sluicePlayer.targetLatency')).toBeLessThan(3);

  // Killed, so that sound and picture end at arbitrary places.
  first.child.kill('SIGKILL');
  await untilState(page, 'ended');
  expect(await page.evaluate("document.querySelector('video').ended")).toBe(true);

  publishTestPattern(gateway.publishUrl('test'), { preset: 'ultrafast' });
  await untilState(page, 'playing');
  await playFor(page, 2);
  expect(followed.lives).toHaveLength(2);
});
