// Media that is not in memory is sent from its file as fast as the client reads, over every protocol.
import { once } from 'node:events';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { Agent, get as getSecure } from 'node:https';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { DiskStore } from '../../../src/hls/store/disk-store.js';
import { StoredReads } from '../../../src/hls/store/stored-reads.js';
import type { HttpApp } from '../../../src/servers/http/app.js';
import type { OriginAnswer } from '../../../src/servers/http/dependencies.js';
import { collectGarbage } from '../../support/collect-garbage.js';
import { temporaryDirectory } from '../../support/temp-dir.js';
import { type FakeOrigin, fakeDependencies } from './fake-origin.js';
import { openSite } from './site.js';

const PATH = '/hls/live/demo/v/seg-1.m4s';
/** More than the kernel takes for a client that does not read, and not a whole number of pieces. */
const SEGMENT = Buffer.alloc(6_000_001);
for (let at = 0; at + 4 <= SEGMENT.length; at += 4) SEGMENT.writeUInt32BE(at, at);

let http: HttpApp;
let origin: FakeOrigin;
let store: DiskStore;
let ports: { readonly plain: number; readonly tls: number };

beforeEach(async () => {
  store = new DiskStore(await temporaryDirectory());
  await store.write('seg-1.m4s', SEGMENT);
  const reads = new StoredReads(store);
  const dependencies = fakeDependencies();
  origin = dependencies.origin;
  origin.respond = async ({ names }): Promise<OriginAnswer> => {
    const stored = await reads.body(names.at(-1) ?? '');
    if (stored === undefined || Buffer.isBuffer(stored)) throw new Error('expected a large file');
    return { status: 200, kind: 'segment', stored, targetDuration: 2 };
  };
  const site = await openSite(dependencies);
  http = site.http;
  ports = { plain: site.plain, tls: site.secure };
});

type Ask = (
  path: string,
  headers?: Record<string, string>,
  method?: string,
) => Promise<{
  status: number | undefined;
  headers: IncomingMessage['headers'];
  body: Buffer;
}>;

async function collect(request: ReturnType<typeof getPlain>) {
  const [answer] = (await once(request, 'response')) as [IncomingMessage];
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  return { status: answer.statusCode, headers: answer.headers, body: Buffer.concat(chunks) };
}

const overPlain: Ask = (path, headers = {}, method = 'GET') =>
  collect(getPlain({ host: '127.0.0.1', port: ports.plain, path, headers, method }));

const overTls: Ask = (path, headers = {}, method = 'GET') => {
  const agent = new Agent({ rejectUnauthorized: false });
  return collect(getSecure({ host: '127.0.0.1', port: ports.tls, path, headers, method, agent }));
};

const overHttp2: Ask = async (path, headers = {}, method = 'GET') => {
  const session = connectHttp2(`https://127.0.0.1:${ports.tls}`, { rejectUnauthorized: false });
  onTestFinished(() => session.destroy());
  const stream = session.request({ ...headers, ':path': path, ':method': method });
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [[answer]] = (await Promise.all([once(stream, 'response'), once(stream, 'end')])) as [
    [Record<string, string>],
    unknown,
  ];
  return { status: Number(answer[':status']), headers: answer, body: Buffer.concat(chunks) };
};

const ways: { name: string; ask: Ask }[] = [
  { name: 'HTTP', ask: overPlain },
  { name: 'HTTPS', ask: overTls },
  { name: 'HTTP/2', ask: overHttp2 },
];

