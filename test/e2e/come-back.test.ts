// After a stall hls.js keeps further behind live; after a while without a stall, the page returns to the original distance.
import { readFile } from 'node:fs/promises';
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { whenLive } from '../support/hls-client.js';
import { PATIENCE } from '../support/patience.js';

it('a player that stalled keeps further behind, and later returns to its original distance', async () => {
  const gateway = await startGateway('--ladder', 'source');
  publishTestPattern(gateway.publishUrl('line'), { size: '320x180', gop: 25 });
  followStream(`${gateway.http}/hls/live/line`);
  await whenLive(`${gateway.http}/hls/live/line`);
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage({ bypassCSP: true });
  page.setDefaultTimeout(PATIENCE);
  const module = await readFile(new URL('../../public/come-back.js', import.meta.url), 'utf8');
  await page.route('**/come-back.js', (route) => route.fulfill({ contentType: 'text/javascript', body: module }));
  let broken = false;
  let mend = (): void => undefined;
  const mended = new Promise<void>((resolve) => {
    mend = resolve;
  });
  await page.route('**/hls/live/**', async (route) => {
    if (broken) await mended;
    await route.continue().catch(() => undefined);
  });
  await page.goto(`${gateway.http}/`);
  await page.evaluate(`(async () => {
    const { default: Hls } = await import('/assets/vendor/hls.mjs');
    const { comeBack } = await import('/come-back.js');
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const hls = new Hls({ lowLatencyMode: true, liveSyncOnStallIncrease: 0.3 });
    comeBack(hls, 200);
    Object.assign(window, { hls, video, stalls: 0, furthest: 0 });
    hls.on(Hls.Events.ERROR, (_, { details }) => {
      if (details === Hls.ErrorDetails.BUFFER_STALLED_ERROR) window.stalls += 1;
      // Later than hls.js itself has noted it.
      queueMicrotask(() => { window.furthest = Math.max(window.furthest, hls.targetLatency); });
    });
    hls.loadSource('/hls/live/line/index.m3u8');
    hls.attachMedia(video);
    await video.play();
  })()`);
  await page.waitForFunction('video.currentTime > 0 && hls.targetLatency > 0');
  const closest = (await page.evaluate('hls.latestLevelDetails.partHoldBack')) as number;
  broken = true;
  await page.waitForFunction('stalls > 0');
  broken = false;
  mend();
  expect(await page.evaluate('furthest')).toBeGreaterThan(closest + 0.2);
  await page.waitForFunction(`hls.targetLatency === hls.latestLevelDetails.partHoldBack`);
  expect(await page.evaluate('hls.config.liveSyncOnStallIncrease')).toBe(0);
});
