// Whether the gateway changes over a day: 24 hours of one stream with 100 consecutive publishers and a viewer, with both media and clock
// many times faster than real time. Prints memory and descriptors over the day; fails if they grow.
import { fork } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RtmpPublisher } from '../dist/demo/rtmp-publisher.js';
import { FlvReader } from '../dist/protocols/flv/flv-reader.js';
import {
  describeMachine,
  ffmpeg,
  ownCpuSeconds,
  residentMegabytes,
  root,
  run,
  temporaryDirectory,
} from './measuring.mjs';

const HOURS = Number(process.env.BENCH_HOURS ?? 24);
const SPEED = Number(process.env.BENCH_SPEED ?? 120);
const PUBLISHES = Number(process.env.BENCH_PUBLISHES ?? 101);
/** Share of the day after which nothing may grow any more. */
const WARM_UP = 1 / 6;
const SAMPLES = 48;
/** Allowed growth over the rest of the day; more than the random variation between publishes. */
const MAX_GROWTH_MB = { rss: 16, heap: 3, buffers: 6 };
/** One in this many publishers comes back too late to resume. */
const LATE_EACH = 10;
const RESUME_WINDOW = 120;
/** A whole number of frames of both tracks: 1600 pictures, 3000 audio frames. */
const LOOP_SECONDS = 64;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function readLoop() {
  const file = join(temporaryDirectory(), 'loop.flv');
  await run(ffmpeg, [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
    ...['-f', 'lavfi', '-i', 'testsrc2=size=640x360:rate=25', '-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
    ...['-t', `${LOOP_SECONDS}`, '-c:v', 'libx264', '-preset', 'veryfast', '-bf', '2'],
    // 4 GiB in a day, so that the byte counters of RTMP wrap.
    ...['-b:v', '350k', '-minrate', '350k', '-maxrate', '350k', '-bufsize', '350k', '-x264-params', 'nal-hrd=cbr'],
    ...['-g', '50', '-keyint_min', '50', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
    ...['-c:a', 'aac', '-b:a', '64k', '-ac', '2', file],
  ]);
  const reader = new FlvReader();
  reader.push(readFileSync(file));
  const tags = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);
  const isHeader = ({ type, body }) => type === 'script' || body[1] === 0;
  return {
    headers: tags.filter(isHeader),
    media: tags.filter((tag) => !isHeader(tag) && tag.timestamp < LOOP_SECONDS * 1000),
  };
}

/** Retries like an encoder if the previous publisher still has the name. */
async function connect(address) {
  for (let attempt = 1; ; attempt += 1) {
    const publisher = new RtmpPublisher(address);
    try {
      await publisher.ready();
      return publisher;
    } catch (error) {
      if (attempt === 20) throw error;
      await sleep(50);
    }
  }
}

/** Sends media for `seconds`, starting at a time of the encoder's clock, which never stops and passes 2^24 ms. @returns its end time */
async function publish(address, { headers, media }, from, seconds) {
  const publisher = await connect(address);
  const first = from % (LOOP_SECONDS * 1000);
  const base = from - first;
  for (const { type, body } of headers) publisher.send(type, from, body);
  const began = performance.now();
  let last = from;
  for (let round = 0; ; round += 1) {
    for (const { type, timestamp, body } of media) {
      const time = base + round * LOOP_SECONDS * 1000 + timestamp;
      if (time < from) continue;
      if (time - from >= seconds * 1000) {
        await publisher.close();
        return last;
      }
      last = time;
      const due = began + (time - from) / SPEED - performance.now();
      if (!publisher.send(type, time, body)) await publisher.drained();
      if (due > 5) await sleep(due);
    }
  }
}

/** A player with blocking reload, as fast as the playlists change. */
async function watch(http, signal, seen) {
  const url = `${http}/hls/live/soak/source/index.m3u8`;
  let query = '';
  while (!signal.aborted) {
    const response = await fetch(url + query, { signal }).catch(() => undefined);
    const text = await response?.text().catch(() => undefined);
    query = '';
    if (text === undefined || !response.ok) {
      if (response?.ok === false && response.status !== 404 && response.status !== 503)
        seen.failures.push(`playlist ${response.status}`);
      await sleep(20);
      continue;
    }
    const sequence = Number(/MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
    const discontinuity = Number(/DISCONTINUITY-SEQUENCE:(\d+)/.exec(text)?.[1] ?? 0);
    if (sequence < seen.sequence) seen.failures.push(`sequence ${seen.sequence} then ${sequence}`);
    if (discontinuity < seen.discontinuity)
      seen.failures.push(`discontinuity ${seen.discontinuity} then ${discontinuity} at ${sequence}`);
    seen.sequence = sequence;
    seen.discontinuity = discontinuity;
    seen.playlists += 1;
    const segments = text.match(/^seg-.*$/gm) ?? [];
    const newest = segments.at(-1);
    if (newest !== undefined && newest !== seen.newest) {
      seen.newest = newest;
      const answer = await fetch(new URL(newest, url), { signal }).catch(() => undefined);
      seen.bytes += (await answer?.arrayBuffer().catch(() => undefined))?.byteLength ?? 0;
      if (answer !== undefined && !answer.ok) {
        // A viewer that was delayed by 0.3 s has missed half a minute of this stream: what it requests may be gone.
        const listed = await (await fetch(url)).text();
        if (listed.includes(newest)) seen.failures.push(`${newest} ${answer.status}, and it is listed`);
        else seen.late += 1;
      }
    }
    if (!text.includes('ENDLIST')) query = `?_HLS_msn=${sequence + segments.length}&_HLS_part=0`;
    else await sleep(20);
  }
}

/** Slope by least squares, per hour of stream time. */
function slope(samples, pick) {
  const points = samples.map((sample) => [sample.hour, pick(sample)]);
  const meanX = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const meanY = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const above = points.reduce((sum, [x, y]) => sum + (x - meanX) * (y - meanY), 0);
  return above / points.reduce((sum, [x]) => sum + (x - meanX) ** 2, 0);
}

console.log(describeMachine());
console.log(`${HOURS} h at ${SPEED} x, ${PUBLISHES} publishers`);
const loop = await readLoop();
const directory = temporaryDirectory();
const child = fork(
  join(root, 'bench', 'soak', 'gateway.mjs'),
  [
    `${SPEED}`,
    ...['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0', '--publish-key', 'none', '--ladder', 'source'],
    ...['--media-dir', join(directory, 'media'), '--ffmpeg-path', ffmpeg, '--resume-window', `${RESUME_WINDOW}`],
    ...['--max-media-ahead', '3600', '--log-level', 'info'],
  ],
  { cwd: directory, execArgv: ['--expose-gc'], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] },
);
process.on('exit', () => child.kill('SIGKILL'));
const message = () => new Promise((resolve) => child.once('message', resolve));
const { urls } = await message();
const { hostname, port } = new URL(urls.rtmp.replace('rtmp:', 'http:'));
const address = { host: hostname, port: Number(port), app: 'live', streamName: 'soak' };
const stop = new AbortController();
const seen = { sequence: 0, discontinuity: 0, playlists: 0, bytes: 0, late: 0, failures: [] };
const watching = watch(urls.http.replace(/\/$/, ''), stop.signal, seen);

const samples = [];
const began = performance.now();
async function sample(hour) {
  const answer = message();
  child.send('sample');
  const { rss, heapUsed, arrayBuffers, handles, counts } = await answer;
  const files = readdirSync(join(directory, 'media'), { recursive: true }).length;
  const descriptors = readdirSync(`/proc/${child.pid}/fd`).length;
  const megabytes = (bytes) => bytes / 1048576;
  const now = {
    hour,
    rss: megabytes(rss),
    heap: megabytes(heapUsed),
    buffers: megabytes(arrayBuffers),
    descriptors,
    files,
  };
  samples.push(now);
  const figures = [now.rss, now.heap, now.buffers].map((value) => value.toFixed(1).padStart(7)).join(' ');
  const rest = [descriptors, handles, files].map((value) => `${value}`.padStart(5)).join(' ');
  const at = ((performance.now() - began) / 1000).toFixed(0);
  console.log(`${hour.toFixed(2).padStart(6)} h ${figures} ${rest}  ${JSON.stringify(counts)} ${at} s`);
}

console.log('  time      rss    heap buffers   fds handles files');
let clock = 0;
let nextSample = 0;
const each = (HOURS * 3600) / PUBLISHES;
for (let count = 1; count <= PUBLISHES; count += 1) {
  // In pieces, so that memory is measured at all moments of a publish and not only between two.
  const publishing = publish(address, loop, clock, each);
  const looking = (async () => {
    await sleep((each * 500) / SPEED);
    const hour = (count * each) / 3600;
    if (hour < nextSample) return;
    await sample(hour);
    nextSample += HOURS / SAMPLES;
  })();
  clock = (await publishing) + 40;
  await looking;
  const pause = count % LATE_EACH === 0 ? RESUME_WINDOW * 1.5 : 10;
  clock += pause * 1000;
  await sleep((pause * 1000) / SPEED);
}
const processor = ownCpuSeconds(child.pid);
const resident = residentMegabytes(child.pid);
stop.abort();
await watching;
const closed = message();
child.send('close');
console.log('warnings', JSON.stringify((await closed).closed));

const settled = samples.filter(({ hour }) => hour >= HOURS * WARM_UP);
const rest = HOURS * (1 - WARM_UP);
console.log(`encoder's clock ${(clock / 1000).toFixed(0)} s, 2^24 ms are 16777 s; RSS ${resident.toFixed(1)} MB`);
console.log(
  `viewer: ${seen.playlists} playlists, ${(seen.bytes / 2 ** 30).toFixed(2)} GiB, ${seen.late} too late, ${seen.failures.length} failures ${seen.failures.slice(0, 3).join('; ')}`,
);
console.log(
  `CPU: ${((processor / (HOURS * 3600)) * 100).toFixed(2)} % of a core per stream at real time, collections for the figures included`,
);
let failed = seen.failures.length > 0;
for (const [name, limit] of Object.entries(MAX_GROWTH_MB)) {
  const perHour = slope(settled, (figures) => figures[name]);
  const grew = perHour * rest;
  const verdict = grew <= limit ? 'ok' : 'GROWS';
  failed ||= grew > limit;
  console.log(
    `${name}: ${(perHour * 1024).toFixed(0)} kB per hour, ${grew.toFixed(1)} MB over ${rest.toFixed(1)} h, at most ${limit}: ${verdict}`,
  );
}
const descriptors = settled.map((figures) => figures.descriptors);
const spread = Math.max(...descriptors) - Math.min(...descriptors);
// Allows for the viewer's second connection and a file being written.
console.log(
  `descriptors: ${Math.min(...descriptors)} to ${Math.max(...descriptors)}: ${spread <= 4 ? 'ok' : 'NOT CONSTANT'}`,
);
process.exitCode = failed || spread > 4 ? 1 : 0;
