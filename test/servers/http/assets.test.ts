// Scripts and styles of the pages, as a slow connection and a cache see them.

import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import { fakeDependencies } from './fake-origin.js';

const app = buildApp(fakeDependencies());
const DECODERS = { br: brotliDecompressSync, gzip: gunzipSync };

/** The addresses in the head of a page, resolved as a browser does. */
async function linksOf(page: string, pattern: RegExp): Promise<string[]> {
  const { body } = await app.inject(page);
  return [...body.matchAll(pattern)].map(([, href = '']) => new URL(href, 'http://x/').pathname);
}

describe('assets', () => {
  it('have a version in their URL, so that caches can keep them for ever', async () => {
    for (const page of ['/', '/watch/live/demo', '/embed/live/demo']) {
      const links = await linksOf(page, /(?:href|src)="(assets\/[^"]+)"/g);
      expect(links.length).toBeGreaterThan(2);
      for (const link of links) {
        const answer = await app.inject(link);
        expect([link, answer.statusCode]).toEqual([link, 200]);
        expect(answer.headers['cache-control']).toBe('public, max-age=31536000, immutable');
      }
    }
  });

  it.each(['/assets/player.js', '/assets/vendor/hls.mjs', '/assets/~another1234/player.js'])(
    '%s is revalidated, and not sent again to who has it',
    async (url) => {
      const first = await app.inject(url);
      expect(first.headers['cache-control']).toBe('no-cache');
      const headers = { 'if-none-match': String(first.headers.etag) };
      const second = await app.inject({ url, headers });
      expect([second.statusCode, second.body]).toEqual([304, '']);
      expect((await app.inject({ url, headers: { 'if-none-match': '"other"' } })).statusCode).toBe(200);
    },
  );

  it.each(['br', 'gzip'] as const)('are sent as %s, and each encoding has its own validator', async (coding) => {
    for (const url of ['/assets/vendor/hls.mjs', '/assets/styles.css', '/assets/favicon.svg']) {
      const plain = await app.inject(url);
      const answer = await app.inject({ url, headers: { 'accept-encoding': coding } });
      expect([url, answer.headers['content-encoding'], answer.headers.vary]).toEqual([url, coding, 'Accept-Encoding']);
      expect(answer.headers.etag).not.toBe(plain.headers.etag);
      expect(DECODERS[coding](answer.rawPayload).equals(plain.rawPayload)).toBe(true);
      expect(answer.rawPayload.length).toBeLessThan(plain.rawPayload.length);
    }
  });

  it.each([
    ['/', []],
    ['/watch/live/demo', ['/vendor/hls.mjs']],
    ['/embed/live/demo', ['/vendor/hls.mjs']],
  ])(
    '%s needs one script, and beside it %j, which it names so that it need not be waited for',
    async (page, others) => {
      const scripts = await linksOf(page, /<script type="module" src="([^"]+)"/g);
      const preloads = await linksOf(page, /<link rel="modulepreload" href="([^"]+)"/g);
      expect(scripts).toHaveLength(1);
      expect(preloads.map((path) => path.replace(/^\/assets\/~[\w-]+/, ''))).toEqual(others);
      const [script = ''] = scripts;
      const { body } = await app.inject(script);
      const imported = [...body.matchAll(/^import .* from '([^']+)'/gm)].map(
        ([, specifier = '']) => new URL(specifier, `http://x${script}`).pathname,
      );
      expect([...new Set(imported)]).toEqual(preloads);
    },
  );

  it('may be used by pages of any origin, which sandboxed frames and pages with COEP need', async () => {
    const { headers } = await app.inject('/assets/embed.js');
    expect(headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cross-origin-resource-policy': 'cross-origin',
    });
  });

  it('favicon.ico is served, because browsers request it by themselves', async () => {
    const answer = await app.inject('/favicon.ico');
    expect([answer.statusCode, answer.headers['content-type']]).toEqual([200, 'image/x-icon']);
    // Reserved, type 1 (icon): the first four bytes of an ICO file.
    expect(answer.rawPayload.readUInt32BE(0)).toBe(0x00000100);
  });
});

describe('pages and API', () => {
  it('a page is compressed, and answered with 304 while it is unchanged', async () => {
    const headers = { 'accept-encoding': 'br' };
    const first = await app.inject({ url: '/watch/live/demo', headers });
    expect(first.headers).toMatchObject({ 'content-encoding': 'br', 'cache-control': 'no-cache' });
    expect(brotliDecompressSync(first.rawPayload).toString()).toContain('<title>demo – Sluice</title>');
    const again = { ...headers, 'if-none-match': String(first.headers.etag) };
    expect((await app.inject({ url: '/watch/live/demo', headers: again })).statusCode).toBe(304);
  });

  it('a long list of streams is compressed', async () => {
    const dependencies = fakeDependencies();
    const [stream] = dependencies.streams.list();
    if (stream === undefined) throw new Error('the fake has no stream');
    const list = () => Array.from({ length: 100 }, (_, index) => ({ ...stream, name: `s${index}` }));
    const many = buildApp({ ...dependencies, streams: { ...dependencies.streams, list } });
    const plain = await many.inject('/api/v1/streams');
    const answer = await many.inject({ url: '/api/v1/streams', headers: { 'accept-encoding': 'gzip' } });
    expect(gunzipSync(answer.rawPayload).toString()).toBe(plain.body);
    expect(answer.rawPayload.length).toBeLessThan(plain.rawPayload.length / 5);
  });
});
