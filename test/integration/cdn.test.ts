// The edges that docs/cdn.md recommends, as real programs between many low-latency viewers and one origin.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, type ClientRequest, get } from 'node:http';
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2';
import { connect } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/hls-client.js';
import { absentPeer, NGINX, NGINX_LUA, VARNISH } from '../support/peers.js';
import { deployedFile, type Edge, startLuaNginx, startNginx, startVarnish } from './edges.js';
import { PART_BYTES, PARTS_PER_SEGMENT, type ServedOrigin, serveLiveOrigin } from './live-origin.js';

const LONG = process.env.CDN_VIEWERS !== undefined;
/** 1000 in the long run. In the short run other programs use half of the cores. */
const VIEWERS = Number(process.env.CDN_VIEWERS ?? 100);
const PARTS = Number(process.env.CDN_PARTS ?? 8);
/** The default duration of parts; less if few viewers need less. */
const PART_INTERVAL = LONG ? 500 : 250;
/** A low bitrate if a thousand viewers, edge and origin share a machine, because the test measures waiting and waking, not copying. */
const BYTES = LONG ? 8_000 : PART_BYTES;
/** This many viewers are timed, in a separate process. The same number of others request from the origin directly at the same time. */
const TIMED = LONG ? 50 : 20;
/** Half of the period, in milliseconds, at which nginx's own cache lock checks. A request that is not woken waits this long on average. */
const EDGE_DELAY = 250;

interface Answer {
  readonly status: number;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

interface Asked {
  readonly request: ClientRequest;
  readonly answer: Promise<Answer>;
}

function ask(port: number, path: string, agent: Agent, headers: Record<string, string> = {}): Asked {
  const request = get({ host: '127.0.0.1', port, path, agent, headers });
  const answer = new Promise<Answer>((resolve, reject) => {
    request.on('error', reject).on('response', (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('error', reject);
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks), headers: answer.headers }),
      );
    });
  });
  return { request, answer };
}

function fetchFrom(port: number, path: string, agent: Agent, headers?: Record<string, string>): Promise<Answer> {
  return ask(port, path, agent, headers).answer;
}

function newAgent(): Agent {
  const agent = new Agent({ keepAlive: true });
  onTestFinished(() => agent.destroy());
  return agent;
}

interface Watching {
  /** For each viewer: when it had the last byte of each part, in milliseconds since 1970. Empty for viewers that are not timed. */
  readonly arrivals: readonly (readonly number[])[];
  readonly processorTime: number;
}

