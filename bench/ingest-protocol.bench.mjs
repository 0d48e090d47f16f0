// The cost of the RTMP protocol per byte: chunk decoding compared with a bare copy of the same bytes, where the time goes, and the cost of
// a further viewer. One core, no sockets. `--dist DIR` measures another build.
import { Session } from 'node:inspector/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { describeMachine, root } from './measuring.mjs';

const { values: options } = parseArgs({ options: { dist: { type: 'string' } }, allowPositionals: true });
const dist = options.dist ?? join(root, 'dist');
const load = (path) => import(pathToFileURL(join(dist, 'protocols', path)).href);
const { ChunkDecoder } = await load('rtmp/chunk-decoder.js');
const { ChunkEncoder } = await load('rtmp/chunk-encoder.js');
const { DEFAULT_RTMP_LIMITS } = await load('rtmp/limits.js');
const { ServerSession } = await load('rtmp/server-session.js');
const { encodeAmf0 } = await load('amf/amf0-encoder.js');
const { amfObject } = await load('amf/values.js');

const CHUNK_SIZES = [128, 4096, 60_000];
/** Bytes that a socket delivers at a time. */
const READ_BYTES = 65_536;
const ROUNDS = 7;
const MEGABYTE = 1e6;

/** Ten seconds of 6 Mbit/s video at 30 fps with a key frame every 2 s, and AAC. */
function messages() {
  const list = [];
  for (let frame = 0; frame < 300; frame++) {
    const timestamp = Math.round((frame * 1000) / 30);
    const body = Buffer.alloc(frame % 60 === 0 ? 160_000 : 22_500, frame);
    body[0] = frame % 60 === 0 ? 0x17 : 0x27;
    body[1] = 1;
    list.push({ chunkStreamId: 6, timestamp, type: 9, messageStreamId: 1, body });
    for (let audio = 0; audio < (frame % 3 === 0 ? 2 : 1); audio++) {
      const sound = Buffer.alloc(372, frame);
      sound[0] = 0xaf;
      sound[1] = 1;
      list.push({ chunkStreamId: 4, timestamp: timestamp + audio * 21, type: 8, messageStreamId: 1, body: sound });
    }
  }
  return list;
}

function wire(chunkSize, list) {
  const encoder = new ChunkEncoder();
  const announcement = Buffer.alloc(4);
  announcement.writeUInt32BE(chunkSize);
  const parts = [encoder.encode({ chunkStreamId: 2, timestamp: 0, type: 1, messageStreamId: 0, body: announcement })];
  encoder.chunkSize = chunkSize;
  for (const message of list) parts.push(encoder.encode(message));
  return reads(Buffer.concat(parts));
}

function reads(bytes) {
  const list = [];
  for (let at = 0; at < bytes.length; at += READ_BYTES) list.push(Buffer.from(bytes.subarray(at, at + READ_BYTES)));
  return list;
}

/** Copies every byte once into existing memory: the minimum for anybody who keeps bodies. */
function bareCopy(buffers, target) {
  let at = 0;
  for (const buffer of buffers) at += buffer.copy(target, at);
}

function decode(buffers) {
  const decoder = new ChunkDecoder(DEFAULT_RTMP_LIMITS);
  let count = 0;
  for (const buffer of buffers) {
    decoder.push(buffer);
    while (decoder.next() !== undefined) count++;
  }
  return count;
}

/** A session with an accepted publish, after its handshake. */
function publishing() {
  const session = new ServerSession();
  const encoder = new ChunkEncoder();
  const handshake = Buffer.alloc(1 + 1536 + 1536);
  handshake[0] = 3;
  session.receive(handshake);
  const say = (messageStreamId, ...values) => {
    const message = { chunkStreamId: 3, timestamp: 0, type: 20, messageStreamId, body: encodeAmf0(values) };
    session.receive(encoder.encode(message));
    for (let event = session.nextEvent(); event !== undefined; event = session.nextEvent()) {
      if (event.type === 'publish-request') session.accept(event.messageStreamId);
      if (event.type === 'play-request') session.acceptPlay(event.messageStreamId);
    }
  };
  say(0, 'connect', 1, amfObject([['app', 'live']]));
  say(0, 'createStream', 2, null);
  return { session, say };
}

function throughSession(buffers) {
  const { session, say } = publishing();
  say(1, 'publish', 3, null, 'name', 'live');
  let count = 0;
  for (const buffer of buffers) {
    session.receive(buffer);
    while (session.nextEvent() !== undefined) count++;
    session.takeOutputBuffers();
  }
  return count;
}

