// Publishers that repeat one source until they are stopped: 3 Mbit/s of 720p with B-frames and a key frame every 2 s, and AAC.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RtmpPublisher } from '../dist/demo/rtmp-publisher.js';
import { FlvReader } from '../dist/protocols/flv/flv-reader.js';
import { ffmpeg, run, temporaryDirectory } from './measuring.mjs';

/** Milliseconds of the source: whole GOPs, so that it can be repeated. */
const LOOP = 20_000;
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** @returns the tags of the source: those that are sent once, and those that are repeated */
export async function makeSource() {
  const file = join(temporaryDirectory(), 'source.flv');
  await run(ffmpeg, [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
    ...['-f', 'lavfi', '-i', 'testsrc2=size=1280x720:rate=30', '-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
    ...['-t', `${LOOP / 1000 + 2}`, '-c:v', 'libx264', '-preset', 'veryfast'],
    ...['-b:v', '2900k', '-minrate', '2900k', '-maxrate', '2900k', '-bufsize', '2900k', '-x264-params', 'nal-hrd=cbr'],
    ...['-g', '60', '-keyint_min', '60', '-sc_threshold', '0', '-pix_fmt', 'yuv420p'],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2', file],
  ]);
  const reader = new FlvReader();
  reader.push(readFileSync(file));
  const tags = [];
  for (let tag = reader.next(); tag !== undefined; tag = reader.next()) tags.push(tag);
  // Byte 1 of the body is 0 for a sequence header, both of AVC and AAC.
  const isHeader = ({ type, body }) => type === 'script' || body[1] === 0;
  return { headers: tags.filter(isHeader), frames: tags.filter((tag) => !isHeader(tag) && tag.timestamp < LOOP) };
}

/** Publishes in real time until the signal is aborted. @param delay milliseconds before it begins */
export async function publishLoop({ headers, frames }, { host, port, app }, streamName, delay, signal) {
  await sleep(delay);
  const publisher = new RtmpPublisher({ host, port, app, streamName });
  await publisher.ready();
  for (const { type, body } of headers) publisher.send(type, 0, body);
  const began = performance.now();
  for (let base = 0; !signal.aborted; base += LOOP) {
    for (const { type, timestamp, body } of frames) {
      const due = began + base + timestamp - performance.now();
      if (due > 1) await sleep(due);
      if (signal.aborted) break;
      publisher.send(type, base + timestamp, body);
    }
  }
  await publisher.close();
}
