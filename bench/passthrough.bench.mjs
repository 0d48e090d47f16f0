// The cost of a stream that is not encoded: publishers of 3 Mbit/s with LL-HLS and disk, compared with nginx and its RTMP module writing
// HLS, in one run; then how CPU time and memory grow with the number of publishers, and whether every sample was stored.
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { RtmpPublisher } from '../dist/demo/rtmp-publisher.js';
import { parseAudioTag } from '../dist/protocols/flv/audio-tag.js';
import { FlvReader } from '../dist/protocols/flv/flv-reader.js';
import { parseVideoTag } from '../dist/protocols/flv/video-tag.js';
import { FragmentReader } from '../dist/protocols/mp4/fragment-reader.js';
import { printProfile } from './cpu-profile.mjs';
import {
  describeMachine,
  ffmpeg,
  ownCpuSeconds,
  residentMegabytes,
  root,
  run,
  start,
  startGateway,
  temporaryDirectory,
} from './measuring.mjs';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
const GROWTH_SECONDS = Math.min(SECONDS, 30);
const STREAMS = 20;
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
/** Numbers of publishers for the growth of CPU time and memory. */
const COUNTS = (process.env.BENCH_COUNTS ?? '1,10,20,50,100').split(',').map(Number);
/** Milliseconds until all publishers have started and the JIT compiler has optimized most of the code. */
const WARM_UP = Number(process.env.BENCH_WARM_UP ?? 30_000);
const NGINX = '/usr/sbin/nginx';
const RTMP_MODULE = '/usr/lib/nginx/modules/ngx_rtmp_module.so';
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

