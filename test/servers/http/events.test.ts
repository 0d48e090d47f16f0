// Readers of timed events: what they get, what they may make the server keep, and that an error with one of them stays with it.
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import Fastify from 'fastify';
import { expect, it, onTestFinished } from 'vitest';
import type { EventReader } from '../../../src/contracts/timed-event.js';
import { EventLog } from '../../../src/data/event-log.js';
import { buildApp } from '../../../src/servers/http/app.js';
import { ClientAddresses } from '../../../src/servers/http/client-address.js';
import { InternalErrors } from '../../../src/servers/http/internal-errors.js';
import { installErrorHandler } from '../../../src/servers/http/plugins/errors.js';
import { type EventRouteOptions, eventRoutes } from '../../../src/servers/http/routes/events.js';
import { Injections } from '../../faults/seams/injections.js';
import { eventually } from '../../support/hls-client.js';
import { fakeDependencies } from './fake-origin.js';

const EVENT = { name: 'goal', values: 1, mediaTime: 1, date: 0 };

async function served(changes: Partial<EventRouteOptions> = {}) {
  const log = new EventLog(() => performance.now(), 0);
  const errors = new InternalErrors(undefined);
  const app = Fastify();
  onTestFinished(() => app.close());
  installErrorHandler(app, '');
  await app.register(eventRoutes, {
    events: {
      read: (_app, name, after, reader) =>
        name === 'cam'
          ? { seq: log.seq, earlier: after === undefined ? [] : log.since(after), close: log.read(reader) }
          : undefined,
    },
    gate: undefined,
    addresses: new ClientAddresses([]),
    domain: errors.shared,
    ...changes,
  });
  const url = `${await app.listen({ port: 0, host: '127.0.0.1' })}/api/v1/streams/live/cam/events`;
  return { log, errors, app, url };
}

async function read(url: string, headers: Record<string, string> = {}) {
  const request = get(url, { agent: false, headers });
  onTestFinished(() => void request.destroy());
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const reader = { response, request, text: '', ended: false };
  response.setEncoding('utf8').on('data', (more: string) => {
    reader.text += more;
  });
  response
    .on('error', () => undefined)
    .on('close', () => {
      reader.ended = true;
    });
  return reader;
}

const until = (condition: () => boolean): Promise<true> => eventually(async () => (condition() ? true : undefined));

it('sends each event as it happens, what a reader has missed, and the end', async () => {
  const { log, url } = await served();
  const first = await read(url);
  expect(first.response.headers).toMatchObject({ 'cache-control': 'no-store', 'access-control-allow-origin': '*' });
  await until(() => log.readers === 1);
  log.add(EVENT);
  log.add(EVENT);
  await until(() => first.text.includes('id: 2'));
  const late = await read(url, { 'last-event-id': '1' });
  await until(() => late.text.includes('id: 2'));
  expect(late.text).not.toContain('id: 1\n');
  const program = await read(`${url}?after=0`);
  await until(() => program.text.includes('id: 2'));
  log.end();
  await until(() => first.ended && late.ended && program.ended);
  expect(first.text).toMatch(
    /^id: 0\nretry: 3000\n\nid: 1\ndata: \{"seq":1,.*\}\n\nid: 2\ndata: .*\n\nevent: end\ndata: \{\}\n\n$/,
  );
});

it('sends a line of comment while nothing happens, and forgets a reader who has left', async () => {
  const { log, url } = await served({ heartbeat: 20 });
  const reader = await read(url);
  await until(() => reader.text.includes(':\n\n:\n\n'));
  reader.request.destroy();
  await until(() => log.readers === 0);
});

it('sends all that a reader has missed, however much, and then what has happened meanwhile', async () => {
  const { log, url } = await served();
  for (let i = 0; i < 300; i += 1) log.add({ ...EVENT, values: 'x'.repeat(2_500) });
  const reader = await read(`${url}?after=0`);
  log.add(EVENT);
  await until(() => reader.text.includes('id: 301\n'));
  const ids = [...reader.text.matchAll(/^id: (\d+)\ndata/gm)].map(([, id]) => Number(id));
  expect(ids).toEqual(Array.from({ length: 301 }, (_, index) => index + 1));
  log.end();
  await until(() => reader.ended);
  expect(reader.text.endsWith('event: end\ndata: {}\n\n')).toBe(true);
});

