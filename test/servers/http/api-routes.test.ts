// The API and the probes: what programs can read, and what must stay secret.

import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import type { StreamState } from '../../../src/servers/http/dependencies.js';
import { fakeDependencies, LIVE_STREAM } from './fake-origin.js';

describe('GET /api/v1/streams', () => {
  it('lists the streams and where to publish, and is never cached', async () => {
    const answer = await buildApp(fakeDependencies()).inject('/api/v1/streams');
    expect(answer.statusCode).toBe(200);
    expect(answer.headers).toMatchObject({
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    });
    expect(answer.json()).toEqual({ streams: [LIVE_STREAM], publish: { app: 'live', proof: 'key', rtmpPort: 1935 } });
  });

  it('C3.10 cannot be read by other sites, and sets no cookie', async () => {
    const answer = await buildApp(fakeDependencies()).inject('/api/v1/streams');
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('C3.07 never contains a field that is not in the schema', async () => {
    const careless = {
      ...LIVE_STREAM,
      key: 'SECRET',
      ingest: { bitrate: 1, remoteAddress: '10.1.2.3', query: 'key=SECRET' },
    };
    const streams = { list: (): StreamState[] => [careless], get: () => careless };
    const app = buildApp({ ...fakeDependencies(), streams });
    for (const url of ['/api/v1/streams', '/api/v1/streams/live/demo']) {
      const { body } = await app.inject(url);
      expect(body).toContain('"bitrate":1');
      expect(body).not.toMatch(/SECRET|10\.1\.2\.3/);
    }
  });

  it('omits fields that are unknown', async () => {
    const waiting: StreamState = {
      app: 'live',
      name: 'x',
      state: 'waiting',
      startedAt: undefined,
      source: undefined,
      renditions: [],
    };
    const app = buildApp({ ...fakeDependencies(), streams: { list: () => [waiting], get: () => undefined } });
    expect((await app.inject('/api/v1/streams')).json()).toEqual({
      streams: [{ app: 'live', name: 'x', state: 'waiting', renditions: [], viewers: 0 }],
      publish: { app: 'live', proof: 'key', rtmpPort: 1935 },
    });
  });
});

describe('GET /api/v1/streams/{app}/{name}', () => {
  it('returns one stream', async () => {
    const answer = await buildApp(fakeDependencies()).inject('/api/v1/streams/live/demo');
    expect(answer.json()).toEqual(LIVE_STREAM);
  });

  it.each([
    ['/api/v1/streams/live/nobody', 404, 'http.stream-not-found'],
    ['/api/v1/streams/live/%3Cscript%3E', 400, 'http.bad-request'],
    ['/api/v1/streams/live/%zz', 400, 'http.bad-request'],
    ['/api/v1/nothing', 404, 'http.not-found'],
    [`/api/v1/streams?${'x'.repeat(3000)}`, 414, 'http.uri-too-long'],
  ])('B4.10 %s: a typed error', async (url, status, code) => {
    const answer = await buildApp(fakeDependencies()).inject({ url, headers: { accept: 'text/html' } });
    expect(answer.statusCode).toBe(status);
    expect(answer.json()).toEqual({ code, message: expect.any(String) });
    expect(answer.body).not.toContain('<script');
    // A key that was pasted as the name would be shown, and kept by caches.
    expect(answer.body).not.toContain('nobody');
  });
});

describe('probes', () => {
  it('/healthz answers while the process lives', async () => {
    const answer = await buildApp(fakeDependencies()).inject('/healthz');
    expect([answer.statusCode, answer.json()]).toEqual([200, { status: 'ok' }]);
  });

  it('/readyz gives the reasons if it is not ready', async () => {
    const health = { ready: () => ({ ready: false, reasons: ['no FFmpeg was found'] }) };
    const answer = await buildApp({ ...fakeDependencies(), health }).inject('/readyz');
    expect([answer.statusCode, answer.json()]).toEqual([503, { ready: false, reasons: ['no FFmpeg was found'] }]);
    expect((await buildApp(fakeDependencies()).inject('/readyz')).statusCode).toBe(200);
  });
});
