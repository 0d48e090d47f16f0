// How long media stays in the gateway: from the first key frame received to the first playable part, and after that from the last sample of
// a part received to that part being served. Loopback, ladder of three rungs, one stream in real time; then one of several streams that are only
// carried.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RtmpPublisher } from '../dist/demo/rtmp-publisher.js';
import { parseAudioTag } from '../dist/protocols/flv/audio-tag.js';
import { FlvReader } from '../dist/protocols/flv/flv-reader.js';
import { parseVideoTag } from '../dist/protocols/flv/video-tag.js';
import { FragmentReader } from '../dist/protocols/mp4/fragment-reader.js';
import { describeMachine, ffmpeg, run, startGateway, summary, temporaryDirectory } from './measuring.mjs';
import { makeSource, publishLoop } from './publishers.mjs';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 30);
const STARTS = Number(process.env.BENCH_STARTS ?? 5);
/** Streams that are carried at the same time. */
const CARRIED = (process.env.BENCH_COUNTS ?? '1,10,50').split(',').map(Number);
const RENDITIONS = ['source', '480p', '360p', 'audio'];
/** Stream time of the first frame in the gateway. */
const TIMELINE_ORIGIN = 1000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

console.log(describeMachine());
const file = join(temporaryDirectory(), 'source.flv');
// Without B-frames a picture is complete when its own message is, so that the delay is that of the gateway alone.
await run(ffmpeg, [
  ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
  ...['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
  ...[
    '-t',
    `${SECONDS}`,
    '-c:v',
    'libx264',
    '-preset',
    'veryfast',
    '-b:v',
    '3M',
    '-bf',
    '0',
    '-g',
    '60',
    '-keyint_min',
    '60',
  ],
  ...['-sc_threshold', '0', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-b:a', '128k', '-ac', '2', file],
]);
const reader = new FlvReader();
reader.push(readFileSync(file));
const tags = [];
for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);

const isMedia = (tag) =>
  tag.type === 'video'
    ? parseVideoTag(tag.body).packetType === 'frames'
    : tag.type === 'audio' && parseAudioTag(tag.body).packetType === 'frames';

/** Publishes in real time. @returns when each media message was sent, by kind and time on the gateway's timeline */
function publish(publisher, signal, onKeyFrame) {
  const sent = { video: new Map(), audio: new Map() };
  const base = tags.find(isMedia).timestamp;
  const done = (async () => {
    const began = performance.now();
    let first = true;
    for (const tag of tags) {
      const due = began + tag.timestamp - performance.now();
      if (due > 1) await sleep(due);
      if (signal?.aborted) return;
      publisher.send(tag.type, tag.timestamp, tag.body);
      if (!isMedia(tag)) continue;
      sent[tag.type].set(tag.timestamp - base + TIMELINE_ORIGIN, performance.now());
      if (first && tag.type === 'video') onKeyFrame?.(performance.now());
      if (tag.type === 'video') first = false;
    }
  })();
  return { sent, done };
}

async function connect(gateway, name) {
  const url = new URL(gateway.rtmp.replace('rtmp:', 'http:'));
  const publisher = new RtmpPublisher({ host: url.hostname, port: Number(url.port), app: 'live', streamName: name });
  await publisher.ready();
  return publisher;
}

/** The first part of a rendition that is answered with 200: its number is the second in which the stream began, counted from 2024. */
async function firstPart(gateway, name, rendition) {
  for (;;) {
    const now = Math.floor((Date.now() - Date.UTC(2024, 0, 1)) / 1000);
    for (let sequence = now; sequence > now - 5; sequence -= 1) {
      const response = await fetch(`${gateway.http}/hls/live/${name}/${rendition}/part-${sequence}.0.m4s`);
      await response.arrayBuffer();
      if (response.ok) return performance.now();
    }
    await sleep(2);
  }
}

async function measureStart(gateway, index) {
  const name = `start${index}`;
  const publisher = await connect(gateway, name);
  const stop = new AbortController();
  let keyFrame;
  const { done } = publish(publisher, stop.signal, (time) => {
    keyFrame = time;
  });
  const video = RENDITIONS.filter((rendition) => rendition !== 'audio');
  const times = await Promise.all(video.map((rendition) => firstPart(gateway, name, rendition)));
  stop.abort();
  await done;
  await publisher.close();
  return times.map((time) => time - keyFrame);
}

/** Requests each hinted part of a rendition before it exists; the answer marks the moment when it can be played. */
async function followParts(gateway, name, rendition, sent, delays, signal) {
  const base = `${gateway.http}/hls/live/${name}/${rendition}`;
  const kind = rendition === 'audio' ? 'audio' : 'video';
  const init = /EXT-X-MAP:URI="([^"]+)"/.exec(await (await fetch(`${base}/index.m3u8`)).text())[1];
  const initBytes = Buffer.from(await (await fetch(`${base}/${init}`)).arrayBuffer());
  while (!signal.aborted) {
    const playlist = await (await fetch(`${base}/index.m3u8`)).text();
    const hint = /PRELOAD-HINT:TYPE=PART,URI="([^"]+)"/.exec(playlist)?.[1];
    if (hint === undefined) return;
    const response = await fetch(`${base}/${hint}`);
    const bytes = Buffer.from(await response.arrayBuffer());
    const arrived = performance.now();
    if (!response.ok) continue;
    const fragments = new FragmentReader();
    fragments.push(initBytes);
    fragments.push(bytes);
    let timescale = 1;
    let last = 0;
    for (let event = fragments.next(); event !== undefined; event = fragments.next()) {
      if (event.type === 'init') timescale = event.track.timescale;
      else {
        const { baseMediaDecodeTime, duration, samples } = event.fragment;
        last = ((baseMediaDecodeTime + duration - samples.at(-1).duration) * 1000) / timescale;
      }
    }
    const nearest = [...sent[kind].keys()].reduce((best, time) =>
      Math.abs(time - last) < Math.abs(best - last) ? time : best,
    );
    if (Math.abs(nearest - last) > 5) throw new Error(`${rendition}: a sample at ${last} ms that was not sent`);
    delays[rendition].push(arrived - sent[kind].get(nearest));
  }
}

