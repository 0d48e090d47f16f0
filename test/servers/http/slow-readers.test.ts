// A client that takes an answer too slowly is cut off, and holds no copy of it meanwhile.
import { once } from 'node:events';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { unreadBytes } from '../../../src/servers/http/delivery/exchange.js';
import { SlowReaders } from '../../../src/servers/http/delivery/slow-readers.js';
import { strictDomain } from '../../support/failure-domain.js';

/** 1000 in the long run, which prints the cost. */
const READERS = Number(process.env.SLOW_READERS ?? 50);

/** More than the kernel takes for a reader that never reads. */
const BODY = Buffer.alloc(8 * 1024 * 1024, 1);

async function serve(slow: SlowReaders) {
  const server = createServer((_request, response) => {
    response.writeHead(200, { 'content-length': BODY.length });
    response.end(BODY);
    if (unreadBytes(response) > 0) slow.watch(response, 0);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
    slow.close();
  });
  return (server.address() as AddressInfo).port;
}

it('C4.07 readers that stop are cut off, and share one buffer until then', async () => {
  // All of them are connected before the first is cut off.
  const slow = new SlowReaders(strictDomain(), 300 + 5 * READERS, 20);
  const port = await serve(slow);
  const before = process.memoryUsage();
  const sockets = await Promise.all(
    Array.from({ length: READERS }, async () => {
      const socket = connect(port, '127.0.0.1').on('error', () => socket.destroy());
      await once(socket, 'connect');
      socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
      return socket;
    }),
  );
  while (slow.size < sockets.length && slow.cut === 0) await new Promise((resolve) => setImmediate(resolve));
  const during = process.memoryUsage();
  if (READERS > 50) {
    const each = (key: 'rss' | 'heapUsed' | 'external') => Math.round((during[key] - before[key]) / READERS);
    process.stderr.write(
      `${READERS} slow readers, bytes each: resident ${each('rss')}, heap ${each('heapUsed')}, buffers ${each('external')}\n`,
    );
  }
  // With copies it would be one body for each.
  expect(during.external - before.external).toBeLessThan((READERS / 5) * BODY.length);
  // A client that reads nothing does not notice the end, so only the count can be awaited.
  while (slow.cut < sockets.length) await new Promise((resolve) => setTimeout(resolve, 5));
  await Promise.all(sockets.map((socket) => (socket.resume().closed ? undefined : once(socket, 'close'))));
  expect(slow.size).toBe(0);
});

it('C4.07 a large body has more time than a small one', async () => {
  const slow = new SlowReaders(strictDomain(), 100, 20);
  const server = createServer((request, response) => {
    response.writeHead(200, { 'content-length': BODY.length });
    response.end(BODY);
    // A minute at 1 Mbit/s.
    slow.watch(response, request.url === '/large' ? 7_500_000 : 0);
  });
  server.listen({ host: '127.0.0.1', port: 0 });
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const ask = async (path: string) => {
    const socket = connect(port, '127.0.0.1').on('error', () => socket.destroy());
    await once(socket, 'connect');
    socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n\r\n`);
    return socket;
  };
  const sockets = [await ask('/large'), await ask('/small')];
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.closeAllConnections();
    server.close();
    slow.close();
  });
  while (slow.cut === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  // Waits once more for the time after which it would be cut off without the additional time.
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect([slow.cut, slow.size]).toEqual([1, 1]);
});

it('a reader that reads to the end is not cut off, and is no longer remembered', async () => {
  const slow = new SlowReaders(strictDomain(), 60_000, 20);
  const port = await serve(slow);
  const answer = await fetch(`http://127.0.0.1:${port}/`);
  expect((await answer.arrayBuffer()).byteLength).toBe(BODY.length);
  while (slow.size > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(slow.cut).toBe(0);
});
