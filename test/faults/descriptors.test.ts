// Peers open more connections than there are file descriptors: they are refused, and existing streams and viewers go on.
import { once } from 'node:events';
import { readdir, readFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { connect, type Socket } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { buildGateway } from '../support/gateway-process.js';
import { eventually, whenLive } from '../support/hls-client.js';
import { PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';

const OPEN_FILES = 256;

/** A viewer that was connected before, with one persistent connection. */
function keptConnection() {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  return async (url: string): Promise<string> => {
    const request = get(url, { agent });
    const [response] = (await once(request, 'response')) as [import('node:http').IncomingMessage];
    let text = '';
    for await (const chunk of response) text += String(chunk);
    if (response.statusCode !== 200) throw new Error(`GET ${url}: ${response.statusCode} ${text}`);
    return text;
  };
}

/** A gateway with this many descriptors, its stream `main`, and a viewer of it. */
async function publishedWith(openFiles: number) {
  const flags = ['--ladder', 'source,144p', '--segment-duration', '1', '--max-connections-per-ip', '1000'];
  const program = await buildGateway(...flags);
  const gateway = await program.start({ openFiles });
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  const publisher = await publishLoop(`${gateway.rtmp}/main`, source, { burst: 2 });
  await whenLive(`${gateway.http}/hls/live/main`);
  const read = keptConnection();
  const playlist = (rendition: string) => read(`${gateway.http}/hls/live/main/${rendition}/index.m3u8`);
  const newest = async (rendition: string) => parsePlaylist(await playlist(rendition)).segments.at(-1)?.mediaSequence;
  const descriptors = async () => (await readdir(`/proc/${gateway.pid}/fd`)).length;
  return { gateway, source, publisher, read, playlist, newest, descriptors };
}

/** Idle connections, which stay open as long as the gateway allows. */
function flood(url: string, count: number): Socket[] {
  const { hostname, port } = new URL(url.replace('rtmp:', 'http:'));
  return Array.from({ length: count }, () => {
    const socket = connect(Number(port), hostname);
    // Refusals and resets are expected.
    socket.on('error', () => socket.destroy());
    return socket;
  });
}

/** CPU seconds of a process. */
async function cpu(pid: number): Promise<number> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) / 100;
}

it('C4.04 with 128 descriptors, fewer than the limits on connections together, running streams keep theirs', async () => {
  const openFiles = 128;
  const { gateway, source, read, newest, descriptors } = await publishedWith(openFiles);
  await newest('source');
  // Publishers have precedence over viewers.
  const viewers = flood(gateway.http, 200);
  onTestFinished(() => {
    for (const socket of viewers) socket.destroy();
  });
  await eventually(async () => (viewers.filter(({ closed }) => closed).length > 100 ? true : undefined));
  const late = await publishLoop(`${gateway.rtmp}/late`, source);
  const encoders = flood(gateway.rtmp, 200);
  onTestFinished(() => {
    for (const socket of encoders) socket.destroy();
  });
  await eventually(async () => (encoders.filter(({ closed }) => closed).length > 100 ? true : undefined));
  const held = await descriptors();
  expect(held).toBeLessThan(openFiles - 5);
  const [from, rung] = [await newest('source'), await newest('144p')];
  await eventually(async () => (Number(await newest('source')) > Number(from) + 2 ? true : undefined));
  await eventually(async () => (Number(await newest('144p')) > Number(rung) + 2 ? true : undefined));
  const state = JSON.parse(await read(`${gateway.http}/api/v1/streams/live/main`)) as object;
  expect(state).toMatchObject({ state: 'live', disk: { failures: 0 }, transcode: { restarts: 0 } });
  expect(late.connected).toBe(true);
  expect(gateway.logs.some(({ limit }) => limit === 'openFiles')).toBe(true);
});

it('C4.04 with no descriptor left streams go on, newcomers are refused, and afterwards they are accepted again', async () => {
  const { gateway, source, publisher, read, newest, descriptors } = await publishedWith(OPEN_FILES);
  const disk = async () => {
    const state = JSON.parse(await read(`${gateway.http}/api/v1/streams/live/main`)) as { disk: { failures: number } };
    return state.disk;
  };
  await newest('source');

  process.kill(gateway.pid, 'SIGUSR2');
  await eventually(async () => ((await disk()).failures > 0 ? true : undefined));
  expect(await descriptors()).toBeGreaterThan(OPEN_FILES - 5);
  const sockets = [...flood(gateway.rtmp, 50), ...flood(gateway.http, 50)];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  const used = await cpu(gateway.pid);
  const began = performance.now();
  const [from, rung] = [await newest('source'), await newest('144p')];
  await eventually(async () => (Number(await newest('source')) > Number(from) + 2 ? true : undefined));
  await eventually(async () => (Number(await newest('144p')) > Number(rung) + 2 ? true : undefined));
  // A connection that cannot be accepted must not keep the CPU busy.
  const share = ((await cpu(gateway.pid)) - used) / ((performance.now() - began) / 1000);
  expect(share).toBeLessThan(0.7);
  await eventually(async () => (sockets.every(({ closed }) => closed) ? true : undefined));
  expect(publisher.connected).toBe(true);

  process.kill(gateway.pid, 'SIGUSR2');
  await eventually(async () => ((await descriptors()) < OPEN_FILES / 2 ? true : undefined));
  const { failures } = await disk();
  await publishLoop(`${gateway.rtmp}/second`, source);
  await whenLive(`${gateway.http}/hls/live/second`);
  await eventually(async () => ((await disk()).failures === failures ? true : undefined));
  expect(gateway.alive, gateway.stderr()).toBe(true);
});

it('C4.04 with 256 descriptors and 700 connections streams go on, newcomers are refused, and both end together', async () => {
  const { gateway, source, publisher, read, playlist, descriptors } = await publishedWith(OPEN_FILES);
  // Its descriptors are counted, so playlists are read over its single connection.
  const checker = new PlaylistChecker({ frame: 0.042 });
  const newest = async (rendition: string) => {
    const { segments } = checker.add(rendition, await playlist(rendition));
    expect(segments.some(({ discontinuity }) => discontinuity)).toBe(false);
    return segments.at(-1)?.mediaSequence ?? 0;
  };
  await newest('source');
  const before = await descriptors();

  const sockets = [...flood(gateway.rtmp, 300), ...flood(gateway.http, 400)];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
  });
  await eventually(async () => (sockets.filter(({ closed }) => closed).length > 300 ? true : undefined));
  // There is room for another FFmpeg, because descriptors are kept for running streams.
  expect(await descriptors()).toBeLessThan(OPEN_FILES - 20);
  const from = await newest('source');
  for (const rendition of ['source', '144p']) {
    await eventually(async () => ((await newest(rendition)) > from ? true : undefined));
  }
  const state = JSON.parse(await read(`${gateway.http}/api/v1/streams/live/main`)) as object;
  expect(state).toMatchObject({ state: 'live', disk: { failures: 0 }, transcode: { restarts: 0 } });

  for (const socket of sockets) socket.destroy();
  await eventually(async () => ((await descriptors()) <= before + 5 ? true : undefined));
  await publishLoop(`${gateway.rtmp}/second`, source);
  await whenLive(`${gateway.http}/hls/live/second`);
  expect(publisher.connected).toBe(true);
  expect(gateway.alive, gateway.stderr()).toBe(true);
});
