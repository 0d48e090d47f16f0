// Delivery to CDNs and many viewers: validators, compression once per version, shared calls, limits on waiting, and the same answers with and without
// the router.
import { once } from 'node:events';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import Fastify from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildHttpApp, type HttpApp } from '../../../src/servers/http/app.js';
import { parseTarget } from '../../../src/servers/http/delivery/target.js';
import type { OriginAnswer } from '../../../src/servers/http/dependencies.js';
import { sluiceHttp } from '../../../src/servers/http/plugin.js';
import { type FakeOrigin, fakeDependencies, fakeError } from './fake-origin.js';

const LONG = Buffer.from(`#EXTM3U\n${'#EXTINF:2.00000,\nseg-1.m4s\n'.repeat(100)}`);
const playlist = (body: Buffer, isFinal = false): OriginAnswer => ({
  status: 200,
  kind: 'media-playlist',
  body,
  isFinal,
  targetDuration: 2,
});
const URL_OF_PLAYLIST = '/hls/live/demo/v/index.m3u8';

let http: HttpApp;
let origin: FakeOrigin;
let port: number;

async function start(options: { maxWaiters?: number; maxWaitersPerIp?: number; trustedProxies?: string[] } = {}) {
  const dependencies = { ...fakeDependencies(), trustedProxies: [], ...options };
  origin = dependencies.origin;
  http = buildHttpApp(dependencies);
  await http.app.listen({ host: '127.0.0.1', port: 0 });
  port = (http.app.server.address() as AddressInfo).port;
}

beforeEach(() => start());
afterEach(() => http.app.close());

const ask = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
  fetch(`http://127.0.0.1:${port}${path}`, { method, headers });

