// Players other than our page, in a page of a real Chromium that records what it sees.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser, Page } from 'playwright-core';

const { resolve } = createRequire(import.meta.url);

export interface Player {
  readonly name: string;
  readonly protocol: 'hls' | 'dash';
  readonly script: string;
  /** Plays `url` in `video`, without sound; `note` is called with everything that goes wrong. */
  readonly play: string;
}

const shaka = (settings: string): Pick<Player, 'script' | 'play'> => ({
  script: resolve('shaka-player/dist/shaka-player.compiled.js'),
  play: `
    shaka.polyfill.installAll();
    const player = new shaka.Player();
    player.configure(${settings});
    player.addEventListener('error', ({ detail }) => detail.severity === 2 && note(detail.code + ' ' + detail.data));
    await player.attach(video);
    await player.load(url);
    await video.play();`,
});

export const SHAKA_DASH: Player = { name: 'Shaka Player, DASH', protocol: 'dash', ...shaka('{}') };
export const SHAKA_HLS: Player = {
  name: 'Shaka Player, HLS',
  protocol: 'hls',
  ...shaka('{ streaming: { lowLatencyMode: false } }'),
};
export const DASH_JS: Player = {
  name: 'dash.js',
  protocol: 'dash',
  script: resolve('dashjs'),
  play: `
    const player = dashjs.MediaPlayer().create();
    player.on('error', ({ error }) => note(error.code + ' ' + error.message));
    player.initialize(video, url, true);`,
};
export const VIDEO_JS: Player = {
  name: 'video.js',
  protocol: 'hls',
  script: resolve('video.js/dist/video.min.js'),
  play: `
    const player = videojs(video, { autoplay: true });
    player.on('error', () => note(player.error().code + ' ' + player.error().message));
    player.src({ src: url, type: 'application/x-mpegURL' });`,
};

/**
 * Opens `url` in a context of its own, because players in one context would share six connections. `seen` in the page contains the errors,
 * the colors in their order, and whether `ended` was reached.
 * @param from any page of the same server
 */
export async function openPlayer(browser: Browser, from: string, url: string, player: Player): Promise<Page> {
  // The policy of our own pages allows no foreign scripts.
  const context = await browser.newContext({ bypassCSP: true });
  const page = await context.newPage();
  await page.goto(from);
  await page.evaluate(`${await readFile(player.script, 'utf8')};0`);
  await page.evaluate(`void (async () => {
    const url = ${JSON.stringify(url)};
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
    try { ${player.play} } catch (error) { note('thrown: ' + error); }
  })()`);
  return page;
}
