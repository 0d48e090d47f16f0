// Shaka Player in a real Chromium on the MPEG-DASH manifest of a live ladder: no error, no stall, picture and sound, close to live.
// PLAYBACK_SECONDS makes the run longer for more certainty; the rules of the test stay the same.
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { launchBrowser } from '../support/chromium.js';
import { followStream } from '../support/followed-stream.js';
import { publishTestPattern, startGateway } from '../support/gateway.js';
import { whenListed } from '../support/hls-client.js';
import { REAL_TIME, TEST_TIMEOUT } from '../support/patience.js';

const SECONDS = Number(process.env.PLAYBACK_SECONDS ?? 10);
const SHAKA = createRequire(import.meta.url).resolve('shaka-player/dist/shaka-player.compiled.js');

interface Playback {
  /** `code category severity` */
  readonly errors: string[];
  /** Seconds after the first picture at which playback stood still. */
  readonly stalls: number[];
  /** Wall clock minus presentation time, which counts from 1970. */
  readonly latencies: number[];
  readonly heights: number[];
  readonly played: number;
  readonly audioBytes: number;
  readonly live: boolean;
  readonly ended: boolean;
  readonly liveAfterEnd: boolean;
}

let browser: Browser;
beforeAll(async () => {
  browser = await launchBrowser();
});
afterAll(() => browser.close());

it('Shaka Player plays the live ladder in each quality, and to its end', {
  ...REAL_TIME,
  timeout: TEST_TIMEOUT + SECONDS * 1_500,
}, async () => {
  const gateway = await startGateway('--ladder', 'source,180p');
  const publisher = publishTestPattern(gateway.publishUrl('dash'), { size: '640x360', preset: 'ultrafast' });
  followStream(`${gateway.http}/hls/live/dash`);
  // As many seconds as a player stays behind: if it starts with a stream of two seconds, it has no reserve.
  await whenListed(`${gateway.http}/hls/live/dash`, 'source', 4);
  const page = await browser.newPage();
  onTestFinished(() => page.close());
  await page.goto(`${gateway.http}/`);
  await page.evaluate(await readFile(SHAKA, 'utf8'));
  await page.exposeFunction('endPublisher', () => publisher.child.kill('SIGKILL'));
  const script = `(async () => {
    shaka.polyfill.installAll();
    const video = document.createElement('video');
    video.muted = true;
    document.body.append(video);
    const player = new shaka.Player();
    await player.attach(video);
    const result = { errors: [], stalls: [], latencies: [], heights: [], played: 0, audioBytes: 0, live: false, ended: false, liveAfterEnd: true };
    const keep = (error) => result.errors.push([error.code, error.category, error.severity, error.data].join(' '));
    player.addEventListener('error', ({ detail }) => keep(detail));
    let began = Infinity;
    const sinceStart = () => (performance.now() - began) / 1000;
    // Without a sound card Chromium plays sound by a timer. On a quiet machine its rate is right (0.99999), but with ten busy processes for
    // each processor it was 10 to 16 % too slow: within minutes playback would fall out of the window.
    player.configure({ abr: { enabled: false }, streaming: { liveSync: { enabled: true } } });
    try { await player.load(${JSON.stringify(`${gateway.http}/dash/live/dash/manifest.mpd`)}); } catch (error) { keep(error); return result; }
    const firstPicture = new Promise((resolve) => video.requestVideoFrameCallback(resolve));
    await video.play();
    await firstPicture;
    began = performance.now();
    const from = video.currentTime;
    video.addEventListener('waiting', () => result.stalls.push(sinceStart()));
    // Shaka stops before the last picture is shown, by setting the playback rate to 0.
    player.addEventListener('buffering', ({ buffering }) => buffering && result.stalls.push(sinceStart()));
    const tracks = player.getVariantTracks().sort((a, b) => a.height - b.height);
    let next = 0;
    await new Promise((resolve) => {
      const sampler = setInterval(() => {
        const now = sinceStart();
        result.latencies.push(Date.now() / 1000 - video.currentTime);
        if (video.videoHeight > 0 && !result.heights.includes(video.videoHeight)) result.heights.push(video.videoHeight);
        if (next < tracks.length && now > next * ${SECONDS} / (tracks.length + 1)) player.selectVariantTrack(tracks[next++]);
        if (now > ${SECONDS}) { clearInterval(sampler); resolve(); }
      }, 250);
    });
    result.played = video.currentTime - from;
    result.audioBytes = video.webkitAudioDecodedByteCount;
    result.live = player.isLive();
    const atEnd = new Promise((resolve) => video.addEventListener('ended', () => resolve(true), { once: true }));
    const late = new Promise((resolve) => setTimeout(() => resolve(false), 40_000));
    await window.endPublisher();
    result.stalls = [...result.stalls];
    result.ended = await Promise.race([atEnd, late]);
    result.liveAfterEnd = player.isLive();
    await player.destroy();
    return result;
  })()`;
  const playback = (await page.evaluate(script)) as Playback;
  const sorted = [...playback.latencies].sort((a, b) => a - b);
  const latency = {
    first: playback.latencies[0],
    last: playback.latencies.at(-1),
    median: sorted[Math.floor(sorted.length / 2)] ?? Number.NaN,
    max: sorted.at(-1),
    samples: sorted.length,
  };
  // Printed in long runs only.
  if (SECONDS > 60) process.stderr.write(`${JSON.stringify({ ...playback, latencies: latency }, undefined, 2)}\n`);
  expect(playback.errors).toEqual([]);
  expect(playback.live).toBe(true);
  expect(playback.stalls.filter((at) => at > 1 && at < SECONDS)).toEqual([]);
  expect(new Set(playback.heights)).toEqual(new Set([180, 360]));
  expect(playback.played).toBeGreaterThan(SECONDS - 1.5);
  expect(playback.audioBytes).toBeGreaterThan(0);
  // Three target durations behind, as the manifest requires, plus what the player adds itself.
  expect(latency.median).toBeLessThan(10);
  expect(playback.ended).toBe(true);
  expect(playback.liveAfterEnd).toBe(false);
  expect(gateway.errors()).toEqual([]);
});
