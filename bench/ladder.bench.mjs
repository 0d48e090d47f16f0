// CPU time of the gateway and its FFmpeg for a ladder, compared with one bare FFmpeg that encodes the same stream into the same ladder as
// HLS. Both run side by side with the same 60 s in real time, so that a slow or busy machine affects both.
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import {
  childrenGone,
  cpuSeconds,
  describeMachine,
  ffmpeg,
  ownCpuSeconds,
  run,
  start,
  startGateway,
  summary,
  temporaryDirectory,
} from './measuring.mjs';

const SECONDS = Number(process.env.BENCH_SECONDS ?? 60);
const RUNS = Number(process.env.BENCH_RUNS ?? 1);
const GOAL = 1.03;
/** Sources and their rungs; the second case is the default ladder. */
const CASES = [
  { width: 1280, height: 720, bitrate: 3, rungs: ['480p', '360p'] },
  { width: 1920, height: 1080, bitrate: 6, rungs: ['720p', '480p', '360p'] },
];
/** Heights of the cases to run. */
const HEIGHTS = (process.env.BENCH_HEIGHTS ?? '720,1080').split(',').map(Number);
const directory = temporaryDirectory();

async function prepare({ width, height, bitrate }) {
  console.log(`preparing ${SECONDS} s of ${width}x${height} at 30/s, ${bitrate} Mbit/s, B-frames, AAC …`);
  const source = join(directory, `source-${height}.flv`);
  await run(ffmpeg, [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
    ...['-f', 'lavfi', '-i', `testsrc2=size=${width}x${height}:rate=30,noise=alls=8:allf=t`],
    ...['-f', 'lavfi', '-i', 'sine=440:sample_rate=48000'],
    ...['-t', `${SECONDS}`, '-c:v', 'libx264', '-preset', 'veryfast', '-pix_fmt', 'yuv420p'],
    ...['-b:v', `${bitrate}M`, '-maxrate', `${1.2 * bitrate}M`, '-bufsize', `${2 * bitrate}M`],
    ...['-bf', '2', '-g', '60', '-keyint_min', '60', '-sc_threshold', '0'],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2'],
    source,
  ]);
  return source;
}

/** Publishes the file in real time; copying is very cheap and counted on neither side. */
function publish(source, url) {
  return start(ffmpeg, [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-re', '-i', source],
    ...['-c', 'copy', '-f', 'flv', url],
  ]);
}

/** The encoder settings of the gateway (`sluice` logs them at debug level), as a person would type them. */
function bareLadder(source, rungs, output) {
  const rung = (index, label, bitrate, maxrate) => {
    const settings = {
      c: 'libx264',
      preset: 'veryfast',
      tune: 'zerolatency',
      profile: 'high',
      pix_fmt: 'yuv420p',
      bf: 0,
      sc_threshold: 0,
      g: 1_000_000,
      force_key_frames: 'source',
      threads: 1,
      b: bitrate,
      maxrate,
      bufsize: maxrate,
    };
    return ['-map', label, ...Object.entries(settings).flatMap(([key, value]) => [`-${key}:v:${index}`, `${value}`])];
  };
  return [
    ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-thread_type', 'slice', '-re', '-i', source],
    ...['-filter_complex', scaled(rungs)],
    ...['-map', '0:v', '-c:v:0', 'copy'],
    ...rungs.flatMap(({ bitrate, maxrate }, index) => rung(index + 1, `[v${index + 1}]`, bitrate, maxrate)),
    ...['-map', '0:a', '-c:a', 'copy'],
    ...['-f', 'hls', '-hls_time', '2', '-hls_list_size', '10'],
    ...['-hls_flags', 'delete_segments', '-hls_segment_type', 'fmp4'],
    ...['-var_stream_map', `v:0,agroup:a ${rungs.map((_, i) => `v:${i + 1},agroup:a`).join(' ')} a:0,agroup:a`],
    ...['-master_pl_name', 'index.m3u8'],
    join(output, '%v.m3u8'),
  ];
}

function scaled(rungs) {
  const outputs = rungs.map((_, i) => `[s${i}]`).join('');
  const scales = rungs.map(({ width, height }, i) => `[s${i}]scale=${width}:${height}[v${i + 1}]`);
  return [`[0:v]split=${rungs.length}${outputs}`, ...scales].join(';');
}

/** The rates of the gateway's own ladder, so that both encode the same. */
function fitted({ width, height, rungs }) {
  const shape = { width, height, sampleAspectRatio: 1, frameRate: 30 };
  return fitLadder(rungs, { video: { codec: 'avc', ...shape, profile: 100, chromaFormat: 1, bitDepth: 8 } });
}

console.log(describeMachine());
const { fitLadder } = await import('../dist/transcode/ladder.js');
for (const each of CASES.filter(({ height }) => HEIGHTS.includes(height))) {
  const source = await prepare(each);
  const ratios = [];
  const gatewayShares = [];
  for (let index = 0; index < RUNS; index += 1) {
    const { ratio, share } = await compare(each, source, join(directory, `bare-${each.height}-${index}`));
    ratios.push(ratio);
    gatewayShares.push(share);
  }
  const what = `${each.height}p into source, ${each.rungs.join(', ')}`;
  console.log(`${what}: CPU ratio (gateway + FFmpeg) / bare FFmpeg ${summary(ratios, 3)}   goal <= ${GOAL}`);
  console.log(`${what}: share of Node in it ${summary(gatewayShares, 3)}`);
}

async function compare(each, source, output) {
  mkdirSync(output);
  const gateway = await startGateway(['--ladder', ['source', ...each.rungs].join(',')]);
  const before = cpuSeconds(gateway.pid);
  const ownBefore = ownCpuSeconds(gateway.pid);
  const publisher = publish(source, `${gateway.rtmp}/bench`);
  const bare = start(ffmpeg, bareLadder(source, fitted(each), output), { cwd: output });
  let bareCpu = 0;
  const sampler = setInterval(() => {
    try {
      bareCpu = Math.max(bareCpu, cpuSeconds(bare.child.pid));
    } catch {
      clearInterval(sampler);
    }
  }, 250);
  const [published, encoded] = await Promise.all([publisher.ended, bare.ended]);
  clearInterval(sampler);
  if (published.code !== 0 || encoded.code !== 0)
    throw new Error(`publisher: ${published.stderr}\nbare: ${encoded.stderr}`);
  await childrenGone(gateway.pid);
  const gatewayCpu = cpuSeconds(gateway.pid) - before;
  const node = ownCpuSeconds(gateway.pid) - ownBefore;
  console.log(
    `gateway + FFmpeg ${gatewayCpu.toFixed(2)} s (Node ${node.toFixed(2)} s), bare FFmpeg ${bareCpu.toFixed(2)} s, ratio ${(gatewayCpu / bareCpu).toFixed(3)}`,
  );
  await gateway.stop();
  return { ratio: gatewayCpu / bareCpu, share: node / gatewayCpu };
}
