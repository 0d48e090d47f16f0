// Internal errors in the events of sockets and in timers, outside the answer to a request: one connection is closed, everybody else goes
// on.
import { EventEmitter, once } from 'node:events';
import { get } from 'node:http';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, connect, Server } from 'node:net';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { hashPassword } from '../../src/access/password-hash.js';
import { UserDirectory } from '../../src/access/user-directory.js';
import { keyAndUsers } from '../../src/gateway/publishers.js';
import { Origin } from '../../src/hls/origin/origin.js';
import { buildApp } from '../../src/servers/http/app.js';
import { AnswerWriter } from '../../src/servers/http/delivery/answer-writer.js';
import type { RawResponse } from '../../src/servers/http/delivery/exchange.js';
import { SlowReaders } from '../../src/servers/http/delivery/slow-readers.js';
import { UnreadAnswers } from '../../src/servers/http/delivery/unread-answers.js';
import { InternalErrors } from '../../src/servers/http/internal-errors.js';
import { Connections } from '../../src/servers/http/metering/connections.js';
import { FramePortions } from '../../src/servers/http/metering/frame-portions.js';
import { RequestPortions } from '../../src/servers/http/metering/portions.js';
import { RequestDeadlines } from '../../src/servers/http/metering/request-deadlines.js';
import { WorkTurns } from '../../src/servers/http/metering/work-turns.js';
import { fakeDependencies } from '../servers/http/fake-origin.js';
import { writeCertificate } from '../support/certificate.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { ManualClock } from '../support/manual-clock.js';
import { PlaylistFollower } from '../support/playlist-follower.js';
import { policySteps } from '../support/policy-steps.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';
import { publishLoop } from './looping-publisher.js';
import { connectionNumber, Injections } from './seams/injections.js';

/** Each request uses a new connection, so that no other client is affected. */
function ask(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (more: string) => {
        text += more;
      });
      response.on('end', () => resolve(text)).on('error', reject);
    });
    request.on('error', reject);
  });
}

/** Sends a text, ends its own side, and stays until the connection is closed. */
async function say(url: string, text: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => socket.destroy());
  socket.resume().end(text);
  await once(socket, 'close');
}

interface Scene {
  readonly gateway: TestGateway;
  /** The stream that suffers. */
  readonly playlist: string;
  /** The same playlist, with a directive that waits until this many more segments have begun. */
  waits(segments: number): string;
  /** Listening sockets of the gateway. */
  readonly servers: readonly Server[];
  /** Whether the expected failure has happened. */
  isOver(): boolean;
}

/** What a client does. Whether it gets an answer does not matter. */
type Trigger = (scene: Scene) => Promise<unknown>;

const plain: Trigger = ({ gateway }) => ask(`${gateway.http}/healthz`);

const secure: Trigger = async ({ gateway }) => {
  const session = connectHttp2(gateway.https ?? '', { rejectUnauthorized: false });
  session.on('error', () => session.destroy());
  const stream = session.request({ ':path': '/healthz' });
  stream.on('error', () => stream.destroy());
  stream.resume();
  await once(stream, 'close');
  session.destroy();
};

/** Sends nothing until idle connections have been checked. */
const idle: Trigger = async ({ gateway, isOver }) => {
  const socket = connect(Number(new URL(gateway.http).port), '127.0.0.1');
  socket.on('error', () => socket.destroy());
  await eventually(async () => (isOver() ? true : undefined));
  socket.destroy();
};

const leaves: Trigger = async ({ gateway, waits }) => {
  const request = get(waits(1), { agent: false });
  request.on('error', () => request.destroy());
  // The follower and this request.
  const waiting = async () => Number(/^sluice_hls_waiting (\d+)/m.exec(await ask(`${gateway.http}/metrics`))?.[1]);
  await eventually(async () => ((await waiting()) > 1 ? true : undefined));
  request.destroy();
};

const acceptFails: Trigger = async ({ servers }) => {
  for (const server of servers) server.emit('error', Object.assign(new Error('EMFILE'), { code: 'EMFILE' }));
};
const acceptFailsTwice: Trigger = async (scene) => {
  for (let times = 0; times < 2; times++) await acceptFails(scene);
};

