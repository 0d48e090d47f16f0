// The pages on all screen sizes, in all states, and with accessibility settings: no control that viewers need is covered, cut off or hidden.

import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { PATIENCE } from '../support/patience.js';
import { LiveFixture, startLiveFixture } from './live-fixture.js';

const LONG_NAME = 'n'.repeat(240);
const PHONE = { isMobile: true, hasTouch: true } satisfies BrowserContextOptions;
const axeSource = createRequire(import.meta.url).resolve('axe-core/axe.min.js');

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

async function open(address: string, options: BrowserContextOptions = {}): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  await page.goto(address);
  return page;
}

const untilState = (page: Page, wanted: string) =>
  page.waitForSelector(`video[data-state="${wanted}"]`, { state: 'attached' });

/** The findings of axe-core about WCAG 2.2 A and AA and its own best practices, as `rule: element`. */
async function findings(page: Page): Promise<string[]> {
  await page.evaluate(await readFile(axeSource, 'utf8'));
  return page.evaluate(`axe.run().then(({ violations }) =>
    violations.flatMap(({ id, nodes }) => nodes.map(({ target }) => id + ': ' + target.join(' '))))`);
}

/** Selectors of visible elements in the player that extend beyond it. */
const outside = (page: Page): Promise<string[]> =>
  page.evaluate(`(() => {
    const frame = document.querySelector('.player').getBoundingClientRect();
    return [...document.querySelectorAll('.player button, .player a, .player input, .poster-title, .audio-name')]
      .filter((node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true }))
      .filter((node) => {
        const { left, top, right, bottom } = node.getBoundingClientRect();
        return left < frame.left - 1 || top < frame.top - 1 || right > frame.right + 1 || bottom > frame.bottom + 1;
      })
      .map((node) => node.className);
  })()`);

/** Whether two visible elements overlap. */
const overlap = (page: Page, one: string, other: string): Promise<boolean> =>
  page.evaluate(`(() => {
    const [a, b] = ${JSON.stringify([one, other])}.map((s) => document.querySelector(s).getBoundingClientRect());
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  })()`);

/** The controls hide while the mouse does not move over the player. */
const wake = async (page: Page) => {
  for (const x of [30, 40]) await page.hover('.player', { position: { x, y: 60 }, force: true });
};

