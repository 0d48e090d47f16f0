// Faults other than a publisher's media: FFmpeg gets real signals, the connection breaks, and the gateway itself is killed.
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { buildProgram } from '../support/built-program.js';
import { publishTestPattern, startGateway, type TestGateway } from '../support/gateway.js';
import { eventually, fetchText, recordRendition, whenLive } from '../support/hls-client.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { ffmpegChildren, npmFfmpeg, startProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';

/** Process ids of the gateway's FFmpegs, in order of their start. */
function started({ logs }: TestGateway): number[] {
  return logs.filter(({ msg }) => msg === 'FFmpeg started').map(({ ffmpegPid }) => Number(ffmpegPid));
}

function nextFfmpeg(gateway: TestGateway, count: number): Promise<number> {
  return eventually(async () => started(gateway)[count - 1]);
}

async function isGone(pid: number): Promise<true | undefined> {
  const status = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return status === '' || / [ZX] /.test(status.slice(status.lastIndexOf(')'))) ? true : undefined;
}

it('C4.01 FFmpeg is killed and stopped: the source is not affected, the rung comes back', async () => {
  const gateway = await startGateway('--ladder', 'source,144p');
  const publisher = publishTestPattern(gateway.publishUrl('main'), { size: '320x180', preset: 'ultrafast', gop: 25 });
  const base = `${gateway.http}/hls/live/main`;
  await whenLive(base);
  const stop = new AbortController();
  const recording = recordRendition(base, 'source', { signal: stop.signal });

  process.kill(await nextFfmpeg(gateway, 1), 'SIGKILL');
  const second = await nextFfmpeg(gateway, 2);
  await eventually(async () => (gateway.logs.some(({ code }) => code === 'transcode.exited') ? true : undefined));
  process.kill(second, 'SIGSTOP');
  const third = await nextFfmpeg(gateway, 3);
  expect(await isGone(second)).toBe(true);

  // Two segments after the return.
  const comesBack = async () => {
    const { segments } = parsePlaylist(await fetchText(`${base}/144p/index.m3u8`));
    return segments.length > 3 && segments.slice(-2).every(({ gap }) => !gap) ? segments : undefined;
  };
  const rung = await eventually(comesBack);
  expect(rung.some(({ discontinuity }) => discontinuity)).toBe(false);
  const state = await (await fetch(`${gateway.http}/api/v1/streams/live/main`)).json();
  expect(state).toMatchObject({ state: 'live', transcode: { renditions: ['144p'], restarts: 2 }, withdrawn: [] });
  expect(publisher.child.exitCode).toBeNull();
  stop.abort();
  const recorded = await recording;
  expect(recorded.playlists.join('')).not.toMatch(/EXT-X-DISCONTINUITY\n|EXT-X-GAP/);
  const sequences = [...recorded.segments.keys()];
  expect(sequences).toEqual(sequences.map((_, index) => (sequences[0] ?? 0) + index));

  // The publisher disappears without closing its connection, and comes back.
  publisher.child.kill('SIGKILL');
  await publisher.exit;
  await eventually(() => isGone(third));
  expect(await ffmpegChildren()).toEqual([]);
});

it('A8.05 a publisher that is killed three times continues the same playlists, and no FFmpeg is left over', async () => {
  const gateway = await startGateway('--ladder', 'source,144p', '--resume-window', '10');
  const base = `${gateway.http}/hls/live/main`;
  const texts: string[] = [];
  for (let round = 1; round <= 3; round += 1) {
    const publisher = publishTestPattern(gateway.publishUrl('main'), { size: '320x180', preset: 'ultrafast', gop: 25 });
    if (round === 1) await whenLive(base);
    await eventually(async () => {
      const text = await fetchText(`${base}/144p/index.m3u8`);
      texts.push(text);
      const { segments } = parsePlaylist(text);
      return segments.filter(({ discontinuity }) => discontinuity).length === round - 1 &&
        segments.at(-1)?.gap === false
        ? true
        : undefined;
    });
    publisher.child.kill('SIGKILL');
    await publisher.exit;
    await eventually(async () =>
      (await fetchText(`${gateway.http}/api/v1/streams`)).includes('resuming') ? true : undefined,
    );
    await eventually(async () => ((await ffmpegChildren()).length === 0 ? true : undefined));
    texts.push(await fetchText(`${base}/source/index.m3u8`));
  }
  expect(texts.join('')).not.toContain('ENDLIST');
  const numbers = texts.map((text) => parsePlaylist(text).mediaSequence);
  expect(numbers).toEqual([...numbers].sort((a, b) => a - b));
  expect(gateway.errors()).toEqual([]);
  // At once, without waiting for the resume window.
  const closing = performance.now();
  await gateway.close();
  expect(performance.now() - closing).toBeLessThan(4_000);
});

it('C4.02 no FFmpeg outlives a killed gateway, not even a stopped one', async () => {
  const directory = await temporaryDirectory();
  const cli = join(await buildProgram(), 'dist', 'cli.js');
  const flags = ['--host', '127.0.0.1', '--rtmp-port', '0', '--http-port', '0', '--publish-key', 'none'];
  const ladder = ['--ladder', 'source,144p', '--max-transcodes', '9', '--ffmpeg-path', npmFfmpeg()];
  const env = { PATH: process.env.PATH ?? '', SLUICE_STATE_DIR: join(directory, 'secret-state') };
  const args = [cli, 'serve', ...flags, ...ladder, '--media-dir', join(directory, 'media')];
  const gateway = startProgram(process.execPath, args, env);
  let output = '';
  gateway.child.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
  });
  const ready = await eventually(async () => /"rtmp":"([^"]+)"/.exec(output)?.[1]);
  const publishers = ['one', 'two'].map((name) =>
    publishTestPattern(`${ready}/${name}`, { size: '320x180', preset: 'ultrafast' }),
  );
  const children = await eventually(async () => {
    const found = await ffmpegChildren(gateway.pid);
    return found.length === 2 ? found : undefined;
  });
  // Their environment contains nothing of the gateway.
  for (const pid of children) expect(await readFile(`/proc/${pid}/environ`, 'utf8')).not.toContain('SLUICE');
  const [running = 0, stopped = 0] = children;
  process.kill(stopped, 'SIGSTOP');
  gateway.child.kill('SIGKILL');
  await once(gateway.child, 'exit');
  await eventually(() => isGone(running));
  await eventually(() => isGone(stopped));
  for (const { child } of publishers) child.kill('SIGKILL');
});
