// Rewinding a stream with a DVR window: with mouse, touch and keys, and with the texts for screen readers.

import { EventEmitter, once } from 'node:events';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { PATIENCE } from '../support/patience.js';
import { startLiveFixture } from './live-fixture.js';

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

async function watch(path: string, options: { readonly kept?: number; readonly hasTouch?: boolean }): Promise<Page> {
  const { kept = 0, hasTouch = false } = options;
  const { fixture, url } = await startLiveFixture();
  await fixture.publish({ kept, rate: 10 });
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, hasTouch });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(`${url}${path}`);
  await page.waitForSelector('video[data-state="playing"]', { state: 'attached' });
  return page;
}

const behind = (page: Page): Promise<number> => page.evaluate('sluicePlayer.window.behind');

/** Resolves when pictures this far behind live are shown. */
const untilPlaysAt = (page: Page, least: number, most: number) =>
  page.waitForFunction(
    ([from, to]: number[]) => {
      const { document, sluicePlayer } = Object(globalThis);
      const { paused, seeking, readyState } = document.querySelector('video');
      const behind = sluicePlayer.window?.behind ?? -1;
      return !paused && !seeking && readyState >= 3 && behind >= Number(from) && behind <= Number(to);
    },
    [least, most],
  );

/** Holds all requests for media until the returned function is called. */
async function holdMedia(page: Page): Promise<() => void> {
  const held = new EventEmitter();
  const released = once(held, 'released');
  await page.route(/\.m4s$/, async (route) => {
    await released;
    await route.continue();
  });
  return () => held.emit('released');
}

/** What the controls show about the viewer's position, all at one moment. */
const told = (page: Page): Promise<object> =>
  page.evaluate(() => {
    const { document } = Object(globalThis);
    return {
      spoken: document.querySelector('.scrub-range').getAttribute('aria-valuetext'),
      time: document.querySelector('.scrub-time').textContent,
      label: document.querySelector('.live-label').textContent,
    };
  });

it('rewinds by keys and slider, stays there, and returns to live', async () => {
  const page = await watch('/watch/live/test', { kept: 100 });
  const slider = page.locator('.scrub-range');
  await slider.waitFor({ state: 'visible' });
  // All earlier media is in the playlist now.
  await page.waitForFunction(() => Object(globalThis).sluicePlayer.window?.length > 85);
  await page.keyboard.press('l');
  await untilPlaysAt(page, 0, 4);
  await page.waitForSelector('.scrub-range[aria-valuetext="live"]');

  await page.keyboard.press('ArrowLeft');
  // A slow machine needs a while before it plays there, and falls behind by that time.
  await untilPlaysAt(page, 8, 30);
  await slider.focus();
  await page.keyboard.press('PageDown');
  await untilPlaysAt(page, 65, 110);
  // Everything that shows the viewer's position changes at once, so one change proves all.
  await page.waitForSelector('.scrub-range[aria-valuetext$="behind live"]');
  expect(await told(page)).toEqual({
    spoken: expect.stringMatching(/^1 minute( \d+ seconds?)? behind live$/),
    time: expect.stringMatching(/^−1:\d\d$/),
    label: 'Go live',
  });
  expect(await page.evaluate("document.querySelector('video').playbackRate")).toBe(1);

  // A viewer who switches tabs finds everything unchanged.
  await page.evaluate("document.dispatchEvent(new Event('visibilitychange'))");
  expect(await behind(page)).toBeGreaterThan(60);

  await page.keyboard.press('End');
  await untilPlaysAt(page, 0, 4);
  await page.keyboard.press('Home');
  await untilPlaysAt(page, 60, 200);
  await page.mouse.move(400, 300);
  await page.mouse.move(420, 320);
  // While the media at the live edge is being loaded, live advances further than hls.js can catch up.
  const release = await holdMedia(page);
  await page.click('.live.behind');
  await page.waitForFunction(() => Object(globalThis).sluicePlayer.window?.behind > 5);
  release();
  await untilPlaysAt(page, 0, 4);
  await page.waitForSelector('.scrub-range[aria-valuetext="live"]');
});

it('rewinds by dragging, and seeks when the finger is lifted', async () => {
  const page = await watch('/embed/live/test', { kept: 100, hasTouch: true });
  const slider = page.locator('.scrub-range');
  await slider.waitFor({ state: 'visible' });
  await page.waitForFunction(() => Object(globalThis).sluicePlayer.window?.length > 85);
  await page.keyboard.press('l');
  await untilPlaysAt(page, 0, 4);
  const box = await slider.boundingBox();
  if (box === null) throw new Error('the slider has no box');
  const y = box.y + box.height / 2;
  await page.mouse.move(box.x + box.width - 8, y);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width * 0.4, y, { steps: 4 });
  expect(await page.textContent('.scrub-time')).toMatch(/^−\d:\d\d$/);
  // It still plays at the old position, apart from a stall; the finger is at 60 s.
  expect(await behind(page)).toBeLessThan(25);
  await page.mouse.up();
  await untilPlaysAt(page, 30, 90);
  await page.touchscreen.tap(box.x + box.width * 0.7, y);
  await untilPlaysAt(page, 10, 45);
});

it('offers no rewinding if no media is kept', async () => {
  const page = await watch('/embed/live/test', {});
  expect(await page.evaluate('sluicePlayer.window')).toBeUndefined();
  expect(await page.locator('.scrub').isVisible()).toBe(false);
  const at: number = await page.evaluate("document.querySelector('video').currentTime");
  await page.keyboard.press('ArrowLeft');
  expect(await page.evaluate("document.querySelector('video').currentTime")).toBeGreaterThanOrEqual(at);
});
