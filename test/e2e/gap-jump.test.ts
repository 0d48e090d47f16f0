// The player at a gap in its buffers, with real media in a real browser, without hls.js, which would sometimes help.

import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { startLiveFixture } from './live-fixture.js';

it('C4.01 jumps over a gap when playback has stood still for a while, and not right after the viewer has seeked', async () => {
  const { fixture, url } = await startLiveFixture();
  await fixture.publish({ kept: 8 });
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  // Any page of the same origin will do.
  await page.goto(`${url}/`);
  const seen = await page.evaluate(`(async () => {
    const { GapJump } = await import('/assets/gap-jump.js');
    const base = '/hls/live/test/180p/';
    const text = async (path) => (await fetch(path)).text();
    let files = [];
    let init;
    while (files.length < 7) {
      const playlist = await text(base + 'index.m3u8');
      files = playlist.split('\\n').filter((line) => line.endsWith('.m4s'));
      init = /EXT-X-MAP:URI="([^"]+)"/.exec(playlist)?.[1];
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const media = new MediaSource();
    video.src = URL.createObjectURL(media);
    await new Promise((resolve) => media.addEventListener('sourceopen', resolve, { once: true }));
    const buffer = media.addSourceBuffer('video/mp4;codecs="avc1.42c01e"');
    const append = async (file) => {
      const bytes = await (await fetch(base + file)).arrayBuffer();
      buffer.appendBuffer(bytes);
      await new Promise((resolve) => buffer.addEventListener('updateend', resolve, { once: true }));
    };
    // Seconds 2 and 5 are missing.
    for (const file of [init, files[0], files[1], files[3], files[4], files[6]]) await append(file);
    const ranges = [0, 1, 2].map((index) => [video.buffered.start(index), video.buffered.end(index)]);
    const holes = new GapJump(video, () => !video.paused);
    const until = (condition) => new Promise((resolve) => {
      const look = () => condition() ? resolve(video.currentTime) : setTimeout(look, 20);
      look();
    });
    video.currentTime = ranges[0][1] - 0.8;
    await video.play();
    // Into the gap, as hls.js does it.
    await until(() => video.currentTime > ranges[0][1] - 0.3);
    video.currentTime = ranges[0][1] + 0.3;
    const after = await until(() => video.currentTime >= ranges[1][0]);
    await until(() => video.currentTime > ranges[1][0] + 0.3);
    // The viewer seeks into the other gap.
    holes.disarm();
    video.currentTime = ranges[1][1] + 0.3;
    // No event says that playback stays there. Waits longer than the patience of GapJump.
    await new Promise((resolve) => setTimeout(resolve, 2500));
    return { ranges, after, stays: video.currentTime };
  })()`);
  const { ranges, after, stays } = seen as { ranges: [number, number][]; after: number; stays: number };
  const [, [from, to] = [Number.NaN, Number.NaN]] = ranges;
  expect(ranges).toHaveLength(3);
  expect(after).toBeGreaterThanOrEqual(from);
  expect(after).toBeLessThan(from + 0.2);
  expect(stays).toBeCloseTo(to + 0.3, 3);
});