describe.each(ways)('over $name', ({ ask }) => {
  it('answers GET, HEAD, ranges and conditional requests from the file', async () => {
    const whole = await ask(PATH);
    expect(whole.status).toBe(200);
    expect(whole.body.equals(SEGMENT)).toBe(true);
    expect(whole.headers).toMatchObject({ 'content-length': '6000001', 'accept-ranges': 'bytes' });
    expect(whole.headers['cache-control']).toContain('max-age');
    const head = await ask(PATH, {}, 'HEAD');
    expect([head.status, head.body.length, head.headers['content-length']]).toEqual([200, 0, '6000001']);
    const slice = await ask(PATH, { range: 'bytes=131000-5000000' });
    expect([slice.status, slice.headers['content-range']]).toEqual([206, 'bytes 131000-5000000/6000001']);
    expect(slice.body.equals(SEGMENT.subarray(131_000, 5_000_001))).toBe(true);
    const end = await ask(PATH, { range: 'bytes=-3' });
    expect([end.status, end.body]).toEqual([206, SEGMENT.subarray(-3)]);
    expect((await ask(PATH, { range: 'bytes=7000000-' })).status).toBe(416);
    const etag = String(whole.headers.etag);
    expect((await ask(PATH, { 'if-none-match': etag })).status).toBe(304);
  });

  it('sends a body in memory whole', async () => {
    origin.respond = () => ({ status: 200, kind: 'segment', body: SEGMENT, targetDuration: 2 });
    expect((await ask(PATH)).body.equals(SEGMENT)).toBe(true);
    const slice = await ask(PATH, { range: 'bytes=1-5000000' });
    expect(slice.body.equals(SEGMENT.subarray(1, 5_000_001))).toBe(true);
  });

  it('cuts the answer off if reading the file fails, and keeps answering others', async () => {
    let reads = 0;
    const failing = {
      length: SEGMENT.length,
      read: async (start: number, into: Buffer) => {
        if (reads++ === 3) throw new Error('the disk went');
        SEGMENT.copy(into, 0, start);
      },
    };
    const working = origin.respond;
    origin.respond = () => ({ status: 200, kind: 'segment', stored: failing, targetDuration: 2 });
    await expect(ask(PATH)).rejects.toThrow();
    origin.respond = working;
    expect((await ask(PATH)).body.length).toBe(SEGMENT.length);
  });
});

/** Sends a request and never reads. */
async function standStill(secure: boolean, path: string): Promise<Socket> {
  const socket = secure
    ? connectTls({ host: '127.0.0.1', port: ports.tls, rejectUnauthorized: false, ALPNProtocols: ['http/1.1'] })
    : connect(ports.plain, '127.0.0.1');
  socket.on('error', () => socket.destroy()).pause();
  onTestFinished(() => void socket.destroy());
  await once(socket, secure ? 'secureConnect' : 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return socket;
}

describe('readers that stop', () => {
  const READERS = 40;

  it.each([
    ['of different files, over HTTP', false, true],
    ['of different files, over HTTPS', true, true],
    ['of one segment in memory, over HTTPS', true, false],
  ])('make the server hold one piece each: %s', async (_, secure, fromDisk) => {
    if (fromDisk)
      await Promise.all(Array.from({ length: READERS }, (__, i) => store.write(`seg-${100 + i}.m4s`, SEGMENT)));
    else origin.respond = () => ({ status: 200, kind: 'segment', body: SEGMENT, targetDuration: 2 });
    const before = process.memoryUsage();
    for (let i = 0; i < READERS; i++) await standStill(secure, PATH.replace('seg-1.', `seg-${100 + i}.`));
    // All of them have as much as the kernel takes, and wait.
    let last = -1;
    for (let calm = 0; calm < 5; ) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const { external, arrayBuffers } = process.memoryUsage();
      calm = http.delivery.figures.slowReaders === READERS && external + arrayBuffers === last ? calm + 1 : 0;
      last = external + arrayBuffers;
    }
    collectGarbage();
    // Whole bodies would be 240 MB.
    const after = process.memoryUsage();
    expect(after.external - before.external).toBeLessThan(60_000_000);
    // What TLS holds is memory of OpenSSL, which only the whole process shows.
    expect(after.rss - before.rss).toBeLessThan(150_000_000);
  });
});
