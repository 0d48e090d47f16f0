// The edges that docs/cdn.md recommends, as real programs between many low-latency viewers and one origin.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { Agent, get } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/hls-client.js';
import { absentPeer, NGINX, VARNISH } from '../support/peers.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { PART_BYTES, PARTS_PER_SEGMENT, type ServedOrigin, serveLiveOrigin } from './live-origin.js';

/** 1000 in the long run; half of the cores belong to others in the short one. */
const VIEWERS = Number(process.env.CDN_VIEWERS ?? 100);
const PARTS = Number(process.env.CDN_PARTS ?? 8);
/** As long as parts are by default, or sooner where few viewers need less. */
const PART_INTERVAL = process.env.CDN_VIEWERS === undefined ? 250 : 500;

const deploy = (file: string): string => readFileSync(new URL(`../../deploy/${file}`, import.meta.url), 'utf8');

async function freePort(): Promise<number> {
  const server = createServer().listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Starts a program in the foreground; resolves when its port accepts. */
async function startEdge(command: string, args: readonly string[], port: number): Promise<void> {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)));
  const exited = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGTERM');
    await exited;
  });
  await eventually(async () => {
    if (child.exitCode !== null) throw new Error(`${command} ended: ${output}`);
    return new Promise<true | undefined>((resolve) => {
      const request = get({ host: '127.0.0.1', port, path: '/healthz', agent: false }, (answer) => {
        answer.resume().on('end', () => resolve(true));
      });
      request.on('error', () => resolve(undefined));
    });
  });
}

async function startNginx(originPort: number): Promise<number> {
  const directory = await temporaryDirectory();
  const port = await freePort();
  const edge = deploy('nginx-edge.conf')
    .replace('/var/cache/nginx/sluice', `${directory}/cache`)
    .replace('127.0.0.1:8080', `127.0.0.1:${originPort}`)
    .replace('listen 80', `listen 127.0.0.1:${port}`);
  const temp = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (kind) => `${kind}_temp_path ${directory}/${kind};`,
  );
  await mkdir(`${directory}/cache`);
  await writeFile(
    `${directory}/nginx.conf`,
    `${process.getuid?.() === 0 ? 'user root;' : ''} daemon off; worker_processes 1; pid ${directory}/pid; error_log ${directory}/error.log;
     events { worker_connections 8192; } worker_rlimit_nofile 16384;
     http { access_log off; ${temp.join(' ')} ${edge} }`,
  );
  await startEdge(NGINX, ['-c', `${directory}/nginx.conf`, '-e', `${directory}/error.log`], port);
  return port;
}

async function startVarnish(originPort: number): Promise<number> {
  const directory = await temporaryDirectory();
  const port = await freePort();
  await writeFile(`${directory}/edge.vcl`, deploy('varnish.vcl').replace('"8080"', `"${originPort}"`));
  const args = ['-F', '-n', `${directory}/work`, '-a', `127.0.0.1:${port}`, '-f', `${directory}/edge.vcl`];
  await startEdge(
    VARNISH,
    [...args, '-s', 'malloc,128m', '-T', 'none', '-p', 'workspace_client=64k', '-j', 'none'],
    port,
  );
  return port;
}

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

function fetchFrom(port: number, path: string, agent: Agent, headers: Record<string, string> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, agent, headers }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks), headers: answer.headers }),
      );
    }).on('error', reject);
  });
}

interface Report {
  /** From a part being ready to the playlist that lists it being read, one for each viewer and part. */
  readonly delays: readonly number[];
}

/** So many in each process: one core serves them without being the slowest link. */
const VIEWERS_OF_PROCESS = 250;

