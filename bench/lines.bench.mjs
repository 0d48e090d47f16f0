// Which part duration works over a slow line. hls.js, Shaka Player and the embed page each play over a simulated line with delay and limited rate;
// the benchmark measures their latency and stalls, and the same with MediaMTX.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { ageOfPicture, drawClock, publishArguments } from './clock-picture.mjs';
import { describeMachine, ffmpeg, root, start, startGateway, summary } from './measuring.mjs';
import { asked, startMediaMtx } from './peers.mjs';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 120);
/** Milliseconds in which players settle. Stalls are counted from the first picture on. */
const SETTLE = 10_000;
const SAMPLE_PERIOD = 500;
const KEY_FRAMES = 2;
/** A round trip and jitter in milliseconds; the rate of an ordinary line. */
const LINES = [
  { roundTrip: 20, jitter: 10, rate: 4_000_000 },
  { roundTrip: 100, jitter: 40, rate: 4_000_000 },
];
const PARTS = (process.env.BENCH_PARTS ?? '0.5,0.3,0.2').split(',');
const PLAYERS = (process.env.BENCH_PLAYERS ?? 'hls.js,Shaka,embed page').split(',');
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

// The same code as in the tests starts the browser and opens the lines.
spawnSync('npx', ['tsc', '-p', join(root, 'bench', 'tsconfig.json')], { stdio: 'inherit', cwd: root });
const { launchBrowser } = await import(join(root, 'dist', 'bench', 'test', 'support', 'chromium.js'));
const { openLine } = await import(join(root, 'dist', 'bench', 'test', 'support', 'slow-line.js'));

const require = createRequire(import.meta.url);
const scripts = {
  'hls.js': readFileSync(require.resolve('hls.js/dist/hls.min.js')),
  Shaka: readFileSync(require.resolve('shaka-player/dist/shaka-player.compiled.js')),
};
const begin = {
  'hls.js': `const hls = new Hls(); hls.loadSource(source); hls.attachMedia(video);`,
  // Its low-latency mode does not play HLS in version 5.2 (docs/interop.md).
  Shaka: `shaka.polyfill.installAll(); const player = new shaka.Player(); player.configure({ streaming: { lowLatencyMode: false } });
    player.attach(video).then(() => player.load(source)).catch((error) => { window.failure = String(error.code ?? error); });`,
};

/** Pages that differ only in the player. */
async function servePages() {
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url, 'http://localhost');
    const player = searchParams.get('player');
    response.setHeader('content-type', pathname === '/script' ? 'text/javascript' : 'text/html');
    if (pathname === '/script') return response.end(scripts[player]);
    return response.end(
      `<!doctype html><video muted autoplay playsinline></video><script src="/script?player=${player}"></script><script>
const video = document.querySelector('video'); const source = ${JSON.stringify(searchParams.get('source'))}; ${begin[player]}</script>`,
    );
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}/`, close: () => server.close() };
}

/** Runs in the page: counts how often and how long playback stalls after the first picture. */
function watchStandstill() {
  window.still = { times: 0, milliseconds: 0 };
  const watch = (video) => {
    let since;
    video.addEventListener('waiting', () => {
      if (since !== undefined || video.currentTime === 0) return;
      since = performance.now();
      window.still.times += 1;
    });
    for (const event of ['playing', 'timeupdate']) {
      video.addEventListener(event, () => {
        if (since === undefined || video.readyState < 3) return;
        window.still.milliseconds += performance.now() - since;
        since = undefined;
      });
    }
  };
  const find = () => {
    const video = document.querySelector('video');
    if (video === null) setTimeout(find, 20);
    else watch(video);
  };
  find();
}

/** Plays over a line that only this player uses. */
async function play(browser, address, line) {
  const page = await browser.newPage();
  await page.addInitScript(watchStandstill);
  await page.goto(address);
  const ages = [];
  const began = performance.now();
  return async () => {
    const age = await page.evaluate(ageOfPicture);
    if (age !== undefined && performance.now() - began > SETTLE) ages.push(age);
    return { ages, still: await page.evaluate(() => window.still), line };
  };
}

/** All players on lines of one kind, at the same time. @param embed path of the page that plays the stream; undefined if there is none */
async function measure(label, conditions, { publishTo, source, embed }) {
  const stop = new AbortController();
  const { child, ended } = start(ffmpeg, publishArguments(publishTo, { keyFrameInterval: KEY_FRAMES }), {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  child.stdin.on('error', () => stop.abort());
  const drawn = drawClock(child.stdin, stop.signal);
  const over = ended.then(({ stderr }) => {
    throw new Error(`the publisher ended: ${stderr}`);
  });
  over.catch(() => undefined);
  await asked(source, ({ ok }) => ok, over);
  const { url, close } = await servePages();
  const browser = await launchBrowser();
  const lines = [];
  try {
    const players = [];
    for (const player of PLAYERS) {
      if (player === 'embed page' && embed === undefined) continue;
      const line = await openLine(Number(new URL(source).port), conditions);
      lines.push(line);
      const through = (path) => {
        const changed = new URL(path, source);
        changed.port = String(line.port);
        return changed.href;
      };
      const address =
        player === 'embed page'
          ? through(`${embed}?muted=1&autoplay=1`)
          : `${url}?${new URLSearchParams({ player, source: through(source) })}`;
      players.push({ player, look: await play(browser, address, line) });
    }
    const until = performance.now() + SETTLE + SECONDS * 1000;
    while (performance.now() < until) {
      await Promise.race([Promise.all(players.map(({ look }) => look())), over]);
      await sleep(SAMPLE_PERIOD);
    }
    for (const { player, look } of players) {
      const { ages, still } = await look();
      const age = ages.length === 0 ? 'no picture read' : `${summary(ages, 0)} ms`;
      console.log(
        `${label.padEnd(24)} ${player.padEnd(11)} ${String(conditions.roundTrip).padStart(3)} ms  ${age}, stalled ${still.times} times, ${(still.milliseconds / 1000).toFixed(1)} s`,
      );
    }
  } finally {
    await browser.close();
    for (const line of lines) await line.close();
    close();
    stop.abort();
    await drawn;
    child.kill('SIGKILL');
    await ended;
  }
}

console.log(
  `${describeMachine()}\n640x360, 1.5 Mbit/s, key frames every ${KEY_FRAMES} s, lines of 4 Mbit/s; age of the picture shown, and stalls after the first picture, in ${SECONDS} s:`,
);
for (const conditions of LINES) {
  for (const part of PARTS) {
    const gateway = await startGateway(['--ladder', 'source', '--part-duration', part]);
    await measure(`sluice, parts of ${part} s`, conditions, {
      publishTo: `${gateway.rtmp}/clock`,
      source: `${gateway.http}/hls/live/clock/index.m3u8`,
      embed: '/embed/live/clock',
    });
    await gateway.stop();
  }
  const peer = await startMediaMtx();
  if (peer === undefined) continue;
  const { host, port, app } = peer.rtmp;
  const publishTo = `rtmp://${host}:${port}/${app}/clock`;
  await measure('MediaMTX', conditions, { publishTo, source: peer.playlist('clock') });
  await peer.stop();
}
