// Limits of a client's connections to both ports: pipelining, resets, slow bytes, many connections, and connections that stay open when the server
// closes.
import { once } from 'node:events';
import { connect as connectHttp2, constants } from 'node:http2';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { pino } from 'pino';
import { afterEach, describe, expect, it, onTestFinished, vi } from 'vitest';
import {
  HEADERS_TIMEOUT,
  KEEP_ALIVE_TIMEOUT,
  REQUEST_TIMEOUT,
  SOCKET_TIMEOUT,
} from '../../../../src/servers/http/connection-limits.js';
import { MeteredSocket } from '../../../../src/servers/http/metering/metered-socket.js';
import { RequestPortions } from '../../../../src/servers/http/metering/portions.js';
import { WorkTurns } from '../../../../src/servers/http/metering/work-turns.js';
import { strictDomain } from '../../../support/failure-domain.js';
import { fakeDependencies } from '../fake-origin.js';
import { openSite, type Site } from '../site.js';

interface Peer {
  readonly socket: Socket;
  readonly closed: Promise<unknown>;
  text(): string;
  /** Resolves when the text has come this many times, or the connection is over. */
  hears(expected: RegExp, times?: number): Promise<void>;
}

const over = {
  async http(site: Site): Promise<Peer> {
    const socket = connect(site.plain, '127.0.0.1');
    return peerOf(socket, once(socket, 'connect'));
  },
  async https(site: Site): Promise<Peer> {
    const socket = connectTls({ port: site.secure, host: '127.0.0.1', rejectUnauthorized: false });
    return peerOf(socket, once(socket, 'secureConnect'));
  },
};

async function peerOf(socket: Socket, connected: Promise<unknown>): Promise<Peer> {
  let received = '';
  socket.setEncoding('latin1').on('data', (text: string) => {
    received += text;
  });
  socket.on('error', () => socket.destroy());
  let isClosed = false;
  // Not `once`, which would reject on ECONNRESET. Whether a connection ends with a reset depends on the Node version.
  const closed = new Promise<void>((resolve) => {
    socket.on('close', () => {
      isClosed = true;
      resolve();
    });
  });
  onTestFinished(() => {
    socket.destroy();
  });
  await connected;
  const hears = async (expected: RegExp, times = 1): Promise<void> => {
    const all = new RegExp(expected, 'g');
    while ((received.match(all)?.length ?? 0) < times && !isClosed)
      await Promise.race([new Promise((resolve) => socket.once('data', resolve)), closed]);
  };
  return { socket, closed, text: () => received, hears };
}

const frame = (type: number, flags: number, id: number, payload = Buffer.alloc(0)) => {
  const header = Buffer.alloc(9);
  header.writeUIntBE(payload.length, 0, 3);
  header.set([type, flags], 3);
  header.writeUInt32BE(id, 5);
  return Buffer.concat([header, payload]);
};
const literal = (name: string, value: string) =>
  Buffer.concat([Buffer.of(0, name.length), Buffer.from(name), Buffer.of(value.length), Buffer.from(value)]);
const head = (path: string) => {
  const fields = { ':method': 'GET', ':scheme': 'https', ':authority': 'x', ':path': path };
  return Buffer.concat(Object.entries(fields).map(([name, value]) => literal(name, value)));
};
/** Requests for different playlists, each reset at once. */
const resets = (from: number, count: number) =>
  Array.from({ length: count }, (_, index) => {
    const id = 1 + 2 * (from + index);
    const request = frame(1, 5, id, head(`/hls/live/demo/v/index.m3u8?_HLS_msn=${id}`));
    return Buffer.concat([request, frame(3, 0, id, Buffer.of(0, 0, 0, 8))]);
  });