/** Resolves when all of them wait for the next part. @returns by viewer, when it had the playlist of each part, milliseconds since 1970 */
async function startViewers(port: number, count: number, firstId: number, firstPart: number) {
  const args = [port, count, firstId, firstPart, PARTS, PARTS_PER_SEGMENT, PART_BYTES];
  const child = fork(new URL('fixtures/edge-viewers.mjs', import.meta.url), args.map(String), {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let said = '';
  child.stderr?.on('data', (text) => (said += String(text)));
  onTestFinished(() => void child.kill('SIGKILL'));
  const failed = once(child, 'exit').then(([code]) => {
    throw new Error(`the viewers ended with ${code}: ${said}`);
  });
  const message = async (): Promise<unknown> => (await Promise.race([once(child, 'message'), failed]))[0];
  await message();
  return { arrivals: message() as Promise<number[][]> };
}

/** Viewers that follow the live edge in other processes than the origin's. */
async function watch({ live }: ServedOrigin, port: number): Promise<Report> {
  const first = live.parts;
  const starting = Array.from({ length: Math.ceil(VIEWERS / VIEWERS_OF_PROCESS) }, (_, process) => {
    const id = process * VIEWERS_OF_PROCESS;
    return startViewers(port, Math.min(VIEWERS_OF_PROCESS, VIEWERS - id), id, first);
  });
  const started = await Promise.all(starting);
  const clock = setInterval(() => live.advance(), PART_INTERVAL);
  try {
    const arrivals = (await Promise.all(started.map(({ arrivals }) => arrivals))).flat();
    const ready = (index: number): number => performance.timeOrigin + (live.readyAt[index] ?? Number.NaN);
    return { delays: arrivals.flatMap((times) => times.map((at, part) => at - ready(first + part))) };
  } finally {
    clearInterval(clock);
  }
}

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
}

function print(edge: string, { delays }: Report, ratio: number): void {
  const [p50, p99] = [percentile(delays, 0.5), percentile(delays, 0.99)].map((value) => value.toFixed(0));
  process.stdout.write(
    `${edge}: ${VIEWERS} viewers, ${ratio.toFixed(3)} requests per object, p50 ${p50} ms, p99 ${p99} ms\n`,
  );
}

/** Requests at the origin for each object and version that was asked for. */
function requestsPerObject({ requests }: ServedOrigin): number {
  const media = [...requests].filter(([url]) => url.startsWith('/hls/'));
  expect(media.length).toBeGreaterThanOrEqual(2 * PARTS);
  return media.reduce((sum, [, count]) => sum + count, 0) / media.length;
}

describe.each([
  ['nginx', NGINX, startNginx],
  ['Varnish', VARNISH, startVarnish],
] as const)('%s as edge', (name, program, startProgram) => {
  it.skipIf(absentPeer(program))('B4.11 many low-latency viewers cost the origin one request per object', async () => {
    const served = await serveLiveOrigin();
    const port = await startProgram(served.port);
    const report = await watch(served, port);
    const ratio = requestsPerObject(served);
    print(name, report, ratio);
    if (process.env.CDN_VIEWERS !== undefined) {
      // What the same viewers get of the origin itself.
      const direct = await serveLiveOrigin({ maxWaitersPerIp: VIEWERS });
      print('origin', await watch(direct, direct.port), VIEWERS);
    }
    expect(report.delays).toHaveLength(VIEWERS * PARTS);
    expect(ratio).toBeLessThanOrEqual(1.2);
    for (const url of served.requests.keys()) expect(url).not.toContain('session');
  });

  it.skipIf(absentPeer(program))('keeps what the origin says about types, CORS, ranges and errors', async () => {
    const served = await serveLiveOrigin();
    const port = await startProgram(served.port);
    // Until the playlist is long enough to be worth compressing.
    for (let part = 0; part < 8; part++) served.live.advance();
    const agent = new Agent();
    onTestFinished(() => agent.destroy());
    const plain = await fetchFrom(port, '/hls/live/a/v/index.m3u8', agent);
    expect(plain.body.toString()).toMatch(/^#EXTM3U\n/);
    expect(plain.headers).toMatchObject({
      'content-type': 'application/vnd.apple.mpegurl',
      'cache-control': 'public, max-age=1',
      'access-control-allow-origin': '*',
    });
    const packed = await fetchFrom(port, '/hls/live/a/v/index.m3u8', agent, { 'accept-encoding': 'gzip' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    const range = await fetchFrom(port, '/hls/live/a/v/part-0.m4s', agent, { range: 'bytes=10-19' });
    expect([range.status, range.body.length, range.headers['content-range']]).toEqual([206, 10, 'bytes 10-19/20000']);
    const missing = await fetchFrom(port, '/hls/live/a/v/part-99.m4s', agent);
    expect([missing.status, missing.headers['access-control-allow-origin']]).toEqual([404, '*']);
    const figures = await fetchFrom(port, '/metrics', agent);
    expect(figures.status).toBe(404);
  });
});