/** Makes the next matching call of a method throw. */
function breakOnce<T extends object>(
  owner: T,
  name: keyof T & string,
  matches: (args: readonly unknown[], self: unknown) => boolean = () => true,
): { isOver(): boolean } {
  const methods = owner as Record<string, (...args: unknown[]) => unknown>;
  const original = methods[name] as (...args: unknown[]) => unknown;
  let isOver = false;
  vi.spyOn(methods, name).mockImplementation(function (this: unknown, ...args) {
    if (isOver || !matches(args, this)) return original.apply(this, args);
    isOver = true;
    throw new TypeError(`injected at ${name}`);
  });
  return { isOver: () => isOver };
}

const isVictims = ([given]: readonly unknown[]): boolean => {
  const { request, req } = given as { request?: { url: string }; req?: { url: string } };
  return /victim|healthz/.test((request ?? req)?.url ?? '');
};

interface Row {
  readonly seam: string;
  readonly pull: Trigger;
  /** Default: the domain of the next HTTP connection. */
  readonly domain?: string;
  /** An error that is needed first to reach the seam. */
  readonly first?: () => unknown;
}

const ROWS: readonly Row[] = [
  { seam: 'http accept', pull: plain },
  { seam: 'http data', pull: plain },
  { seam: 'http written', pull: plain },
  { seam: 'http answer closed', pull: plain },
  { seam: 'http close', pull: plain },
  { seam: 'http end', pull: ({ gateway }) => say(gateway.http, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n') },
  {
    seam: 'http turn',
    pull: plain,
    first: () => vi.spyOn(WorkTurns.prototype, 'isUsedUp', 'get').mockReturnValueOnce(true),
  },
  { seam: 'https handshake', pull: secure },
  { seam: 'http secured', pull: secure },
  { seam: 'http deadline', pull: idle },
  { seam: 'http deadlines', pull: idle, domain: 'http' },
  { seam: 'http log', pull: acceptFailsTwice, domain: 'http' },
  { seam: 'https handshake failed', pull: ({ gateway }) => say(gateway.https ?? '', 'no TLS\r\n\r\n'), domain: 'http' },
  { seam: 'http accept failed', pull: acceptFails, domain: 'http' },
  { seam: 'unread answer', pull: ({ gateway }) => ask(`${gateway.http}/api/v1/streams`), domain: 'http' },
  { seam: 'request log', pull: ({ playlist }) => ask(playlist), domain: 'http' },
  { seam: 'waiting place', pull: ({ waits }) => ask(waits(0)), domain: 'http' },
  { seam: 'waiting client left', pull: leaves, domain: 'http' },
  {
    seam: 'http refusal',
    pull: plain,
    domain: 'http',
    first: () => breakOnce(Connections.prototype, 'open', isRequestOf(/healthz/)),
  },
  {
    seam: 'answer broken',
    pull: ({ playlist }) => ask(playlist),
    domain: 'http',
    first: () => breakOnce(AnswerWriter.prototype, 'plain', isVictims),
  },
  {
    seam: 'body broken',
    pull: ({ playlist }) => ask(playlist.replace('index.m3u8', 'part-1.0.m4s')),
    domain: 'http',
    first: () => {
      const stored = { length: 1_000_000, read: () => Promise.reject(new TypeError('injected at read')) };
      const answer = { status: 200, kind: 'segment', stored, version: 'x' };
      vi.spyOn(Origin.prototype, 'file').mockResolvedValueOnce(answer as never);
    },
  },
  { seam: 'rtmp accept failed', pull: acceptFails, domain: 'rtmp server' },
  { seam: 'spare descriptor', pull: acceptFails, domain: 'rtmp server' },
  { seam: 'rtmp place free', pull: ({ gateway }) => say(gateway.rtmp, ''), domain: 'rtmp server' },
  {
    seam: 'rtmps handshake failed',
    pull: ({ gateway }) => say(gateway.rtmps ?? '', 'no TLS\r\n\r\n'),
    domain: 'rtmp server',
  },
];

function isRequestOf(path: RegExp): (args: readonly unknown[]) => boolean {
  return ([request]) => path.test((request as { url?: string }).url ?? '');
}

/** Methods that such an event or timer calls, and that are not seams themselves. */
const METHODS: readonly { readonly what: string; readonly arm: () => { isOver(): boolean }; readonly pull: Trigger }[] =
  [
    {
      what: 'portions of requests',
      arm: () => breakOnce(RequestPortions.prototype, 'next', ([bytes]) => `${bytes}`.includes('healthz')),
      pull: plain,
    },
    { what: 'look at frames', arm: () => breakOnce(FramePortions.prototype, 'look'), pull: secure },
    { what: 'portions of frames', arm: () => breakOnce(FramePortions.prototype, 'next'), pull: secure },
    {
      what: 'deadlines of requests',
      arm: () => breakOnce(RequestDeadlines.prototype, 'overdue', (_, self) => (self as RequestDeadlines).open === 0),
      pull: idle,
    },
    { what: 'end of a request', arm: () => breakOnce(RequestDeadlines.prototype, 'closed', isVictims), pull: plain },
  ];

it('an internal error in a socket event or timer ends at most one connection', async () => {
  const injections = new Injections();
  const servers: Server[] = [];
  const original = Server.prototype.listen;
  const listen = vi.spyOn(Server.prototype, 'listen').mockImplementation(function (this: Server, ...given) {
    servers.push(this);
    return original.apply(this, given as never);
  });
  const { cert, key } = await writeCertificate(await temporaryDirectory());
  const gateway = await startGateway(
    ...['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.5', '--log-level', 'debug'],
    ...[
      '--https-port',
      '0',
      '--rtmps-port',
      '0',
      '--tls-cert',
      cert,
      '--tls-key',
      key,
      '--trusted-proxies',
      '192.0.2.7',
    ],
  );
  listen.mockRestore();
  const source = await makeFlvSource({ seconds: 4, gop: 25 });
  for (const name of ['victim', 'neighbour']) await publishLoop(gateway.publishUrl(name), source);
  const victim = `${gateway.http}/hls/live/victim`;
  const base = `${gateway.http}/hls/live/neighbour`;
  await Promise.all([whenListed(victim, 'source', 1), whenListed(base, 'source', 1)]);
  const follower = new PlaylistFollower(base, 'source');
  await eventually(async () => follower.last);
  const playlist = `${victim}/source/index.m3u8`;
  /** Internal errors counted by both servers. While descriptors are short, nobody may connect for a moment. */
  const counted = () =>
    eventually(async () => {
      const text = await ask(`${gateway.http}/metrics`).catch(() => undefined);
      const errors = /^sluice_(?:http_internal_errors_total|rtmp_errors_total\{code="rtmp-server.internal"\}) (\d+)/gm;
      return text === undefined
        ? undefined
        : { total: [...text.matchAll(errors)].reduce((sum, [, value]) => sum + Number(value), 0) };
    });
  const failures: string[] = [];
  const suffer = async (what: string, pull: Trigger, arm: () => { isOver(): boolean }): Promise<void> => {
    const before = await counted();
    const listed = /MEDIA-SEQUENCE:(\d+)/.exec(await ask(playlist))?.[1];
    const next = Number(listed) + ((await ask(playlist)).match(/#EXTINF/g)?.length ?? 0);
    const { isOver } = arm();
    const waits = (segments: number): string => `${playlist}?_HLS_msn=${next + segments}`;
    const scene = { gateway, playlist, waits, servers, isOver };
    await pull(scene).catch(() => undefined);
    const missing = (failure: string) => (): void => void failures.push(`${what}: ${failure}`);
    await eventually(async () => (isOver() ? true : undefined)).catch(missing('not reached'));
    await eventually(async () => ((await counted()).total > before.total ? true : undefined)).catch(
      missing('not counted'),
    );
  };

  for (const { seam, pull, domain, first } of ROWS) {
    await suffer(seam, pull, () => {
      const { newestHttpConnection } = injections;
      const isMeant = (name: string): boolean =>
        domain === undefined ? connectionNumber(name, 'http') > newestHttpConnection : name === domain;
      first?.();
      let isOver = false;
      void injections.arm({ seam, domain: isMeant, fault: 'throw' }).then(() => {
        isOver = true;
      });
      return { isOver: () => isOver };
    });
  }
  for (const { what, pull, arm } of METHODS) await suffer(what, pull, arm);
  expect(failures).toEqual([]);

  // Ports and timers still work.
  expect(await ask(`${gateway.http}/healthz`)).toContain('ok');
  await follower.stop();
  expect(follower.refusals).toEqual([]);
  expect(gateway.logs.filter(({ level }) => level === 60)).toEqual([]);
  const told = gateway.errors();
  expect(told.length).toBeGreaterThan(0);
  expect(told.filter(({ err }) => !JSON.stringify(err).includes('injected'))).toEqual([]);
});

describe('an internal error whose only effects are a log line and a count:', () => {
  function broken() {
    const lines: string[] = [];
    const errors = new InternalErrors({
      error: (_fields: object, message?: string) => lines.push(`${message}`),
    } as never);
    return { injections: new Injections(), errors, lines };
  }
  const isShared = (name: string): boolean => name === 'http';

  it('one slow reader cannot be cut off: the others are cut off', async () => {
    const { errors, lines } = broken();
    const slow = new SlowReaders(errors.shared, 0, 10);
    onTestFinished(() => slow.close());
    const ended: string[] = [];
    const reader = (destroy: () => void): RawResponse => Object.assign(new EventEmitter(), { destroy }) as never;
    slow.watch(
      reader(() => {
        throw new TypeError('injected');
      }),
      0,
    );
    slow.watch(
      reader(() => ended.push('the other')),
      0,
    );
    await eventually(async () => (ended.length > 0 ? true : undefined));
    expect(errors.total).toBe(1);
    expect(lines).toEqual(['internal error: http goes on']);
  });

  it('one check for slow readers fails: the next one finds them', async () => {
    const { injections, errors } = broken();
    const slow = new SlowReaders(errors.shared, 0, 10);
    onTestFinished(() => slow.close());
    const hit = injections.arm({ seam: 'slow readers', domain: isShared, fault: 'throw' });
    const ended: string[] = [];
    slow.watch(Object.assign(new EventEmitter(), { destroy: () => ended.push('reader') }) as never, 0);
    await hit;
    await eventually(async () => (ended.length > 0 ? true : undefined));
    expect(errors.total).toBe(1);
  });

  it.each(['slow reader', 'slow reader done', 'unread answer done'])('%s', async (seam) => {
    const { injections, errors } = broken();
    const slow = new SlowReaders(errors.shared, 0, 10);
    onTestFinished(() => slow.close());
    const unread = new UnreadAnswers({ maxBytes: 1e9, maxBytesPerAddress: 1e9 }, () => undefined, errors.shared);
    const hit = injections.arm({ seam, domain: isShared, fault: 'throw' });
    const response = Object.assign(new EventEmitter(), { destroy: () => undefined });
    slow.watch(response as never, 0);
    unread.hold(response as never, '192.0.2.1', { own: 1 });
    if (seam !== 'slow reader') response.emit('finish');
    await hit;
    expect(errors.total).toBe(1);
  });

  it.each(['descriptors checked', 'accept failed'])('"%s" on the server of an application', async (seam) => {
    const injections = new Injections();
    const app = buildApp(fakeDependencies());
    onTestFinished(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    const hit = injections.arm({ seam, domain: isShared, fault: 'throw' });
    const url = `http://127.0.0.1:${(app.server.address() as AddressInfo).port}/healthz`;
    const server: EventEmitter = app.server;
    if (seam === 'accept failed') server.emit('error', new Error('EMFILE'));
    await ask(url);
    await hit;
    expect(await ask(url)).toContain('ok');
  });

  it('a line about an encoder that gave up', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const injections = new Injections();
    const told: string[] = [];
    const write = (_fields: object, message: string): void => void told.push(message);
    const users = [{ name: 'anna', hash: hashPassword('anna', 'secret') }];
    const access = keyAndUsers({
      config: {
        apps: [],
        users,
        userChallenge: 'on',
        maxFailureDelay: 0,
      },
      ...{
        key: 'k',
        access: policySteps(),
        publishers: { users: new UserDirectory(users), proofs: [], isOpen: () => false },
        clock: new ManualClock(),
        logger: { info: write, error: write },
      },
    } as never);
    const hit = injections.arm({ seam: 'encoder gave up', domain: (name) => name === 'access', fault: 'throw' });
    const request = { app: 'live', query: new URLSearchParams(), flashVer: 'FMLE/3.0', remoteAddress: '192.0.2.1' };
    await access.connect(request as never);
    vi.advanceTimersByTime(60_000);
    await hit;
    expect(told).toEqual(['internal error: encoders that gave up are no longer logged']);
  });
});
