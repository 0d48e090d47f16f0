// hls.js in its low-latency and its normal mode in a real Chromium on the gateway's own ladder: no error, no stall, low latency, every
// quality. PLAYBACK_SECONDS makes the run longer for more certainty; the rules of the test stay the same.
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway, type TestGateway } from '../support/gateway.js';
import { whenListed } from '../support/hls-client.js';
import { forAllTests } from '../support/lifetime.js';
import { REAL_TIME, TEST_TIMEOUT } from '../support/patience.js';

const SECONDS = Number(process.env.PLAYBACK_SECONDS ?? 15);

/** In seconds; the parts of the stream last half a second. */
const SHORTEST_PIECE = 0.25;

interface Playback {
  readonly fatal: string[];
  readonly errors: string[];
  /** Seconds after the first picture at which playback stood still. */
  readonly stalls: number[];
  /**
   * Seconds by which hls.js moved the stream's timestamps onto its own timeline. More than one value means that it re-anchored the stream.
   */
  readonly offsets: number[];
  /** Short unbuffered ranges between two buffered ones: `video 56.067-56.134`. */
  readonly holes: string[];
  /** Wall clock minus PROGRAM-DATE-TIME at the playhead, seconds, four times a second. */
  readonly latencies: number[];
  readonly levelsShown: number[];
  readonly levels: string[];
  readonly played: number;
  readonly droppedFrames: number;
  /** The distance in the playlist, PART-HOLD-BACK or HOLD-BACK, in seconds. */
  readonly told: number;
}

let browser: Browser;
let gateway: TestGateway;
beforeAll(async () => {
  browser = await launchBrowser();
});
beforeAll(
  forAllTests(async () => {
    gateway = await startGateway('--ladder', 'source,240p,144p');
    publishTestPattern(gateway.publishUrl('ladder'), { size: '640x360', rate: 30, gop: 60, preset: 'ultrafast' });
  }),
);
afterAll(() => browser.close());

/** Plays with a plain hls.js, not the player of the product, and switches through all levels. */
async function play(page: Page, source: string, seconds: number, lowLatencyMode: boolean): Promise<Playback> {
  const script = `(async () => {
    const { default: Hls } = await import('/assets/vendor/hls.mjs');
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    // Without a sound card Chromium plays sound by a timer. On a quiet machine its rate is right (0.99999), but with ten busy processes for
    // each processor it was 10 to 16 % too slow: within minutes playback would fall out of the window.
    const hls = new Hls({ lowLatencyMode: ${lowLatencyMode}, maxLiveSyncPlaybackRate: 1.1 });
    const result = { fatal: [], errors: [], stalls: [], offsets: [], holes: [], latencies: [], levelsShown: [], levels: [], played: 0, droppedFrames: 0, told: 0 };
    const firstPicture = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    let began = Infinity;
    const sinceStart = () => (performance.now() - began) / 1000;
    hls.on(Hls.Events.ERROR, (_, data) => {
      (data.fatal ? result.fatal : result.errors).push(data.details);
      if (data.details === 'bufferStalledError') result.stalls.push(sinceStart());
    });
    video.addEventListener('waiting', () => result.stalls.push(sinceStart()));
    hls.on(Hls.Events.INIT_PTS_FOUND, (_, data) => result.offsets.push(data.initPTS / data.timescale));
    const buffers = new Map();
    hls.on(Hls.Events.BUFFER_CREATED, (_, { tracks }) => {
      for (const [type, { buffer }] of Object.entries(tracks)) buffers.set(type, buffer);
    });
    const keepHoles = () => {
      for (const [type, { buffered }] of buffers) {
        for (let next = 1; next < buffered.length; next += 1) {
          const [from, to] = [buffered.end(next - 1), buffered.start(next)];
          const hole = type + ' ' + from.toFixed(3) + '-' + to.toFixed(3);
          // Longer ranges are being loaded: what a change of quality removed comes again in segments and parts.
          if (to - from < ${SHORTEST_PIECE} && !result.holes.includes(hole)) result.holes.push(hole);
        }
      }
    };
    hls.on(Hls.Events.LEVEL_SWITCHED, (_, data) => result.levelsShown.push(data.level));
    hls.loadSource(${JSON.stringify(source)});
    hls.attachMedia(video);
    await new Promise((resolve) => hls.once(Hls.Events.MANIFEST_PARSED, resolve));
    result.levels = hls.levels.map(({ height }) => height + 'p');
    await video.play();
    await firstPicture;
    began = performance.now();
    const from = video.currentTime;
    const order = hls.levels.map((_, index) => index);
    await new Promise((resolve) => {
      let next = 0;
      const sampler = setInterval(() => {
        const now = sinceStart();
        keepHoles();
        // hls.js catches up by itself in low-latency mode only.
        if (!hls.config.lowLatencyMode) video.playbackRate = hls.latency > hls.targetLatency + 1 ? 1.1 : 1;
        if (now > 1 && hls.playingDate) result.latencies.push((Date.now() - hls.playingDate.getTime()) / 1000);
        const due = Math.floor(now / (${seconds} / (order.length + 1)));
        if (due > next && next < order.length) hls.nextLevel = order[next++];
        if (now > ${seconds}) { clearInterval(sampler); resolve(); }
      }, 250);
    });
    const { partHoldBack, holdBack } = hls.latestLevelDetails;
    result.told = ${lowLatencyMode} ? partHoldBack : holdBack;
    result.played = video.currentTime - from;
    result.droppedFrames = video.getVideoPlaybackQuality().droppedVideoFrames;
    hls.destroy();
    return result;
  })()`;
  return page.evaluate(script) as Promise<Playback>;
}