/** Sends one request on a new socket, which stays open. */
async function open(path: string, more = ''): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').on('error', () => socket.destroy());
  await once(socket, 'connect');
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\n${more}\r\n`);
  return socket;
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/**
 * Makes the origin wait before it answers requests.
 * @returns a function that answers them
 */
function hold(): (answer: OriginAnswer) => void {
  const held: ((answer: OriginAnswer) => void)[] = [];
  origin.respond = ({ signal }) =>
    new Promise((resolve, reject) => {
      held.push(resolve);
      signal.addEventListener('abort', () => reject(new Error('left')), { once: true });
    });
  return (answer) => {
    for (const give of held.splice(0)) give(answer);
  };
}

describe('media in memory', () => {
  it('is answered without a call of the origin, unless the request has directives', async () => {
    const asked: unknown[] = [];
    origin.inMemory = (...names) => {
      asked.push(names);
      return names[3] === 'seg-1.m4s' ? undefined : playlist(LONG);
    };
    origin.respond = () => playlist(Buffer.from('#EXTM3U\n'));
    expect(await (await ask(URL_OF_PLAYLIST)).text()).toBe(LONG.toString());
    expect(await (await ask('/hls/live/demo/index.m3u8?session=1')).text()).toBe(LONG.toString());
    expect(origin.calls).toEqual([]);
    expect(asked).toEqual([
      ['live', 'demo', 'v', ''],
      ['live', 'demo', '', ''],
    ]);
    await ask('/hls/live/demo/v/seg-1.m4s');
    await ask(`${URL_OF_PLAYLIST}?_HLS_msn=5`);
    expect(origin.calls.map(({ method }) => method)).toEqual(['file', 'mediaPlaylist']);
  });

  it('an origin that throws, even synchronously, gives a 500, and the next request is answered', async () => {
    origin.inMemory = () => {
      throw new Error('a bug');
    };
    const { mediaPlaylist } = origin;
    origin.mediaPlaylist = () => {
      throw new Error('the same bug');
    };
    expect((await ask(URL_OF_PLAYLIST)).status).toBe(500);
    origin.mediaPlaylist = mediaPlaylist;
    origin.respond = () => playlist(LONG);
    expect((await ask(URL_OF_PLAYLIST)).status).toBe(200);
  });

  it('is requested from the origin if looking it up in memory fails', async () => {
    origin.inMemory = () => {
      throw new Error('a bug');
    };
    origin.respond = () => playlist(LONG);
    expect(await (await ask(URL_OF_PLAYLIST)).text()).toBe(LONG.toString());
  });
});

describe('validators', () => {
  it('B4.04 each version of a playlist has its own strong ETag, and a match gives 304 without body', async () => {
    origin.respond = () => playlist(LONG);
    const first = await ask(URL_OF_PLAYLIST, { 'accept-encoding': 'identity' });
    const tag = first.headers.get('etag') ?? '';
    expect(tag).toMatch(/^"[\w-]{22}"$/);
    const again = await ask(URL_OF_PLAYLIST, { 'accept-encoding': 'identity', 'if-none-match': `"x", ${tag}` });
    expect([again.status, await again.text(), again.headers.get('etag')]).toEqual([304, '', tag]);
    expect(again.headers.get('cache-control')).toBe('public, max-age=1');
    expect(again.headers.get('vary')).toBe('Accept-Encoding');
    expect(again.headers.get('access-control-allow-origin')).toBe('*');
    origin.respond = () => playlist(Buffer.concat([LONG, Buffer.from('#\n')]));
    const next = await ask(URL_OF_PLAYLIST, { 'accept-encoding': 'identity', 'if-none-match': tag });
    expect(next.status).toBe(200);
    expect(next.headers.get('etag')).not.toBe(tag);
  });

  it('B4.04 B4.07 a Range applies only to the version that If-Range names', async () => {
    origin.respond = () => ({ status: 200, kind: 'segment', body: Buffer.from('0123456789') });
    const path = '/hls/live/demo/v/seg-1.m4s';
    const tag = (await ask(path)).headers.get('etag') ?? '';
    const same = await ask(path, { range: 'bytes=2-3', 'if-range': tag });
    expect([same.status, await same.text()]).toEqual([206, '23']);
    const other = await ask(path, { range: 'bytes=2-3', 'if-range': '"other"' });
    expect([other.status, await other.text()]).toEqual([200, '0123456789']);
  });
});

describe('compression', () => {
  it('B4.05 playlists are compressed with gzip or Brotli, each with its ETag; media and short bodies are not', async () => {
    origin.respond = ({ names }) =>
      names.length === 4 ? { status: 200, kind: 'segment', body: LONG } : playlist(LONG);
    const raw = async (path: string, encoding: string) => {
      const answer = await http.app.inject({ url: path, headers: { 'accept-encoding': encoding } });
      return { headers: answer.headers, body: answer.rawPayload };
    };
    const gzip = await raw(URL_OF_PLAYLIST, 'gzip, deflate');
    const brotli = await raw(URL_OF_PLAYLIST, 'gzip, deflate, br');
    const none = await raw(URL_OF_PLAYLIST, 'br;q=0, gzip;q=0.0');
    expect([gzip, brotli, none].map(({ headers }) => headers['content-encoding'])).toEqual(['gzip', 'br', undefined]);
    expect(gunzipSync(gzip.body)).toEqual(LONG);
    expect(brotliDecompressSync(brotli.body)).toEqual(LONG);
    expect(new Set([gzip, brotli, none].map(({ headers }) => headers.etag)).size).toBe(3);
    for (const { headers, body } of [gzip, brotli, none]) {
      expect(headers.vary).toBe('Accept-Encoding');
      expect(headers['content-length']).toBe(String(body.length));
    }
    const media = await raw('/hls/live/demo/v/seg-1.m4s', 'br');
    expect([media.headers['content-encoding'], media.headers.vary]).toEqual([undefined, undefined]);
    expect(media.body).toEqual(LONG);
  });

  it('B4.05 a long playlist is compressed off the event loop, once for all requests', async () => {
    const huge = Buffer.concat(Array.from({ length: 40 }, () => LONG));
    origin.respond = () => playlist(huge);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => ask(URL_OF_PLAYLIST, { 'accept-encoding': 'br' })),
    );
    for (const answer of answers) {
      expect(answer.headers.get('content-encoding')).toBe('br');
      expect((await answer.arrayBuffer()).byteLength).toBe(huge.length);
    }
    expect(new Set(answers.map(({ headers }) => headers.get('etag'))).size).toBe(1);
  });
});

describe('request coalescing', () => {
  it('B4.11 C4.05 identical blocking reloads share one call and one body, whatever else is in their queries', async () => {
    const answer = hold();
    const paths = Array.from({ length: 300 }, (_, id) => `${URL_OF_PLAYLIST}?s=${id}&_HLS_part=1&_HLS_msn=7`);
    await http.app.close();
    await start({ maxWaitersPerIp: 1000 });
    const give = hold();
    answer(playlist(LONG, true));
    const asked = paths.map((path) => ask(path, { 'accept-encoding': 'identity' }));
    await until(() => http.delivery.figures.waiting === paths.length);
    expect(origin.calls).toHaveLength(1);
    give(playlist(LONG, true));
    for (const reply of await Promise.all(asked)) {
      expect(reply.status).toBe(200);
      expect((await reply.arrayBuffer()).byteLength).toBe(LONG.length);
    }
    expect(http.delivery.figures).toMatchObject({ waiting: 0, shared: paths.length - 1 });
  });

  it('C3.11 a body does not depend on other query parameters, Host or X-Forwarded-*', async () => {
    origin.respond = () => playlist(LONG);
    const hostile = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'gopher' };
    const answer = await http.app.inject({ url: `${URL_OF_PLAYLIST}?cb=evil.example`, headers: hostile });
    expect(answer.rawPayload).toEqual(LONG);
    expect(JSON.stringify(answer.headers)).not.toContain('evil');
  });

  it('B3.08 the shared call is aborted when its last client leaves, and not before', async () => {
    hold();
    const path = `${URL_OF_PLAYLIST}?_HLS_msn=9`;
    const [first, second] = await Promise.all([open(path), open(path)]);
    await until(() => http.delivery.figures.waiting === 2);
    first.destroy();
    await until(() => http.delivery.figures.waiting === 1);
    expect(origin.calls[0]?.signal.aborted).toBe(false);
    second.destroy();
    await until(() => http.delivery.figures.waiting === 0);
    expect(origin.calls[0]?.signal.aborted).toBe(true);
  });
});

describe('limits on waiting', () => {
  it('C4.06 one address: the next waiter gets 503 with Retry-After, other requests are answered', async () => {
    await http.app.close();
    await start({ maxWaitersPerIp: 3 });
    hold();
    const sockets = await Promise.all([1, 2, 3].map((msn) => open(`${URL_OF_PLAYLIST}?_HLS_msn=${msn}`)));
    await until(() => http.delivery.figures.waiting === 3);
    const refused = await ask(`${URL_OF_PLAYLIST}?_HLS_msn=1`);
    expect([refused.status, refused.headers.get('retry-after'), refused.headers.get('cache-control')]).toEqual([
      503,
      '1',
      'no-store',
    ]);
    expect(refused.headers.get('access-control-allow-origin')).toBe('*');
    expect(await refused.text()).toMatch(/^http\.too-many-waiting: /);
    origin.respond = () => playlist(LONG);
    expect((await ask(URL_OF_PLAYLIST)).status).toBe(200);
    for (const socket of sockets) socket.destroy();
    await until(() => http.delivery.figures.waiting === 0);
  });

  it('C3.12 C4.06 viewers behind a trusted proxy are counted separately; other peers cannot claim an address', async () => {
    const spread = async (trustedProxies: string[]) => {
      await http.app.close();
      await start({ maxWaitersPerIp: 2, trustedProxies });
      hold();
      await Promise.all(
        [1, 2, 3, 4].map((n) => open(`${URL_OF_PLAYLIST}?_HLS_msn=${n}`, `X-Forwarded-For: 9.9.9.${n}\r\n`)),
      );
      await until(() => http.delivery.figures.waiting + http.delivery.figures.waitersRefused === 4);
      return http.delivery.figures.waitersRefused;
    };
    expect(await spread(['127.0.0.1'])).toBe(0);
    expect(await spread([])).toBe(2);
  });

  it('C4.06 all addresses of an IPv6 network count as one client, those of another network do not', async () => {
    await http.app.close();
    await start({ maxWaitersPerIp: 2, trustedProxies: ['127.0.0.1'] });
    hold();
    const from = ['2001:db8:1:2::1', '2001:db8:1:2::2', '2001:db8:1:2:f::3', '2001:db8:1:3::1'];
    await Promise.all(
      from.map((address, n) => open(`${URL_OF_PLAYLIST}?_HLS_msn=${n}`, `X-Forwarded-For: ${address}\r\n`)),
    );
    await until(() => http.delivery.figures.waiting + http.delivery.figures.waitersRefused === 4);
    expect(http.delivery.figures.waitersRefused).toBe(1);
  });

  it('C4.06 long headers count: fewer such requests may wait, and others still may', async () => {
    await http.app.close();
    await start({ maxWaitersPerIp: 10, trustedProxies: ['127.0.0.1'] });
    hold();
    // Ten times 10 KiB for each address: four of 8 KiB and 14 kB.
    const long = `X-Filler: ${'x'.repeat(14_000)}\r\n`;
    const from = (address: string) => `X-Forwarded-For: ${address}\r\n`;
    await Promise.all([1, 2, 3, 4, 5, 6].map((n) => open(`${URL_OF_PLAYLIST}?_HLS_msn=${n}`, long + from('9.9.9.1'))));
    await until(() => http.delivery.figures.waiting + http.delivery.figures.waitersRefused === 6);
    expect(http.delivery.figures.waitersRefused).toBe(2);
    await Promise.all([1, 2, 3].map((n) => open(`${URL_OF_PLAYLIST}?_HLS_msn=${n}`, from('9.9.9.2'))));
    await until(() => http.delivery.figures.waiting === 7);
    expect(http.delivery.figures.waitersRefused).toBe(2);
  });

  it('C4.06 500 viewers behind one address, each with four waiting requests, are served by default', async () => {
    hold();
    const agent = 'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0\r\n';
    const sockets: Socket[] = [];
    for (let n = 0; n < 2_000; n++) sockets.push(await open(`${URL_OF_PLAYLIST}?_HLS_msn=${n % 4}`, agent));
    await until(() => http.delivery.figures.waiting + http.delivery.figures.waitersRefused === 2_000);
    expect(http.delivery.figures.waitersRefused).toBe(0);
    for (const socket of sockets) socket.destroy();
    await until(() => http.delivery.figures.waiting === 0);
  });

  it('C4.06 many aborted requests leave nothing behind', async () => {
    const waits = Number(process.env.ABORTED_WAITS ?? 2000);
    await http.app.close();
    await start({ maxWaitersPerIp: 1000 });
    hold();
    for (let done = 0; done < waits; done += 100) {
      const sockets = await Promise.all(
        Array.from({ length: 100 }, (_, n) => open(`${URL_OF_PLAYLIST}?_HLS_msn=${n % 7}`)),
      );
      await until(() => http.delivery.figures.waiting === 100);
      for (const socket of sockets) socket.destroy();
      await until(() => http.delivery.figures.waiting === 0);
    }
    expect(http.delivery.figures).toMatchObject({ waiting: 0, waitersAbandoned: waits, slowReaders: 0 });
    expect(origin.calls.every(({ signal }) => signal.aborted)).toBe(true);
  });

  it('B4.06 a blocking HEAD waits no longer than GET, and has no body', async () => {
    const answer = hold();
    const head = ask(`${URL_OF_PLAYLIST}?_HLS_msn=3`, {}, 'HEAD');
    await until(() => http.delivery.figures.waiting === 1);
    answer({ status: 503, error: fakeError('fake.not-live', 'nothing new'), isFinal: true, targetDuration: 2 });
    const reply = await head;
    expect([reply.status, reply.headers.get('cache-control'), await reply.text()]).toEqual([503, 'no-store', '']);
  });
});

describe('with and without the router', () => {
  it('answers are the same when mounted in another application, plus the headers of that application', async () => {
    const foreign = Fastify();
    const dependencies = fakeDependencies();
    dependencies.origin.respond = () => playlist(LONG);
    foreign.addHook('onRequest', (_request, reply, done) => {
      reply.header('x-application', 'mine');
      done();
    });
    await foreign.register(sluiceHttp, { ...dependencies, prefix: '/video' });
    origin.respond = () => playlist(LONG);
    const own = await ask(URL_OF_PLAYLIST, { 'accept-encoding': 'identity' });
    const mounted = await foreign.inject({
      url: `/video${URL_OF_PLAYLIST}`,
      headers: { 'accept-encoding': 'identity' },
    });
    await foreign.close();
    expect(mounted.rawPayload).toEqual(LONG);
    expect(mounted.headers['x-application']).toBe('mine');
    for (const name of ['etag', 'cache-control', 'content-type', 'vary', 'access-control-allow-origin']) {
      expect(mounted.headers[name]).toBe(own.headers.get(name));
    }
  });

  it.each([
    '/hls/live/../index.m3u8',
    '/hls/live/./index.m3u8',
    '/hls/live/a%2Fb/index.m3u8',
    '/hls/live/demo/v/index.m3u8?_HLS_msn=1&_HLS_msn=2',
    '/hls/live/demo/v/index.m3u8?_HLS_msn=%31',
    `/hls/live/demo/v/index.m3u8?_HLS_msn=${'1'.repeat(33)}`,
    '/hls/live/demo/thumbnail.jpg',
    'http://x/hls/live/demo/index.m3u8',
  ])('C3.03 %s is left to the router', (target) => {
    expect(parseTarget(target)).toBeUndefined();
  });

  it('B4.11 the coalescing key of a URL contains the directives in a fixed order and nothing else of the query', () => {
    const key = (query: string) => parseTarget(`/hls/a/b/c/index.m3u8?${query}`)?.key;
    expect(key('_HLS_msn=1&_HLS_part=2')).toBe(key('x=y&_HLS_part=2&_HLS_msn=1&_HLS_push=1'));
    expect(key('_HLS_msn=1&_HLS_part=2')).not.toBe(key('_HLS_msn=2&_HLS_part=1'));
    expect(key('_HLS_msn=')).not.toBe(key(''));
    const iFrames = (query: string) => parseTarget(`/hls/a/b/c/iframes.m3u8?${query}`)?.key;
    expect(iFrames('_HLS_msn=1')).toBe(iFrames('x=y&_HLS_msn=1'));
    expect(new Set([iFrames('_HLS_msn=1'), iFrames('_HLS_msn=2'), iFrames(''), key('_HLS_msn=1')]).size).toBe(4);
  });

  it('B4.10 a URL of more than 2048 bytes gives 414 even if it is valid', async () => {
    const long = await ask(`${URL_OF_PLAYLIST}?x=${'y'.repeat(2100)}`);
    expect([long.status, long.headers.get('access-control-allow-origin')]).toEqual([414, '*']);
    expect(origin.calls).toHaveLength(0);
  });
});
