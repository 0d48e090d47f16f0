// HLS over HTTP: headers, names, ranges and failures, with an origin that gives prepared answers.

import { once } from 'node:events';
import { type AddressInfo, connect } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import type { OriginAnswer } from '../../../src/servers/http/dependencies.js';
import { type FakeOrigin, fakeDependencies, fakeError, NOT_LIVE } from './fake-origin.js';

const PLAYLIST = Buffer.from('#EXTM3U\n');
const MEDIA = Buffer.from('0123456789');

let app: FastifyInstance;
let origin: FakeOrigin;

beforeEach(() => {
  const dependencies = fakeDependencies();
  origin = dependencies.origin;
  app = buildApp(dependencies);
});

afterEach(() => app.close());

const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });

describe('calls of the origin', () => {
  it('get the names and delivery directives as in the URL', async () => {
    await get('/hls/live/demo/index.m3u8');
    await get('/hls/live/demo/720p/index.m3u8?_HLS_msn=12&_HLS_part=3&_HLS_skip=YES');
    await get('/hls/live/demo/720p/iframes.m3u8?_HLS_msn=12&_HLS_skip=YES');
    await get('/hls/live/demo/720p/iframes.m3u8?_HLS_msn=%31%32');
    await get('/hls/live/demo/720p/seg-12.m4s?_HLS_msn=12');
    expect(origin.calls.map(({ method, names, directives }) => ({ method, names, directives }))).toEqual([
      { method: 'multivariant', names: ['live', 'demo'], directives: undefined },
      { method: 'mediaPlaylist', names: ['live', 'demo', '720p'], directives: { msn: '12', part: '3', skip: 'YES' } },
      {
        ...{ method: 'file', names: ['live', 'demo', '720p', 'iframes.m3u8'] },
        directives: { msn: '12', part: undefined, skip: 'YES' },
      },
      {
        ...{ method: 'file', names: ['live', 'demo', '720p', 'iframes.m3u8'] },
        directives: { msn: '12', part: undefined, skip: undefined },
      },
      { method: 'file', names: ['live', 'demo', '720p', 'seg-12.m4s'], directives: undefined },
    ]);
  });

  it('B3.04 get unusual directives too; the 400 of the origin is passed on and never cached', async () => {
    origin.respond = () => ({ status: 400, error: fakeError('fake.bad-directive', 'got _HLS_part without _HLS_msn') });
    const answer = await get('/hls/live/demo/720p/index.m3u8?_HLS_part=-1');
    expect(origin.calls[0]?.directives).toEqual({ msn: undefined, part: '-1', skip: undefined });
    expect(answer.statusCode).toBe(400);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.body).toBe('fake.bad-directive: got _HLS_part without _HLS_msn\n');
  });

  it('B3.11 ignore unknown parameters in any order; a repeated directive is refused', async () => {
    await get('/hls/live/demo/720p/index.m3u8?token=x&_HLS_part=1&_HLS_new=2&_HLS_msn=7');
    expect(origin.calls[0]?.directives).toEqual({ msn: '7', part: '1', skip: undefined });
    const repeated = await get('/hls/live/demo/720p/index.m3u8?_HLS_msn=7&_HLS_msn=8');
    expect(repeated.statusCode).toBe(400);
    expect(origin.calls).toHaveLength(1);
  });

  it('B3.08 are aborted at once when their client leaves', async () => {
    const asked = new Promise<AbortSignal>((resolve) => {
      origin.respond = ({ signal }) => {
        resolve(signal);
        return new Promise((_resolve, reject) => {
          signal.addEventListener('abort', () => reject(new Error('the waiter was freed')));
        });
      };
    });
    await app.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect((app.server.address() as AddressInfo).port, '127.0.0.1');
    socket.write('GET /hls/live/demo/720p/index.m3u8?_HLS_msn=9 HTTP/1.1\r\nHost: x\r\n\r\n');
    const signal = await asked;
    expect(signal.aborted).toBe(false);
    const aborted = once(signal, 'abort');
    socket.destroy();
    await aborted;
    expect((await get('/healthz')).statusCode).toBe(200);
  });
});

