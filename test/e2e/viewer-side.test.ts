// Conditions on the viewer's side: pauses from outside the page, a wrong clock, a lost network, a browser with native HLS.

import type { Browser, BrowserContext, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { forAllTests } from '../support/lifetime.js';
import { PATIENCE } from '../support/patience.js';
import { startLiveFixture } from './live-fixture.js';

let browser: Browser;
/** A stream that is always live. */
let live: string;

beforeAll(async () => {
  browser = await launchBrowser();
});
beforeAll(
  forAllTests(async () => {
    const { fixture, url } = await startLiveFixture();
    await fixture.publish();
    live = url;
  }),
);

afterAll(() => browser.close());

async function open(): Promise<{ page: Page; context: BrowserContext }> {
  const context = await browser.newContext({ viewport: { width: 900, height: 700 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  return { page, context };
}

const untilState = (page: Page, wanted: string) =>
  page.waitForSelector(`video[data-state="${wanted}"]`, { state: 'attached' });

const isPaused = (page: Page) => page.evaluate("document.querySelector('video').paused");

const setHidden = (page: Page, hidden: boolean) =>
  page.evaluate(`(() => {
    Object.defineProperty(document, 'hidden', { get: () => ${hidden}, configurable: true });
    document.dispatchEvent(new Event('visibilitychange'));
  })()`);

it('a pause from outside the page lasts until the viewer ends it; a pause by a hidden tab does not last', async () => {
  const { page } = await open();
  await page.addInitScript(`
    const register = navigator.mediaSession.setActionHandler.bind(navigator.mediaSession);
    window.actions = {};
    navigator.mediaSession.setActionHandler = (name, handler) => { actions[name] = handler; register(name, handler); };
  `);
  await page.goto(`${live}/watch/live/test`);
  await untilState(page, 'playing');
  expect(
    await page.evaluate('[navigator.mediaSession.metadata.title, navigator.mediaSession.metadata.artwork[0].src]'),
  ).toEqual(['test', `${live}/hls/live/test/thumbnail.jpg`]);

  for (const pause of ["document.querySelector('video').pause()", 'actions.pause()']) {
    await page.evaluate(pause);
    await page.waitForSelector('.big-play:visible');
    await setHidden(page, true);
    await setHidden(page, false);
    expect(await isPaused(page)).toBe(true);
    await page.evaluate(pause.replace('pause()', 'play()'));
    await page.waitForSelector('.big-play', { state: 'hidden' });
  }

  await setHidden(page, true);
  await page.evaluate("document.querySelector('video').pause()");
  await setHidden(page, false);
  await page.waitForFunction(() => !Object(globalThis).document.querySelector('video').paused);
});

it('a viewer who continues after a pause that is longer than the window sees live', async () => {
  const { page } = await open();
  await page.goto(`${live}/watch/live/test`);
  await untilState(page, 'playing');
  await page.keyboard.press('k');
  // The playlists list six seconds.
  await page.waitForFunction(() => Object(globalThis).sluicePlayer.latency > 12);
  await page.keyboard.press('k');
  await page.waitForFunction(() => {
    const { document, sluicePlayer } = Object(globalThis);
    return sluicePlayer.latency < 6 && document.querySelector('video').readyState >= 3 && !sluicePlayer.behindLive;
  });
});

it('autoplay=0 loads nothing before play is pressed, and shows no message over the picture', async () => {
  const { page } = await open();
  const media: string[] = [];
  page.on('request', (request) => {
    if (/\.(?:m4s|mp4)$/.test(new URL(request.url()).pathname)) media.push(request.url());
  });
  await page.goto(`${live}/embed/live/test?autoplay=0`);
  await untilState(page, 'starting');
  await page.waitForSelector('.big-play:visible');
  expect(await page.isVisible('.poster')).toBe(false);
  expect(media).toEqual([]);
  await page.click('.big-play');
  await untilState(page, 'playing');
  expect(media.length).toBeGreaterThan(0);
});

it('sound that was turned on is on at the next visit; ↑ and ↓ change the volume if the player has the focus', async () => {
  const { page } = await open();
  await page.goto(`${live}/watch/live/test`);
  await untilState(page, 'playing');
  await page.click('.unmute');
  await page.locator('.player').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await page.waitForSelector('.volume[aria-valuetext="90 %"]');
  await page.goto(`${live}/embed/live/test`);
  await untilState(page, 'playing');
  expect(
    await page.evaluate("[document.querySelector('video').muted, document.querySelector('video').volume.toFixed(2)]"),
  ).toEqual([false, '0.90']);
  expect(await page.isVisible('.unmute')).toBe(false);
  await page.dblclick('video', { position: { x: 300, y: 200 } });
  await page.waitForFunction(() => Object(globalThis).document.fullscreenElement !== null);
  expect(await isPaused(page)).toBe(false);
});

it('times are right even if the clock of the viewer is ten minutes slow', async () => {
  const { fixture, url } = await startLiveFixture();
  await fixture.publish();
  const { page } = await open();
  await page.addInitScript('const now = Date.now; Date.now = () => now() - 600000;');
  await page.goto(`${url}/watch/live/test`);
  await untilState(page, 'playing');
  await page.waitForFunction(() =>
    /^on air 0:\d\d$/.test(Object(globalThis).document.querySelector('#uptime').textContent),
  );
  expect(await page.evaluate('sluicePlayer.latency')).toBeLessThan(30);
  await page.goto(`${url}/`);
  await page.waitForFunction(() =>
    /^0:\d\d$/.test(Object(globalThis).document.querySelector('.card-uptime')?.textContent),
  );
});

it('a lost network of the viewer or of the server is not shown as a fault of the stream', async () => {
  const { fixture, url } = await startLiveFixture();
  const { page, context } = await open();
  await page.goto(`${url}/watch/live/test`);
  await untilState(page, 'waiting');
  await context.setOffline(true);
  await page.waitForSelector('.poster-title:has-text("You are offline")');
  expect(await page.textContent('#badge')).toBe('No network');
  await fixture.publish();
  await context.setOffline(false);
  await untilState(page, 'playing');
  await context.setOffline(true);
  // The picture is still, and a text says why.
  await page.waitForSelector('.poster.over-picture .poster-title:has-text("You are offline")');
  await context.setOffline(false);
  await page.waitForSelector('.poster', { state: 'hidden' });
  await untilState(page, 'playing');
  await page.route('**/hls/**', (route) => route.abort('connectionrefused'));
  await page.waitForSelector('.poster-title:has-text("No answer from the server")');
  await page.unroute('**/hls/**');
  await untilState(page, 'playing');
});

it('with native HLS the player knows how far behind live it is, and goes to live', async () => {
  const { fixture, url } = await startLiveFixture();
  await fixture.publish({ kept: 30 });
  const { page } = await open();
  await page.addInitScript(
    'delete window.MediaSource; delete window.ManagedMediaSource; delete window.WebKitMediaSource; delete window.SourceBuffer;',
  );
  await page.goto(`${url}/watch/live/test`);
  await untilState(page, 'playing');
  expect(await page.isVisible('.live.behind')).toBe(false);
  await page.keyboard.press('k');
  await page.waitForFunction(() => Object(globalThis).sluicePlayer.behindLive);
  // The controls hide while nobody moves the mouse.
  await page.mouse.move(300, 200);
  await page.mouse.move(320, 220);
  await page.click('.live.behind');
  await page.waitForFunction(() => {
    const { sluicePlayer } = Object(globalThis);
    return !sluicePlayer.behindLive && !sluicePlayer.paused && sluicePlayer.state === 'playing';
  });
  // The same after a tab was hidden, without any click.
  await setHidden(page, true);
  await page.evaluate("document.querySelector('video').pause()");
  await page.waitForFunction(() => Object(globalThis).sluicePlayer.behindLive);
  await setHidden(page, false);
  await page.waitForFunction(() => {
    const { sluicePlayer } = Object(globalThis);
    return !sluicePlayer.behindLive && !sluicePlayer.paused && sluicePlayer.state === 'playing';
  });
});
