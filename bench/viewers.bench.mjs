// The cost of a viewer: viewers send the same requests as hls.js in low-latency mode, for a live stream of video and audio, and the same for MediaMTX
// with the same stream, segments and parts. Server and viewers have one core each (taskset), so that they do not take each other's time.
import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { RtmpPublisher } from '../dist/demo/rtmp-publisher.js';
import { FlvReader } from '../dist/protocols/flv/flv-reader.js';
import { cpuSeconds, describeMachine, ffmpeg, run, startGateway, summary, temporaryDirectory } from './measuring.mjs';
import { asked, startMediaMtx } from './peers.mjs';

const COUNTS = (process.env.BENCH_COUNTS ?? '200,1000').split(',').map(Number);
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 3);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 30);
/** Seconds of the stream, which is repeated: whole GOPs. */
const SOURCE_SECONDS = 20;
/** Milliseconds until all viewers have started and the JIT compiler has optimized most of the code. */
const WARM_UP = 15_000;
/** Viewers that start at the same time. */
const AT_ONCE = 50;
const [SERVER_CORE, VIEWER_CORE] = ['0', '1'];
const here = fileURLToPath(import.meta.url);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** A persistent connection with one request at a time. Video and audio have two each: for playlists and for media. */
class Connection {
  #socket;
  #host;
  #waiting;
  #received = [];
  #length = 0;

  constructor({ hostname, port, host }) {
    this.#host = host;
    this.#socket = connect(Number(port), hostname).setNoDelay();
    this.#socket.on('data', (chunk) => this.#take(chunk));
    this.#socket.on('error', (error) => this.#waiting?.reject(error));
    this.#socket.on('close', () => this.#waiting?.reject(new Error('the server closed a connection')));
  }

  get(path) {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      this.#socket.write(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nAccept-Encoding: identity\r\n\r\n`);
    });
  }

  close() {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #take(chunk) {
    this.#received.push(chunk);
    this.#length += chunk.length;
    this.#head ??= this.#readHead();
    if (this.#head === undefined) return;
    if (this.#head.length === undefined) {
      if (!chunk.subarray(-5).equals(LAST_CHUNK) && !chunk.equals(LAST_CHUNK)) return;
    } else if (this.#length < this.#head.end + this.#head.length) return;
    const all = this.#received.length === 1 ? this.#received[0] : Buffer.concat(this.#received);
    const { status, end, length } = this.#head;
    const body = length === undefined ? unchunked(all.subarray(end)) : all.subarray(end);
    [this.#received, this.#length, this.#head] = [[], 0, undefined];
    const { resolve } = this.#waiting;
    this.#waiting = undefined;
    resolve({ status, body });
  }

  #head;

  #readHead() {
    const all = this.#received.length === 1 ? this.#received[0] : Buffer.concat(this.#received);
    const end = all.indexOf('\r\n\r\n');
    if (end < 0) return undefined;
    const text = all.toString('latin1', 0, end);
    const length = /\r\ncontent-length: *(\d+)/i.exec(text)?.[1];
    return {
      status: Number(text.slice(9, 12)),
      end: end + 4,
      length: length === undefined ? undefined : Number(length),
    };
  }
}

const LAST_CHUNK = Buffer.from('0\r\n\r\n');

function unchunked(body) {
  const pieces = [];
  for (let at = 0; ; ) {
    const line = body.indexOf('\r\n', at);
    const size = Number.parseInt(body.toString('latin1', at, line), 16);
    if (size === 0) return Buffer.concat(pieces);
    pieces.push(body.subarray(line + 2, line + 2 + size));
    at = line + 2 + size + 2;
  }
}

/** All viewers get the same text, so it is parsed once. */
const read = new Map();

/** @returns the position to request next, and the newest part with its number counted over all segments */
function readPlaylist(body) {
  const text = body.toString('latin1');
  const known = read.get(text);
  if (known !== undefined) return known;
  let sequence = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)/.exec(text)?.[1]);
  let part = 0;
  let newest;
  for (const line of text.split('\n')) {
    if (line.startsWith('#EXT-X-PART:')) {
      newest = /URI="([^"]+)"/.exec(line)?.[1];
      part += 1;
    } else if (line !== '' && !line.startsWith('#')) {
      sequence += 1;
      part = 0;
    }
  }
  if (read.size > 64) read.clear();
  const found = { next: `_HLS_msn=${sequence}&_HLS_part=${part}`, newest };
  read.set(text, found);
  return found;
}

/** One track of one viewer: the next playlist is requested while the part is loaded. */
async function follow(url, counted, isOver) {
  const [playlists, media] = [new Connection(url), new Connection(url)];
  const query = url.search === '' ? '?' : `${url.search}&`;
  let loading = Promise.resolve();
  try {
    for (let path = url.pathname + url.search; !isOver(); ) {
      const { status, body } = await playlists.get(path);
      if (status !== 200) throw new Error(`${path}: ${status}`);
      const { next, newest } = readPlaylist(body);
      path = `${url.pathname}${query}${next}`;
      await loading;
      if (newest === undefined) continue;
      const { pathname, search } = new URL(newest, url);
      loading = media.get(pathname + search).then((answer) => {
        if (answer.status !== 200 || answer.body.length === 0) throw new Error(`${newest}: ${answer.status}`);
        counted.parts += 1;
        counted.bytes += answer.body.length;
      });
      loading.catch(() => undefined);
    }
  } finally {
    playlists.close();
    media.close();
  }
}

