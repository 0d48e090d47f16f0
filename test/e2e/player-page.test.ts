// The pages in a real browser with a real stream: what viewers see and hear, and what they get back after a failure.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
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

/** Pages of one test; complaints of the browser are recorded. Missing streams give 404, which is no complaint. */
async function openPage(options: BrowserContextOptions = {}): Promise<{ page: Page; complaints: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (/Content Security Policy|violates/i.test(message.text())) complaints.push(message.text());
  });
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => console.error('violates ' + e.violatedDirective))",
  );
  return { page, complaints };
}

const video = "document.querySelector('video')";

/** Waits until the player reports this state; the time limit is that of the test. */
const untilState = (page: Page, wanted: string) =>
  page.waitForSelector(`video[data-state="${wanted}"]`, { state: 'attached', timeout: PATIENCE });

/** Waits until a decoded picture differs in pixels from the previous one, while the clock of the video advanced. */
async function untilPictureMoves(page: Page): Promise<void> {
  await page.evaluate(`new Promise((resolve) => {
    const video = ${video};
    const canvas = new OffscreenCanvas(64, 36);
    const context = canvas.getContext('2d', { willReadFrequently: true });
    let before;
    const look = (_now, { mediaTime }) => {
      context.drawImage(video, 0, 0, 64, 36);
      const pixels = context.getImageData(0, 0, 64, 36).data;
      const changed = before !== undefined && mediaTime > before.mediaTime &&
        pixels.filter((value, index) => Math.abs(value - before.pixels[index]) > 24).length > 20;
      if (changed) return resolve();
      before ??= { mediaTime, pixels };
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
  })`);
}

describe('the browser of these tests', () => {
  it('decodes what the gateway serves', async () => {
    const { page } = await openPage();
    const type = 'video/mp4;codecs="avc1.64001f,mp4a.40.2"';
    expect(await page.evaluate(`MediaSource.isTypeSupported(${JSON.stringify(type)})`)).toBe(true);
  });
});