console.log(describeMachine());
const file = join(temporaryDirectory(), 'source.flv');
await run(ffmpeg, [
  ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
  ...['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
  ...['-t', `${SECONDS + WARM_UP / 1000 + 4}`, '-c:v', 'libx264', '-preset', 'veryfast'],
  ...['-b:v', '2900k', '-minrate', '2900k', '-maxrate', '2900k', '-bufsize', '2900k', '-x264-params', 'nal-hrd=cbr'],
  ...['-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
  ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', file],
]);
const reader = new FlvReader();
reader.push(readFileSync(file));
const tags = [];
for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);

const isFrame = ({ type, body }) =>
  (type === 'video' ? parseVideoTag(body) : type === 'audio' ? parseAudioTag(body) : {}).packetType === 'frames';

/** Publishes in real time until the signal is aborted. @returns the number of frames sent of each kind, and their coded bytes */
async function publish({ host, port, app, streamName }, delay, signal) {
  await sleep(delay);
  const publisher = new RtmpPublisher({ host, port, app, streamName });
  await publisher.ready();
  const sent = { video: 0, audio: 0, bytes: 0 };
  const began = performance.now();
  for (const tag of tags) {
    const due = began + tag.timestamp - performance.now();
    if (due > 1) await sleep(due);
    if (signal.aborted) break;
    publisher.send(tag.type, tag.timestamp, tag.body);
    if (!isFrame(tag)) continue;
    sent[tag.type] += 1;
    sent.bytes += (tag.type === 'video' ? parseVideoTag(tag.body) : parseAudioTag(tag.body)).data.length;
  }
  await publisher.close();
  return sent;
}

/** Sends the same bytes to a server that does not answer. */
async function send({ host, port }, delay, signal) {
  await sleep(delay);
  const socket = connect({ host, port, noDelay: true });
  socket.on('error', () => undefined);
  const began = performance.now();
  for (const tag of tags) {
    const due = began + tag.timestamp - performance.now();
    if (due > 1) await sleep(due);
    if (signal.aborted) break;
    socket.write(tag.body);
  }
  socket.destroy();
}

/**
 * @param atEnd called for further measurements while the publishers still send
 * @returns CPU seconds of `pid` per stream and second, its resident memory, and what was sent
 */
async function load({ pid, host, port, app }, count, seconds, { publishes = publish, atEnd = () => undefined } = {}) {
  const stop = new AbortController();
  const publishers = Array.from({ length: count }, (_, i) =>
    publishes({ host, port, app, streamName: `s${i}` }, (i * 2000) / count, stop.signal),
  );
  await Promise.race([sleep(WARM_UP), ...publishers]);
  const before = ownCpuSeconds(pid);
  const began = performance.now();
  await Promise.race([sleep(seconds * 1000), ...publishers]);
  const cpu = (ownCpuSeconds(pid) - before) / ((performance.now() - began) / 1000);
  const memory = residentMegabytes(pid);
  const seen = atEnd();
  stop.abort();
  return { cpu, perStream: cpu / count, memory, seen, sent: await Promise.all(publishers) };
}

const gatewayFlags = ['--ladder', 'source', '--max-connections-per-ip', '1000', '--max-streams', '1000'];

async function sluice(count, seconds, { flags = [], nodeFlags = [] } = {}) {
  const gateway = await startGateway([...gatewayFlags, ...flags], { nodeFlags });
  const idle = residentMegabytes(gateway.pid);
  const { hostname, port } = new URL(gateway.rtmp.replace('rtmp:', 'http:'));
  const target = { pid: gateway.pid, host: hostname, port: Number(port), app: 'live' };
  const measured = await load(target, count, seconds, { atEnd: () => listedMegabytes(gateway.mediaDir) });
  return { ...measured, window: measured.seen, idle, gateway };
}

/** Media of all segments that are listed at the moment. The gateway has it in memory too, plus the segments being made. */
function listedMegabytes(mediaDir) {
  const app = join(mediaDir, 'live');
  let bytes = 0;
  for (const name of readdirSync(app)) {
    for (const rendition of ['source', 'audio']) {
      const directory = join(app, name, rendition);
      const playlist = readFileSync(join(directory, 'index.m3u8'), 'utf8');
      for (const line of playlist.split('\n'))
        if (line.startsWith('seg-')) bytes += statSync(join(directory, line)).size;
    }
  }
  return bytes / 2 ** 20;
}

/** Reads the whole tree after the streams have ended. */
function stored(mediaDir, name) {
  const total = { video: 0, audio: 0, bytes: 0 };
  for (const rendition of ['source', 'audio']) {
    const directory = join(mediaDir, 'live', name, rendition);
    const inits = readdirSync(directory).filter((entry) => entry.startsWith('init-'));
    const playlist = readFileSync(join(directory, 'index.m3u8'), 'utf8');
    const segments = playlist.split('\n').filter((line) => line.startsWith('seg-'));
    const fragments = new FragmentReader();
    fragments.push(readFileSync(join(directory, inits[0])));
    let lastEnd;
    for (const segment of segments) {
      fragments.push(readFileSync(join(directory, segment)));
      for (let event = fragments.next(); event !== undefined; event = fragments.next()) {
        if (event.type !== 'fragment') continue;
        const { baseMediaDecodeTime, duration, samples } = event.fragment;
        if (lastEnd !== undefined && baseMediaDecodeTime < lastEnd - duration)
          throw new Error(`${name}: time ran back`);
        lastEnd = baseMediaDecodeTime + duration;
        total[rendition === 'source' ? 'video' : 'audio'] += samples.length;
        total.bytes += samples.reduce((sum, { size }) => sum + size, 0);
      }
    }
  }
  return total;
}

async function freePort() {
  const server = createServer();
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function nginx(count, seconds) {
  const directory = temporaryDirectory();
  const port = await freePort();
  mkdirSync(join(directory, 'hls'), { mode: 0o777 });
  const configuration = join(directory, 'nginx.conf');
  writeFileSync(
    configuration,
    `load_module ${RTMP_MODULE};
daemon off; master_process off; worker_processes 1; pid ${directory}/nginx.pid; error_log ${directory}/error.log;
events { worker_connections 1024; }
rtmp { server { listen 127.0.0.1:${port}; application live { live on; hls on; hls_path ${directory}/hls; hls_nested on; hls_fragment 2s; hls_playlist_length 20s; } } }
`,
  );
  const { child, ended } = start(NGINX, ['-c', configuration, '-p', directory]);
  child.stdout.resume();
  while (!existsSync(join(directory, 'nginx.pid'))) await sleep(20);
  const measured = await load({ pid: child.pid, host: '127.0.0.1', port, app: 'live' }, count, seconds);
  child.kill('SIGTERM');
  await ended;
  return measured;
}

const percent = (share) => `${(100 * share).toFixed(3)} %`;

/** A minimal Node server that discards what it reads: the cost of reading alone. */
async function reading(count, seconds, what) {
  const { child, ended } = start(process.execPath, [join(root, 'bench', 'read-only-server.mjs'), what], {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const [port] = await once(child, 'message');
  const publishes = what === 'messages' ? publish : send;
  const target = { pid: child.pid, host: '127.0.0.1', port, app: 'live' };
  const measured = await load(target, count, seconds, { publishes });
  child.kill('SIGTERM');
  await ended;
  return measured;
}

const median = (values) => [...values].sort((x, y) => x - y)[Math.floor(values.length / 2)];
const has = existsSync(NGINX) && existsSync(RTMP_MODULE);
if (!has) console.log('nginx-rtmp: not on this machine (Debian packages nginx and libnginx-mod-rtmp)');

// Alternating, because a busy machine makes the same work more expensive: only measurements close in time can be compared.
console.log(`\n${STREAMS} publishers x 3 Mbit/s, ${ROUNDS} rounds of ${SECONDS} s each, CPU of one core per stream:`);
const rounds = [];
for (let round = 0; round < ROUNDS; round += 1) {
  const ours = await sluice(STREAMS, SECONDS);
  await ours.gateway.stop();
  const result = {
    'sluice (LL-HLS, disk)': ours.perStream,
    ...(has && { 'nginx-rtmp (HLS)': (await nginx(STREAMS, SECONDS)).perStream }),
    'Node reading RTMP only': (await reading(STREAMS, GROWTH_SECONDS, 'messages')).perStream,
    'Node reading bytes only': (await reading(STREAMS, GROWTH_SECONDS, 'bytes')).perStream,
  };
  rounds.push(result);
  const shown = Object.entries(result).map(([name, share]) => `${name} ${percent(share)}`);
  console.log(`  ${shown.join(', ')}`);
}
for (const name of Object.keys(rounds[0])) {
  const ratio = has
    ? `, ${median(rounds.map((each) => each[name] / each['nginx-rtmp (HLS)'])).toFixed(2)} x nginx-rtmp`
    : '';
  console.log(`  ${name.padEnd(24)} ${percent(median(rounds.map((each) => each[name])))}${ratio}`);
}

// With this window everything is still listed at the end, so that every sample can be counted.
const whole = await sluice(STREAMS, GROWTH_SECONDS, { flags: ['--window-segments', '1000', '--resume-window', '0'] });
let missing = 0;
for (const [index, sent] of whole.sent.entries()) {
  const playlist = join(whole.gateway.mediaDir, 'live', `s${index}`, 'audio', 'index.m3u8');
  for (let i = 0; i < 300 && !readFileSync(playlist, 'utf8').includes('#EXT-X-ENDLIST'); i += 1) await sleep(100);
  const found = stored(whole.gateway.mediaDir, `s${index}`);
  for (const key of ['video', 'audio', 'bytes']) {
    if (found[key] === sent[key]) continue;
    missing += 1;
    console.log(`  s${index}: sent ${sent[key]} ${key}, stored ${found[key]}`);
  }
}
console.log(
  missing === 0 ? '  every video and audio sample sent is stored, with the same number of bytes' : '  SAMPLES LOST',
);
await whole.gateway.stop();

console.log(`\ngrowth, ${GROWTH_SECONDS} s each, default window:`);
for (const count of COUNTS) {
  const { cpu, perStream, memory, window, idle, gateway } = await sluice(count, GROWTH_SECONDS);
  await gateway.stop();
  const each = (megabytes) => (megabytes / count).toFixed(1);
  console.log(
    `  ${`${count}`.padStart(3)} publishers  CPU ${percent(cpu)} of a core, ${percent(perStream)} per stream; RSS ${memory.toFixed(0)} MB (idle ${idle.toFixed(0)}): per stream ${each(memory - idle)} MB, of which ${each(window)} MB are listed media, ${each(memory - idle - window)} MB beyond`,
  );
}

console.log(`\nwhere the time of the gateway goes, ${STREAMS} publishers:`);
const profiles = temporaryDirectory();
const profiled = await sluice(STREAMS, GROWTH_SECONDS, { nodeFlags: ['--cpu-prof', `--cpu-prof-dir=${profiles}`] });
await profiled.gateway.stop();
for (const entry of readdirSync(profiles)) printProfile(join(profiles, entry));
process.exit(missing === 0 ? 0 : 1);
