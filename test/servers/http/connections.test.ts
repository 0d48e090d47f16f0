// Connections over real sockets: how long they may be idle, and that they end together with the server.

import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import {
  CLOSE_GRACE,
  HEADERS_TIMEOUT,
  KEEP_ALIVE_TIMEOUT,
  MAX_CONNECTIONS,
  REQUEST_TIMEOUT,
  SOCKET_TIMEOUT,
} from '../../../src/servers/http/connection-limits.js';
import type { OriginAnswer } from '../../../src/servers/http/dependencies.js';
import { type FakeOrigin, fakeDependencies } from './fake-origin.js';

const ENDED: OriginAnswer = { status: 200, kind: 'media-playlist', body: Buffer.from('#EXTM3U\n#EXT-X-ENDLIST\n') };

let app: FastifyInstance;
let origin: FakeOrigin;
let port: number;

beforeEach(async () => {
  const dependencies = fakeDependencies();
  origin = dependencies.origin;
  app = buildApp(dependencies);
  await app.listen({ host: '127.0.0.1', port: 0 });
  port = (app.server.address() as AddressInfo).port;
});

afterEach(() => app.close());

interface Peer {
  readonly socket: Socket;
  readonly text: () => string;
  readonly closed: Promise<unknown>;
}

async function call(path: string): Promise<Peer> {
  const socket = connect(port, '127.0.0.1');
  let received = '';
  socket.setEncoding('utf8').on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => socket.destroy());
  const closed = once(socket, 'close');
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
  return { socket, text: () => received, closed };
}

/** Connections that have received an answer and are idle. */
async function callIdle(): Promise<Peer> {
  const peer = await call('/healthz');
  while (!peer.text().includes('"ok"')) await once(peer.socket, 'data');
  return peer;
}

/** Five requests that wait inside the origin, with a function that answers them. */
async function callBlocked(): Promise<{ readonly peers: readonly Peer[]; readonly answer: () => void }> {
  const answers: (() => void)[] = [];
  const waiting = new Promise<void>((resolve) => {
    origin.respond = () =>
      new Promise((give) => {
        answers.push(() => give(ENDED));
        if (answers.length === 5) resolve();
      });
  });
  const peers = await Promise.all(
    Array.from({ length: 5 }, (_, part) => call(`/hls/live/demo/v/index.m3u8?_HLS_msn=9&_HLS_part=${part}`)),
  );
  await waiting;
  const answer = (): void => {
    for (const give of answers) give();
  };
  return { peers, answer };
}

async function secondsToClose(): Promise<number> {
  const start = performance.now();
  await app.close();
  return (performance.now() - start) / 1000;
}

describe('the end of the server', () => {
  it('answers blocking reloads of a stream that has just ended, and keeps no connection', async () => {
    const idle = await Promise.all(Array.from({ length: 5 }, callIdle));
    const { peers, answer } = await callBlocked();
    answer();
    // Far below the 72 s for which a connection is kept alive, and far above the time that closing takes.
    expect(await secondsToClose()).toBeLessThan(10);
    await Promise.all([...idle, ...peers].map(({ closed }) => closed));
    for (const { text } of peers) expect(text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*#EXT-X-ENDLIST\n$/);
  });

  it('sends answers that are ready while it closes, with Connection: close', async () => {
    const { peers, answer } = await callBlocked();
    const closed = secondsToClose();
    while (app.server.listening) await new Promise((resolve) => setImmediate(resolve));
    answer();
    expect(await closed).toBeLessThan(10);
    await Promise.all(peers.map((peer) => peer.closed));
    for (const { text } of peers) expect(text()).toMatch(/^HTTP\/1\.1 200 [\s\S]*connection: close[\s\S]*ENDLIST\n$/i);
  });

  it('waits only a moment for requests that are never answered', async () => {
    const idle = await Promise.all(Array.from({ length: 5 }, callIdle));
    const { peers } = await callBlocked();
    const aborted = Promise.all(origin.calls.map(({ signal }) => once(signal, 'abort')));
    const seconds = await secondsToClose();
    expect(seconds).toBeGreaterThan(CLOSE_GRACE / 1000 / 2);
    expect(seconds).toBeLessThan(10);
    await Promise.all([...idle, ...peers].map(({ closed }) => closed));
    await aborted;
  });
});

describe('the connections of a peer', () => {
  it('have a timeout for every wait', () => {
    expect(app.server).toMatchObject({
      maxConnections: MAX_CONNECTIONS,
      headersTimeout: HEADERS_TIMEOUT,
      requestTimeout: REQUEST_TIMEOUT,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
      timeout: SOCKET_TIMEOUT,
    });
  });

  it('are closed over the limit, and accepted again below it', async () => {
    app.server.maxConnections = 2;
    const [first, second] = await Promise.all([callIdle(), callIdle()]);
    const third = await call('/healthz');
    await third.closed;
    expect(third.text()).toBe('');
    first?.socket.destroy();
    await first?.closed;
    second?.socket.write('GET /readyz HTTP/1.1\r\nHost: x\r\n\r\n');
    while (!second?.text().includes('"ready":true')) await once((second as Peer).socket, 'data');
  });
});