it('takes no reader for one who does not read, and HEAD for no reader', async () => {
  const log = new EventLog(() => performance.now(), 0);
  const events = {
    read: (_app: string, _name: string, _after: unknown, reader: EventReader) => ({
      seq: 0,
      earlier: [],
      close: log.read(reader),
    }),
  };
  const app = buildApp(fakeDependencies({ events }));
  onTestFinished(() => app.close());
  const http = await app.listen({ port: 0, host: '127.0.0.1' });
  const reader = await read(`${http}/api/v1/streams/live/cam/events`);
  await until(() => log.readers === 1);
  expect((await fetch(`${http}/api/v1/streams/live/cam/events`, { method: 'HEAD' })).status).toBe(404);
  expect(log.readers).toBe(1);
  log.add(EVENT);
  await until(() => reader.text.includes('id: 1\n'));
  const metrics = await (await fetch(`${http}/metrics`)).text();
  expect(metrics).toMatch(/^sluice_hls_unread_answers 0$/m);
  expect(metrics).toMatch(/^sluice_unread_answer_bytes 0$/m);
});

it('ends a reader whose permission is over', async () => {
  let allowed = true;
  const gate = {
    authorize: () => ({ allowed: true, ticket: 'T' }),
    recheck: () => ({ allowed, problem: undefined }),
  } as unknown as NonNullable<EventRouteOptions['gate']>;
  const { log, url } = await served({ gate, heartbeat: 20 });
  const reader = await read(url);
  await until(() => log.readers === 1);
  allowed = false;
  await until(() => reader.ended && log.readers === 0);
});

it('refuses a stream that is not live, and more than 256 readers of one address', async () => {
  const { app, log, url } = await served();
  expect((await app.inject(url.replace('/cam/', '/other/'))).statusCode).toBe(404);
  const readers = await Promise.all(Array.from({ length: 256 }, () => read(url)));
  await until(() => log.readers === 256);
  expect((await read(url)).response.statusCode).toBe(503);
  readers[0]?.request.destroy();
  await until(() => log.readers === 255);
  expect((await read(url)).response.statusCode).toBe(200);
});

it('disconnects a reader who is 256 KiB behind, and no other', async () => {
  const { log, url } = await served();
  const [slow, other] = [await read(url), await read(url)];
  slow.response.pause();
  await until(() => log.readers === 2);
  const large = { ...EVENT, values: 'x'.repeat(60_000) };
  let sent = 0;
  // One at a time: a reader who reads has taken it before the next one comes.
  while (log.readers === 2) {
    const before = other.text.length;
    log.add(large);
    sent += 1;
    await until(() => other.text.length > before || log.readers < 2);
  }
  expect(log.readers).toBe(1);
  slow.response.resume();
  await until(() => slow.ended);
  expect(other.ended).toBe(false);
  // The sockets of a machine keep a few megabytes at most.
  expect(sent * 60_000).toBeLessThan(64 * 1024 * 1024);
});

it.each(['event sent', 'events over', 'event heartbeat'])(
  'an error in "%s" is counted and harms nobody else',
  async (seam) => {
    const injections = new Injections();
    // Callbacks are wrapped when they are made.
    const hit = injections.arm({ seam, domain: () => true, fault: 'throw' });
    const { log, errors, url } = await served({ heartbeat: 50 });
    const reader = await read(url);
    await until(() => log.readers === 1);
    if (seam === 'events over') log.end();
    else log.add(EVENT);
    await hit;
    expect(errors.total).toBe(1);
    if (seam === 'events over') return;
    log.add(EVENT);
    await until(() => reader.text.includes('id: 2'));
  },
);
