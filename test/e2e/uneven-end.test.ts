// Publishers whose audio or video ends before the other: a plain hls.js must play both to their end, and then report `ended`.
import type { Page } from 'playwright-core';
import { expect, it, onTestFinished, vi } from 'vitest';
import type { FlvTag } from '../../src/protocols/flv/flv-tag.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway } from '../support/gateway.js';
import { whenLive } from '../support/hls-client.js';
import { PATIENCE } from '../support/patience.js';
import { makeFlvSource } from '../transcode/flv-source.js';

/** Milliseconds. The longer kind of media lasts beyond the next cut, by more than one part. */
const SHORT = 4_000;
const LONG = 4_850;

/** The kind of media that each stream has longer than the other. */
const STREAMS: Readonly<Record<string, FlvTag['type']>> = { sound: 'audio', pictures: 'video' };

interface Ended {
  /** Seconds that were played from the beginning of the playlist. */
  readonly time: number;
  readonly fatal: readonly string[];
}

/** Begins to play each stream, with and without low latency. */
async function open(page: Page, http: string): Promise<void> {
  await page.goto(`${http}/`);
  await page.evaluate(`(async () => {
    const { default: Hls } = await import('/assets/vendor/hls.mjs');
    const play = (name, lowLatencyMode) => {
      const video = document.createElement('video');
      video.muted = true;
      document.body.append(video);
      const hls = new Hls({ lowLatencyMode });
      const fatal = [];
      const failed = new Promise((resolve) => hls.on(Hls.Events.ERROR, (_, data) => {
        if (!data.fatal) return;
        fatal.push(data.details);
        resolve();
      }));
      const until = (event) =>
        Promise.race([failed, new Promise((resolve) => video.addEventListener(event, resolve, { once: true }))]);
      const playing = until('playing');
      const ended = until('ended').then(() => ({ time: video.currentTime, fatal }));
      hls.loadSource('/hls/live/' + name + '/index.m3u8');
      hls.attachMedia(video);
      video.play();
      return { playing, ended };
    };
    const players = {};
    for (const name of ${JSON.stringify(Object.keys(STREAMS))}) {
      players[name + ', low latency'] = play(name, true);
      players[name] = play(name, false);
    }
    window.ends = Promise.all(Object.entries(players).map(async ([name, { ended }]) => [name, await ended]));
    await Promise.all(Object.values(players).map(({ playing }) => playing));
  })()`);
}

async function ends(page: Page): Promise<[string, Ended][]> {
  return (await page.evaluate('window.ends')) as [string, Ended][];
}

it('hls.js reaches the end of streams whose sound or pictures are longer, whether it joined before or after the end', async () => {
  const gateway = await startGateway('--ladder', 'source', '--segment-duration', '1', '--resume-window', '4');
  const source = await makeFlvSource({ seconds: 5, gop: 25 });
  const first = source.media[0]?.timestamp ?? 0;
  const publishers = await Promise.all(
    Object.entries(STREAMS).map(([name, longer]) => {
      const media = source.media.filter(({ type, timestamp }) => timestamp - first < (type === longer ? LONG : SHORT));
      // Long enough that the recording is not repeated.
      const seconds = 3_600;
      return publishLoop(gateway.publishUrl(name), { ...source, media }, { seconds });
    }),
  );
  const lists = Object.keys(STREAMS).map((name) => `${gateway.http}/hls/live/${name}`);
  // Media is missing from the last segment of the shorter kind, and nobody knows before that a hinted part will not come.
  for (const list of lists) followStream(list, { brokenHints: true, irregular: true, tolerant: true });
  const browser = await launchBrowser();
  onTestFinished(() => browser.close());
  await Promise.all(lists.map((list) => whenLive(list)));
  const early = await browser.newPage();
  await open(early, gateway.http);
  await vi.waitUntil(() => publishers.every(({ sent }) => sent >= LONG - 50), { timeout: PATIENCE });
  await Promise.all(publishers.map((publisher) => publisher.stop()));
  for (const [name, { fatal, time }] of await ends(early)) {
    expect([name, fatal]).toEqual([name, []]);
    expect(time).toBeGreaterThan(SHORT / 1000);
  }
  // A new viewer finds ENDLIST and can play everything.
  const late = await browser.newPage();
  await open(late, gateway.http);
  for (const [name, { fatal, time }] of await ends(late)) {
    expect([name, fatal]).toEqual([name, []]);
    expect(time).toBeGreaterThan(LONG / 1000 - 0.15);
  }
  expect(gateway.errors()).toEqual([]);
});
