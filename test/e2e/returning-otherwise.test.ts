// The publisher returns with a track that was missing, or with another picture size: viewers see and hear the change without doing
// anything.

import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway, type TestGateway, type TestPattern } from '../support/gateway.js';
import { PATIENCE } from '../support/patience.js';
import { npmFfmpeg, type RunningProgram, startProgram } from '../support/processes.js';

let browser: Browser;
let gateway: TestGateway;

const SMALL = { size: '320x180', preset: 'ultrafast', gop: 25 } satisfies TestPattern;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

async function watch(name: string): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${gateway.http}/watch/live/${name}`);
  return page;
}

const untilState = (page: Page, wanted: string) =>
  page.waitForSelector(`video[data-state="${wanted}"]`, { state: 'attached' });

async function vanish({ child, exit }: RunningProgram): Promise<void> {
  child.kill('SIGKILL');
  await exit;
}

/** Resolves when this many bytes of sound have been decoded since the call. */
const untilHeard = (page: Page): Promise<unknown> =>
  page.evaluate(`new Promise((resolve) => {
    const video = document.querySelector('video');
    const before = video.webkitAudioDecodedByteCount;
    const timer = setInterval(() => {
      if (video.webkitAudioDecodedByteCount < before + 10000 || video.paused) return;
      clearInterval(timer);
      resolve();
    }, 100);
  })`);

it('adds sound and changes the size, adds video to audio, and changes from an undecodable to a decodable codec', async () => {
  gateway = await startGateway('--ladder', 'source', '--segment-duration', '1', '--resume-window', '60');
  const mute = publishTestPattern(gateway.publishUrl('mute'), { ...SMALL, audio: false });
  const radio = publishTestPattern(gateway.publishUrl('radio'), { ...SMALL, video: false });
  const x265 = ['-preset', 'ultrafast', '-x265-params', 'log-level=error:keyint=25'];
  const picture = ['-re', '-f', 'lavfi', '-i', 'testsrc2=size=320x180:rate=25', '-pix_fmt', 'yuv420p'];
  const target = ['-f', 'flv', gateway.publishUrl('hevc')];
  const hevc = startProgram(npmFfmpeg(), [
    '-loglevel',
    'error',
    '-nostdin',
    ...picture,
    '-c:v',
    'libx265',
    ...x265,
    ...target,
  ]);

  const [mutePage, radioPage, hevcPage] = await Promise.all([watch('mute'), watch('radio'), watch('hevc')]);
  await Promise.all([
    untilState(mutePage, 'playing'),
    untilState(radioPage, 'playing'),
    untilState(hevcPage, 'unsupported'),
  ]);
  expect(await mutePage.evaluate("document.querySelector('video').webkitAudioDecodedByteCount")).toBe(0);
  expect(await radioPage.isVisible('.audio-face:has-text("radio"):has-text("Audio only")')).toBe(true);
  expect(await radioPage.isVisible('.quality-button')).toBe(false);
  expect(await hevcPage.textContent('.poster')).toMatch(/Cannot play here.*Try another browser/);

  await Promise.all([mute, radio, hevc].map(vanish));
  publishTestPattern(gateway.publishUrl('mute'), { ...SMALL, size: '426x240' });
  publishTestPattern(gateway.publishUrl('radio'), SMALL);
  publishTestPattern(gateway.publishUrl('hevc'), SMALL);

  await hevcPage.waitForFunction(() => Object(globalThis).sluicePlayer.state === 'playing');
  await Promise.all([mutePage, radioPage].map(untilHeard));
  const height = (wanted: number) => Object(globalThis).document.querySelector('video').videoHeight === wanted;
  await mutePage.waitForFunction(height, 240);
  await radioPage.waitForFunction(height, 180);
  await mutePage.waitForSelector('.quality-current:has-text("Auto · 240p")');
  expect(await mutePage.locator('[role=menuitemradio] .menu-title').allTextContents()).toEqual([
    '240p · source',
    'Auto',
  ]);
  await radioPage.waitForSelector('.audio-face', { state: 'hidden' });
});

it('a viewer who has paused stays paused, and gets the new tracks on playing', async () => {
  gateway = await startGateway('--ladder', 'source', '--segment-duration', '1', '--resume-window', '60');
  const first = publishTestPattern(gateway.publishUrl('cam'), { ...SMALL, audio: false });
  followStream(`${gateway.http}/hls/live/cam`);
  const page = await watch('cam');
  await untilState(page, 'playing');
  // Pauses as a media key does if no script of the page handles it.
  await page.evaluate("document.querySelector('video').pause()");
  await vanish(first);
  const looks = page.waitForResponse(
    async (response) => /\/cam\/index\.m3u8$/.test(response.url()) && (await response.text()).includes('TYPE=AUDIO'),
  );
  publishTestPattern(gateway.publishUrl('cam'), SMALL);
  await looks;
  expect(await page.evaluate('[sluicePlayer.state, sluicePlayer.paused]')).toEqual(['playing', true]);
  await page.keyboard.press('k');
  await untilHeard(page);
});