async function runViewers(playlist, count) {
  const counted = { parts: 0, bytes: 0 };
  let over = false;
  const viewers = [];
  const come = async () => {
    const response = await fetch(playlist);
    const text = await response.text();
    const tracks = [/^#EXT-X-STREAM-INF.*\n(\S+)$/m.exec(text)?.[1], /TYPE=AUDIO.*URI="([^"]+)"/.exec(text)?.[1]];
    return tracks.filter((uri) => uri !== undefined).map((uri) => new URL(uri, response.url));
  };
  // All connections are opened before the first viewer starts; otherwise the load of the first viewers would delay the others.
  const tracks = [];
  while (tracks.length < count) {
    const missing = Math.min(AT_ONCE, count - tracks.length);
    tracks.push(...(await Promise.all(Array.from({ length: missing }, come))));
  }
  for (const url of tracks.flat()) {
    const viewer = follow(url, counted, () => over);
    viewer.catch((error) => {
      if (!over) throw error;
    });
    viewers.push(viewer);
  }
  process.on('message', (command) => {
    if (command === 'end') {
      over = true;
      process.send({ ...counted, tracks: viewers.length / count }, () => process.exit(0));
      return;
    }
    [counted.parts, counted.bytes] = [0, 0];
  });
  process.send('come');
}

const costs = new Map();

async function measure(label, { pid, rtmp, playlist, stop }, count, tags) {
  spawnSync('taskset', ['-a', '-p', '-c', SERVER_CORE, String(pid)]);
  const publisher = new RtmpPublisher({ ...rtmp, streamName: 'viewers' });
  await publisher.ready();
  const began = performance.now();
  let published = true;
  const publishing = (async () => {
    for (let round = 0; published; round += 1) {
      for (const tag of tags) {
        const timestamp = tag.timestamp + round * SOURCE_SECONDS * 1000;
        const due = began + timestamp - performance.now();
        if (due > 1) await sleep(due);
        if (!published) break;
        publisher.send(tag.type, timestamp, tag.body);
      }
    }
    await publisher.close();
  })();
  const address = playlist('viewers');
  await asked(address, ({ ok }) => ok);
  // After some seconds the playlists list whole segments, so viewers can start.
  await sleep(3_000);
  const idle = await costOf(pid, 5_000);
  const child = fork(here, [], { env: { ...process.env, BENCH_PLAYLIST: address, BENCH_COUNT: String(count) } });
  spawnSync('taskset', ['-a', '-p', '-c', VIEWER_CORE, String(child.pid)]);
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the viewers ended with ${code}`);
  });
  failed.catch(() => undefined);
  await Promise.race([once(child, 'message'), failed]);
  await sleep(WARM_UP);
  child.send('begin');
  const cost = await Promise.race([costOf(pid, SECONDS * 1000), failed]);
  child.send('end');
  const [{ parts, bytes, tracks }] = await once(child, 'message');
  published = false;
  await publishing;
  await stop();
  // Five parts of each track a second.
  const share = parts / (count * tracks * SECONDS * 5);
  console.log(
    `${label.padEnd(10)} ${String(count).padStart(5)} viewers: ${(100 * cost).toFixed(1)} % of a core (${(100 * idle).toFixed(1)} % without), ${((100 * (cost - idle)) / count).toFixed(4)} % per viewer, ${(100 * share).toFixed(1)} % of the parts loaded, ${((bytes * 8) / SECONDS / count / 1e6).toFixed(2)} Mbit/s each`,
  );
  const key = `${label} ${count}`;
  costs.set(key, [...(costs.get(key) ?? []), (cost - idle) / parts]);
}

/** CPU seconds per second. */
async function costOf(pid, milliseconds) {
  const [before, began] = [cpuSeconds(pid), performance.now()];
  await sleep(milliseconds);
  return ((cpuSeconds(pid) - before) * 1000) / (performance.now() - began);
}

async function sluice() {
  const flags = ['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.2'];
  const gateway = await startGateway([...flags, '--max-connections-per-ip', '20000', '--max-waiters-per-ip', '20000']);
  const { hostname, port } = new URL(gateway.rtmp.replace('rtmp:', 'http:'));
  return {
    pid: gateway.pid,
    rtmp: { host: hostname, port: Number(port), app: 'live' },
    playlist: (name) => `${gateway.http}/hls/live/${name}/index.m3u8`,
    stop: gateway.stop,
  };
}

async function main() {
  console.log(`${describeMachine()}\n720p, 3 Mbit/s, segments and key frames 1 s, parts 0.2 s, pictures and sound:`);
  const file = join(temporaryDirectory(), 'source.flv');
  await run(ffmpeg, [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
    ...['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
    ...['-t', `${SOURCE_SECONDS}`, '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '2900k'],
    ...['-maxrate', '2900k', '-bufsize', '2900k', '-g', '30', '-keyint_min', '30', '-sc_threshold', '0'],
    ...['-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '128k', '-ac', '2', file],
  ]);
  const reader = new FlvReader();
  reader.push(readFileSync(file));
  const tags = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);
  for (let round = 0; round < ROUNDS; round += 1) {
    for (const count of COUNTS) {
      await measure('sluice', await sluice(), count, tags);
      const peer = await startMediaMtx();
      if (peer !== undefined) await measure('MediaMTX', peer, count, tags);
    }
  }
  for (const count of COUNTS) {
    const [ours, theirs] = [costs.get(`sluice ${count}`), costs.get(`MediaMTX ${count}`)];
    if (theirs === undefined) continue;
    const ratios = ours.map((cost, round) => cost / theirs[round]);
    console.log(`CPU per part loaded against MediaMTX, ${count} viewers: ${summary(ratios, 2)}`);
  }
}

if (process.env.BENCH_PLAYLIST === undefined) await main();
else await runViewers(process.env.BENCH_PLAYLIST, Number(process.env.BENCH_COUNT));