describe('hls.js', () => {
  it.each([
    // Closer than a player without low-latency mode may come: HOLD-BACK is three target durations. The exact figure is measured in bench/.
    { mode: 'low-latency', lowLatencyMode: true, latency: 6 },
    { mode: 'normal', lowLatencyMode: false, latency: 12 },
  ])(
    'B3.17 plays the ladder in $mode mode without an error or a stall, close to live, in every quality',
    {
      ...REAL_TIME,
      timeout: TEST_TIMEOUT + SECONDS * 1_500,
    },
    async ({ lowLatencyMode, latency }) => {
      const base = `${gateway.http}/hls/live/ladder`;
      followStream(base);
      // As many seconds as a player stays behind: if it starts with a stream of two seconds, it has no reserve.
      await whenListed(base, 'source', 4);
      const page = await browser.newPage();
      onTestFinished(() => page.close());
      await page.goto(`${gateway.http}/`);
      const playback = await play(page, `${base}/index.m3u8`, SECONDS, lowLatencyMode);
      const sorted = [...playback.latencies].sort((a, b) => a - b);
      const median = sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
      const figures = { ...playback, latencies: { median, max: sorted.at(-1), samples: sorted.length } };
      // Printed in long runs only.
      if (SECONDS > 60) process.stderr.write(`${JSON.stringify(figures, undefined, 2)}\n`);
      expect(playback.fatal).toEqual([]);
      expect(playback.errors).not.toContain('levelParsingError');
      expect(playback.stalls.filter((at) => at > 1)).toEqual([]);
      expect(Math.max(...playback.offsets) - Math.min(...playback.offsets)).toBeLessThan(0.001);
      expect(playback.holes).toEqual([]);
      expect(playback.levels).toEqual(['144p', '240p', '360p']);
      expect(new Set(playback.levelsShown)).toEqual(new Set([0, 1, 2]));
      expect(playback.told).toBeCloseTo(lowLatencyMode ? 1.6 : 6, 0);
      expect(median).toBeLessThan(latency);
      expect(gateway.errors()).toEqual([]);
    },
  );
});
