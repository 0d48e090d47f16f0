// Publishers with codecs other than H.264, in a real Chromium: hls.js must choose renditions that the browser can play, and play them.
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { whenLive } from '../support/hls-client.js';

interface Playback {
  /** Whether the browser reports support for the codec of `source`. */
  readonly supported: boolean;
  /** Codec and height of the levels that hls.js kept. */
  readonly levels: [string, number][];
  readonly fatal: string[];
  /** For each level, after it was played for a moment: its codec, and the width of the picture on screen. */
  readonly shown: [string, number][];
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

/** Plays every level that hls.js has kept; first the one that it chose itself. */
async function play(gatewayUrl: string, stream: string, type: string): Promise<Playback> {
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(`${gatewayUrl}/`);
  const script = `(async () => {
    const { default: Hls } = await import('/assets/vendor/hls.mjs');
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const hls = new Hls({ lowLatencyMode: true });
    const result = { supported: MediaSource.isTypeSupported(${JSON.stringify(type)}), levels: [], fatal: [], shown: [] };
    const failed = new Promise((resolve) => {
      hls.on(Hls.Events.ERROR, (_, data) => {
        if (!data.fatal) return;
        result.fatal.push(data.details);
        resolve();
      });
    });
    hls.loadSource(${JSON.stringify(`${gatewayUrl}/hls/live/${stream}/index.m3u8`)});
    hls.attachMedia(video);
    await Promise.race([failed, new Promise((resolve) => hls.once(Hls.Events.MANIFEST_PARSED, resolve))]);
    result.levels = hls.levels.map(({ videoCodec, height }) => [videoCodec, height]);
    video.play();
    const pictures = async (count, isRight) => {
      for (let seen = 0; seen < count; ) {
        await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
        if (isRight()) seen += 1;
      }
    };
    const order = hls.levels.map((_, index) => index);
    const all = async () => {
      await pictures(5, () => true);
      for (const index of order) {
        const { videoCodec, width } = hls.levels[index];
        hls.currentLevel = index;
        await pictures(10, () => video.videoWidth === width);
        result.shown.push([videoCodec, video.videoWidth]);
      }
    };
    await Promise.race([failed, all()]);
    hls.destroy();
    return result;
  })()`;
  return page.evaluate(script) as Promise<Playback>;
}

describe('Chromium, which has no HEVC', () => {
  it.each(['hevc', 'av1', 'vp9'] as const)('A9.01 B2.01 plays what it can of a publisher of %s', async (codec) => {
    const gateway = await startGateway('--ladder', 'source,144p');
    publishTestPattern(gateway.publishUrl(codec), { codec, size: '320x180', gop: 25 });
    followStream(`${gateway.http}/hls/live/${codec}`);
    const multivariant = await whenLive(`${gateway.http}/hls/live/${codec}`);
    const [source = '', rung = ''] = [...multivariant.matchAll(/CODECS="([^",]+)/g)].map(([, name]) => name);
    const { supported, levels, fatal, shown } = await play(gateway.http, codec, `video/mp4; codecs="${source}"`);
    expect(fatal).toEqual([]);
    expect(supported).toBe(codec !== 'hevc');
    // hls.js drops levels that the browser cannot play by their CODECS, before it fetches any of them.
    const expected =
      codec === 'hevc'
        ? [[rung, 256]]
        : [
            [rung, 256],
            [source, 320],
          ];
    expect(levels.map(([name]) => name)).toEqual(expected.map(([name]) => name));
    expect(shown).toEqual(expected);
    expect(gateway.errors()).toEqual([]);
  });
});