/** Resolves when all of them wait for the next part. */
async function startViewers(
  port: number,
  viewers: { count: number; firstId: number; reads: boolean; parts?: number },
  firstPart: number,
) {
  const options = { port, firstPart, parts: PARTS, partsPerSegment: PARTS_PER_SEGMENT, partBytes: BYTES, ...viewers };
  const child = fork(new URL('fixtures/edge-viewers.mjs', import.meta.url), [JSON.stringify(options)], {
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
  return { end: message() as Promise<Watching> };
}

interface Report {
  /** From the moment a part is ready until its last byte is read, for each timed viewer and part, in milliseconds. */
  readonly edge: readonly number[];
  readonly origin: readonly number[];
  /** Shares of one core. */
  readonly load: Readonly<Record<'edge' | 'origin' | 'crowd' | 'timed', number>>;
}

/** Viewers that follow the live edge in other processes than the origin's. */
async function watch({ live, port: originPort }: ServedOrigin, edge: Edge): Promise<Report> {
  const first = live.parts;
  const [crowd, timed, direct] = await Promise.all([
    startViewers(edge.port, { count: VIEWERS - TIMED, firstId: 0, reads: false }, first),
    startViewers(edge.port, { count: TIMED, firstId: VIEWERS, reads: true }, first),
    startViewers(originPort, { count: TIMED, firstId: 2 * VIEWERS, reads: true }, first),
  ]);
  const [startedAt, edgeBefore, ownBefore] = [performance.now(), edge.processorTime(), process.cpuUsage()];
  const clock = setInterval(() => live.advance(), PART_INTERVAL);
  try {
    const [others, atEdge, atOrigin] = await Promise.all([crowd.end, timed.end, direct.end]);
    const share = (time: number): number => time / (performance.now() - startedAt);
    const { user, system } = process.cpuUsage(ownBefore);
    const delays = ({ arrivals }: Watching): number[] =>
      arrivals.flatMap((times) =>
        times.map((at, part) => at - performance.timeOrigin - (live.readyAt[first + part] ?? Number.NaN)),
      );
    return {
      edge: delays(atEdge),
      origin: delays(atOrigin),
      load: {
        edge: share(edge.processorTime() - edgeBefore),
        origin: share((user + system) / 1000),
        crowd: share(others.processorTime),
        timed: share(atEdge.processorTime + atOrigin.processorTime),
      },
    };
  } finally {
    clearInterval(clock);
  }
}

function percentile(values: readonly number[], share: number): number {
  return [...values].sort((a, b) => a - b)[Math.floor(share * (values.length - 1))] ?? Number.NaN;
}

function print(name: string, { edge, origin, load }: Report, ratio: number): void {
  const figures = (delays: readonly number[]): string =>
    [0.5, 0.99].map((share) => `p${100 * share} ${percentile(delays, share).toFixed(0)} ms`).join(' ');
  const cores = Object.entries(load).map(([who, share]) => `${who} ${(100 * share).toFixed(0)} %`);
  process.stdout.write(
    `${name}: ${VIEWERS} viewers, ${ratio.toFixed(3)} requests per object, edge ${figures(edge)}, origin ${figures(origin)}, processor: ${cores.join(', ')}\n`,
  );
}

/** Number of requests that the edge sent to the origin for each requested object and version. */
function requestsPerObject({ requests }: ServedOrigin): number {
  const media = [...requests].filter(([url]) => url.startsWith('/hls/'));
  expect(media.length).toBeGreaterThanOrEqual(2 * PARTS);
  return media.reduce((sum, [, count]) => sum + count, 0) / media.length;
}

const NEXT_PLAYLIST = '/hls/live/a/v/index.m3u8?_HLS_msn=0&_HLS_part=1';

/** Resolves when this many requests are in progress at the edge. */
async function whenWaiting({ statusPort }: Edge, count: number): Promise<void> {
  const agent = newAgent();
  await eventually(async () => {
    const { body } = await fetchFrom(statusPort ?? 0, '/', agent);
    // The request for this figure counts as well.
    return Number(/Writing: (\d+)/.exec(body.toString())?.[1]) === count + 1 ? true : undefined;
  });
}

/** Requests of the edge for the playlist that they wait for. */
const asked = ({ requests }: ServedOrigin): number =>
  [...requests].reduce((sum, [url, count]) => sum + (url.includes('_HLS_part=1') ? count : 0), 0);

describe.each([
  ['nginx', NGINX, startNginx, true],
  ['nginx with Lua', NGINX_LUA, startLuaNginx, false],
  ['Varnish', VARNISH, startVarnish, false],
] as const)('%s as edge', (name, program, startEdge, polls) => {
  it.skipIf(absentPeer(program))('B4.11 many low-latency viewers cost the origin one request per object', async () => {
    const served = await serveLiveOrigin({ partBytes: BYTES });
    const edge = await startEdge(served.port);
    const lags: number[] = [];
    // Other programs on this machine sometimes delay an edge; its own polling delays it each time. One good attempt of three is enough to
    // distinguish these.
    const attempts = LONG || polls ? 1 : 3;
    while (lags.length < attempts && !lags.some((lag) => lag <= EDGE_DELAY)) {
      const report = await watch(served, edge);
      print(name, report, requestsPerObject(served));
      expect(report.edge).toHaveLength(TIMED * PARTS);
      expect(report.origin).toHaveLength(TIMED * PARTS);
      lags.push(percentile(report.edge, 0.5) - percentile(report.origin, 0.5));
    }
    expect(requestsPerObject(served)).toBeLessThanOrEqual(1.2);
    for (const url of served.requests.keys()) expect(url).not.toContain('session');
    // The long run only prints its figures.
    if (!LONG && !polls) expect(Math.min(...lags)).toBeLessThanOrEqual(EDGE_DELAY);
  });

  it.skipIf(absentPeer(program))('passes on types, CORS headers, ranges and errors of the origin', async () => {
    const served = await serveLiveOrigin();
    const { port } = await startEdge(served.port);
    // Until the playlist is long enough for compression.
    for (let part = 0; part < 8; part++) served.live.advance();
    const agent = newAgent();
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
    const entityTag = String(range.headers.etag);
    const known = await fetchFrom(port, '/hls/live/a/v/part-0.m4s', agent, { 'if-none-match': entityTag });
    expect([known.status, known.body.length]).toEqual([304, 0]);
    const missing = await fetchFrom(port, '/hls/live/a/v/part-99.m4s', agent);
    expect([missing.status, missing.headers['access-control-allow-origin']]).toEqual([404, '*']);
    const figures = await fetchFrom(port, '/metrics', agent);
    expect(figures.status).toBe(404);
  });
});

it.skipIf(absentPeer(NGINX))(
  'nginx sends one request of more waiting viewers than its count of uses can hold',
  async () => {
    const served = await serveLiveOrigin({ partBytes: BYTES });
    const edge = await startNginx(served.port);
    const count = 1100;
    const { end } = await startViewers(edge.port, { count, firstId: 0, reads: false, parts: 1 }, served.live.parts);
    await whenWaiting(edge, count);
    served.live.advance();
    await end;
    expect(asked(served)).toBe(1);
  },
);

it('the configuration with Lua has all directives of the other one, except those that choose upstream and cache', () => {
  const directives = (file: string): string[] =>
    deployedFile(file)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#') && !/^proxy_(pass|cache|cache_key) /.test(line));
  expect(directives('nginx-edge-lua.conf')).toEqual(expect.arrayContaining(directives('nginx-edge.conf')));
});

describe.skipIf(absentPeer(NGINX_LUA))('nginx with Lua as edge, under faults', () => {
  const WAITING = 20;

  /** Viewers that wait for the next playlist, all for the same request to the origin. */
  async function startWaiting(served: ServedOrigin, edge: Edge) {
    const before = asked(served);
    const leader = ask(edge.port, NEXT_PLAYLIST, newAgent());
    await whenWaiting(edge, 1);
    const agent = newAgent();
    const followers = Array.from({ length: WAITING }, (_, id) =>
      ask(edge.port, `${NEXT_PLAYLIST}&viewer=${id}`, agent),
    );
    await whenWaiting(edge, 1 + WAITING);
    expect(asked(served)).toBe(before + 1);
    return { leader, answers: Promise.all(followers.map(({ answer }) => answer)) };
  }

  const statuses = (answers: readonly Answer[]): number[] => [...new Set(answers.map(({ status }) => status))];

  it('serves the others if the viewer whose request went to the origin leaves', async () => {
    const served = await serveLiveOrigin();
    const edge = await startLuaNginx(served.port);
    const { leader, answers } = await startWaiting(served, edge);
    leader.request.destroy();
    await expect(leader.answer).rejects.toThrow('socket hang up');
    served.live.advance();
    expect(statuses(await answers)).toEqual([200]);
    expect(asked(served)).toBe(1);
  });

  it('serves the others over HTTP/2 if that viewer resets the stream', async () => {
    const served = await serveLiveOrigin();
    const edge = await startLuaNginx(served.port);
    const session: ClientHttp2Session = connectHttp2(`http://127.0.0.1:${edge.http2Port}`);
    onTestFinished(() => session.destroy());
    const leader = session.request({ ':path': NEXT_PLAYLIST });
    await whenWaiting(edge, 1);
    const followers = Array.from({ length: WAITING }, async () => {
      const [headers] = await once(session.request({ ':path': NEXT_PLAYLIST }).resume(), 'response');
      return headers[':status'] as number;
    });
    await whenWaiting(edge, 1 + WAITING);
    leader.close();
    await once(leader, 'close');
    served.live.advance();
    expect([...new Set(await Promise.all(followers))]).toEqual([200]);
    expect(asked(served)).toBe(1);
  });

  it('passes a 503 to all requests that waited for it, and to no other', async () => {
    const served = await serveLiveOrigin();
    const edge = await startLuaNginx(served.port);
    const { leader, answers } = await startWaiting(served, edge);
    served.live.refuse();
    const refused = [await leader.answer, ...(await answers)];
    expect(asked(served)).toBe(1);
    for (const { status, headers } of refused) {
      expect(status).toBe(503);
      expect(headers).toMatchObject({
        'cache-control': 'no-store',
        'access-control-allow-origin': '*',
        'retry-after': '1',
      });
    }
    served.live.advance();
    expect((await fetchFrom(edge.port, NEXT_PLAYLIST, newAgent())).status).toBe(200);
    expect(asked(served)).toBe(2);
  });

  it('answers all viewers if the origin dies, and sends one request when it is back', async () => {
    const served = await serveLiveOrigin();
    const edge = await startLuaNginx(served.port);
    const { leader, answers } = await startWaiting(served, edge);
    const startAgain = await served.stop();
    expect(statuses([await leader.answer, ...(await answers)])).toEqual([502]);
    await startAgain();
    const again = await startWaiting(served, edge);
    served.live.advance();
    expect(statuses([await again.leader.answer, ...(await again.answers)])).toEqual([200]);
    expect(asked(served)).toBe(2);
  });

  it('does not let the others wait for a slow first viewer', async () => {
    const bytes = 20_000_000;
    const served = await serveLiveOrigin({ partBytes: bytes });
    const edge = await startLuaNginx(served.port);
    const path = '/hls/live/a/v/part-0.m4s';
    const slow = connect(edge.port, '127.0.0.1');
    onTestFinished(() => void slow.destroy());
    slow.write(`GET ${path} HTTP/1.1\r\nHost: edge\r\n\r\n`);
    await eventually(async () => (served.requests.has(`${path}?`) ? true : undefined));
    const others = await Promise.all([1, 2, 3].map(() => fetchFrom(edge.port, path, newAgent())));
    expect(others.map(({ status, body }) => [status, body.length])).toEqual(others.map(() => [200, bytes]));
    expect(served.requests.get(`${path}?`)).toBe(1);
    expect(slow.readableLength).toBeLessThan(bytes);
  });
});