describe('watch page', () => {
  it('opened before the stream starts, it plays muted when the stream starts, and one press turns the sound on', async () => {
    const { fixture, url } = await startLiveFixture();
    const { page, complaints } = await openPage();
    await page.goto(`${url}/watch/live/test`);
    await untilState(page, 'waiting');
    expect(await page.textContent('.poster')).toContain('Offline');

    await fixture.publish();
    await untilState(page, 'playing');
    await untilPictureMoves(page);
    expect(await page.evaluate(`${video}.muted`)).toBe(true);

    await page.click('.unmute');
    expect(await page.evaluate(`${video}.muted`)).toBe(false);
    await page.waitForFunction(() => {
      const element = Object(globalThis).document.querySelector('video');
      return element.webkitAudioDecodedByteCount > 0 && !element.paused && element.volume > 0;
    });
    await page.waitForSelector('.unmute', { state: 'hidden' });
    expect(await page.evaluate('sluicePlayer.latency')).toBeGreaterThan(0);
    expect(await page.evaluate('sluicePlayer.latency')).toBeLessThan(30);
    expect(complaints).toEqual([]);
  });

  it('plays again by itself after the stream has vanished, and after it has ended', async () => {
    const { fixture, url } = await startLiveFixture();
    const { page, complaints } = await openPage();
    await fixture.publish();
    await page.goto(`${url}/watch/live/test`);
    await untilState(page, 'playing');
    await untilPictureMoves(page);

    await fixture.vanish();
    await untilState(page, 'reconnecting');
    await fixture.publish();
    await untilState(page, 'playing');
    await untilPictureMoves(page);

    await fixture.end();
    await untilState(page, 'ended');
    expect(await page.textContent('.poster')).toContain('The stream has ended');
    await fixture.publish();
    await untilState(page, 'playing');
    await untilPictureMoves(page);
    expect(complaints).toEqual([]);
  });

  it('does not replay the rest if it is opened after the end', async () => {
    const { fixture, url } = await startLiveFixture();
    const first = await openPage();
    await fixture.publish();
    await first.page.goto(`${url}/watch/live/test`);
    await untilState(first.page, 'playing');
    await fixture.end();
    const { page } = await openPage();
    await page.goto(`${url}/watch/live/test`);
    await untilState(page, 'ended');
    expect(await page.evaluate(`${video}.currentTime`)).toBe(0);
  });

  it('the quality menu shows the current quality, and switches it', async () => {
    const { page, complaints } = await openPage();
    await page.goto(`${live}/watch/live/test`);
    await untilState(page, 'playing');
    await page.hover('.player');
    await page.click('.quality-button');
    const items = await page.locator('[role=menuitemradio] .menu-title').allTextContents();
    expect(items).toEqual(['360p · source', '180p', 'Auto']);
    expect(await page.getAttribute('[data-level="-1"]', 'aria-checked')).toBe('true');

    await page.keyboard.press('ArrowUp');
    expect(await page.evaluate('document.activeElement.textContent')).toContain('180p');
    await page.keyboard.press('Enter');
    await page.waitForFunction(() => {
      const { document, sluicePlayer } = Object(globalThis);
      return document.querySelector('video').videoHeight === 180 && sluicePlayer.level === '180p';
    });
    expect(await page.evaluate('sluicePlayer.automaticLevel')).toBe(false);
    expect(await page.textContent('.quality-current')).toBe('180p');
    await untilPictureMoves(page);
    expect(complaints).toEqual([]);
  });

  it('statistics, pausing and going live, by keyboard', async () => {
    const { page } = await openPage();
    await page.goto(`${live}/watch/live/test`);
    await untilState(page, 'playing');
    await page.keyboard.press('s');
    await page.waitForFunction(() =>
      /25 fps|2[346] fps/.test(Object(globalThis).document.querySelector('.stats').textContent),
    );
    expect(await page.textContent('.stats')).toMatch(/Picture640 × 360.*Dropped frames\d+ of \d+.*hls\.js 1\./);

    await page.keyboard.press('k');
    expect(await page.evaluate(`${video}.paused`)).toBe(true);
    await page.waitForFunction(() => Object(globalThis).sluicePlayer.behindLive);
    // The controls hide while nobody moves the mouse.
    await page.mouse.move(400, 300);
    await page.mouse.move(420, 320);
    await page.click('.live.behind');
    await page.waitForFunction(() => {
      const { document, sluicePlayer } = Object(globalThis);
      return !sluicePlayer.behindLive && !document.querySelector('video').paused;
    });
    await untilPictureMoves(page);
  });

  it('B4.01 C3.06 sharing: link, playlist and embed code have the address of this server', async () => {
    const { url } = await startLiveFixture();
    const { page, complaints } = await openPage();
    await page.goto(`${url}/watch/live/test`);
    expect(await page.inputValue('#share-link')).toBe(`${url}/watch/live/test`);
    expect(await page.inputValue('#share-playlist')).toBe(`${url}/hls/live/test/index.m3u8`);
    expect(await page.inputValue('#share-embed')).toContain(`<iframe src="${url}/embed/live/test"`);
    await page.click('text=Copy code');
    await page.waitForSelector('.copy.done');
    expect(complaints).toEqual([]);
  });

  it('starts muted if the browser requires a gesture for sound', async () => {
    const strict = await launchBrowser({ autoplayWithSound: false });
    onTestFinished(() => strict.close());
    const page = await strict.newPage();
    // The page itself reports, because every inspection by Playwright counts as a gesture of the viewer.
    await page.addInitScript(
      "addEventListener('playing', (e) => console.info('playing, muted: ' + e.target.muted), true)",
    );
    const report = page.waitForEvent('console', (message) => message.text().startsWith('playing'));
    await page.goto(`${live}/embed/live/test?muted=0`);
    expect((await report).text()).toBe('playing, muted: true');
    await page.click('.unmute');
    expect(await page.evaluate('sluicePlayer.muted')).toBe(false);
  });
});

