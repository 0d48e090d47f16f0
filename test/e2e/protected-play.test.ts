// A protected stream as its viewers see it: the link plays and hides its token, other viewers see what is missing, and a page that embeds the
// player can give it a new token without reloading it.
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Frame, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { createPlayToken, type PlayClaims } from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { faultsIn, playInBrowser, watchRequests } from '../interop/ticket-players.js';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { eventually } from '../support/hls-client.js';
import { PATIENCE } from '../support/patience.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { DASH_JS, SHAKA_DASH } from './other-players-page.js';

const SECRET = 'a-secret-of-the-back-end-0123456789abcdef';
const keys = new SigningKeys([Buffer.from(SECRET)]);
const FLAGS = ['--play-access', 'token', '--play-secrets', SECRET, '--clock-skew', '0', '--ladder', 'source'];

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

function tokenFor(seconds: number, claims: Partial<PlayClaims> = {}): string {
  return createPlayToken({ stream: 'live/cam', until: Math.floor(Date.now() / 1000) + seconds, ...claims }, keys);
}

async function startProtected(): Promise<TestGateway> {
  const gateway = await startGateway(...FLAGS);
  await publishLoop(gateway.publishUrl('cam'), await makeFlvSource({ seconds: 4, gop: 25 }));
  const entry = `${gateway.http}/hls/live/cam/index.m3u8?token=${tokenFor(600)}`;
  await eventually(async () => ((await fetch(entry)).ok ? true : undefined));
  const ticket = /\.\.\/\.\.\/(~[^/]+)\//.exec(await (await fetch(entry)).text())?.[1];
  followStream(`${gateway.http}/hls/${ticket}/live/cam`);
  return gateway;
}

async function newPage(): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 } });
  onTestFinished(() => context.close());
  return context.newPage();
}

const untilPlays = (page: Page | Frame | undefined) =>
  page?.waitForSelector('video[data-state="playing"]', { state: 'attached', timeout: PATIENCE }) ??
  Promise.reject(new Error('the page has no frame'));

/** Lifetime of a token in seconds that is long enough for the embed page to start playing on this machine at its current load. */
async function timeToPlay(page: Page, http: string): Promise<number> {
  const began = performance.now();
  await page.goto(`${http}/embed/live/cam?token=${tokenFor(600)}`);
  await untilPlays(page);
  return 6 + Math.ceil((3 * (performance.now() - began)) / 1000);
}

it('plays by its link, hides the token, and plays again when the page is loaded again', async () => {
  const { http } = await startProtected();
  const page = await newPage();
  const requests: string[] = [];
  page.on('request', (request) => requests.push(request.url()));
  const referers: (string | undefined)[] = [];
  page.on('request', (request) => referers.push(request.headers().referer));
  const token = tokenFor(600);
  await page.goto(`${http}/watch/live/cam?token=${token}`);
  await untilPlays(page);
  expect(page.url()).toBe(`${http}/watch/live/cam`);
  // The token was sent for the page and the playlists at the entry only; media never contains it, and no request reveals where the viewer
  // comes from.
  const withToken = requests.filter((url) => url.includes(token)).map((url) => new URL(url).pathname);
  expect(new Set(withToken)).toEqual(new Set(['/watch/live/cam', '/hls/live/cam/index.m3u8']));
  expect(requests.filter((url) => url.includes('/hls/~1')).length).toBeGreaterThan(3);
  expect(referers.filter((referer) => referer?.includes('token'))).toEqual([]);
  await page.reload();
  await untilPlays(page);
  expect(page.url()).toBe(`${http}/watch/live/cam`);
});

it('explains why it does not play', async () => {
  const { http } = await startProtected();
  const page = await newPage();
  for (const [query, title] of [
    ['', 'For invited viewers'],
    [`?token=${tokenFor(600, { stream: 'live/other' })}`, 'This link does not let you in'],
    [`?token=${tokenFor(-60)}`, 'This link has expired'],
  ]) {
    await page.goto('about:blank');
    await page.goto(`${http}/watch/live/cam${query}`);
    await page.waitForSelector(`.poster-title:text-is("${title}")`);
    // Nothing that is shared contains the token of this viewer.
    expect(await page.isVisible('#share-note')).toBe(true);
    for (const field of ['#share-link', '#share-embed', '#share-playlist'])
      expect(await page.inputValue(field), field).not.toContain('token');
  }
  await page.goto(`${http}/`);
  await page.waitForSelector('.card:has-text("For viewers with a link of their own")');
  expect(await page.isVisible('.card a:text-is("HLS playlist")')).toBe(false);
});

