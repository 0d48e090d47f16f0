// The memory of unread answers is bounded, in total and for each address, and clients that read never suffer.
import { once } from 'node:events';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildHttpApp, type HttpApp } from '../../../src/servers/http/app.js';
import { SharedMemory } from '../../../src/servers/http/delivery/unread-answers.js';
import type { HttpOptions } from '../../../src/servers/http/dependencies.js';
import { type FakeOrigin, fakeDependencies } from './fake-origin.js';
import { openSite } from './site.js';

/** More than the kernel takes for a client that does not read. */
const BODY_BYTES = 8 * 1024 * 1024;

interface Started {
  readonly http: HttpApp;
  readonly origin: FakeOrigin;
  readonly port: number;
  readonly logged: object[];
}

/** Each file has its own body; `shared` is the same buffer for all. */
async function start(options: HttpOptions): Promise<Started> {
  const shared = Buffer.alloc(BODY_BYTES);
  const logged: object[] = [];
  const logger = pino({ level: 'warn' }, { write: (line: string) => void logged.push(JSON.parse(line)) });
  const dependencies = { ...fakeDependencies(), trustedProxies: ['127.0.0.1'], logger, ...options };
  const { origin } = dependencies;
  origin.respond = ({ names }) => {
    const body = names[2] === 'shared' ? shared : Buffer.alloc(BODY_BYTES);
    return { status: 200, kind: 'segment', body, targetDuration: 2 };
  };
  const http = buildHttpApp(dependencies);
  await http.app.listen({ host: '127.0.0.1', port: 0 });
  onTestFinished(() => http.app.close());
  return { http, origin, port: (http.app.server.address() as AddressInfo).port, logged };
}

/** Sends a request from that address and never reads. */
async function standStill({ http, port }: Started, address: string, path: string): Promise<Socket> {
  const answered = (): number => http.delivery.figures.answers.get(200) ?? 0;
  const before = answered();
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => socket.destroy()).pause();
  onTestFinished(() => void socket.destroy());
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: ${address}\r\n\r\n`);
  while (answered() === before) await new Promise((resolve) => setImmediate(resolve));
  return socket;
}

const file = (name: string | number, rendition = 'own'): string => `/hls/live/demo/${rendition}/seg-${name}.m4s`;

/**
 * Reads to the end.
 * @returns whether the answer came whole
 */
async function isWhole(socket: Socket): Promise<boolean> {
  let bytes = 0;
  socket.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > BODY_BYTES) socket.end();
  });
  socket.resume();
  if (!socket.closed) await once(socket, 'close');
  return bytes > BODY_BYTES;
}

const MiB = 1024 * 1024;

describe('unread answers', () => {
  it('of one address are cut off, the oldest first, if they hold too much; others are not affected', async () => {
    const started = await start({ maxUnreadBytesPerIp: 20 * MiB });
    const other = await standStill(started, '192.0.2.9', file('other'));
    const sockets: Socket[] = [];
    for (let n = 0; n < 4; n++) sockets.push(await standStill(started, '192.0.2.1', file(n)));
    const { figures } = started.http.delivery;
    expect(figures.unreadCut).toEqual({ address: 2, connection: 0, total: 0 });
    expect(figures.unreadBytes).toBeGreaterThan(3 * BODY_BYTES);
    expect(figures.unreadBytes).toBeLessThan(3 * BODY_BYTES + MiB);
    expect(await Promise.all(sockets.map(isWhole))).toEqual([false, false, true, true]);
    expect(await isWhole(other)).toBe(true);
    while (started.http.delivery.figures.unreadBytes > 0) await new Promise((resolve) => setImmediate(resolve));
    expect(started.http.delivery.figures.slowReaders).toBe(0);
  });

  it('of all addresses of an IPv6 network count together', async () => {
    const started = await start({ maxUnreadBytesPerIp: 20 * MiB });
    for (let n = 0; n < 4; n++) await standStill(started, `2001:db8:1:2::${n}`, file(n));
    await standStill(started, '2001:db8:1:3::1', file('other'));
    expect(started.http.delivery.figures.unreadCut).toEqual({ address: 2, connection: 0, total: 0 });
  });

  it('over the total limit are cut off at the address that holds the most, with one log line', async () => {
    const started = await start({ maxUnreadBytes: 44 * MiB, maxUnreadBytesPerIp: 1_000 * MiB });
    const first = await standStill(started, '192.0.2.1', file('first'));
    const greedy: Socket[] = [];
    for (let n = 0; n < 6; n++) greedy.push(await standStill(started, '192.0.2.2', file(n)));
    const last = await standStill(started, '192.0.2.3', file('last'));
    expect(started.http.delivery.figures.unreadCut).toEqual({ address: 0, connection: 0, total: 3 });
    expect(started.logged).toMatchObject([{ limit: 'total', suppressed: 0 }]);
    expect(await Promise.all([first, last, ...greedy].map(isWhole))).toEqual([
      true,
      true,
      false,
      false,
      false,
      true,
      true,
      true,
    ]);
    const metrics = (await started.http.app.inject('/metrics')).body;
    expect(metrics).toContain('sluice_unread_answers_cut_total{limit="total"} 3');
  });

  it('that share a body in memory count it once', async () => {
    const started = await start({ maxUnreadBytes: 20 * MiB, maxUnreadBytesPerIp: 20 * MiB });
    const sockets: Socket[] = [];
    for (let n = 0; n < 20; n++) sockets.push(await standStill(started, '192.0.2.1', file(n, 'shared')));
    expect(started.http.delivery.figures.unreadCut).toEqual({ address: 0, connection: 0, total: 0 });
    expect(started.http.delivery.figures.unreadBytes).toBeLessThan(BODY_BYTES + MiB);
    expect(await Promise.all(sockets.map(isWhole))).toEqual(Array(20).fill(true));
  });

  it('are always allowed if there is one per address, however large', async () => {
    const started = await start({ maxUnreadBytesPerIp: MiB });
    const socket = await standStill(started, '192.0.2.1', file(1));
    expect(started.http.delivery.figures.unreadCut.address).toBe(0);
    expect(await isWhole(socket)).toBe(true);
  });

  it('of pages, lists and metrics count too, on every HTTP/2 stream', async () => {
    const many = Array.from({ length: 3_000 }, (_, n) => ({
      app: 'live',
      name: `stream-${n}`,
      state: 'live' as const,
      startedAt: '2026-01-02T03:04:05.000Z',
      renditions: [],
    }));
    const dependencies = fakeDependencies({ streams: { list: () => many, get: () => undefined } });
    const { http, secure: port } = await openSite({
      ...dependencies,
      trustedProxies: [],
      maxUnreadBytesPerIp: 4 * MiB,
    });
    const session = connectHttp2(`https://127.0.0.1:${port}`, {
      rejectUnauthorized: false,
      settings: { initialWindowSize: 0 },
    });
    onTestFinished(() => session.destroy());
    // The list has some 400 kB: a dozen of them are too much.
    const streams = Array.from({ length: 40 }, () =>
      session.request({ ':path': '/api/v1/streams' }).on('error', () => undefined),
    );
    await Promise.all(streams.map((stream) => once(stream, 'response').catch(() => undefined)));
    while (http.delivery.figures.unreadCut.address < 20) await new Promise((resolve) => setImmediate(resolve));
    expect(http.delivery.figures.unreadBytes).toBeLessThanOrEqual(4 * MiB);
  });
});

