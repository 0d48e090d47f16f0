// Ten players on a page of another site, over HTTP/1.1, where a browser opens six connections per host for all tabs together.

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Frame } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { PATIENCE } from '../support/patience.js';

const PLAYERS = 10;
/** Players that may keep requests waiting: two, with two requests each, of six connections. */
const MOST_WAITING = 2;

let browser: Browser;

beforeAll(async () => {
  browser = await launchBrowser();
});

afterAll(() => browser.close());

/** A page of another site, with headers of its own. */
async function hostPage(html: string, headers: Readonly<Record<string, string>> = {}): Promise<string> {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html', ...headers });
    response.end(html);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

it('the surrounding page loads, all players play, and connections stay free for other tabs', async () => {
  const gateway = await startGateway('--ladder', 'source');
  publishTestPattern(gateway.publishUrl('cam'), { size: '160x90', rate: 10, preset: 'ultrafast' });
  const site = gateway.http.replace('127.0.0.1', 'localhost');
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(PATIENCE);
  let waiting = new Set<Frame>();
  page.on('request', (request) => {
    if (request.url().includes('_HLS_msn=')) waiting.add(request.frame());
  });

  const frames = `<iframe src="${site}/embed/live/cam" width="240" height="135" allow="autoplay"></iframe>`.repeat(
    PLAYERS,
  );
  await page.goto(await hostPage(frames), { waitUntil: 'load' });
  const players = page.frames().slice(1);
  expect(players).toHaveLength(PLAYERS);
  await Promise.all(
    players.map(async (frame) => {
      await frame.waitForSelector('video[data-state="playing"]', { state: 'attached' });
      expect(await frame.locator('.bar .icon > *').count()).toBeGreaterThan(4);
    }),
  );
  // Another tab of the same viewer is answered, and its player does not take the free connections.
  const second = await context.newPage();
  await second.goto(`${site}/`, { waitUntil: 'load' });
  await second.waitForSelector('.card-art img');

  // Requests from before the players knew about each other are over.
  waiting = new Set();
  // All players play on at the same time.
  await Promise.all(
    players.map((frame) =>
      frame.waitForFunction(() => {
        const global = Object(globalThis);
        const { currentTime } = global.document.querySelector('video');
        global.from ??= currentTime;
        return currentTime > global.from + 4;
      }),
    ),
  );
  expect(waiting.size).toBeGreaterThan(0);
  expect(waiting.size).toBeLessThanOrEqual(MOST_WAITING);
});

it.each([
  ['a sandboxed frame without an origin', 'sandbox="allow-scripts"', {}],
  [
    'a page with COEP and COOP',
    '',
    { 'cross-origin-embedder-policy': 'require-corp', 'cross-origin-opener-policy': 'same-origin' },
  ],
])('plays in %s', async (_what, attributes, headers) => {
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1');
  publishTestPattern(gateway.publishUrl('cam'), { size: '160x90', rate: 10, preset: 'ultrafast', gop: 10 });
  followStream(`${gateway.http}/hls/live/cam`);
  const src = `${gateway.http.replace('127.0.0.1', 'localhost')}/embed/live/cam`;
  const context = await browser.newContext({ viewport: { width: 700, height: 400 } });
  onTestFinished(() => context.close());
  const page = await context.newPage();
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => message.type() === 'error' && complaints.push(message.text()));
  const html = `<iframe ${attributes} src="${src}" width="640" height="360" allow="autoplay"></iframe>`;
  await page.goto(await hostPage(html, headers));
  const frame = page.frames()[1];
  if (frame === undefined) throw new Error('the page has no frame');
  await frame.waitForSelector('video[data-state="playing"]', { state: 'attached', timeout: PATIENCE });
  await frame.waitForSelector('video[poster*="thumbnail.jpg"]', { state: 'attached', timeout: PATIENCE });
  // A stream that has not begun gives 404, which browsers log.
  expect(complaints.filter((text) => !text.includes('404'))).toEqual([]);
});