const PREFACE = Buffer.concat([Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'), frame(4, 0, 0)]);

const request = (path: string, more = ''): string => `GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`;
const ended = (site: Site): Record<string, number> => Object.fromEntries(site.http.connections.figures.ended);
const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

afterEach(() => {
  vi.useRealTimers();
});

describe.each(['http', 'https'] as const)('HTTP/1.1 over %s', (scheme) => {
  it('answers pipelined requests in order', async () => {
    const peer = await over[scheme](await openSite());
    peer.socket.write(Array.from({ length: 30 }, (_, index) => request(`/nothing${index % 2 ? '' : '/'}`)).join(''));
    peer.socket.write(request('/healthz', 'Connection: close\r\n'));
    await peer.closed;
    expect(peer.text().match(/HTTP\/1\.1 404/g)).toHaveLength(30);
    expect(peer.text()).toMatch(/"status":"ok"}$/);
  });

  it('ends a connection that pipelines more than 16 KiB, and answers the others', async () => {
    const site = await openSite();
    const [greedy, modest] = [await over[scheme](site), await over[scheme](site)];
    greedy.socket.write(request('/healthz').repeat(900));
    modest.socket.write(request('/healthz'));
    await greedy.closed;
    expect(ended(site)).toEqual({ 'pipelined-bytes': 1 });
    await modest.hears(/"ok"/);
    expect(modest.text()).toContain('"ok"');
  });

  it('answers a single request before those that others have pipelined', async () => {
    const site = await openSite();
    const burst = request('/healthz').repeat(300);
    const peers = await Promise.all(Array.from({ length: 20 }, () => over[scheme](site)));
    const single = await over[scheme](site);
    for (const { socket } of peers) socket.write(burst);
    single.socket.write(request('/readyz'));
    await single.hears(/"ready":true/);
    const answered = peers.map((peer) => peer.text().match(/"ok"/g)?.length ?? 0).reduce((sum, count) => sum + count);
    expect(answered).toBeLessThan(20 * 300);
    for (const peer of peers) await peer.hears(/"ok"/, 300);
  });

  it('answers the request after one that asks for an upgrade', async () => {
    const peer = await over[scheme](await openSite());
    peer.socket.write(request('/healthz', 'Connection: upgrade\r\nUpgrade: x\r\n') + request('/readyz'));
    await peer.hears(/"ready":true/);
    expect(peer.text().match(/HTTP\/1\.1 200/g)).toHaveLength(2);
  });

  it('refuses writing methods, and skips their bodies', async () => {
    const peer = await over[scheme](await openSite());
    peer.socket.write(
      `POST /hls/live/demo/index.m3u8 HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n${'a\n\r\n'.repeat(10_000)}`,
    );
    peer.socket.write(`PROPFIND / HTTP/1.1\r\nHost: x\r\n\r\n${request('/healthz')}`);
    await peer.hears(/"ok"/);
    expect(peer.text().match(/HTTP\/1\.1 (\d+)/g)).toEqual(['HTTP/1.1 405', 'HTTP/1.1 405', 'HTTP/1.1 200']);
    expect(peer.text()).toMatch(/allow: GET, HEAD, OPTIONS/i);
  });

  it.each([
    ['sends nothing', '', HEADERS_TIMEOUT, { headers: 1 }, /^(?:HTTP\/1\.1 408|$)/],
    ['sends half a head', 'GET / HTTP/1.1\r\nHo', HEADERS_TIMEOUT, { headers: 1 }, /^HTTP\/1\.1 408/],
    [
      'sends half a body',
      'OPTIONS /nothing HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 9\r\n\r\n{',
      REQUEST_TIMEOUT,
      { request: 1 },
      /^HTTP\/1\.1 408/,
    ],
    ['is idle', request('/healthz'), KEEP_ALIVE_TIMEOUT, { idle: 1 }, /^HTTP\/1\.1 200/],
    ['is idle but for a byte', `${request('/healthz')}G`, HEADERS_TIMEOUT, { headers: 1 }, /^HTTP\/1\.1 200/],
  ])('ends a connection that %s', async (_what, sent, deadline, counted, answer) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const site = await openSite();
    const peer = await over[scheme](site);
    if (sent !== '') {
      peer.socket.write(sent);
      while (peer.socket.writableLength > 0) await tick();
      if (sent.startsWith('GET /healthz')) await peer.hears(/"ok"/);
    }
    // The bytes have arrived; no event announces half a head.
    for (let turns = 0; turns < 20; turns++) await tick();
    await vi.advanceTimersByTimeAsync(deadline - 1_000);
    await tick();
    expect(ended(site)).toEqual({});
    await vi.advanceTimersByTimeAsync(2_100);
    await peer.closed;
    expect(ended(site)).toEqual(counted);
    expect(peer.text()).toMatch(answer);
  });

  it('ends a connection without traffic while the body of a request is incomplete', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const dependencies = fakeDependencies();
    dependencies.origin.respond = () => new Promise(() => undefined);
    const peer = await over[scheme](await openSite(dependencies));
    let isClosed = false;
    void peer.closed.then(() => {
      isClosed = true;
    });
    peer.socket.write(request('/hls/live/demo/v/index.m3u8?_HLS_msn=1'));
    while (dependencies.origin.calls.length === 0) await tick();
    await vi.advanceTimersByTimeAsync(SOCKET_TIMEOUT - 1_000);
    for (let turns = 0; turns < 20; turns++) await tick();
    expect(isClosed).toBe(false);
    await vi.advanceTimersByTimeAsync(3_100);
    await peer.closed;
  });
});

