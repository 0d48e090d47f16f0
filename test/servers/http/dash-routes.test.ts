// DASH over HTTP: the same rules for caches and players as for HLS, with an origin that gives prepared answers.
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import type { DashOrigin, OriginAnswer } from '../../../src/servers/http/dependencies.js';
import { fakeDependencies, NOT_LIVE } from './fake-origin.js';

const MPD = Buffer.from(`<?xml version="1.0" encoding="UTF-8"?>\n<MPD>${' '.repeat(400)}</MPD>\n`);
const FOUND: OriginAnswer = { status: 200, kind: 'manifest', body: MPD, targetDuration: 4 };

class FakeDash implements DashOrigin {
  answer: OriginAnswer = FOUND;
  now: number | undefined = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
  readonly asked: string[] = [];

  async manifest(app: string, name: string): Promise<OriginAnswer> {
    this.asked.push(`${app}/${name}`);
    return this.answer;
  }

  time(): number | undefined {
    return this.now;
  }
}

let app: FastifyInstance;
let dash: FakeDash;
beforeEach(() => {
  dash = new FakeDash();
  app = buildApp(fakeDependencies({ dash }));
});
afterEach(() => app.close());

const MANIFEST = '/dash/live/demo/manifest.mpd';
const get = (url: string, headers: Record<string, string> = {}) => app.inject({ method: 'GET', url, headers });

describe('manifest.mpd', () => {
  it('has its content type, a lifetime of half a target duration, a validator, and CORS headers', async () => {
    const answer = await get(MANIFEST);
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/dash+xml',
      'cache-control': 'public, max-age=2',
      'access-control-allow-origin': '*',
      'x-content-type-options': 'nosniff',
      'content-length': String(MPD.length),
      etag: expect.stringMatching(/^"[\w-]+"$/),
      vary: 'Accept-Encoding',
    });
    expect(answer.rawPayload).toEqual(MPD);
    expect(dash.asked).toEqual(['live/demo']);
    const again = await get(MANIFEST, { 'if-none-match': String(answer.headers.etag) });
    expect([again.statusCode, again.body]).toEqual([304, '']);
    const packed = await get(MANIFEST, { 'accept-encoding': 'gzip' });
    expect(packed.headers['content-encoding']).toBe('gzip');
    const head = await app.inject({ method: 'HEAD', url: MANIFEST });
    expect([head.statusCode, head.headers['content-length'], head.body]).toEqual([200, String(MPD.length), '']);
  });

  it('is a 404 that caches must not store if the name is not live', async () => {
    dash.answer = NOT_LIVE;
    const answer = await get(MANIFEST);
    expect([answer.statusCode, answer.headers['cache-control']]).toEqual([404, 'no-store']);
    expect(answer.headers['access-control-allow-origin']).toBe('*');
  });

  it('C3.03 other names, methods and paths never reach the origin', async () => {
    for (const url of [
      '/dash/live/../manifest.mpd',
      '/dash/live/%2e%2e/manifest.mpd',
      '/dash/live/demo/other',
      '/dash/x',
    ]) {
      expect([400, 404], url).toContain((await get(url)).statusCode);
    }
    expect((await app.inject({ method: 'POST', url: MANIFEST })).statusCode).toBe(405);
    const preflight = await app.inject({ method: 'OPTIONS', url: MANIFEST });
    expect([preflight.statusCode, preflight.headers['access-control-max-age']]).toEqual([204, '86400']);
    expect(dash.asked).toEqual([]);
  });
});

describe('time', () => {
  it('is the clock of the manifest, in milliseconds, and is never cached', async () => {
    const answer = await get('/dash/live/demo/time');
    expect([answer.statusCode, answer.body]).toEqual([200, '2026-01-02T03:04:05.678Z']);
    expect(answer.headers).toMatchObject({ 'cache-control': 'no-store', 'access-control-allow-origin': '*' });
    dash.now = undefined;
    expect((await get('/dash/live/demo/time')).statusCode).toBe(404);
  });
});

it('without a DASH origin everything below /dash/ is 404', async () => {
  const bare = buildApp(fakeDependencies());
  expect((await bare.inject(MANIFEST)).statusCode).toBe(404);
  await bare.close();
});