it('plays on without a break when it gets a new token in time, and keeps that for a reload', async () => {
  const { http } = await startProtected();
  const page = await newPage();
  const first = await timeToPlay(page, http);
  const ends = Date.now() + first * 1000;
  const around = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(
      `<iframe width="640" height="360" allow="autoplay" src="${http}/embed/live/cam?token=${tokenFor(first)}"></iframe>`,
    );
  });
  await new Promise<void>((resolve) => around.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void around.close());
  await page.goto(`http://127.0.0.1:${(around.address() as AddressInfo).port}/`);
  const frame = page.frames()[1];
  await untilPlays(frame);
  expect(Date.now()).toBeLessThan(ends - 2_000);
  await frame?.evaluate(`{
    const video = document.querySelector('video');
    globalThis.breaks = [];
    let last = 0;
    for (const type of ['emptied', 'seeking', 'loadstart']) video.addEventListener(type, () => breaks.push(type));
    video.addEventListener('timeupdate', () => {
      if (video.currentTime < last) breaks.push('back from ' + last + ' to ' + video.currentTime);
      last = video.currentTime;
    });
    new MutationObserver(() => breaks.push(video.dataset.state)).observe(video, { attributeFilter: ['data-state'] });
  }`);
  await page.evaluate(
    (value) =>
      Object(globalThis)
        .document.querySelector('iframe')
        .contentWindow.postMessage({ target: 'sluice', command: 'setToken', value }, '*'),
    tokenFor(600),
  );
  // Waits until the old token has been expired for so long that a player with its ticket would have no media left.
  const until = await frame?.evaluate('document.querySelector("video").currentTime');
  const left = (ends - Date.now()) / 1000 + 6;
  const time = Number(until) + left;
  await eventually(async () =>
    (await frame?.evaluate(`document.querySelector('video').currentTime > ${time}`)) ? true : undefined,
  );
  expect(await frame?.evaluate('globalThis.breaks')).toEqual([]);
  await frame?.evaluate('location.reload()');
  await frame?.waitForFunction(() => Object(globalThis).breaks === undefined);
  await untilPlays(frame);
});

it('notifies the surrounding page that the token has expired, and continues with a new token without a reload', async () => {
  const { http } = await startProtected();
  const page = await newPage();
  const first = await timeToPlay(page, http);
  const around = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end(`<script>addEventListener('message', ({ data }) => (window.heard ??= []).push(data.event + ' ' + data.state))</script>
      <iframe width="640" height="360" allow="autoplay" src="${http}/embed/live/cam?token=${tokenFor(first)}"></iframe>`);
  });
  await new Promise<void>((resolve) => around.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void around.close());
  await page.goto(`http://127.0.0.1:${(around.address() as AddressInfo).port}/`);
  const heard = (text: string) =>
    page.waitForFunction(
      (wanted) => Object(globalThis).heard?.some((event: string) => event.startsWith(wanted)),
      text,
      {
        timeout: PATIENCE,
      },
    );
  await heard('state playing');
  await heard('token-expired');
  const frame = page.frames()[1];
  await frame?.evaluate('globalThis.notLoadedAgain = true');
  await page.evaluate(
    (value) =>
      Object(globalThis)
        .document.querySelector('iframe')
        .contentWindow.postMessage({ target: 'sluice', command: 'setToken', value }, '*'),
    tokenFor(600),
  );
  await untilPlays(frame);
  expect(await frame?.evaluate('globalThis.notLoadedAgain')).toBe(true);
});

it('players of MPEG-DASH get from the token to the ticket, which each request for media carries', async () => {
  const { http } = await startProtected();
  const token = tokenFor(600);
  const entry = '/dash/live/cam/manifest.mpd';
  await eventually(async () => {
    const mpd = await (await fetch(`${http}${entry}?token=${token}`)).text();
    return mpd.includes('<S ') ? true : undefined;
  });
  for (const player of [SHAKA_DASH, DASH_JS]) {
    const { base, requests } = await watchRequests(http);
    expect(await playInBrowser(browser, base, `${base}${entry}?token=${token}`, player, 1), player.name).toEqual([]);
    expect(faultsIn(requests, token), player.name).toEqual([]);
    expect(
      requests.some(({ url }) => url.startsWith('/hls/~1')),
      player.name,
    ).toBe(true);
  }
});