describe('HTTP/2', () => {
  const openSession = (site: Site) => {
    const session = connectHttp2(`https://127.0.0.1:${site.secure}`, { rejectUnauthorized: false });
    session.on('error', () => session.destroy());
    onTestFinished(() => session.destroy());
    return session;
  };

  const answer = async (session: ReturnType<typeof openSession>, headers: Record<string, string>) => {
    const stream = session.request(headers);
    let body = '';
    stream.setEncoding('utf8').on('data', (text) => (body += text));
    const [[head]] = (await Promise.all([once(stream, 'response'), once(stream, 'end')])) as [
      [Record<string, unknown>],
      unknown,
    ];
    return { status: head[':status'], body };
  };

  it('ends a session that resets more than 100 streams in a burst, and serves none of those streams', async () => {
    const dependencies = fakeDependencies();
    let calls = 0;
    dependencies.origin.respond = () => {
      calls++;
      return new Promise(() => undefined);
    };
    const site = await openSite(dependencies);
    const socket = connectTls({
      port: site.secure,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    });
    const peer = await peerOf(socket, once(socket, 'secureConnect'));
    socket.write(Buffer.concat([PREFACE, ...resets(0, 80)]));
    while (site.http.connections.figures.accepted < 1) await tick();
    socket.write(Buffer.concat(resets(80, 400)));
    await peer.closed;
    expect(ended(site)).toEqual({ 'reset-streams': 1 });
    expect(calls).toBeLessThan(100);
    expect((await answer(openSession(site), { ':path': '/healthz' })).status).toBe(200);
  });

  it('does not serve streams that have been reset already', async () => {
    const dependencies = fakeDependencies();
    const site = await openSite(dependencies);
    const calls = dependencies.origin.calls;
    dependencies.origin.respond = () => new Promise(() => undefined);
    const socket = connectTls({
      port: site.secure,
      host: '127.0.0.1',
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
    });
    const peer = await peerOf(socket, once(socket, 'secureConnect'));
    const last = frame(1, 5, 1001, head('/healthz'));
    socket.write(Buffer.concat([PREFACE, ...resets(0, 60), last]));
    await peer.hears(/"ok"/);
    // Streams were served if a pass of the event loop ended between their head and their reset.
    expect(calls.length).toBeLessThan(30);
  });

  it('refuses an unknown method before the application sees it, with one line a second', async () => {
    const lines: string[] = [];
    const site = await openSite({ logger: pino({ level: 'warn' }, { write: (line) => lines.push(line) }) });
    const session = openSession(site);
    for (const path of ['/', '/hls/live/demo/index.m3u8']) {
      const { status, body } = await answer(session, { ':method': 'FOO', ':path': path });
      expect([status, body]).toEqual([405, expect.stringContaining('http.method-not-allowed')]);
    }
    expect(lines.map((line) => JSON.parse(line))).toMatchObject([{ method: 'FOO' }]);
  });

  it.each([
    ['opens no stream', () => undefined, HEADERS_TIMEOUT, { headers: 1 }],
    [
      'is idle',
      (session: ReturnType<typeof openSession>) => answer(session, { ':path': '/healthz' }),
      KEEP_ALIVE_TIMEOUT,
      { idle: 1 },
    ],
    [
      'is idle but for pings',
      async (session: ReturnType<typeof openSession>) => {
        await answer(session, { ':path': '/healthz' });
        await new Promise((resolve) => session.ping(resolve));
      },
      KEEP_ALIVE_TIMEOUT,
      { idle: 1 },
    ],
  ])('ends a session that %s', async (_what, act, deadline, counted) => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const site = await openSite();
    const session = openSession(site);
    const closed = once(session, 'close');
    await once(session, 'remoteSettings');
    await act(session);
    for (let turns = 0; turns < 20; turns++) await tick();
    await vi.advanceTimersByTimeAsync(deadline - 1_000);
    expect(ended(site)).toEqual({});
    await vi.advanceTimersByTimeAsync(2_100);
    await closed;
    expect(ended(site)).toEqual(counted);
  });

  it('ends a stream whose body is late, and keeps the session', async () => {
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance'] });
    const site = await openSite();
    const session = openSession(site);
    const stream = session.request(
      { ':method': 'OPTIONS', ':path': '/nothing', 'content-type': 'application/json' },
      { endStream: false },
    );
    stream.on('error', () => stream.destroy());
    const closed = once(stream, 'close');
    stream.write('{');
    await once(session, 'remoteSettings');
    for (let turns = 0; turns < 50; turns++) await tick();
    await vi.advanceTimersByTimeAsync(REQUEST_TIMEOUT + 2_000);
    await closed;
    expect(stream.rstCode).toBe(constants.NGHTTP2_CANCEL);
    expect((await answer(session, { ':path': '/healthz' })).status).toBe(200);
  });
});

