// Glass-to-glass latency: a clock drawn in the picture, read from the player's canvas in a real Chromium, next to the peers on this
// machine.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ageOfPicture, drawClock, publishArguments } from './clock-picture.mjs';
import { describeMachine, ffmpeg, root, start, startGateway, summary } from './measuring.mjs';
import { asked, startMediaMtx, startNginxRtmp } from './peers.mjs';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
/** Milliseconds after the start in which the player settles. */
const SETTLE = 10_000;
const SAMPLE_PERIOD = 200;

const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The same code as in the tests starts the browser.
spawnSync('npx', ['tsc', '-p', join(root, 'bench', 'tsconfig.json')], { stdio: 'inherit', cwd: root });
const { launchBrowser } = await import(join(root, 'dist', 'bench', 'test', 'support', 'chromium.js'));

const hlsScript = readFileSync(createRequire(import.meta.url).resolve('hls.js/dist/hls.min.js'));
/** The same page for all, so that only the servers differ. */
const page = `<!doctype html><title>latency</title><video muted autoplay playsinline></video><script src="/hls.js"></script><script>
  const query = new URLSearchParams(location.search);
  window.failures = [];
  // Catch-up and stall handling as on our own pages; otherwise the defaults of hls.js.
  const hls = new Hls({ lowLatencyMode: true, maxLiveSyncPlaybackRate: 1.25, liveSyncOnStallIncrease: 0.3, ...JSON.parse(query.get('options')) });
  hls.on(Hls.Events.ERROR, (_, { type, details, fatal }) => window.failures.push(type + ' ' + details + (fatal ? ' FATAL' : '')));
  hls.loadSource(query.get('source'));
  hls.attachMedia(document.querySelector('video'));
</script>`;

async function servePage() {
  const server = createServer((request, response) => {
    const isScript = request.url === '/hls.js';
    response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
    response.end(isScript ? hlsScript : page);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** Publishes, plays, and reads the clock. @param options options of hls.js */
async function measure(label, { publishTo, source, keyFrameInterval, options = {} }) {
  const stop = new AbortController();
  const { child, ended } = start(ffmpeg, publishArguments(publishTo, { keyFrameInterval }), {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  // If the server ends first, the encoder ends before all pictures are written.
  child.stdin.on('error', () => stop.abort());
  const drawn = drawClock(child.stdin, stop.signal);
  const refused = ended.then(({ stderr }) => {
    throw new Error(`the publisher ended before the stream could be played: ${stderr}`);
  });
  refused.catch(() => undefined);
  await asked(source, ({ ok }) => ok, refused);
  const { url, close } = await servePage();
  const browser = await launchBrowser();
  try {
    const tab = await browser.newPage();
    await tab.goto(`${url}?${new URLSearchParams({ source, options: JSON.stringify(options) })}`);
    await tab.waitForFunction(() => document.querySelector('video').currentTime > 0, undefined, { timeout: 60_000 });
    await sleep(SETTLE);
    const ages = [];
    const stalledAt = await tab.evaluate(() => {
      window.stalls = 0;
      document.querySelector('video').addEventListener('waiting', () => {
        window.stalls += 1;
      });
      return window.failures.length;
    });
    const until = performance.now() + SECONDS * 1000;
    while (performance.now() < until) {
      const age = await tab.evaluate(ageOfPicture);
      if (age !== undefined) ages.push(age);
      await sleep(SAMPLE_PERIOD);
    }
    const { stalls, failures } = await tab.evaluate(() => ({ stalls: window.stalls, failures: window.failures }));
    const late = failures.slice(stalledAt);
    console.log(
      `${label.padEnd(44)} ${ages.length === 0 ? 'no picture read' : `${summary(ages, 0)} ms`}, stalls ${stalls}${late.length > 0 ? `, errors: ${late.join('; ')}` : ''}`,
    );
  } finally {
    await browser.close();
    close();
    stop.abort();
    await drawn;
    // While data flows FFmpeg reacts to no other signal.
    child.kill('SIGKILL');
    await ended;
  }
}

async function sluice(partDuration, keyFrameInterval) {
  const gateway = await startGateway(['--ladder', 'source', '--part-duration', `${partDuration}`]);
  await measure(`sluice, parts of ${partDuration} s, key frames ${keyFrameInterval} s`, {
    publishTo: `${gateway.rtmp}/clock`,
    source: `${gateway.http}/hls/live/clock/index.m3u8`,
    keyFrameInterval,
  });
  await gateway.stop();
}

async function peer(label, server, keyFrameInterval, options) {
  if (server === undefined) return;
  const { host, port, app } = server.rtmp;
  await measure(label, {
    publishTo: `rtmp://${host}:${port}/${app}/clock`,
    source: server.playlist('clock'),
    ...{ keyFrameInterval, options },
  });
  await server.stop();
}

console.log(`${describeMachine()}\nage of the picture shown, encoder included, ${SECONDS} s after ${SETTLE / 1000} s:`);
await sluice(0.5, 2);
await sluice(0.2, 2);
// Shorter fragments would need key frames more often than encoders send them.
await peer('nginx-rtmp, HLS fragments of 1 s', await startNginxRtmp({ fragment: 1, playlist: 4 }), 1, {
  liveSyncDurationCount: 2,
});
await peer('MediaMTX at its defaults, key frames 2 s', await startMediaMtx(), 2);
