// The pages and their headers, alone and mounted in somebody else's application.

import Fastify from 'fastify';
import { describe, expect, it } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import { sluiceHttp } from '../../../src/servers/http/plugin.js';
import { fakeDependencies } from './fake-origin.js';

const PAGES = ['/', '/watch/live/demo', '/embed/live/demo'];

/** Every URL that a page loads by itself, resolved as a browser does. */
function assetsOf(html: string, pageUrl: string): string[] {
  const base = new URL(/<base href="([^"]+)"/.exec(html)?.[1] ?? './', new URL(pageUrl, 'http://x'));
  // The playlist is not an asset; it is preloaded if there is one.
  const references = [...html.matchAll(/<(?:script|link)(?![^>]*as="fetch")[^>]*\b(?:src|href)="([^"]+)"/g)];
  return references.map(([, reference = '']) => new URL(reference, base).pathname);
}

describe('pages', () => {
  it.each(PAGES)('%s is HTML that caches must always revalidate', async (url) => {
    const page = await buildApp(fakeDependencies()).inject(url);
    expect(page.statusCode).toBe(200);
    expect(page.headers).toMatchObject({ 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-cache' });
  });

  it.each([
    ['/', "frame-ancestors 'self'"],
    ['/watch/live/demo', "frame-ancestors 'self'"],
    ['/embed/live/demo', 'frame-ancestors *'],
  ])('C3.06 %s: nothing inline, %s', async (url, framing) => {
    const page = await buildApp(fakeDependencies()).inject(url);
    const policy = String(page.headers['content-security-policy']);
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).not.toContain('unsafe');
    expect(policy.endsWith(framing)).toBe(true);
    expect(page.headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'same-origin',
      'cross-origin-opener-policy': 'same-origin',
    });
    expect(page.headers['permissions-policy']).toContain('camera=()');
    expect(page.body).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|style="|<style/);
  });

  it('C3.06 which sites may frame them is configurable', async () => {
    const app = buildApp({
      ...fakeDependencies(),
      pageFrameAncestors: "'none'",
      embedFrameAncestors: 'https://a.example',
    });
    const policyOf = async (url: string) => String((await app.inject(url)).headers['content-security-policy']);
    expect(await policyOf('/watch/live/demo')).toContain("frame-ancestors 'none'");
    expect(await policyOf('/embed/live/demo')).toContain('frame-ancestors https://a.example');
  });

  it.each(['/watch/live/%3Cimg%20src=x%3E', '/embed/..%2f/x', '/watch/live/%zz', '/no/such/page'])(
    'C3.06 %s is an error page that repeats nothing of the address',
    async (url) => {
      const page = await buildApp(fakeDependencies()).inject({ url, headers: { accept: 'text/html' } });
      expect(page.statusCode).toBeGreaterThanOrEqual(400);
      expect(page.headers['content-type']).toBe('text/html; charset=utf-8');
      expect(page.headers['content-security-policy']).not.toContain('unsafe');
      expect(page.body).not.toMatch(/src=x|zz|no\/such|\{\{/);
    },
  );

  it('B4.09 C3.11 Host and forwarding headers never appear in an answer', async () => {
    const headers = { host: 'evil.example', 'x-forwarded-host': 'evil.example', 'x-forwarded-prefix': '/evil' };
    for (const url of [...PAGES, '/no', '/api/v1/streams']) {
      const answer = await buildApp(fakeDependencies()).inject({ url, headers });
      expect(JSON.stringify(answer.headers) + answer.body).not.toContain('evil');
    }
  });
});

describe('assets', () => {
  it('everything that a page refers to exists and has a content type', async () => {
    const app = buildApp(fakeDependencies());
    for (const url of [...PAGES, '/no/such/page']) {
      const page = await app.inject({ url, headers: { accept: 'text/html' } });
      const assets = assetsOf(page.body, url);
      expect(assets.length).toBeGreaterThan(0);
      for (const asset of assets) {
        const answer = await app.inject(asset);
        expect([asset, answer.statusCode]).toEqual([asset, 200]);
        expect(answer.headers['content-type']).toMatch(/^((text|application)\/javascript|text\/css|image\/svg\+xml)/);
      }
    }
  });

  it('hls.js is served from its package; HTML pages and files outside public/ are not assets', async () => {
    const app = buildApp(fakeDependencies());
    const module = await app.inject('/assets/vendor/hls.mjs');
    expect(module.headers['content-type']).toBe('text/javascript; charset=utf-8');
    expect(module.body).toContain('export');
    for (const url of ['/assets/watch.html', '/assets/', '/assets', '/assets/.git', '/assets/nothing.js']) {
      expect([url, (await app.inject(url)).statusCode >= 400]).toEqual([url, true]);
    }
  });
});

describe('mounted under a prefix', () => {
  const host = async () => {
    const app = Fastify();
    app.get('/', async () => 'host');
    await app.register(sluiceHttp, { prefix: '/video', ...fakeDependencies() });
    return app;
  };

  it('pages, API and media work below it, and the application keeps its own routes', async () => {
    const app = await host();
    expect((await app.inject('/')).body).toBe('host');
    expect((await app.inject('/')).headers['content-security-policy']).toBeUndefined();
    expect((await app.inject('/video/api/v1/streams')).statusCode).toBe(200);
    expect((await app.inject('/video/hls/live/demo/index.m3u8')).body).toBe('fake.not-live: stream is not live\n');
    expect((await app.inject('/video/no')).json()).toMatchObject({ code: 'http.not-found' });
    expect((await app.inject('/no')).json()).toMatchObject({ error: 'Not Found' });
    expect((await app.inject({ method: 'POST', url: '/' })).statusCode).toBe(404);
  });

  it('all links of the pages stay below it', async () => {
    const app = await host();
    for (const url of ['/video/', '/video/watch/live/demo', '/video/embed/live/demo', '/video/no/such/page']) {
      const page = await app.inject({ url, headers: { accept: 'text/html' } });
      for (const asset of assetsOf(page.body, url)) {
        expect([asset, (await app.inject(asset)).statusCode]).toEqual([asset, 200]);
        expect(asset).toMatch(/^\/video\/assets\//);
      }
    }
  });

  it('the address without the final slash redirects to the one with it', async () => {
    const answer = await (await host()).inject('/video');
    expect([answer.statusCode, answer.headers.location]).toEqual([308, 'video/']);
  });

  it('without a prefix the application keeps its own 404', async () => {
    const app = Fastify();
    app.setNotFoundHandler((_request, reply) => reply.code(404).send('host'));
    await app.register(sluiceHttp, fakeDependencies());
    expect((await app.inject('/no')).body).toBe('host');
    expect((await app.inject('/healthz')).statusCode).toBe(200);
  });
});