/** Best of several rounds of about a quarter of a second each, because other programs can only slow it down. MB/s. */
function speed(bytes, work) {
  const once = () => {
    const start = performance.now();
    work();
    return performance.now() - start;
  };
  once();
  const repeats = Math.max(1, Math.round(250 / once()));
  let best = 0;
  for (let round = 0; round < ROUNDS; round++) {
    let elapsed = 0;
    for (let repeat = 0; repeat < repeats; repeat++) elapsed += once();
    best = Math.max(best, (bytes * repeats) / MEGABYTE / (elapsed / 1000));
  }
  return best;
}

/** Self time by function, as sampled by V8. */
async function profile(work) {
  const inspector = new Session();
  inspector.connect();
  await inspector.post('Profiler.enable');
  await inspector.post('Profiler.setSamplingInterval', { interval: 100 });
  await inspector.post('Profiler.start');
  const end = performance.now() + 1500;
  while (performance.now() < end) work();
  const { profile: recorded } = await inspector.post('Profiler.stop');
  inspector.disconnect();
  const names = new Map();
  for (const { id, callFrame } of recorded.nodes) {
    const file = callFrame.url.split('/').at(-1);
    names.set(id, `${callFrame.functionName || '(anonymous)'}${file ? ` ${file}` : ''}`);
  }
  const self = new Map();
  let total = 0;
  recorded.samples.forEach((id, index) => {
    const name = names.get(id);
    const elapsed = recorded.timeDeltas[index];
    self.set(name, (self.get(name) ?? 0) + elapsed);
    total += elapsed;
  });
  return [...self].sort(([, a], [, b]) => b - a).map(([name, elapsed]) => [name, elapsed / total]);
}

const megabytes = (value) => `${value.toFixed(0).padStart(6)} MB/s`;
const list = messages();

console.log(describeMachine());
console.log(`\n${list.length} messages of 6 Mbit/s video and AAC, in reads of ${READ_BYTES} bytes`);
for (const chunkSize of CHUNK_SIZES) {
  const buffers = wire(chunkSize, list);
  const bytes = buffers.reduce((sum, { length }) => sum + length, 0);
  if (decode(buffers) !== list.length + 1) throw new Error('the decoder lost messages');
  if (throughSession(buffers) !== list.length) throw new Error('the session lost messages');
  const target = Buffer.alloc(bytes, 1);
  const copy = speed(bytes, () => bareCopy(buffers, target));
  const decoder = speed(bytes, () => decode(buffers));
  const session = speed(bytes, () => throughSession(buffers));
  console.log(
    `chunks of ${String(chunkSize).padStart(5)}: bare copy ${megabytes(copy)}, ` +
      `chunk decoder ${megabytes(decoder)} = ${(decoder / copy).toFixed(2)} ×, ` +
      `whole session ${megabytes(session)} = ${(session / copy).toFixed(2)} ×`,
  );
  for (const [name, share] of (await profile(() => throughSession(buffers))).slice(0, 8)) {
    console.log(`    ${(share * 100).toFixed(1).padStart(5)} %  ${name}`);
  }
}

const VIEWERS = 300;
const viewers = Array.from({ length: VIEWERS }, () => {
  const { session, say } = publishing();
  say(1, 'play', 3, null, 'name');
  session.takeOutputBuffers();
  return session;
});
const sent = list.slice(0, 120);
const tagBytes = sent.reduce((sum, { body }) => sum + body.length, 0);
/** @param spread difference between the clocks of two viewers, in milliseconds */
function fanOut(take, spread = 0) {
  for (const { type, timestamp, body } of sent) {
    let clock = timestamp;
    for (const session of viewers) {
      session.sendMedia(1, type === 9 ? 'video' : 'audio', clock, body);
      take(session);
      clock += spread;
    }
  }
}
const delivered = VIEWERS * tagBytes;
let written = 0;
fanOut((session) => {
  for (const { length } of session.takeOutputBuffers()) written += length;
});
if (written < delivered) throw new Error('the viewers were not sent everything');
const perTag = (rate) => (delivered / MEGABYTE / rate) * (1e6 / (VIEWERS * sent.length));
const shared = speed(delivered, () => fanOut((session) => session.takeOutputBuffers()));
const own = speed(delivered, () => fanOut((session) => session.takeOutputBuffers(), 7));
const copied = speed(delivered, () => fanOut((session) => session.takeOutput()));
console.log(
  `\n${VIEWERS} viewers of one stream, ${sent.length} tags of ${Math.round(tagBytes / sent.length)} bytes on average`,
);
const relative = (rate) => `${perTag(rate).toFixed(2)} µs per tag and viewer = ${(copied / rate).toFixed(2)} × a copy`;
console.log(`    one clock, shared chunks     ${relative(shared)}`);
console.log(`    clocks and headers of their own  ${relative(own)}`);
console.log(`    copied output                ${relative(copied)}`);