describe('answers', () => {
  it.each([
    ['index.m3u8', 'multivariant', 'application/vnd.apple.mpegurl', 'none'],
    ['720p/index.m3u8', 'media-playlist', 'application/vnd.apple.mpegurl', 'none'],
    ['720p/init-1.mp4', 'init', 'video/mp4', 'bytes'],
    ['720p/seg-1.m4s', 'segment', 'video/iso.segment', 'bytes'],
    ['720p/part-1.0.m4s', 'part', 'video/iso.segment', 'bytes'],
  ] as const)('B4.01 B4.12 %s: type, length and nosniff', async (path, kind, type, ranges) => {
    origin.respond = () => ({ status: 200, kind, body: MEDIA });
    const answer = await get(`/hls/live/demo/${path}`);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': type,
      'content-length': '10',
      'accept-ranges': ranges,
      'x-content-type-options': 'nosniff',
    });
    expect(answer.headers['transfer-encoding']).toBeUndefined();
    expect(answer.rawPayload).toEqual(MEDIA);
  });

  const isFinal = { isFinal: true, targetDuration: 3 } as const;
  it.each<[string, string, OriginAnswer, string]>([
    [
      'blocking playlist',
      'v/index.m3u8',
      { status: 200, kind: 'media-playlist', body: PLAYLIST, ...isFinal },
      'public, max-age=0, s-maxage=18',
    ],
    ['blocking failure', 'v/index.m3u8', { ...NOT_LIVE, ...isFinal } as OriginAnswer, 'public, max-age=12'],
    [
      'plain playlist',
      'v/index.m3u8',
      { status: 200, kind: 'media-playlist', body: PLAYLIST, targetDuration: 3 },
      'public, max-age=1',
    ],
    ['blocking hint', 'v/part-1.0.m4s', { ...NOT_LIVE, ...isFinal } as OriginAnswer, 'public, max-age=12'],
    ['plain failure', 'v/index.m3u8', { ...NOT_LIVE, targetDuration: 3 } as OriginAnswer, 'public, max-age=3'],
    ['playlist of no stream', 'v/index.m3u8', NOT_LIVE, 'no-store'],
    ['playlist of no stream, directives', 'v/index.m3u8?_HLS_msn=7', { ...NOT_LIVE, isFinal: true }, 'no-store'],
    ['file of no stream', 'v/seg-1.m4s', NOT_LIVE, 'no-store'],
    ['lobby', 'index.m3u8', NOT_LIVE, 'no-store'],
    ['lobby of a stream', 'index.m3u8', { ...NOT_LIVE, targetDuration: 3 } as OriginAnswer, 'no-store'],
    ['segment', 'v/seg-1.m4s', { status: 200, kind: 'segment', body: MEDIA }, 'public, max-age=31536000, immutable'],
    ['missing segment', 'v/seg-1.m4s', { ...NOT_LIVE, targetDuration: 3 } as OriginAnswer, 'public, max-age=3'],
    ['overload', 'v/index.m3u8', { status: 503, error: fakeError('fake.not-live', 'late') }, 'no-store'],
  ])('B4.02 B4.03 %s: Cache-Control', async (_name, path, answer, expected) => {
    origin.respond = () => answer;
    expect((await get(`/hls/live/demo/${path}`)).headers['cache-control']).toBe(expected);
  });

  it('B4.04 an entity tag of the origin turns a matching If-None-Match into 304', async () => {
    origin.respond = () => ({ status: 200, kind: 'multivariant', body: PLAYLIST, entityTag: '"v7"' });
    const fresh = await get('/hls/live/demo/index.m3u8', { 'if-none-match': 'W/"v7", "x"' });
    expect(fresh.statusCode).toBe(304);
    expect(fresh.body).toBe('');
    expect(fresh.headers).toMatchObject({ etag: '"v7"', 'access-control-allow-origin': '*' });
    expect((await get('/hls/live/demo/index.m3u8', { 'if-none-match': '"v6"' })).statusCode).toBe(200);
  });

  it('B4.06 HEAD gives the headers of GET and no body', async () => {
    origin.respond = () => ({ status: 200, kind: 'segment', body: MEDIA });
    const head = await app.inject({ method: 'HEAD', url: '/hls/live/demo/v/seg-1.m4s' });
    expect(head.statusCode).toBe(200);
    expect(head.body).toBe('');
    expect(head.headers).toMatchObject({ 'content-length': '10', 'content-type': 'video/iso.segment' });
  });

  it.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=0-9007199254740991', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=10-', 416, undefined, 'bytes */10'],
    ['bytes=4-2', 416, undefined, 'bytes */10'],
    ['bytes=-0', 416, undefined, 'bytes */10'],
    ['bytes=x', 416, undefined, 'bytes */10'],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
    ['lines=0-1', 200, '0123456789', undefined],
  ])('B4.07 Range %s -> %i', async (range, status, body, contentRange) => {
    origin.respond = () => ({ status: 200, kind: 'segment', body: MEDIA });
    const answer = await get('/hls/live/demo/v/seg-1.m4s', { range });
    expect(answer.statusCode).toBe(status);
    if (body !== undefined) expect(answer.body).toBe(body);
    expect(answer.headers['content-range']).toBe(contentRange);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  });

  it('B4.08 preflight: 204 with what players need, for a day', async () => {
    const preflight = await app.inject({
      method: 'OPTIONS',
      url: '/hls/live/demo/v/seg-1.m4s',
      headers: { origin: 'https://elsewhere.example', 'access-control-request-method': 'GET' },
    });
    expect(preflight.statusCode).toBe(204);
    expect(preflight.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'access-control-allow-headers': expect.stringMatching(/^Range, Authorization, /),
      'access-control-max-age': '86400',
    });
    const allowed = String(preflight.headers['access-control-allow-headers']).toLowerCase().split(', ');
    const sent = [
      'cmcd-object',
      'cmcd-request',
      'cmcd-session',
      'cmcd-status',
      'cache-control',
      'pragma',
      'if-none-match',
    ];
    expect(allowed).toEqual(expect.arrayContaining(sent));
    expect(preflight.headers['access-control-allow-credentials']).toBeUndefined();
  });

  it.each([
    ['404 of the origin', '/hls/live/demo/index.m3u8', 404],
    ['404 of no route', '/hls/live', 404],
    ['400 of a name', '/hls/live/a%20b/index.m3u8', 400],
    ['400 of an encoding', '/hls/live/%zz/index.m3u8', 400],
    ['414', `/hls/live/demo/index.m3u8?x=${'y'.repeat(3000)}`, 414],
  ])('B4.08 B4.09 CORS and no cookie, no redirect on %s', async (_name, url, status) => {
    const answer = await get(url);
    expect(answer.statusCode).toBe(status);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
    expect(answer.headers['access-control-expose-headers']).toBe('Content-Length, Content-Range, Date, Age');
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers.location).toBeUndefined();
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(answer.body).toMatch(/^(http|fake)\.[a-z-]+: \S.*\n$/);
  });

  it('C3.10 an origin that throws becomes a 500 without its text, and the log has the cause', async () => {
    origin.respond = () => {
      throw new Error('/secret/path/of/the/machine');
    };
    const lines: string[] = [];
    const logger = pino({ level: 'debug' }, { write: (line: string) => void lines.push(line) });
    const logged = buildApp({ ...fakeDependencies({ logger }), origin });
    const answer = await logged.inject('/hls/live/demo/index.m3u8?key=SECRET');
    await logged.close();
    const errors = lines
      .map((line): unknown => JSON.parse(line))
      .filter((line) => (line as { level: number }).level === 50);
    expect(errors).toMatchObject([
      { path: '/hls/live/demo/index.m3u8', err: { message: '/secret/path/of/the/machine' } },
    ]);
    expect(lines.join('')).toContain('"status":500');
    expect(lines.join('')).not.toContain('SECRET');
    expect(answer.statusCode).toBe(500);
    expect(answer.body).toBe('http.internal: internal error\n');
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});

