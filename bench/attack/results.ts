// The effect of an attack on the gateway as figures, and which of them exceeded a limit.
import type { GatewayProcess, Holdings } from './gateway-process.js';
import type { LiveReport } from './live-stream.js';
import type { ProbeReport } from './prober.js';

/** Limits: bytes of memory that remain, and milliseconds of event loop delay. */
export const MAX_GROWTH = 64 * 1024 * 1024;
/** Memory that one published stream may take in bytes. Most of it must be released when the stream ends. */
export const STREAM_BYTES = 128 * 1024;
/** The same for what is left after one attack. */
export const MAX_LEFT = 32 * 1024 * 1024;
export const MAX_DELAY_P99 = 100;
export const MAX_PROBE_P99 = 100;
/** Bytes of log lines per second, no matter what peers do. */
export const MAX_LOG_RATE = 50_000;

export const MEGABYTE = 1024 * 1024;

export interface PhaseResult {
  readonly name: string;
  readonly line: string;
  readonly seconds: number;
  readonly what: string;
  /** Megabytes of resident memory relative to the start, after a collection; and the maximum meanwhile. */
  readonly growth: number;
  readonly peak: number;
  /** Megabytes of resident memory relative to before this attack: the maximum during it, and what is left after a collection. */
  readonly rise: number;
  readonly kept: number;
  /** How much a bare server grew in the same attack, in megabytes. */
  readonly floor: { readonly rise: number; readonly kept: number } | undefined;
  /** Megabytes in use after a collection. */
  readonly heap: number;
  readonly buffers: number;
  /** Milliseconds. */
  readonly delayP99: number;
  readonly delayMax: number;
  /** Share of the time in which the gateway's main thread was ready to run but another program had the core. */
  readonly robbed: number;
  /** CPU seconds of the gateway without FFmpeg. */
  readonly cpu: number;
  readonly live: LiveReport;
  readonly probe: ProbeReport;
  /** Bytes of log per second. */
  readonly logRate: number;
  /** Resources held in addition to those before the phase. */
  readonly left: Holdings;
  readonly problems: readonly string[];
}

export const mb = (bytes: number): string => (bytes / MEGABYTE).toFixed(0);
export const sum = (counts: ReadonlyMap<string, number>): number =>
  [...counts.values()].reduce((all, count) => all + count, 0);
export const held = ({ rtmp, other, timers, ffmpeg }: Holdings): string =>
  `${rtmp} RTMP sockets, ${other} other descriptors, ${timers} timers, ${ffmpeg} FFmpeg`;

export function print(result: PhaseResult): void {
  const { live, left } = result;
  console.log(
    `${result.problems.length === 0 ? 'ok  ' : 'FAIL'} ${result.line.padEnd(6)} ${result.name}: ${result.what}`,
  );
  const browser =
    live.browser === undefined ? '' : `, browser stalls ${live.browser.stalls} errors ${live.browser.errors.length}`;
  const floor =
    result.floor === undefined
      ? ''
      : ` (a bare TLS server that closes each connection at its first byte: ${signed(result.floor.rise)} and ${signed(result.floor.kept)})`;
  console.log(
    `       ${result.seconds.toFixed(1)} s, RSS rose by ${signed(result.rise)} and kept ${signed(result.kept)} MB${floor}; since the start ${signed(result.growth)} MB (peak ${signed(result.peak)}; heap ${result.heap.toFixed(0)}, buffers ${result.buffers.toFixed(0)}), loop p99 ${result.delayP99.toFixed(0)} max ${result.delayMax.toFixed(0)} ms, ` +
      `CPU ${result.cpu.toFixed(1)} s, waited for a core ${(100 * result.robbed).toFixed(0)} %`,
  );
  console.log(
    `       player parts ${live.player.parts} stalls ${live.player.stalls} latest part ${live.player.worstLateness.toFixed(0)} ms${browser}; left ${held(left)}`,
  );
  const { probe } = result;
  console.log(
    `       probe ${probe.answers} answers, p50 ${probe.p50.toFixed(1)} p99 ${probe.p99.toFixed(0)} longest ${probe.longest.toFixed(0)} ms, ${probe.failures} failed; log ${result.logRate.toFixed(0)} bytes/s`,
  );
  for (const problem of result.problems) console.log(`       ! ${problem}`);
}

const signed = (value: number): string => `${value < 0 ? '' : '+'}${value.toFixed(1)}`;

export function summarize(results: readonly PhaseResult[], gateway: GatewayProcess): void {
  const last = results.at(-1);
  const most = (pick: (result: PhaseResult) => number) => Math.max(...results.map(pick)).toFixed(0);
  const all = (pick: (result: PhaseResult) => number) => results.reduce((count, result) => count + pick(result), 0);
  console.log(
    '\nphase                              s     rise    kept   RSS MB   peak   p99   max  stalls  browser  fds  timers  ffmpeg  probe p50   p99  longest  log B/s',
  );
  for (const result of results) {
    const { live, left } = result;
    const columns = [
      result.seconds.toFixed(0).padStart(6),
      signed(result.rise).padStart(9),
      signed(result.kept).padStart(8),
      signed(result.growth).padStart(9),
      signed(result.peak).padStart(7),
      result.delayP99.toFixed(0).padStart(5),
      result.delayMax.toFixed(0).padStart(6),
      `${live.player.stalls}`.padStart(6),
      `${live.browser?.stalls ?? '-'}`.padStart(8),
      `${left.rtmp + left.other}`.padStart(6),
      `${left.timers}`.padStart(7),
      `${left.ffmpeg}`.padStart(7),
      result.probe.p50.toFixed(1).padStart(11),
      result.probe.p99.toFixed(0).padStart(6),
      result.probe.longest.toFixed(0).padStart(9),
      result.logRate.toFixed(0).padStart(9),
    ];
    console.log(`${result.name.padEnd(30)}${columns.join('')}`);
  }
  console.log(
    `\nalive ${gateway.alive}; RSS ${signed(last?.growth ?? 0)} MB of ${MAX_GROWTH / MEGABYTE}; highest loop delay p99 ${most(({ delayP99 }) => delayP99)} ms of ${MAX_DELAY_P99}; ` +
      `stalls ${all(({ live }) => live.player.stalls)} in the player, ${all(({ live }) => live.browser?.stalls ?? 0)} in the browser; left ${last === undefined ? '' : held(last.left)}`,
  );
  console.log(`error records: ${JSON.stringify([...gateway.errors])}`);
  const failed = results.filter(({ problems }) => problems.length > 0);
  console.log(
    failed.length === 0 ? 'no limit was exceeded' : `limits exceeded in: ${failed.map(({ name }) => name).join(', ')}`,
  );
}