describe('every screen', () => {
  it.each([
    ['a window', 'watch', { viewport: { width: 1280, height: 800 } }],
    ['a phone held upright', 'watch', { viewport: { width: 390, height: 844 }, ...PHONE }],
    ['a phone on its side', 'watch', { viewport: { width: 844, height: 390 }, ...PHONE }],
    ['an embed of 390 pixels', 'embed', { viewport: { width: 390, height: 220 } }],
    ['the smallest embed', 'embed', { viewport: { width: 200, height: 112 } }],
  ] as const)('%s: controls fit, are not covered, and nothing scrolls sideways', async (_what, kind, options) => {
    const { fixture, url } = await startLiveFixture();
    const page = await open(`${url}/${kind}/live/test`, options);
    await untilState(page, 'waiting');
    expect(await outside(page)).toEqual([]);
    await fixture.publish();
    await untilState(page, 'playing');
    await wake(page);
    expect(await outside(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(await page.evaluate("document.querySelector('.player').getBoundingClientRect().bottom <= innerHeight")).toBe(
      true,
    );
    // A single row, however narrow.
    expect(await page.evaluate("document.querySelector('.bar').getBoundingClientRect().height")).toBeLessThan(110);
    if (kind === 'embed') return;

    await page.keyboard.press('s');
    await page.waitForSelector('.stats:visible');
    expect(await overlap(page, '.stats', '.unmute')).toBe(false);
    if (options.viewport.width < 640) expect(await overlap(page, '.stats', 'video')).toBe(false);
    await page.keyboard.press('s');
    await wake(page);
    await page.click('.quality-button');
    await page.waitForSelector('.menu:visible');
    expect(await overlap(page, '.menu', '.unmute')).toBe(false);
    if (options.viewport.width < 640) expect(await overlap(page, '.menu', 'video')).toBe(false);
    await page.keyboard.press('Escape');
    await page.waitForSelector('.menu', { state: 'hidden' });

    await fixture.end();
    await untilState(page, 'ended');
    expect(await page.evaluate("document.querySelector('.bar .control').inert")).toBe(true);
    expect(await outside(page)).toEqual([]);
  });

  it.each([
    ['watch', 360, 640],
    ['embed', 200, 112],
  ])('a name of 240 characters covers nothing on the %s page at %i × %i', async (kind, width, height) => {
    const { url } = await startLiveFixture();
    const page = await open(`${url}/${kind}/live/${LONG_NAME}`, { viewport: { width, height } });
    await untilState(page, 'waiting');
    expect(await outside(page)).toEqual([]);
    expect(await page.evaluate('document.documentElement.scrollWidth <= innerWidth')).toBe(true);
    expect(await page.isVisible('.poster-title')).toBe(true);
  });
});

describe('accessibility', () => {
  it('axe-core finds nothing, in ordinary and in forced colours, and headings go down by one', async () => {
    const { fixture, url } = await startLiveFixture();
    const headings = (page: Page): Promise<number[]> =>
      page.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map((node) => Number(node.tagName[1]))");
    const empty = await open(url);
    await empty.waitForSelector('#empty:visible');
    const waiting = await open(`${url}/watch/live/test`);
    await untilState(waiting, 'waiting');
    expect([await findings(empty), await findings(waiting)]).toEqual([[], []]);
    await fixture.publish();
    const list = await open(url);
    await list.waitForSelector('.card');
    const embed = await open(`${url}/embed/live/test`, { viewport: { width: 640, height: 360 } });
    await Promise.all([untilState(waiting, 'playing'), untilState(embed, 'playing')]);
    await wake(waiting);
    await waiting.keyboard.press('s');
    await waiting.click('.quality-button');
    await waiting.waitForSelector('#facts dt');
    for (const page of [list, waiting, embed]) {
      for (const forcedColors of ['none', 'active'] as const) {
        await page.emulateMedia({ forcedColors });
        expect([page.url(), forcedColors, await findings(page)]).toEqual([page.url(), forcedColors, []]);
      }
      const levels = await headings(page);
      expect(levels[0]).toBe(1);
      for (const [index, level] of levels.entries()) expect(level).toBeLessThanOrEqual((levels[index - 1] ?? 0) + 1);
    }
    // Icons have the colour of the button's text, which must differ from its background.
    const colours = await embed.evaluate(`(() => {
      const { color, backgroundColor } = getComputedStyle(document.querySelector('.bar .control'));
      return [color, backgroundColor];
    })()`);
    expect(new Set(colours as string[]).size).toBe(2);
  });

  it('nothing moves if the viewer prefers reduced motion', async () => {
    const { fixture, url } = await startLiveFixture();
    const page = await open(`${url}/watch/live/test`, { reducedMotion: 'reduce' });
    await fixture.publish();
    await untilState(page, 'playing');
    const running = "document.getAnimations().filter(({ playState }) => playState === 'running').length";
    expect(await page.evaluate(running)).toBe(0);
  });
});

describe('the list', () => {
  it('loads only thumbnails that are in view; a watch page requests only its own stream', async () => {
    const many = Array.from({ length: 40 }, (_, index) => ({
      app: 'live',
      name: `stream-${index}`,
      state: 'live' as const,
      source: { video: { codec: 'avc1.42c01e', width: 640, height: 360 } },
      renditions: [],
    }));
    const fixture = new LiveFixture('', many, { get: async () => undefined });
    await fixture.app.listen({ host: '127.0.0.1', port: 0 });
    onTestFinished(() => fixture.app.close());
    const url = `http://127.0.0.1:${(fixture.app.server.address() as AddressInfo).port}`;
    const asked: string[] = [];
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
    onTestFinished(() => context.close());
    const page = await context.newPage();
    page.on('request', (request) => asked.push(new URL(request.url()).pathname));
    await page.goto(url);
    await page.waitForFunction(() => Object(globalThis).document.querySelectorAll('.card').length === 40);
    // The list has been fetched once more, and is drawn again.
    await page.waitForResponse((response) => response.url().endsWith('/api/v1/streams'));
    const pictures = () => new Set(asked.filter((path) => path.endsWith('thumbnail.jpg'))).size;
    const inView = Number(
      await page.evaluate(
        "[...document.querySelectorAll('.card')].filter((c) => c.getBoundingClientRect().top < innerHeight + 250).length",
      ),
    );
    expect(pictures()).toBeGreaterThan(0);
    expect(pictures()).toBeLessThanOrEqual(inView);
    const last = page.waitForRequest((request) => request.url().includes('stream-39/thumbnail.jpg'));
    await page.evaluate('scrollTo(0, document.body.scrollHeight)');
    await last;

    const watching = await context.newPage();
    const watched: string[] = [];
    watching.on('request', (request) => watched.push(new URL(request.url()).pathname));
    const playlist = watching.waitForRequest((request) => request.url().endsWith('/hls/live/stream-7/index.m3u8'));
    await watching.goto(`${url}/watch/live/stream-7`);
    await playlist;
    expect(watched).not.toContain('/api/v1/streams');
  });
});
