// Players other than our page, side by side in a real Chromium: with a publisher that is killed and returns, and to the end.
import { setTimeout as delay } from 'node:timers/promises';
import type { Page } from 'playwright-core';
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { whenListed } from '../support/hls-client.js';
import { PATIENCE } from '../support/patience.js';
import { controlResumeWindows } from '../support/resume-window.js';
import { DASH_JS, openPlayer, type Player, SHAKA_DASH, VIDEO_JS } from './other-players-page.js';

/** Shorter than these players play: at the end, the media that they played first has left the window. */
const WINDOW = ['--window-segments', '6'];

const URLS = { hls: '/hls/live/film/index.m3u8', dash: '/dash/live/film/manifest.mpd' };
const PLAYERS: readonly Player[] = [SHAKA_DASH, DASH_JS, VIDEO_JS];

const untilShown = (page: Page, color: string) =>
  page.waitForFunction(`seen.errors.length > 0 || seen.colors.at(-1) === '${color}'`, undefined, { timeout: PATIENCE });

it('Shaka Player, dash.js and video.js play on with a publisher that returns, and with DASH they learn of the end', async () => {
  const resumeWindows = controlResumeWindows();
  const gateway = await startGateway(
    ...['--ladder', 'source', '--segment-duration', '1', '--resume-window', '300', ...WINDOW],
  );
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
  const pages = await Promise.all(
    PLAYERS.map((player) =>
      openPlayer(browser, `${gateway.http}/healthz`, gateway.http + URLS[player.protocol], player),
    ),
  );
  const playerOf = (wanted: Player): Page => {
    const page = pages[PLAYERS.indexOf(wanted)];
    if (page === undefined) throw new Error(`no player ${wanted.name}`);
    return page;
  };
  await Promise.all(pages.map((page) => untilShown(page, 'red')));

  first.child.kill('SIGKILL');
  await first.exit;
  // Requests in progress are answered, and their media is played.
  await delay(1_000);
  let asked = 0;
  playerOf(VIDEO_JS).on('request', () => {
    asked += 1;
  });
  await delay(2_000);
  // It waits in one reload of each playlist. When there was a hint, it sent 15 to 30 requests per second.
  expect(asked).toBeLessThan(20);

  const second = publish('blue');
  await Promise.all(pages.map((page) => untilShown(page, 'blue')));
  resumeWindows.close('film');
  second.child.kill('SIGKILL');
  // It has read the MPD that announces the end: the duration of a live stream is infinite. Whether `ended` follows depends on dash.js,
  // which sometimes pauses half a second before it.
  const lasts = "Number.isFinite(document.querySelector('video').duration)";
  await playerOf(DASH_JS).waitForFunction(lasts, undefined, { timeout: PATIENCE });
  await playerOf(SHAKA_DASH).waitForFunction('seen.ended', undefined, { timeout: PATIENCE });

  for (const [index, page] of pages.entries()) {
    const seen = (await page.evaluate('seen')) as { errors: string[]; colors: string[] };
    expect(seen.errors, PLAYERS[index]?.name).toEqual([]);
    expect(seen.colors, PLAYERS[index]?.name).toEqual(['red', 'blue']);
  }
  expect(gateway.errors()).toEqual([]);
});
