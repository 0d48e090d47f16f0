// Answers on our own connections have the same bytes as on Node's sockets, come in the order of the requests, and end in the same way.

import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildHttpApp, type HttpApp } from '../../../src/servers/http/app.js';
import { KEEP_ALIVE_TIMEOUT } from '../../../src/servers/http/connection-limits.js';
import type { HttpDependencies, OriginAnswer } from '../../../src/servers/http/dependencies.js';
import { sluiceHttp } from '../../../src/servers/http/plugin.js';
import { type FakeOrigin, fakeDependencies } from './fake-origin.js';

const TEXT = `#EXTM3U\n${'#EXTINF:2.00000,\nseg-1.m4s\n'.repeat(40)}`;
const PLAYLIST: OriginAnswer = { status: 200, kind: 'media-playlist', body: Buffer.from(TEXT), targetDuration: 2 };
const PART: OriginAnswer = { status: 200, kind: 'part', body: Buffer.alloc(190_000, 'part'), targetDuration: 2 };
/** More than the kernel takes for a client that does not read. */
const SEGMENT: OriginAnswer = { status: 200, kind: 'segment', body: Buffer.alloc(16 * 1024 * 1024, 's') };
const PATH = '/hls/live/demo/v/index.m3u8';
const PART_PATH = '/hls/live/demo/v/part-1.0.m4s';
const SEGMENT_PATH = '/hls/live/demo/v/seg-1.m4s';

let http: HttpApp;
let origin: FakeOrigin;
let port: number;

function answering(dependencies: HttpDependencies & { readonly origin: FakeOrigin }): typeof dependencies {
  dependencies.origin.respond = ({ names }) => {
    const file = names[3];
    if (file === undefined) return PLAYLIST;
    return file.startsWith('seg') ? SEGMENT : PART;
  };
  return dependencies;
}

const portOf = (app: FastifyInstance): number => (app.server.address() as AddressInfo).port;

beforeEach(async () => {
  const dependencies = answering(fakeDependencies());
  origin = dependencies.origin;
  http = buildHttpApp(dependencies);
  await http.app.listen({ host: '127.0.0.1', port: 0 });
  port = portOf(http.app);
});
afterEach(() => http.app.close());

async function dial(to = port): Promise<Socket> {
  const socket = connect(to, '127.0.0.1').on('error', () => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

const get = (path: string, more = '', method = 'GET') => `${method} ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

interface Reply {
  readonly head: string;
  readonly body: Buffer;
}

/** Reads answers one after the other, by their Content-Length; `bodiless` marks answers to HEAD and 304. */
function reader(socket: Socket): (bodiless?: boolean) => Promise<Reply> {
  let received: Buffer = Buffer.alloc(0);
  const more = async (): Promise<void> => {
    const chunks = [received];
    let chunk = socket.read() as Buffer | null;
    if (chunk === null) {
      await once(socket, 'readable');
      chunk = socket.read() as Buffer | null;
    }
    if (chunk === null) throw new Error(`the connection ended after ${received.toString('latin1').slice(0, 200)}`);
    chunks.push(chunk);
    received = Buffer.concat(chunks);
  };
  return async (bodiless = false) => {
    while (!received.includes('\r\n\r\n')) await more();
    const split = received.indexOf('\r\n\r\n') + 4;
    const head = received.toString('latin1', 0, split);
    const length = bodiless ? 0 : Number(/content-length: (\d+)/.exec(head)?.[1]);
    while (received.length < split + length) await more();
    const body = Buffer.from(received.subarray(split, split + length));
    received = received.subarray(split + length);
    return { head, body };
  };
}

const bodyOf = (answer: OriginAnswer): Buffer => (answer.status === 200 && answer.body) || Buffer.alloc(0);
const withoutDate = (head: string): string => head.replace(/Date: [^\r]+/, 'Date: -');

describe('an answer', () => {
  it.each([PATH, `${PATH}?_HLS_msn=1`, PART_PATH])(
    '%s is byte for byte what Node writes to a socket of its own',
    async (path) => {
      // Somebody else's application listens on its own sockets.
      const foreign = Fastify({ keepAliveTimeout: KEEP_ALIVE_TIMEOUT });
      await foreign.register(sluiceHttp, { ...answering(fakeDependencies()) });
      await foreign.listen({ host: '127.0.0.1', port: 0 });
      const replies: Reply[] = [];
      for (const to of [portOf(foreign), port]) {
        const socket = await dial(to);
        socket.write(get(path));
        replies.push(await reader(socket)());
        socket.destroy();
      }
      await foreign.close();
      const [theirs, ours] = replies;
      expect(withoutDate(ours?.head ?? '')).toBe(withoutDate(theirs?.head ?? '-'));
      expect(ours?.head).toMatch(/\r\nDate: \w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT\r\nConnection: keep-alive\r\n/);
      expect(ours?.body.equals(theirs?.body ?? Buffer.alloc(0))).toBe(true);
    },
  );

  it('B4.04 has a Date header with the current second', async () => {
    const second = () => Math.floor(Date.now() / 1000) * 1000;
    const before = second();
    const { headers } = await fetch(`http://127.0.0.1:${port}${PATH}`);
    const date = Date.parse(headers.get('date') ?? '');
    // Node makes the text of a date once a second.
    expect(date).toBeGreaterThanOrEqual(before - 1000);
    expect(date).toBeLessThanOrEqual(second());
  });

  it('cannot have a header with a line break', async () => {
    origin.respond = () => ({ ...PLAYLIST, entityTag: '"x"\r\nset-cookie: a=b"' }) as OriginAnswer;
    const reply = await fetch(`http://127.0.0.1:${port}${PATH}`);
    expect(reply.status).toBe(500);
    expect(reply.headers.get('set-cookie')).toBeNull();
  });
});