it('sends Strict-Transport-Security over HTTPS only, and only if configured', async () => {
  const header = /strict-transport-security: max-age=300\r\n/;
  const [asking, silent] = [await openSite({ hstsMaxAge: 300 }), await openSite()];
  const answer = async (peer: Peer): Promise<string> => {
    peer.socket.write(request('/healthz'));
    await peer.hears(/"ok"/);
    return peer.text();
  };
  expect(await answer(await over.https(asking))).toMatch(header);
  expect(await answer(await over.http(asking))).not.toMatch(header);
  expect(await answer(await over.https(silent))).not.toMatch(header);
});

describe('connections of one address', () => {
  it('are bounded, except those of trusted proxies', async () => {
    const strict = await openSite({ trustedProxies: [], maxConnections: 8 });
    const [first, second, third] = [await over.http(strict), await over.http(strict), await over.http(strict)];
    await third.closed;
    expect(Object.fromEntries(strict.http.connections.figures.refused)).toEqual({ 'connections-per-address': 1 });
    expect(strict.lines).toEqual([
      {
        fields: { limit: 'connections-per-address' },
        message: 'connections are refused: too many are open from one address',
      },
    ]);
    first.socket.destroy();
    while (strict.http.connections.figures.open > 1) await tick();
    const fourth = await over.http(strict);
    for (const peer of [second, fourth]) {
      peer.socket.write(request('/healthz'));
      await peer.hears(/"ok"/);
      expect(peer.text()).toContain('"ok"');
    }

    const trusting = await openSite({ maxConnections: 8 });
    const many = await Promise.all(Array.from({ length: 8 }, () => over.http(trusting)));
    many[7]?.socket.write(request('/healthz'));
    await many[7]?.hears(/"ok"/);
    expect(many[7]?.text()).toContain('"ok"');
    await (await over.http(trusting)).closed;
    expect(Object.fromEntries(trusting.http.connections.figures.refused)).toEqual({ connections: 1 });
  });
});

