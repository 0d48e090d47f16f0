// Glass-to-glass latency: a clock drawn in the picture, read from the player's canvas in a real Chromium, next to the peers on this
// machine.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { createServer as createTcpServer } from 'node:net';
import { delimiter, join } from 'node:path';
import { ageOfPicture, drawClock, publishArguments } from './clock-picture.mjs';
import { describeMachine, ffmpeg, root, start, startGateway, summary, temporaryDirectory } from './measuring.mjs';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
/** Milliseconds after the start in which the player settles. */
const SETTLE = 10_000;
const SAMPLE_PERIOD = 200;
const NGINX = '/usr/sbin/nginx';
const RTMP_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';

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

async function freePort() {
  const server = createTcpServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function listening(url) {
  for (;;) {
    const response = await fetch(url).catch(() => undefined);
    await response?.arrayBuffer();
    if (response !== undefined) return;
    await sleep(50);
  }
}

async function available(url) {
  for (;;) {
    const response = await fetch(url);
    await response.arrayBuffer();
    if (response.ok) return;
    await sleep(100);
  }
}

/** Publishes, plays, and reads the clock. @param options options of hls.js */
async function measure(label, { publishTo, source, keyFrameInterval, options = {} }) {
  const stop = new AbortController();
  const { child, ended } = start(ffmpeg, publishArguments(publishTo, { keyFrameInterval }), {
    stdio: ['pipe', 'ignore', 'pipe'],
  });
  // The encoder may end before its pictures do, if the server ends first.
  child.stdin.on('error', () => stop.abort());
  const drawn = drawClock(child.stdin, stop.signal);
  await available(source);
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

/** Three fragments of 1 s: shorter ones would need key frames more often than encoders send them. */
async function nginxRtmp() {
  if (!existsSync(NGINX) || !existsSync(RTMP_MODULE)) {
    console.log('nginx-rtmp: not on this machine (Debian packages nginx and libnginx-mod-rtmp)');
    return;
  }
  const directory = temporaryDirectory();
  const [rtmpPort, httpPort] = [await freePort(), await freePort()];
  mkdirSync(join(directory, 'hls'), { mode: 0o777 });
  const configuration = join(directory, 'nginx.conf');
  writeFileSync(
    configuration,
    `load_module ${RTMP_MODULE};
daemon off; master_process off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 256; }
rtmp { server { listen 127.0.0.1:${rtmpPort}; application live { live on; hls on; hls_path ${directory}/hls; hls_fragment 1s; hls_playlist_length 4s; } } }
http { access_log off; types { application/vnd.apple.mpegurl m3u8; video/mp2t ts; }
  client_body_temp_path ${directory}/t1; proxy_temp_path ${directory}/t2; fastcgi_temp_path ${directory}/t3; uwsgi_temp_path ${directory}/t4; scgi_temp_path ${directory}/t5;
  server { listen 127.0.0.1:${httpPort}; location / { root ${directory}/hls; add_header Access-Control-Allow-Origin * always; add_header Cache-Control no-cache; } } }
`,
  );
  const { child, ended } = start(NGINX, ['-c', configuration, '-p', directory]);
  await listening(`http://127.0.0.1:${httpPort}/`);
  await measure('nginx-rtmp, HLS fragments of 1 s', {
    publishTo: `rtmp://127.0.0.1:${rtmpPort}/live/clock`,
    source: `http://127.0.0.1:${httpPort}/clock.m3u8`,
    keyFrameInterval: 1,
    options: { liveSyncDurationCount: 2 },
  });
  child.kill('SIGTERM');
  await ended;
}

/** With its default options, except for the ports. */
async function mediamtx() {
  const program = (process.env.PATH ?? '')
    .split(delimiter)
    .map((directory) => join(directory, 'mediamtx'))
    .find((file) => existsSync(file));
  if (program === undefined) {
    console.log('MediaMTX: no mediamtx on PATH');
    return;
  }
  const [rtmpPort, hlsPort] = [await freePort(), await freePort()];
  const env = {
    ...process.env,
    MTX_RTMPADDRESS: `127.0.0.1:${rtmpPort}`,
    MTX_HLSADDRESS: `127.0.0.1:${hlsPort}`,
    MTX_RTSP: 'no',
    MTX_WEBRTC: 'no',
    MTX_SRT: 'no',
  };
  const { child, ended } = start(program, [], { env, cwd: temporaryDirectory() });
  child.stdout.resume();
  await listening(`http://127.0.0.1:${hlsPort}/`);
  await measure('MediaMTX at its defaults', {
    publishTo: `rtmp://127.0.0.1:${rtmpPort}/clock`,
    source: `http://127.0.0.1:${hlsPort}/clock/index.m3u8`,
    keyFrameInterval: 1,
  });
  child.kill('SIGTERM');
  await ended;
}

console.log(`${describeMachine()}\nage of the picture shown, encoder included, ${SECONDS} s after ${SETTLE / 1000} s:`);
await sluice(0.5, 2);
await sluice(0.2, 2);
await nginxRtmp();
await mediamtx();