describe('its connection', () => {
  it('pipelined requests are answered in their order, whatever they request', async () => {
    // The first one waits; the others are ready before it.
    let release: (() => void) | undefined;
    const quick = origin.respond;
    origin.respond = (call) => {
      if (call.directives?.msn !== '9') return quick(call);
      return new Promise((resolve) => {
        release = () => resolve(PLAYLIST);
      });
    };
    const socket = await dial();
    const requests = [
      ...[get(`${PATH}?_HLS_msn=9`), get(PART_PATH), get(PATH, '', 'HEAD'), get(PATH)],
      ...[
        get(PATH, 'If-None-Match: *\r\n'),
        get('/healthz'),
        get(PART_PATH, 'Range: bytes=0-9\r\n'),
        get(SEGMENT_PATH),
        get(PATH),
      ],
    ];
    socket.write(requests.join(''));
    await until(() => release !== undefined);
    const next = reader(socket);
    release?.();
    expect((await next()).body.toString()).toBe(TEXT);
    expect((await next()).body.equals(bodyOf(PART))).toBe(true);
    expect((await next(true)).head).toContain(`content-length: ${TEXT.length}`);
    expect((await next()).body.toString()).toBe(TEXT);
    expect((await next(true)).head).toMatch(/^HTTP\/1\.1 304 /);
    expect((await next()).head).toContain('application/json');
    expect((await next()).body).toHaveLength(10);
    expect((await next()).body.equals(bodyOf(SEGMENT))).toBe(true);
    expect((await next()).body.toString()).toBe(TEXT);
    // The connection can still be used.
    socket.write(get(PATH));
    expect((await next()).body.toString()).toBe(TEXT);
    socket.destroy();
  });

  it('a request with a body does not disturb the next one', async () => {
    const socket = await dial();
    const next = reader(socket);
    socket.write(get(PATH, 'Content-Length: 5\r\n'));
    expect((await next()).body.toString()).toBe(TEXT);
    socket.write(`hello${get(PART_PATH)}`);
    expect((await next()).body.equals(bodyOf(PART))).toBe(true);
    socket.destroy();
  });

  it.each([
    ['Connection: close', get(PATH, 'Connection: close\r\n')],
    ['HTTP/1.0', get(PATH).replace('1.1', '1.0')],
  ])('%s closes it after the answer', async (_name, request) => {
    const socket = await dial();
    socket.write(request);
    const { head, body } = await reader(socket)();
    expect(head).toContain('Connection: close');
    expect(body.toString()).toBe(TEXT);
    if (!socket.closed) await once(socket.resume(), 'close');
  });

  it('HTTP/1.0 with keep-alive stays open', async () => {
    const socket = await dial();
    const next = reader(socket);
    for (let count = 0; count < 2; count += 1) {
      socket.write(get(PATH, 'Connection: keep-alive\r\n').replace('1.1', '1.0'));
      expect((await next()).body.toString()).toBe(TEXT);
    }
    socket.destroy();
  });

  it('nothing is written after the end if the client half-closes before the answer comes', async () => {
    let answer: (() => void) | undefined;
    origin.respond = () =>
      new Promise((resolve) => {
        answer = () => resolve(PLAYLIST);
      });
    // After Node's own listener, which ends the connection.
    http.app.server.once('connection', (served: Socket) => served.once('end', () => answer?.()));
    const socket = await dial();
    socket.write(get(`${PATH}?_HLS_msn=9`));
    await until(() => answer !== undefined);
    socket.end().resume();
    await once(socket, 'close');
    expect(http.delivery.figures.waiting).toBe(0);
  });

  it('C4.07 a large answer counts as slow until it has been read, and arrives whole', async () => {
    const socket = await dial();
    socket.write(get(SEGMENT_PATH));
    await until(() => http.delivery.figures.slowReaders === 1);
    const next = reader(socket);
    expect((await next()).body.equals(bodyOf(SEGMENT))).toBe(true);
    await until(() => http.delivery.figures.slowReaders === 0);
    socket.write(get(PATH));
    expect((await next()).body.toString()).toBe(TEXT);
    socket.destroy();
  });

  it('C4.07 a client that leaves in the middle of an answer leaves nothing behind', async () => {
    const socket = await dial();
    socket.write(get(SEGMENT_PATH));
    await until(() => http.delivery.figures.slowReaders === 1);
    socket.resetAndDestroy();
    await until(() => http.delivery.figures.slowReaders === 0);
    expect(http.delivery.figures.slowReadersCut).toBe(0);
    expect(await fetch(`http://127.0.0.1:${port}${PATH}`).then((reply) => reply.text())).toBe(TEXT);
  });

  it('answers, bytes and the end of each response are counted', async () => {
    const ends: boolean[] = [];
    http.app.server.prependListener('request', (_request, response) => {
      response.once('finish', () => response.once('close', () => ends.push(response.destroyed)));
    });
    const socket = await dial();
    const next = reader(socket);
    for (let count = 0; count < 3; count += 1) {
      socket.write(get(PATH));
      await next();
    }
    const { answers, bytes } = http.delivery.figures;
    expect([answers.get(200), bytes]).toEqual([3, 3 * TEXT.length]);
    await until(() => ends.length === 3);
    expect(ends).toEqual([true, true, true]);
    socket.destroy();
  });
});
