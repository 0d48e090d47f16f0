// Thumbnails over HTTP: validators, short cache lifetimes, and a 404 that caches keep only briefly.

import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import { fakeDependencies } from './fake-origin.js';

const JPEG = Buffer.from('ffd8ffe000104a464946', 'hex');
const URL = '/hls/live/demo/thumbnail.jpg';

function appWith(asked: string[] = []) {
  const thumbnails = {
    async get(app: string, name: string) {
      asked.push(`${app}/${name}`);
      return name === 'demo' ? { body: JPEG, entityTag: '"abc"', maxAge: 2 } : undefined;
    },
  };
  return buildApp(fakeDependencies({ thumbnails }));
}

describe('thumbnail.jpg', () => {
  it('B4.01 is a JPEG with CORS headers and the lifetime that its source gives', async () => {
    const answer = await appWith().inject(URL);
    expect(answer.statusCode).toBe(200);
    expect(answer.rawPayload).toEqual(JPEG);
    expect(answer.headers).toMatchObject({
      'content-type': 'image/jpeg',
      'cache-control': 'public, max-age=2',
      etag: '"abc"',
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
    });
    const head = await appWith().inject({ method: 'HEAD', url: URL });
    expect([head.statusCode, head.body]).toEqual([200, '']);
  });

  it('is answered with 304 if the client has it', async () => {
    for (const tag of ['"abc"', 'W/"abc"', '"x", "abc"', '*']) {
      const answer = await appWith().inject({ url: URL, headers: { 'if-none-match': tag } });
      expect([answer.statusCode, answer.body]).toEqual([304, '']);
      expect(answer.headers).toMatchObject({ etag: '"abc"', 'cache-control': 'public, max-age=2' });
    }
    expect((await appWith().inject({ url: URL, headers: { 'if-none-match': '"abd"' } })).statusCode).toBe(200);
  });

  it('B4.03 is a 404 that caches keep for a second if there is none', async () => {
    for (const app of [appWith(), buildApp(fakeDependencies())]) {
      const answer = await app.inject('/hls/live/other/thumbnail.jpg');
      expect(answer.statusCode).toBe(404);
      expect(answer.headers).toMatchObject({
        'cache-control': 'public, max-age=1',
        'access-control-allow-origin': '*',
      });
      expect(answer.body).toMatch(/^http\.thumbnail-not-found: /);
    }
  });

  it('C3.03 never asks the source for an invalid name', async () => {
    const asked: string[] = [];
    const app = appWith(asked);
    for (const url of ['/hls/live/a%20b/thumbnail.jpg', '/hls/../x/thumbnail.jpg', '/hls/live/%2e%2e/thumbnail.jpg']) {
      expect((await app.inject(url)).statusCode).toBeGreaterThanOrEqual(400);
    }
    expect(asked).toEqual([]);
  });

  it('the API says which streams have one', async () => {
    const of = async (app: ReturnType<typeof appWith>): Promise<unknown> =>
      (await app.inject('/api/v1/streams/live/demo')).json().thumbnail;
    expect(await of(appWith())).toBe(true);
    expect(await of(buildApp(fakeDependencies()))).toBeUndefined();
  });
});