describe('embed page', () => {
  it('fills the iframe of another site, follows its messages and sends it events', async () => {
    const { page, complaints } = await openPage();
    // Another host name is another site.
    const embed = `${live.replace('127.0.0.1', 'localhost')}/embed/live/test?controls=0`;
    const blog = createServer((_request, response) => {
      response.setHeader('content-type', 'text/html');
      response.end(`<body style="margin:0">
        <iframe src="${embed}" width="640" height="360" style="border:0;display:block" allow="autoplay; fullscreen"></iframe>
        <script>window.heard = []; addEventListener('message', (event) => heard.push(event.data));</script>`);
    });
    blog.listen(0, '127.0.0.1');
    await once(blog, 'listening');
    onTestFinished(() => void blog.close());
    await page.goto(`http://127.0.0.1:${(blog.address() as AddressInfo).port}/`);
    const frame = page.frames()[1];
    if (frame === undefined) throw new Error('the page has no iframe');
    await frame.waitForSelector('video[data-state="playing"]', { state: 'attached', timeout: PATIENCE });
    const box =
      "(({x, y, width, height}) => [x, y, width, height])(document.querySelector('video').getBoundingClientRect())";
    expect(await frame.evaluate(box)).toEqual([0, 0, 640, 360]);
    expect(await frame.evaluate('document.documentElement.scrollHeight')).toBe(360);
    expect(await frame.locator('.bar').count()).toBe(0);

    const tell = (message: object) => page.evaluate(`frames[0].postMessage(${JSON.stringify(message)}, '*')`);
    const heard = (condition: string) =>
      page.waitForFunction(`heard.some((m) => m.source === 'sluice' && ${condition})`);
    await tell({ target: 'sluice', command: 'getState' });
    await heard("m.state === 'playing' && m.name === 'test' && m.levels.join() === 'source,180p' && m.muted");
    await tell({ target: 'sluice', command: 'unmute' });
    await heard("m.event === 'volumechange' && !m.muted");
    await tell({ target: 'sluice', command: 'pause' });
    await heard("m.event === 'pause' && m.paused");
    await tell({ target: 'sluice', command: 'play' });
    await heard("m.event === 'play' && !m.paused");
    await tell({ target: 'sluice', command: 'constructor' });
    expect(complaints).toEqual([]);
  });

  it('autoplay=0 shows a play button that plays', async () => {
    const { page } = await openPage({ viewport: { width: 480, height: 270 } });
    await page.goto(`${live}/embed/live/test?autoplay=0`);
    await page.click('.big-play', { timeout: PATIENCE });
    await untilState(page, 'playing');
    await untilPictureMoves(page);
  });
});

describe('live list', () => {
  it('C3.06 shows which streams are live, and shows names that look like markup as text', async () => {
    const markup = '<img src=x onerror="window.hacked=1"><script>window.hacked=1</script>';
    const { fixture, url } = await startLiveFixture([
      { app: 'live', name: markup, state: 'live', startedAt: new Date().toISOString(), renditions: [] },
    ]);
    const { page, complaints } = await openPage();
    await page.goto(url);
    await page.waitForSelector('.card');
    expect(await page.locator('.card h2').allTextContents()).toEqual([markup]);
    expect(await page.evaluate('window.hacked')).toBeUndefined();
    expect(await page.locator('main .card img, main .card script').count()).toBe(0);

    await fixture.publish();
    await page.waitForSelector('.card:has-text("360p")');
    expect(await page.getAttribute('.card:has-text("360p") h2 a', 'href')).toBe(`${url}/watch/live/test`);
    await fixture.end();
    await page.waitForFunction(() => Object(globalThis).document.querySelectorAll('.card').length === 1);
    expect(complaints).toEqual([]);
  });

  it('says how to publish while nothing is live, with the address in the browser', async () => {
    const { url } = await startLiveFixture();
    const { page, complaints } = await openPage();
    await page.goto(url);
    await page.waitForSelector('#empty:visible');
    expect(await page.textContent('#server')).toBe('rtmp://127.0.0.1:1935/live');
    expect(complaints).toEqual([]);
  });
});
