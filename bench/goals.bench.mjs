// The goals for streams that are not encoded: CPU time and memory compared with other servers that do the same work at the same time, and the event
// loop delay. The other goals have separate benchmarks: start, latency, viewers and ladder.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import {
  cpuSeconds,
  describeMachine,
  residentMegabytes,
  startGateway,
  summary,
  temporaryDirectory,
} from './measuring.mjs';
import { startMediaMtx, startNginxRtmp } from './peers.mjs';
import { makeSource, publishLoop } from './publishers.mjs';

const STREAMS = Number(process.env.BENCH_STREAMS ?? 30);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 30);
/** Milliseconds until the publishers have started and the JIT compiler has optimized most of the code. */
const WARM_UP = Number(process.env.BENCH_WARM_UP ?? 30_000);
/** Number of streams for the measurement of the event loop delay. */
const CROWD = Number(process.env.BENCH_CROWD ?? 50);
/** Milliseconds over which the publishers begin. */
const SPREAD = 4_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function startSluice(flags = [], nodeFlags = []) {
  const many = ['--ladder', 'source', '--max-connections-per-ip', '1000', '--max-streams', '1000'];
  const gateway = await startGateway([...many, ...flags], { nodeFlags });
  const { hostname, port } = new URL(gateway.rtmp.replace('rtmp:', 'http:'));
  return {
    pid: gateway.pid,
    rtmp: { host: hostname, port: Number(port), app: 'live' },
    playlist: (name) => `${gateway.http}/hls/live/${name}/index.m3u8`,
    stop: () => gateway.stop(),
  };
}

async function textOf(url) {
  const response = await fetch(url);
  const text = await response.text();
  if (!response.ok) throw new Error(`${url}: ${response.status} ${text.slice(0, 100)}`);
  return { text, url: response.url };
}

/** Loads the newest segment of a stream. @throws if there is none, because the server has then not done its work */
async function checkStream(url) {
  let playlist = await textOf(url);
  const variant = /^#EXT-X-STREAM-INF.*\n(\S+)$/m.exec(playlist.text)?.[1];
  if (variant !== undefined) playlist = await textOf(new URL(variant, playlist.url).href);
  const newest = playlist.text.match(/^[^#\s].*$/gm)?.at(-1);
  if (newest === undefined) throw new Error(`${url} lists no segment`);
  const response = await fetch(new URL(newest, playlist.url));
  const { byteLength } = await response.arrayBuffer();
  // A second of the source has 375 kB.
  if (!response.ok || byteLength < 100_000) throw new Error(`${newest}: ${response.status}, ${byteLength} bytes`);
}

/** Feeds all servers at the same time. @returns for each its CPU per stream, and its memory beyond idle per stream */
async function feed(source, servers, count) {
  const stop = new AbortController();
  await sleep(1_000);
  const idle = servers.map(({ pid }) => residentMegabytes(pid));
  const publishers = servers.flatMap(({ rtmp }) =>
    Array.from({ length: count }, (_, i) => publishLoop(source, rtmp, `s${i}`, (i * SPREAD) / count, stop.signal)),
  );
  const failed = Promise.all(publishers).then(() => new Promise(() => undefined));
  await Promise.race([sleep(WARM_UP), failed]);
  const before = servers.map(({ pid }) => cpuSeconds(pid));
  const began = performance.now();
  await Promise.race([sleep(SECONDS * 1000), failed]);
  const seconds = (performance.now() - began) / 1000;
  const cpu = servers.map(({ pid }, i) => (100 * (cpuSeconds(pid) - before[i])) / seconds / count);
  const memory = servers.map(({ pid }, i) => (residentMegabytes(pid) - idle[i]) / count);
  for (const { playlist } of servers) {
    for (let i = 0; i < count; i += 1) await checkStream(playlist(`s${i}`));
  }
  stop.abort();
  await Promise.all(publishers);
  return servers.map((_, i) => ({ cpu: cpu[i], memory: memory[i], idle: idle[i] }));
}

const short = ['--segment-duration', '1', '--part-duration', '0.2'];
const lowLatency = { hlsAlwaysRemux: true, hlsSegmentDuration: '1s', hlsPartDuration: '200ms' };
const pairs = [
  {
    title: '1 s / 0.2 s, LL-HLS and disk, against MediaMTX doing the same',
    goals: 'CPU <= 0.45, memory <= 2.5',
    ours: () => startSluice(short),
    theirs: () => startMediaMtx({ ...lowLatency, hlsDirectory: join(temporaryDirectory(), 'hls') }),
  },
  {
    title: '1 s / 0.2 s, mediaDir none, against MediaMTX in memory',
    goals: 'CPU <= 0.8, memory <= 0.35',
    ours: () => startSluice([...short, '--media-dir', 'none']),
    theirs: () => startMediaMtx(lowLatency),
  },
  {
    title: 'defaults, LL-HLS and disk, against nginx-rtmp writing TS to disk without LL-HLS',
    goals: 'CPU <= 1.2; ours: memory <= 4 MB for each stream, idle <= 80 MB',
    ours: () => startSluice(),
    theirs: () => startNginxRtmp({ fragment: 2, playlist: 20 }),
  },
];

console.log(`${describeMachine()}\n${STREAMS} publishers x 3 Mbit/s to each server, ${ROUNDS} rounds of ${SECONDS} s`);
console.log(
  `after ${WARM_UP / 1000} s of warm-up; both servers of a pair at the same time; every stream fetched at the end`,
);
const source = await makeSource();
for (const { title, goals, ours, theirs } of pairs) {
  console.log(`\n${title} (goals: ${goals})`);
  const rounds = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    const servers = [await ours(), await theirs()].filter((server) => server !== undefined);
    rounds.push(await feed(source, servers, STREAMS));
    await Promise.all(servers.map((server) => server.stop()));
  }
  const of = (server, what) => rounds.map((round) => round[server][what]);
  const row = (name, values, digits) => console.log(`  ${name.padEnd(38)} ${summary(values, digits)}`);
  for (const [server, name] of ['ours', 'theirs'].entries()) {
    if (rounds[0][server] === undefined) continue;
    row(`${name}: CPU per stream, % of a core`, of(server, 'cpu'), 3);
    row(`${name}: memory per stream, MB`, of(server, 'memory'), 1);
    row(`${name}: memory when idle, MB`, of(server, 'idle'), 0);
  }
  if (rounds[0].length < 2) continue;
  const ratio = (what) => rounds.map(([our, their]) => our[what] / their[what]);
  row('CPU, ours to theirs', ratio('cpu'), 2);
  row('memory, ours to theirs', ratio('memory'), 2);
}

console.log(`\ndelays of the event loop, ${CROWD} publishers, defaults:`);
const delayFile = join(temporaryDirectory(), 'delays.json');
const preload = fileURLToPath(new URL('loop-delay.mjs', import.meta.url));
Object.assign(process.env, { BENCH_LOOP_DELAY: delayFile, BENCH_WARM_UP: `${WARM_UP}` });
const crowded = await startSluice([], [`--import=${preload}`]);
const [{ cpu, memory }] = await feed(source, [crowded], CROWD);
await crowded.stop();
const { p99, max } = JSON.parse(readFileSync(delayFile, 'utf8'));
console.log(
  `  p99 ${p99.toFixed(1)} ms, longest ${max.toFixed(1)} ms; CPU per stream ${cpu.toFixed(3)} % of a core, ${memory.toFixed(1)} MB`,
);
process.exit(0);
