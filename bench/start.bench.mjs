// How soon a new stream can be watched: from the first media message of the publisher to the last byte of the first media that a waiting player can
// show, compared with other servers on this machine.
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { RtmpPublisher } from '../dist/demo/rtmp-publisher.js';
import { FlvReader } from '../dist/protocols/flv/flv-reader.js';
import { describeMachine, ffmpeg, run, startGateway, summary, temporaryDirectory } from './measuring.mjs';
import { startMediaMtx, startNginxRtmp, startNodeMediaServer } from './peers.mjs';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** Longer than any server needs: more than three segments. */
const SECONDS = 15;
const POLL = 10;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const file = join(temporaryDirectory(), 'source.flv');
await run(ffmpeg, [
  ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
  ...['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
  ...['-t', `${SECONDS}`, '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '3000k', '-maxrate', '3000k'],
  ...['-bufsize', '3000k', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
  ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', file],
]);
const reader = new FlvReader();
reader.push(readFileSync(file));
const tags = [];
for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);

/** Publishes in real time until the signal is aborted. @param onFirst called when the first message with media is sent */
async function publish({ host, port, app }, streamName, onFirst, signal) {
  const publisher = new RtmpPublisher({ host, port, app, streamName });
  await publisher.ready();
  const began = performance.now();
  onFirst(began);
  for (const tag of tags) {
    const due = began + tag.timestamp - performance.now();
    if (due > 1) await sleep(due);
    if (signal.aborted) break;
    publisher.send(tag.type, tag.timestamp, tag.body);
  }
  await publisher.close();
}

/** @returns the text; undefined as long as the server refuses */
async function text(url, signal) {
  const response = await fetch(url, { signal });
  const body = await response.text();
  return response.ok ? { body, url: response.url } : undefined;
}

async function playlist(url, signal) {
  for (;;) {
    const found = await text(url, signal);
    if (found !== undefined) return found;
    await sleep(POLL);
  }
}

/** Loads everything that an HLS player needs for its first picture: playlists, init segment, and the first segment or part. */
async function firstOfHls(url, signal) {
  const master = await playlist(url, signal);
  const variant = /^#EXT-X-STREAM-INF.*\n(\S+)$/m.exec(master.body)?.[1];
  const mediaUrl = variant === undefined ? url : new URL(variant, master.url).href;
  for (;;) {
    const { body, url: base } = await playlist(mediaUrl, signal);
    const gap = /^#EXT-X-GAP\n(?:#.*\n)*\S+$/gm;
    const media = body.replace(gap, '').match(/^[^#\s].*$/m)?.[0] ?? /#EXT-X-PART:.*URI="([^"]+)"/.exec(body)?.[1];
    if (media === undefined) {
      await sleep(POLL);
      continue;
    }
    const init = /#EXT-X-MAP:.*URI="([^"]+)"/.exec(body)?.[1];
    for (const uri of [init, media]) {
      if (uri === undefined) continue;
      const response = await fetch(new URL(uri, base), { signal });
      if (!response.ok) throw new Error(`${uri}: ${response.status}`);
      if ((await response.arrayBuffer()).byteLength === 0) throw new Error(`${uri} is empty`);
    }
    return performance.now();
  }
}

/** Reads until the first picture has arrived over HTTP-FLV, which a page can show with a script. */
async function firstOfFlv(url, signal) {
  for (;;) {
    const request = get(url, { signal });
    const [response] = await once(request, 'response');
    const flv = new FlvReader();
    for await (const chunk of response) {
      flv.push(chunk);
      for (let tag = flv.next(); tag !== undefined; tag = flv.next()) {
        if (tag.type !== 'video' || tag.body[1] === 0) continue;
        request.destroy();
        return performance.now();
      }
    }
    await sleep(POLL);
  }
}

const times = new Map();

async function measure(label, server, round) {
  if (server === undefined) return;
  const name = `start${round}`;
  const [stop, limit] = [new AbortController(), AbortSignal.timeout((SECONDS + 5) * 1000)];
  let began;
  const published = publish(
    server.rtmp,
    name,
    (at) => {
      began = at;
    },
    stop.signal,
  );
  try {
    const seen =
      server.flv === undefined ? firstOfHls(server.playlist(name), limit) : firstOfFlv(server.flv(name), limit);
    const at = await seen;
    const all = times.get(label) ?? [];
    times.set(label, [...all, at - began]);
  } finally {
    stop.abort();
    await published;
    await server.stop();
  }
}

async function sluice(flags) {
  const gateway = await startGateway(['--ladder', 'source', ...flags]);
  const { hostname, port } = new URL(gateway.rtmp.replace('rtmp:', 'http:'));
  return {
    rtmp: { host: hostname, port: Number(port), app: 'live' },
    playlist: (name) => `${gateway.http}/hls/live/${name}/index.m3u8`,
    stop: gateway.stop,
  };
}

console.log(
  `${describeMachine()}\n720p, 3 Mbit/s, key frames every 2 s: first media message to last byte of the first playable media, ms, ${ROUNDS} rounds side by side:`,
);
for (let round = 0; round < ROUNDS; round += 1) {
  await measure('sluice', await sluice([]), round);
  await measure('sluice, --first-segment part', await sluice(['--first-segment', 'part']), round);
  await measure(
    'sluice, 1 s and 0.2 s, --first-segment part',
    await sluice(['--first-segment', 'part', '--segment-duration', '1', '--part-duration', '0.2']),
    round,
  );
  await measure('MediaMTX, HLS at its defaults, always remuxing', await startMediaMtx({ hlsAlwaysRemux: true }), round);
  await measure('nginx-rtmp, HLS fragments of 2 s', await startNginxRtmp({ fragment: 2, playlist: 12 }), round);
  await measure('node-media-server, HTTP-FLV (it has no HLS)', await startNodeMediaServer(), round);
}
for (const [label, all] of times) console.log(`${label.padEnd(48)} ${summary(all, 0)}`);