describe('HTTP/2 connections with many unread answers', () => {
  it('are closed once all together hold much; one with few is not', async () => {
    const dependencies = fakeDependencies();
    const body = () => Buffer.alloc(64 * 1024);
    dependencies.origin.respond = () => ({ status: 200, kind: 'segment', body: body(), targetDuration: 2 });
    const { http, secure: port } = await openSite({ ...dependencies, trustedProxies: [], maxUnreadBytes: 64 * MiB });
    const request = async (count: number): Promise<ClientHttp2Session> => {
      const session = connectHttp2(`https://127.0.0.1:${port}`, {
        rejectUnauthorized: false,
        settings: { initialWindowSize: 0 },
      });
      session.on('error', () => undefined);
      onTestFinished(() => session.destroy());
      const streams = Array.from({ length: count }, (_, n) =>
        session.request({ ':path': file(n) }).on('error', () => undefined),
      );
      const answers = streams.map(
        (stream) => new Promise((resolve) => stream.on('response', resolve).on('close', resolve)),
      );
      await Promise.all(answers);
      return session;
    };
    const modest = await request(10);
    const greedy = await request(100);
    if (!greedy.destroyed) await once(greedy, 'close');
    expect(modest.destroyed).toBe(false);
    expect(http.delivery.figures.unreadCut).toEqual({ address: 0, connection: 1, total: 0 });
    while (http.delivery.figures.slowReaders > 10) await new Promise((resolve) => setImmediate(resolve));
    expect(http.delivery.figures.unreadBytes).toBeLessThan(4 * MiB);
  });
});

describe('shared memory', () => {
  it('counts shared memory once while anybody holds it, and the whole block of each view', () => {
    const memory = new SharedMemory();
    const body = Buffer.from(new ArrayBuffer(1_000));
    memory.add(body, 10);
    memory.add(body.subarray(5, 6), 10);
    memory.add(undefined, 7);
    expect(memory.bytes).toBe(1_027);
    memory.remove(body, 10);
    expect(memory.bytes).toBe(1_017);
    memory.remove(body.subarray(5, 6), 10);
    expect(memory.bytes).toBe(7);
    memory.remove(undefined, 7);
    expect(memory.bytes).toBe(0);
  });
});
