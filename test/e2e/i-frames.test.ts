// Single pictures of a live stream, as players show them while a viewer seeks: hls.js with EXT-X-I-FRAME-STREAM-INF.
import { expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { whenListed } from '../support/hls-client.js';

it('hls.js shows the key frame of each requested position', async () => {
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1');
  // Brighter with each second.
  const videoSource = "color=black:size=320x180:rate=25,geq=lum='16+20*mod(floor(T),10)':cb=128:cr=128";
  publishTestPattern(gateway.publishUrl('places'), { videoSource, preset: 'ultrafast', gop: 25 });
  const base = `${gateway.http}/hls/live/places`;
  followStream(base);
  await whenListed(base, 'source', 6);
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  const page = await browser.newPage();
  await page.goto(`${gateway.http}/`);
  const seen = (await page.evaluate(`(async () => {
    const { default: Hls } = await import('/assets/vendor/hls.mjs');
    const videoOf = () => {
      const video = document.createElement('video');
      video.muted = true;
      document.body.append(video);
      return video;
    };
    const hls = new Hls();
    const errors = [];
    hls.loadSource('/hls/live/places/index.m3u8');
    hls.attachMedia(videoOf());
    const { details } = await new Promise((resolve) => hls.once(Hls.Events.LEVEL_UPDATED, (_, data) => resolve(data)));
    const pictures = hls.createIFramePlayer();
    const video = videoOf();
    pictures.on(Hls.Events.ERROR, (_, { fatal, details, error }) => errors.push([fatal, details, String(error)].join(' ')));
    pictures.attachMedia(video);
    const brightness = () => {
      const context = new OffscreenCanvas(1, 1).getContext('2d');
      context.drawImage(video, 0, 0, 1, 1);
      return context.getImageData(0, 0, 1, 1).data[0];
    };
    const shown = [];
    for (const index of [1, 3, 2]) {
      const picture = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
      pictures.loadMediaAt(details.fragments[index].start + 0.1);
      await picture;
      shown.push(brightness());
    }
    return { shown, errors, levels: pictures.levels.length };
  })()`)) as { shown: number[]; errors: string[]; levels: number };
  const [first = 0, third = 0, second = 0] = seen.shown;
  expect(seen.errors).toEqual([]);
  expect(seen.levels).toBe(1);
  // A step is 20 of luma, 23 of red; after ten steps it starts again.
  const steps = [second - first, third - second].map((step) => (step < 0 ? step + 10 * 23.3 : step));
  for (const step of steps) expect(Math.abs(step - 23.3)).toBeLessThan(5);
  expect(gateway.errors()).toEqual([]);
});
