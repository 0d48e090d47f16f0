// CPU of the gateway and its FFmpeg for a ladder, against one bare FFmpeg that reads the same stream and encodes the same ladder to HLS.
// Both run side by side, each fed 60 s of 720p at real time, so that a slow or busy machine is slow for both.
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
const GOAL = 1.1;
const directory = temporaryDirectory();
const source = join(directory, 'source.flv');

console.log(describeMachine());
console.log(`preparing ${SECONDS} s of 1280x720 at 30/s, B-frames, AAC …`);
await run(ffmpeg, [
  ...['-hide_banner', '-loglevel', 'error', '-nostdin', '-y'],
  ...[
    '-f',
    'lavfi',
    '-i',
    'testsrc2=size=1280x720:rate=30,noise=alls=8:allf=t',
    '-f',
    'lavfi',
    '-i',
    'sine=440:sample_rate=48000',
  ],
  ...['-t', `${SECONDS}`, '-c:v', 'libx264', '-preset', 'veryfast', '-b:v', '3M', '-maxrate', '3.5M', '-bufsize', '6M'],
  ...[
    '-bf',
    '2',
    '-g',
    '60',
    '-keyint_min',
    '60',
    '-sc_threshold',
    '0',
    '-pix_fmt',
    'yuv420p',
    '-c:a',
    'aac',
    '-b:a',
    '128k',
    '-ac',
    '2',
  ],
  source,
]);

/** Publishes the file at real time; copying costs next to nothing and is counted on neither side. */
function publish(url) {
  return start(ffmpeg, [
    '-hide_banner',
    '-loglevel',
    'error',
    '-nostdin',
    '-re',
    '-i',
    source,
    '-c',
    'copy',
    '-f',
    'flv',
    url,
  ]);
}

/** The encoder settings of the gateway (`sluice` prints them at debug level), written down once more as a person would type them. */
function bareLadder(output) {
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
    ...['-filter_complex', '[0:v]split=2[a][b];[a]scale=854:480[v1];[b]scale=640:360[v2]'],
    ...['-map', '0:v', '-c:v:0', 'copy'],
    ...rungs.flatMap(({ bitrate, maxrate }, index) => rung(index + 1, `[v${index + 1}]`, bitrate, maxrate)),
    ...['-map', '0:a', '-c:a', 'copy'],
    ...[
      '-f',
      'hls',
      '-hls_time',
      '2',
      '-hls_list_size',
      '10',
      '-hls_flags',
      'delete_segments',
      '-hls_segment_type',
      'fmp4',
    ],
    ...['-var_stream_map', 'v:0,agroup:a v:1,agroup:a v:2,agroup:a a:0,agroup:a', '-master_pl_name', 'index.m3u8'],
    join(output, '%v.m3u8'),
  ];
}

// The rates of the gateway's own ladder, so that both encode the same.
const { fitLadder } = await import('../dist/transcode/ladder.js');
const rungs = fitLadder(['480p', '360p'], {
  video: {
    codec: 'avc',
    width: 1280,
    height: 720,
    sampleAspectRatio: 1,
    frameRate: 30,
    profile: 100,
    chromaFormat: 1,
    bitDepth: 8,
  },
});

const ratios = [];
const gatewayShares = [];
for (let index = 0; index < RUNS; index += 1) {
  const output = join(directory, `bare-${index}`);
  mkdirSync(output);
  const gateway = await startGateway(['--ladder', 'source,480p,360p']);
  const before = cpuSeconds(gateway.pid);
  const ownBefore = ownCpuSeconds(gateway.pid);
  const publisher = publish(`${gateway.rtmp}/bench`);
  const bare = start(ffmpeg, bareLadder(output), { cwd: output });
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
  ratios.push(gatewayCpu / bareCpu);
  gatewayShares.push(node / gatewayCpu);
  console.log(
    `run ${index + 1}: gateway + FFmpeg ${gatewayCpu.toFixed(2)} s (Node ${node.toFixed(2)} s), bare FFmpeg ${bareCpu.toFixed(2)} s, ratio ${(gatewayCpu / bareCpu).toFixed(3)}`,
  );
  await gateway.stop();
}
console.log(`ladder CPU ratio (gateway + FFmpeg) / bare FFmpeg: ${summary(ratios, 3)}   goal <= ${GOAL}`);
console.log(`share of Node in it: ${summary(gatewayShares, 3)}`);
