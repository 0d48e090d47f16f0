// Rewinding end to end: a gateway that keeps segments on disk, its own pages in a real Chromium, and the return to live. DVR_SECONDS=360
// publishes this long in real time instead of all at once, and rewinds to one minute after the beginning.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { fetchText, whenListed } from '../support/hls-client.js';
import { TEST_TIMEOUT } from '../support/patience.js';
import { parsePlaylist } from '../support/playlist-checker.js';

const LONG = process.env.DVR_SECONDS === undefined ? undefined : Number(process.env.DVR_SECONDS);
/** Seconds in the playlist when a viewer rewinds. */
const LISTED = LONG ?? 100;
/** Seconds by which the viewer rewinds. */
const BACK = LONG === undefined ? 80 : LONG - 60;
/**
 * Segments of the live edge; all earlier ones are only on disk. Twice as many may wait for the disk before the oldest are dropped
 * (`hls.dvr-dropped`). So none is dropped if all come at once, however slowly the machine writes.
 */
const IN_MEMORY = LONG === undefined ? 60 : 6;

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** Resolves when pictures at this distance from live are shown, one after the other. */
const untilPlaysAt = (page: Page, least: number, most: number) =>
  page.evaluate(`new Promise((resolve) => {
    const video = document.querySelector('video');
    let pictures = 0;
    const look = () => {
      const behind = sluicePlayer.window?.behind ?? -1;
      pictures = !video.seeking && behind >= ${least} && behind <= ${most} ? pictures + 1 : 0;
      if (pictures === 25) resolve();
      else video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  })`);

it('rewinds to media that is only on disk, plays there, and returns to live by key and by button, on both pages', {
  timeout: TEST_TIMEOUT + (LONG ?? 0) * 1_500,
}, async () => {
  const gateway = await startGateway(
    ...['--ladder', 'source', '--segment-duration', '1', '--window-segments', `${IN_MEMORY}`],
    ...['--dvr-window', '600', '--max-media-ahead', '600'],
  );
  const base = `${gateway.http}/hls/live/kept`;
  const burst = LONG === undefined ? { burst: LISTED } : {};
  publishTestPattern(gateway.publishUrl('kept'), { size: '320x180', preset: 'ultrafast', gop: 25, ...burst });
  // If media comes all at once, the listed segments are old before a player has requested them.
  await whenListed(base, 'source', LONG === undefined ? LISTED : 4);
  followStream(base);
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  onTestFinished(() => context.close());
  for (const path of ['/watch/live/kept', '/embed/live/kept']) {
    const page = await context.newPage();
    const refused: string[] = [];
    const asked: string[] = [];
    page.on('response', (response) => {
      const { pathname } = new URL(response.url());
      asked.push(pathname);
      if (response.status() >= 400) refused.push(`${response.status()} ${pathname}`);
    });
    await page.goto(`${gateway.http}${path}`);
    await page.waitForFunction((least) => Object(globalThis).sluicePlayer.window?.length >= least, LISTED - 15, {
      timeout: TEST_TIMEOUT + (LONG ?? 0) * 1_500,
    });
    await untilPlaysAt(page, 0, 4);

    const { mediaSequence, segments } = parsePlaylist(await fetchText(`${base}/source/index.m3u8`));
    const inMemory = mediaSequence + segments.length - IN_MEMORY;
    asked.length = 0;
    const slider = page.locator('.scrub-range');
    await slider.focus();
    for (let back = 0; back < BACK; back += 60) await page.keyboard.press('PageDown');
    await untilPlaysAt(page, BACK - 40, BACK + 60);
    const numbers = asked.map((name) => Number(/source\/seg-(\d+)\.m4s$/.exec(name)?.[1])).filter((found) => found > 0);
    expect(Math.min(...numbers)).toBeLessThan(inMemory);
    expect(await page.textContent('.live-label')).toBe('Go live');

    // A viewer who has clicked on the picture, not on the slider.
    await page.mouse.click(400, 200);
    await page.keyboard.press('End');
    await untilPlaysAt(page, 0, 4);
    await page.keyboard.press('Home');
    await untilPlaysAt(page, LISTED / 2, Number.MAX_SAFE_INTEGER);
    await page.mouse.move(420, 220);
    await page.click('.live.behind');
    await untilPlaysAt(page, 0, 4);
    expect(await page.textContent('.live-label')).toBe('LIVE');
    expect(refused).toEqual([]);
    await page.close();
  }
  expect(gateway.errors()).toEqual([]);
});
