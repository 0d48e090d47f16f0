// The simulated line of the benchmarks must delay, limit the rate, and change no byte.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import { type LineOptions, openLine } from './support/slow-line.js';

/** Loads so many bytes through a line. @returns milliseconds until the first and the last byte, and whether they are the same bytes */
async function load(bytes: number, options: LineOptions) {
  const sent = Buffer.alloc(bytes);
  for (let at = 0; at < bytes; at += 4) sent.writeUInt32LE(at, at);
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('data', () => socket.end(sent));
    socket.on('error', () => undefined);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const line = await openLine(address.port, options);
  onTestFinished(async () => {
    await line.close();
    server.close();
  });
  const began = performance.now();
  const client = connect(line.port, '127.0.0.1');
  client.write('please');
  const hash = createHash('sha256');
  let first = 0;
  client.on('data', (chunk) => {
    first ||= performance.now() - began;
    hash.update(chunk);
  });
  await once(client, 'end');
  client.destroy();
  const same = hash.digest('hex') === createHash('sha256').update(sent).digest('hex');
  return { first, last: performance.now() - began, same, counted: line.bytes };
}

it('a line delays the first answer by two round trips, one of them to connect', async () => {
  const { first, same, counted } = await load(4, { roundTrip: 60 });
  expect(first).toBeGreaterThanOrEqual(119);
  expect([same, counted]).toEqual([true, 4]);
});

it('a line limits the rate, keeps the order despite jitter, and loses nothing beyond its window', async () => {
  const { last, same } = await load(600_000, { roundTrip: 10, jitter: 20, rate: 16_000_000 });
  expect(last).toBeGreaterThanOrEqual(300);
  expect(same).toBe(true);
});
