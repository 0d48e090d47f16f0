// FFmpegs fail in many ways under a stream that is watched, without any effect on the source rendition.
import { chmod, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { expect, it, onTestFinished } from 'vitest';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { buildGateway } from '../support/gateway-process.js';
import { eventually, fetchText, recordRendition, whenLive } from '../support/hls-client.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

type Mode = 'works' | 'exits' | 'stalls' | 'floods' | 'no-encoder' | 'slow';

/** @returns path of an FFmpeg that behaves as listed, one mode for each start for a stream */
async function faultyFfmpeg(modes: readonly Mode[]): Promise<string> {
  const directory = await temporaryDirectory();
  const path = join(directory, 'ffmpeg');
  const script = await readFile(new URL('fixtures/ffmpeg.sh', import.meta.url), 'utf8');
  // The script gets almost no environment variables, so the path is written into it.
  await writeFile(path, script.replaceAll('"$REAL_FFMPEG"', npmFfmpeg()));
  await chmod(path, 0o755);
  await writeFile(join(directory, 'modes'), `${modes.join(' ')}\n`);
  return path;
}

function ffmpegs({ logs }: Pick<TestGateway, 'logs'>): number[] {
  return logs.filter(({ msg }) => msg === 'FFmpeg started').map(({ ffmpegPid }) => Number(ffmpegPid));
}

function startOf(gateway: Pick<TestGateway, 'logs'>, count: number): Promise<number> {
  return eventually(async () => ffmpegs(gateway)[count - 1]);
}

/** The wall clock of the nth failure in the log. */
function failure({ logs }: TestGateway, count: number): Promise<{ readonly code: unknown; readonly time: number }> {
  return eventually(async () => {
    const found = logs.filter(({ msg }) => msg.startsWith('FFmpeg failed'))[count - 1];
    return found && { code: found.code, time: Number(found.time) };
  });
}

async function stateOf(gateway: TestGateway, name: string): Promise<object> {
  return (await (await fetch(`${gateway.http}/api/v1/streams/live/${name}`)).json()) as object;
}

const TARGET_DURATION = 2_000;
/** How late timers may be on an idle machine. */
const SCHEDULING = 500;

/** @returns a function that returns the largest delay in milliseconds of a timer in this process since then */
function watchScheduling(): () => number {
  const delays = monitorEventLoopDelay({ resolution: 10 });
  delays.enable();
  onTestFinished(() => void delays.disable());
  return () => SCHEDULING + delays.max / 1e6;
}

it('C4.01 FFmpeg is stopped, stalls, floods, is killed, exits and lacks an encoder: the rung is withdrawn, the source stays', async () => {
  const ffmpeg = await faultyFfmpeg(['works', 'stalls', 'floods', 'exits', 'no-encoder']);
  const gateway = await startGateway('--ladder', 'source,144p', '--ffmpeg-path', ffmpeg);
  const publisher = await publishLoop(gateway.publishUrl('main'), await makeFlvSource({ seconds: 4, gop: 50 }));
  const base = `${gateway.http}/hls/live/main`;
  expect(await whenLive(base)).toContain('144p/index.m3u8');
  const stop = new AbortController();
  const recording = recordRendition(base, 'source', { signal: stop.signal });

  const late = watchScheduling();
  const stopped = Date.now();
  process.kill(await startOf(gateway, 1), 'SIGSTOP');
  const first = await failure(gateway, 1);
  expect(first.code).toBe('transcode.stalled');
  expect(first.time - stopped).toBeLessThan(TARGET_DURATION + late());

  // The second one goes silent by itself.
  expect((await failure(gateway, 2)).code).toBe('transcode.stalled');

  // The third one works, whatever it prints.
  const third = await startOf(gateway, 3);
  const missed = parsePlaylist(await fetchText(`${base}/144p/index.m3u8`)).segments.at(-1)?.mediaSequence ?? 0;
  await eventually(async () => {
    const newest = parsePlaylist(await fetchText(`${base}/144p/index.m3u8`)).segments.at(-1);
    return newest !== undefined && !newest.gap && newest.mediaSequence > missed ? true : undefined;
  });
  expect((await stateOf(gateway, 'main')) as object).toMatchObject({ transcode: { restarts: 2 }, withdrawn: [] });
  process.kill(third, 'SIGKILL');
  for (const count of [3, 4, 5]) expect((await failure(gateway, count)).code).toBe('transcode.exited');

  await eventually(async () => ((await fetchText(`${base}/index.m3u8`)).includes('144p') ? undefined : true));
  expect((await fetch(`${base}/144p/index.m3u8`)).status).toBe(404);
  expect(await stateOf(gateway, 'main')).toMatchObject({
    state: 'live',
    withdrawn: [{ name: '144p', reason: 'failed' }],
  });
  expect(gateway.logs.filter(({ code }) => code === 'pipeline.withdrawn')).toHaveLength(1);
  expect(publisher.connected).toBe(true);
  stop.abort();
  const recorded = await recording;
  expect(recorded.playlists.join('')).not.toMatch(/EXT-X-DISCONTINUITY\n|EXT-X-GAP/);
  const sequences = [...recorded.segments.keys()];
  expect(sequences).toEqual(sequences.map((_, index) => (sequences[0] ?? 0) + index));
});

it('C4.11 a ladder that needs four times the CPU: rungs are withdrawn one by one, the next publisher gets none, the source stays', async () => {
  const flags = ['--on-overload', 'shed', '--max-transcodes', '0', '--ffmpeg-path', await faultyFfmpeg(['slow'])];
  const gateway = await startGateway('--ladder', 'source,144p,120p', ...flags);
  const source = await makeFlvSource({ seconds: 4, gop: 50 });
  const publisher = await publishLoop(gateway.publishUrl('main'), source);
  const base = `${gateway.http}/hls/live/main`;
  const late = watchScheduling();
  const shed = () => gateway.logs.filter(({ code, reason }) => code === 'pipeline.withdrawn' && reason === 'overload');
  const began = Number((await eventually(async () => gateway.logs.find(({ msg }) => msg === 'FFmpeg started'))).time);
  const first = await eventually(async () => shed()[0]);
  expect(first.renditions).toEqual(['144p']);
  expect(Number(first.time) - began).toBeLessThan(5_000 + late());

  await publishLoop(gateway.publishUrl('second'), source);
  const playlist = await whenLive(`${gateway.http}/hls/live/second`);
  expect(playlist).toContain('source/index.m3u8');
  expect(playlist).not.toContain('144p');
  const second = (await stateOf(gateway, 'second')) as { shortcomings: string[] };
  expect(second.shortcomings.join()).toContain('encoding was too slow');

  await eventually(async () => shed()[1]);
  const { segments } = await eventually(async () => {
    const listed = parsePlaylist(await fetchText(`${base}/source/index.m3u8`));
    return listed.segments.length > 3 ? listed : undefined;
  });
  expect(segments.some(({ gap, discontinuity }) => gap || discontinuity)).toBe(false);
  expect(publisher.connected).toBe(true);
  expect(await stateOf(gateway, 'main')).toMatchObject({
    withdrawn: [
      { name: '144p', reason: 'overload' },
      { name: '120p', reason: 'overload' },
    ],
  });
  const metrics = await fetchText(`${gateway.http}/metrics`);
  expect(metrics).toMatch(/^sluice_renditions_shed_total 2$/m);
  expect(metrics).toMatch(/^sluice_ladders_refused_total 1$/m);
});

it('C4.02 a stopped FFmpeg ends when its gateway is killed', async () => {
  const program = await buildGateway('--ladder', 'source,144p', '--segment-duration', '1');
  const gateway = await program.start();
  await publishLoop(`${gateway.rtmp}/main`, await makeFlvSource({ seconds: 4, gop: 25 }));
  await whenLive(`${gateway.http}/hls/live/main`);
  const pid = await startOf(gateway, 1);
  process.kill(pid, 'SIGSTOP');
  // The process stops only when it is scheduled next, which takes a moment on a busy machine.
  await expect.poll(() => readFile(`/proc/${pid}/stat`, 'utf8')).toMatch(/\(ffmpeg\) T /);
  await gateway.kill();
  await eventually(async () => {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
    return stat === '' || /\) Z /.test(stat) ? true : undefined;
  });
});
