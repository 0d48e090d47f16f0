// Players that are not our page, side by side in a real Chromium: over a publisher that is killed and returns, and to the end.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { setTimeout as delay } from 'node:timers/promises';
import type { Browser, Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { whenListed } from '../support/hls-client.js';

const { resolve } = createRequire(import.meta.url);

interface Player {
  readonly name: string;
  readonly script: string;
  readonly url: string;
  /** Plays `url` in `video`, without sound; `note` takes what goes wrong. */
  readonly play: string;
}

const HLS = '/hls/live/film/index.m3u8';
const DASH = '/dash/live/film/manifest.mpd';
const SHAKA = {
  script: resolve('shaka-player/dist/shaka-player.compiled.js'),
  play: `
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.addEventListener('error', ({ detail }) => detail.severity === 2 && note(detail.code + ' ' + detail.data));
    await player.attach(video);
    await player.load(url);
    await video.play();`,
};
const PLAYERS: readonly Player[] = [
  { name: 'Shaka Player, DASH', url: DASH, ...SHAKA },
  {
    name: 'dash.js',
    url: DASH,
    script: resolve('dashjs'),
    play: `
      const player = dashjs.MediaPlayer().create();
      player.on('error', ({ error }) => note(error.code + ' ' + error.message));
      player.initialize(video, url, true);`,
  },
  {
    name: 'video.js',
    url: HLS,
    script: resolve('video.js/dist/video.min.js'),
    play: `
      const player = videojs(video, { autoplay: true });
      player.on('error', () => note(player.error().code + ' ' + player.error().message));
      player.src({ src: url, type: 'application/x-mpegURL' });`,
  },
];

/** Each in a context of its own: they would share six connections otherwise. */
async function open(browser: Browser, http: string, { script, url, play }: Player): Promise<Page> {
  // The policy of our own pages allows no scripts of others.
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(`${http}/healthz`);
  await page.evaluate(`${await readFile(script, 'utf8')};0`);
  await page.evaluate(`void (async () => {
    const url = ${JSON.stringify(`${http}${url}`)};
    const seen = window.seen = { errors: [], colors: [], ended: false };
    const note = (error) => seen.errors.push(error);
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const look = () => {
      canvas.drawImage(video, 0, 0, 1, 1);
      const [red, , blue] = canvas.getImageData(0, 0, 1, 1).data;
      const color = red > blue ? 'red' : 'blue';
      if (seen.colors.at(-1) !== color) seen.colors.push(color);
      video.requestVideoFrameCallback(look);
    };
    video.requestVideoFrameCallback(look);
    video.addEventListener('ended', () => { seen.ended = true; });
    try { ${play} } catch (error) { note('thrown: ' + error); }
  })()`);
  return page;
}

const untilShown = (page: Page, color: string) =>
  page.waitForFunction(`seen.errors.length > 0 || seen.colors.at(-1) === '${color}'`, undefined, { timeout: 60_000 });

it('Shaka Player, dash.js and video.js play on with a publisher that returns, and dash.js learns of the end', {
  timeout: 200_000,
}, async () => {
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1', '--resume-window', '5');
  const publish = (color: string) =>
    publishTestPattern(gateway.publishUrl('film'), {
      videoSource: `color=c=${color}:size=320x180:rate=25`,
      ...{ preset: 'ultrafast', gop: 25 },
    });
  const first = publish('red');
  followStream(`${gateway.http}/hls/live/film`);
  await whenListed(`${gateway.http}/hls/live/film`, 'source', 4);
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const pages = await Promise.all(PLAYERS.map((player) => open(browser, gateway.http, player)));
  const playerOf = (wanted: string): Page => {
    const page = pages[PLAYERS.findIndex(({ name }) => name === wanted)];
    if (page === undefined) throw new Error(`no player ${wanted}`);
    return page;
  };
  await Promise.all(pages.map((page) => untilShown(page, 'red')));

  first.child.kill('SIGKILL');
  await first.exit;
  // What was under way is answered and played.
  await delay(1_000);
  let asked = 0;
  playerOf('video.js').on('request', () => {
    asked += 1;
  });
  await delay(2_000);
  // It waits in one reload of each playlist. With a hint there it asked for its place 15 to 30 times a second.
  expect(asked).toBeLessThan(8);

  const second = publish('blue');
  await Promise.all(pages.map((page) => untilShown(page, 'blue')));
  second.child.kill('SIGKILL');
  // It has read the MPD that ended: the duration of a live stream is infinite. Whether `ended` follows is up to dash.js, which
  // sometimes pauses half a second before it.
  const lasts = "Number.isFinite(document.querySelector('video').duration)";
  await playerOf('dash.js').waitForFunction(lasts, undefined, { timeout: 60_000 });

  for (const [index, page] of pages.entries()) {
    const seen = (await page.evaluate('seen')) as { errors: string[]; colors: string[] };
    expect(seen.errors, PLAYERS[index]?.name).toEqual([]);
    expect(seen.colors, PLAYERS[index]?.name).toEqual(['red', 'blue']);
  }
  expect(gateway.errors()).toEqual([]);
});