it('refuses requests of one address if too many are unanswered', async () => {
  const dependencies = fakeDependencies();
  const site = await openSite({ ...dependencies, trustedProxies: [], maxRequestsPerAddress: 2 });
  let give: () => void = () => undefined;
  const answered = new Promise<void>((resolve) => {
    give = resolve;
  });
  dependencies.origin.respond = async () => {
    await answered;
    return { status: 200, kind: 'media-playlist', body: Buffer.from('#EXTM3U\n'), targetDuration: 2 };
  };
  const waiting = [await over.http(site), await over.https(site)];
  for (const [index, { socket }] of waiting.entries()) {
    socket.write(request(`/hls/live/demo/v/index.m3u8?_HLS_msn=${index}`));
    while (dependencies.origin.calls.length <= index) await tick();
  }
  const third = await over.http(site);
  third.socket.write(request('/healthz'));
  await third.hears(/http\.too-many-requests/);
  expect(third.text()).toMatch(/^HTTP\/1\.1 503 [\s\S]*retry-after: 1/);
  give();
  for (const peer of waiting) await peer.hears(/#EXTM3U/);
  third.socket.write(request('/healthz'));
  await third.hears(/"ok"/);
  expect(third.text()).toContain('"ok"');
});

it('closes the connection whose bytes exceed the 32 MiB that may wait for their turn', async () => {
  const listener = createServer();
  onTestFinished(() => {
    listener.close();
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const client = connect((listener.address() as AddressInfo).port, '127.0.0.1');
  onTestFinished(() => {
    client.destroy();
  });
  const [socket] = (await once(listener, 'connection')) as [Socket];
  const abuses: string[] = [];
  const queued = { bytes: 32 * 1024 * 1024 };
  // Nobody reads from it, so everything that arrives waits.
  const connection = new MeteredSocket({
    ...{ socket, queued, remoteAddress: '127.0.0.1', countedFor: undefined, isSecure: false, isSerial: true },
    domain: strictDomain(),
    ...{ portions: new RequestPortions(), turns: new WorkTurns(), onAbuse: (abuse: string) => abuses.push(abuse) },
  });
  client.write('G');
  await once(connection, 'close');
  expect(abuses).toEqual(['queued-bytes']);
  expect(queued.bytes).toBe(32 * 1024 * 1024);
});

it('closes cleanly whatever the state of its connections', async () => {
  const dependencies = fakeDependencies();
  const site = await openSite(dependencies);
  const halfOpen = connect(site.secure, '127.0.0.1');
  halfOpen.on('error', () => halfOpen.destroy());
  await once(halfOpen, 'connect');
  halfOpen.write(Buffer.from('1603010200', 'hex'));
  const silent = await Promise.all([over.http(site), over.https(site)]);
  const peers = await Promise.all([over.http(site), over.https(site), over.http(site), over.http(site)]);
  peers[0]?.socket.write('GET / HTTP/1.1\r\nHo');
  peers[1]?.socket.write(request('/healthz'));
  peers[2]?.socket.write('CONNECT x:443 HTTP/1.1\r\nHost: x\r\n\r\n');
  peers[3]?.socket.write(request('/healthz', 'Connection: upgrade\r\nUpgrade: websocket\r\n'));
  const idle = connectHttp2(`https://127.0.0.1:${site.secure}`, { rejectUnauthorized: false });
  const busy = connectHttp2(`https://127.0.0.1:${site.secure}`, { rejectUnauthorized: false });
  for (const session of [idle, busy]) session.on('error', () => session.destroy());
  await Promise.all([
    once(idle, 'remoteSettings'),
    once(busy, 'remoteSettings'),
    peers[1]?.hears(/"ok"/),
    peers[3]?.hears(/"ok"/),
  ]);
  const asked = new Promise<void>((resolve) => {
    dependencies.origin.respond = () => {
      resolve();
      return new Promise(() => undefined);
    };
  });
  const waiting = busy.request({ ':path': '/hls/live/demo/v/index.m3u8?_HLS_msn=9' });
  waiting.on('error', () => waiting.destroy());
  await asked;
  const gone = [...silent, ...peers].map((peer) => peer.closed);
  const sessions = [once(idle, 'close'), once(busy, 'close'), once(halfOpen, 'close')];
  await site.close();
  await Promise.all([...gone, ...sessions]);
  expect(site.http.connections.figures.open).toBe(0);
});