/** The streams start faster than the gateway can measure the load of the previous one. */
const oneAfterTheOther = ['--max-transcodes', '16'];
for (const partDuration of [0.5, 0.2]) {
  const gateway = await startGateway([
    '--ladder',
    'source,480p,360p',
    '--part-duration',
    `${partDuration}`,
    ...oneAfterTheOther,
  ]);
  console.log(`\nparts of ${partDuration} s, ms:`);
  const starts = [];
  for (let index = 0; index < STARTS; index += 1) starts.push(await measureStart(gateway, index));
  for (const [index, rendition] of RENDITIONS.slice(0, 3).entries()) {
    console.log(
      `  first key frame received -> first part of ${rendition.padEnd(6)} ${summary(
        starts.map((start) => start[index]),
        0,
      )}`,
    );
  }
  const publisher = await connect(gateway, 'steady');
  const { sent, done } = publish(publisher);
  const delays = Object.fromEntries(RENDITIONS.map((rendition) => [rendition, []]));
  const stop = new AbortController();
  await sleep(4000);
  const followers = RENDITIONS.map((rendition) => followParts(gateway, 'steady', rendition, sent, delays, stop.signal));
  await done;
  stop.abort();
  await publisher.close();
  await Promise.all(followers);
  for (const rendition of RENDITIONS) {
    console.log(
      `  last sample received -> part of ${rendition.padEnd(6)} served      ${summary(delays[rendition], 0)}`,
    );
  }
  await gateway.stop();
}

console.log('\ncarried streams, defaults, ms:');
const source = await makeSource();
for (const count of CARRIED) {
  const gateway = await startGateway([
    '--ladder',
    'source',
    '--max-connections-per-ip',
    '1000',
    '--max-streams',
    '1000',
  ]);
  const url = new URL(gateway.rtmp.replace('rtmp:', 'http:'));
  const rtmp = { host: url.hostname, port: Number(url.port), app: 'live' };
  const stop = new AbortController();
  const others = Array.from({ length: count - 1 }, (_, i) =>
    publishLoop(source, rtmp, `other${i}`, (i * 2000) / count, stop.signal),
  );
  await sleep(2000);
  const publisher = await connect(gateway, 'steady');
  const { sent, done } = publish(publisher);
  const delays = { source: [] };
  await sleep(4000);
  const follower = followParts(gateway, 'steady', 'source', sent, delays, stop.signal);
  await done;
  stop.abort();
  await Promise.all([publisher.close(), follower, ...others]);
  const sorted = delays.source.sort((a, b) => a - b);
  const [p50, p99] = [0.5, 0.99].map((share) => sorted[Math.floor(share * (sorted.length - 1))].toFixed(1));
  console.log(
    `  ${`${count}`.padStart(3)} streams: last sample received -> part served  p50 ${p50}  p99 ${p99}  (n = ${sorted.length})`,
  );
  await gateway.stop();
}
process.exit(0);