describe('names', () => {
  it.each([
    '/hls/../index.m3u8',
    '/hls/live/../index.m3u8',
    '/hls/live/%2e%2e/index.m3u8',
    '/hls/live/%252e%252e/index.m3u8',
    '/hls/live/demo/..%2f..%2fetc/passwd',
    '/hls/live/demo/%2e%2e/passwd',
    '/hls/live/demo/v/..%5c..%5cwin.ini',
    '/hls/live/demo/v/..%2f..%2f..%2fetc%2fpasswd',
    '/hls/live/demo/v/%00',
    '/hls/live/demo/v/a%00.m4s',
    '/hls/live/a%2Fb/index.m3u8',
    '/hls/live/%zz/index.m3u8',
    '/hls/live/%ff/index.m3u8',
    '/hls/live/%E2%80%A5/index.m3u8',
    '/hls/live/%EF%BC%8E%EF%BC%8E/index.m3u8',
    '/hls/live/demo%0a%23EXT-X-ENDLIST/index.m3u8',
    '/hls/live/%22,URI=%22/index.m3u8',
    `/hls/live/${'a'.repeat(256)}/index.m3u8`,
    `/hls/live/${'a'.repeat(300)}/index.m3u8`,
    '/hls//demo/index.m3u8',
    '/hls///index.m3u8',
    '/hls/live/demo/v/',
    '//etc/passwd',
    '/assets/../package.json',
    '/assets/%2e%2e/package.json',
    '/assets/..%2fpackage.json',
    '/assets/%2e%2e%2fpackage.json',
  ])('C3.03 C3.11 A5.04 %s is refused without a call of the origin', async (url) => {
    const answer = await get(url);
    expect(answer.statusCode).toBeGreaterThanOrEqual(400);
    expect(answer.statusCode).toBeLessThan(500);
    expect(origin.calls).toEqual([]);
    expect(answer.body).not.toContain('EXT-X');
  });

  it('A5.07 a name of 255 allowed characters is accepted', async () => {
    const name = `${'a'.repeat(250)}.-_Z9`;
    await get(`/hls/live/${name}/index.m3u8`);
    expect(origin.calls[0]?.names).toEqual(['live', name]);
  });

  it('B4.10 writing methods get 405 with Allow, and their body is not read', async () => {
    for (const method of ['POST', 'PUT', 'PATCH', 'DELETE'] as const) {
      for (const url of ['/hls/live/demo/index.m3u8', '/hls/nothing', '/', '/api/v1/streams', '/no/such/thing']) {
        const answer = await app.inject({ method, url, payload: '<x>', headers: { 'content-type': 'odd/type' } });
        expect([url, answer.statusCode]).toEqual([url, 405]);
        expect(answer.headers.allow).toBe('GET, HEAD, OPTIONS');
      }
    }
    expect(origin.calls).toEqual([]);
  });
});
