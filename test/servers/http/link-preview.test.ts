// The preview of a stream link in a chat or forum, which runs no scripts.

import { once } from 'node:events';
import { get } from 'node:http';
import type { AddressInfo } from 'node:net';
import { describe, expect, it, onTestFinished } from 'vitest';
import { buildApp } from '../../../src/servers/http/app.js';
import type { HttpDependencies } from '../../../src/servers/http/dependencies.js';
import { streamHead } from '../../../src/servers/http/pages/link-preview.js';
import { fakeDependencies } from './fake-origin.js';

const BASE = 'https://live.example/tv';

function appWith(extra: Partial<HttpDependencies> = {}) {
  return buildApp({ ...fakeDependencies(), thumbnails: { get: async () => undefined }, publicUrl: BASE, ...extra });
}

/** The `<meta>` elements, by name or property. */
function metaOf(html: string): Record<string, string> {
  const found = html.matchAll(/<meta (?:name|property)="([^"]+)" content="([^"]*)">/g);
  return Object.fromEntries([...found].map(([, key, content]) => [key, content]));
}

describe('the head of a watch page', () => {
  it('has name, description and thumbnail of the stream', async () => {
    const { body } = await appWith().inject('/watch/live/demo');
    expect(body).toContain('<title>demo – Sluice</title>');
    expect(body).toContain(`<link rel="canonical" href="${BASE}/watch/live/demo">`);
    expect(metaOf(body)).toMatchObject({
      description: 'Live video of live/demo, 720p. Watch it in the browser.',
      'og:title': 'demo',
      'og:type': 'video.other',
      'og:url': `${BASE}/watch/live/demo`,
      'og:image': `${BASE}/hls/live/demo/thumbnail.jpg`,
      'og:image:alt': 'A picture of demo',
      'twitter:card': 'summary_large_image',
      'twitter:image': `${BASE}/hls/live/demo/thumbnail.jpg`,
    });
  });

  it('has the general picture if the stream is not live', async () => {
    const app = appWith();
    const meta = metaOf((await app.inject('/watch/live/nobody')).body);
    expect(meta['og:description']).toContain('nobody is not live at the moment');
    const picture = await app.inject(meta['og:image']?.slice(BASE.length) ?? '');
    expect([picture.statusCode, picture.headers['content-type']]).toEqual([200, 'image/png']);
  });

  it('escapes names', () => {
    const name = `"><script>alert(1)</script></title>'&\u202e`;
    const head = streamHead({
      app: 'live',
      name,
      state: undefined,
      hasThumbnail: true,
      isProtected: false,
      base: BASE,
      version: 'v',
    });
    expect(head).not.toMatch(/<script|<\/title>'/);
    expect(head.match(/<title>/g)).toHaveLength(1);
    for (const line of head.split('\n'))
      expect(line.trim()).toMatch(/^<(?:title|meta|link)[^<>]*>(?:[^<>]*<\/title>)?$/);
  });

  it('without publicUrl trusts a Host only if it is the address of the connection', async () => {
    const app = appWith({ publicUrl: undefined });
    onTestFinished(() => app.close());
    await app.listen({ host: '127.0.0.1', port: 0 });
    const { port } = app.server.address() as AddressInfo;
    const imageFor = async (host: string): Promise<string | undefined> => {
      const request = get({ host: '127.0.0.1', port, path: '/watch/live/demo', headers: { host }, agent: false });
      const [response] = await once(request, 'response');
      let html = '';
      for await (const chunk of response) html += chunk;
      return metaOf(html)['og:image'];
    };
    expect(await imageFor(`127.0.0.1:${port}`)).toBe(`http://127.0.0.1:${port}/hls/live/demo/thumbnail.jpg`);
    expect(await imageFor(`localhost:${port}`)).toBe(`http://localhost:${port}/hls/live/demo/thumbnail.jpg`);
    for (const host of [`evil.example:${port}`, '127.0.0.1:1']) {
      expect([host, await imageFor(host)]).toEqual([host, '../../hls/live/demo/thumbnail.jpg']);
    }
  });
});

describe('oEmbed', () => {
  const ask = (query: Record<string, string>) => appWith().inject({ url: '/oembed', query });

  it('is announced on the watch page', async () => {
    const { body } = await appWith().inject('/watch/live/demo');
    const [, href = ''] = /application\/json\+oembed" href="([^"]+)"/.exec(body) ?? [];
    const { pathname, searchParams } = new URL(href.replaceAll('&#38;', '&'));
    expect([pathname, searchParams.get('url')]).toEqual(['/tv/oembed', `${BASE}/watch/live/demo`]);
  });

  it('returns the iframe of a stream in the requested size', async () => {
    const url = `${BASE}/watch/live/demo`;
    expect((await ask({ url })).json()).toMatchObject({
      version: '1.0',
      type: 'video',
      title: 'demo',
      width: 960,
      height: 540,
    });
    const { html, ...small } = (await ask({ url: `${url}?x=1`, maxwidth: '800', maxheight: '225' })).json();
    expect(small).toMatchObject({ width: 400, height: 225, thumbnail_url: `${BASE}/hls/live/demo/thumbnail.jpg` });
    expect(html).toBe(
      `<iframe src="${BASE}/embed/live/demo" title="demo" width="400" height="225" allow="autoplay; fullscreen; picture-in-picture"></iframe>`,
    );
  });

  it.each([
    [404, { url: 'https://evil.example/watch/live/demo' }],
    [404, { url: `${BASE}.evil.example/watch/live/demo` }],
    [404, { url: `${BASE}/watch/live/"><script>` }],
    [404, { url: `${BASE}/` }],
    [404, {}],
    [501, { url: `${BASE}/watch/live/demo`, format: 'xml' }],
  ])('answers %i to %j', async (status, query) => {
    expect((await ask(query as Record<string, string>)).statusCode).toBe(status);
  });
});
