// What viewers of a real gateway see before, during and after an absence of the broadcaster: a picture, a reason, the stream again.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { PATIENCE } from '../support/patience.js';
import { npmFfmpeg, startProgram } from '../support/processes.js';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

async function open(address: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(address);
  return page;
}

const untilState = (page: Page, wanted: string) =>
  page.waitForSelector(`video[data-state="${wanted}"]`, { state: 'attached' });

it('shows a thumbnail first, says that the broadcaster is reconnecting, and plays on when it is back', async () => {
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1', '--resume-window', '300');
  const first = publishTestPattern(gateway.publishUrl('cam'), { gop: 25 });
  followStream(`${gateway.http}/hls/live/cam`);
  const page = await open(`${gateway.http}/watch/live/cam`);
  await untilState(page, 'playing');
  await page.waitForFunction(() =>
    Object(globalThis).document.querySelector('video').poster.includes('/hls/live/cam/thumbnail.jpg?at='),
  );
  const list = await open(gateway.http);
  await list.waitForSelector('.card-art img');
  expect(await list.evaluate("document.querySelector('.card-art img').naturalWidth")).toBe(640);

  first.child.kill('SIGKILL');
  await first.exit;
  await page.waitForSelector('.poster-title:has-text("The broadcaster is reconnecting…")');
  expect(await page.textContent('#badge')).toBe('Reconnecting');
  expect(await page.evaluate('[sluicePlayer.state, sluicePlayer.resuming]')).toEqual(['playing', true]);
  await list.waitForSelector('.card .badge:has-text("Reconnecting")');

  publishTestPattern(gateway.publishUrl('cam'), { gop: 25 });
  await page.waitForFunction(() => {
    const { resuming, state } = Object(globalThis).sluicePlayer;
    return !resuming && state === 'playing';
  });
  await page.waitForSelector('.poster', { state: 'hidden' });
  expect(await page.textContent('#badge')).toBe('Live');
});

it('offers only qualities that the browser can decode', async () => {
  const gateway = await startGateway('--ladder', 'source,180p', '--segment-duration', '1');
  const x265 = ['-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25:scenecut=0:bframes=0'];
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25'];
  const encoder = ['-vf', 'scale=640:360', '-pix_fmt', 'yuv420p', '-c:v', 'libx265', ...x265];
  startProgram(npmFfmpeg(), [
    '-loglevel',
    'error',
    '-nostdin',
    ...picture,
    ...encoder,
    '-f',
    'flv',
    gateway.publishUrl('cam'),
  ]);
  followStream(`${gateway.http}/hls/live/cam`);
  const page = await open(`${gateway.http}/watch/live/cam`);
  await untilState(page, 'playing');
  expect(await page.evaluate('sluicePlayer.levels')).toEqual(['180p']);
  const names = await page.locator('[role=menuitemradio] .menu-title').allTextContents();
  expect(names).toEqual(['180p', 'Auto']);
});
