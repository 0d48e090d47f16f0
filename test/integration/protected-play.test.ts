// `playAccess: token`: without a token nothing of a stream is served, by any protocol; with one everything is, and the media is the same
// bytes for all viewers. Uses a real gateway, and every URL in its playlists.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect } from 'node:net';
import Fastify from 'fastify';
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { createPlayToken, type PlayClaims } from '../../src/access/tickets/play-token.js';
import { revokeSession } from '../../src/access/tickets/revoke-session.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { createTicket } from '../../src/access/tickets/ticket.js';
import { sluiceHttp } from '../../src/index.js';
import { publishLoop } from '../faults/looping-publisher.js';
import { followStream } from '../support/followed-stream.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { eventually, whenListed } from '../support/hls-client.js';
import { forAllTests } from '../support/lifetime.js';
import { npmFfmpeg } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { makeFlvSource } from '../transcode/flv-source.js';

const SECRET = 'a-secret-of-the-back-end-0123456789abcdef';
const keys = new SigningKeys([Buffer.from(SECRET)]);
const FLAGS = ['--play-access', 'token', '--play-secrets', SECRET, '--clock-skew', '0'];
const STREAM = ['--ladder', 'source', '--segment-duration', '1', '--part-duration', '0.25'];

/** Gateway whose stream `live/cam` needs a token. */
let guarded: TestGateway & { readonly base: string; readonly stateDir: string };
/** The same without a publisher. */
let idle: TestGateway;
/** Gateway whose stream `live/cam` is open to everybody. */
let open: TestGateway;
beforeAll(
  forAllTests(async () => {
    const stateDir = await temporaryDirectory();
    const gateway = await startGateway(...FLAGS, ...STREAM, '--state-dir', stateDir);
    guarded = { ...gateway, base: `${gateway.http}/hls/live/cam`, stateDir };
    idle = await startGateway(...FLAGS, ...STREAM);
    open = await startGateway(...STREAM);
    const source = await makeFlvSource({ seconds: 4, gop: 25 });
    for (const { publishUrl } of [guarded, open]) await publishLoop(publishUrl('cam'), source, { burst: 1.5 });
    await eventually(async () =>
      (await fetch(`${guarded.base}/index.m3u8?token=${tokenFor()}`)).ok ? true : undefined,
    );
    await whenListed(`${open.http}/hls/live/cam`, 'source', 1);
  }),
);

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds;
const tokenFor = (claims: Partial<PlayClaims> = {}): string =>
  createPlayToken({ stream: 'live/cam', until: inSeconds(600), ...claims }, keys);

/** Follows the stream while the test runs. */
async function watched(): Promise<typeof guarded> {
  const answer = await fetch(`${guarded.base}/index.m3u8?token=${tokenFor()}`);
  const ticket = /\.\.\/\.\.\/(~[^/]+)\//.exec(await answer.text())?.[1];
  followStream(`${guarded.http}/hls/${ticket}/live/cam`);
  return guarded;
}

/** Absolute URLs of everything that a playlist lists. */
function urlsIn(playlist: string, from: string): string[] {
  const attributes = [...playlist.matchAll(/URI="([^"]+)"/g)].map(([, uri = '']) => uri);
  const lines = playlist.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return [...attributes, ...lines].map((uri) => new URL(uri, from).href);
}

/** Everything below an entry, playlists followed. */
async function walk(entry: string): Promise<Map<string, { readonly status: number; readonly body: string }>> {
  const found = new Map<string, { readonly status: number; readonly body: string }>();
  const unread = [entry];
  for (let url = unread.pop(); url !== undefined; url = unread.pop()) {
    if (found.has(url)) continue;
    const response = await fetch(url);
    const body = Buffer.from(await response.arrayBuffer()).toString('latin1');
    found.set(url, { status: response.status, body });
    if (/\.m3u8(\?|$)/.test(url) && response.ok) unread.push(...urlsIn(body, url));
  }
  return found;
}

const withoutTicket = (url: string): string => url.replace(/\/~[^/]+\//, '/').replace(/\?.*/, '');

describe('a protected stream', () => {
  it('serves everything with a ticket, and nothing without', async () => {
    const { base } = await watched();
    await expect(whenListed(base, 'source', 1)).rejects.toThrow();
    const entry = `${base}/index.m3u8?token=${tokenFor()}`;
    await eventually(async () => {
      const files = [...(await walk(entry)).keys()];
      return files.some((url) => url.includes('seg-')) && files.some((url) => url.includes('part-')) ? true : undefined;
    });
    const all = await walk(entry);
    for (const [url, { status }] of all) {
      if (url === entry) continue;
      // The hinted part comes after a while; files that have left the playlist meanwhile give 404.
      expect([200, 404], url).toContain(status);
      expect(url).toMatch(/\/hls\/~1[^/]+\/live\/cam\//);
      expect(url).not.toContain('token');
      const open = await fetch(withoutTicket(url));
      expect(open.status, withoutTicket(url)).toBe(401);
      expect(open.headers.get('www-authenticate')).toBe('Bearer');
      expect(open.headers.get('access-control-allow-origin')).toBe('*');
      expect(open.headers.get('cache-control')).toBe('no-store');
      expect(await open.json()).toMatchObject({ code: 'access.play-required' });
      // A token is accepted only at the entries.
      const late = await fetch(`${withoutTicket(url)}?token=${tokenFor()}`);
      if (!url.endsWith('/cam/index.m3u8')) expect(late.status).toBe(401);
    }
    const kinds = [...all.keys()].map((url) => /(iframes|index|init|seg|part)[^/]*$/.exec(url)?.[1]);
    expect(new Set(kinds)).toEqual(new Set(['index', 'iframes', 'init', 'seg', 'part']));
  });

  it('media playlists are the same bytes for all tickets', async () => {
    const { base } = await watched();
    const [one = '', two = ''] = await Promise.all(
      [1, 2].map(async () => {
        const entry = `${base}/index.m3u8?token=${tokenFor()}`;
        const response = await fetch(entry);
        expect(response.headers.get('cache-control')).toBe('private, no-store');
        expect(response.headers.get('referrer-policy')).toBe('no-referrer');
        const text = await response.text();
        return urlsIn(text, entry).find((url) => url.includes('/source/index')) ?? '';
      }),
    );
    expect(one).not.toBe(two);
    const [a, b] = await eventually(async () => {
      const answers = await Promise.all([fetch(one), fetch(two)]);
      const [x, y] = answers.map((answer) => answer.headers.get('etag'));
      return x === y ? answers : undefined;
    });
    expect(await a?.text()).toBe(await b?.text());
    expect(a?.headers.get('cache-control')).toMatch(/^public, max-age=/);
    // The entry below a ticket is shared, too.
    const shared = await fetch(one.replace('source/index.m3u8', 'index.m3u8'));
    expect(await shared.text()).toContain('\nsource/index.m3u8');
    expect(shared.headers.get('cache-control')).toMatch(/^public, max-age=/);
  });

  it.each<[string, () => string, number, string]>([
    ['no token', () => '', 401, 'access.play-required'],
    ['an empty one', () => '?token=', 401, 'access.play-required'],
    [
      'another secret',
      () =>
        `?token=${createPlayToken({ stream: 'live/cam', until: inSeconds(60) }, new SigningKeys([Buffer.alloc(32, 7)]))}`,
      403,
      'access.play-denied',
    ],
    ['another stream', () => `?token=${tokenFor({ stream: 'live/other' })}`, 403, 'access.play-denied'],
    ['a token that has ended', () => `?token=${tokenFor({ until: inSeconds(-60) })}`, 403, 'access.play-expired'],
    [
      'a token to start by a time that is over',
      () => `?token=${tokenFor({ start_by: inSeconds(-60) })}`,
      403,
      'access.play-expired',
    ],
    [
      'a token that is not valid yet',
      () => `?token=${tokenFor({ not_before: inSeconds(60) })}`,
      403,
      'access.play-denied',
    ],
    ['nonsense', () => '?token=%FF%00..%2F', 403, 'access.play-denied'],
  ])('refuses %s by HLS, DASH and thumbnail alike', async (_, query, status, code) => {
    const { http } = idle;
    // The same answers if nothing is published, so that nobody learns which streams exist.
    for (const path of ['/hls/live/cam/index.m3u8', '/dash/live/cam/manifest.mpd', '/hls/live/cam/thumbnail.jpg']) {
      const response = await fetch(`${http}${path}${query()}`);
      expect(response.status, path).toBe(status);
      expect(await response.json()).toMatchObject({ code });
    }
  });

  it.each(['~', '~1', '~~', '~x/live/cam', `~${'a'.repeat(1_900)}`, '%7E1abcd.zz.s.s', '~%00', '~%FF'])(
    'refuses the ticket %s',
    async (ticket) => {
      const { http } = idle;
      const response = await fetch(`${http}/hls/${ticket}/live/cam/source/index.m3u8`);
      expect([400, 403, 404, 414]).toContain(response.status);
    },
  );

  it('ends during playback when the token expires, and soon after it is revoked', async () => {
    const { base, stateDir } = await watched();
    const media = async (entry: string): Promise<string> =>
      urlsIn(await (await fetch(entry)).text(), entry).find((url) => url.includes('/source/index')) ?? '';
    // Retries with longer times until the machine is fast enough.
    const endingSoon = async (seconds: number): Promise<string> => {
      const url = await media(`${base}/index.m3u8?token=${tokenFor({ until: inSeconds(seconds) })}`);
      return url !== '' && (await fetch(url)).ok ? url : endingSoon(2 * seconds);
    };
    const ending = await endingSoon(3);
    const ended = await eventually(async () => {
      const response = await fetch(ending);
      return response.status === 403 ? response : undefined;
    });
    expect(await ended.json()).toMatchObject({ code: 'access.play-expired' });

    const until = inSeconds(600);
    const shared = `${base}/index.m3u8?token=${tokenFor({ sid: 'shared-link', until })}`;
    const revoked = await media(shared);
    expect((await fetch(revoked)).status).toBe(200);
    await revokeSession(stateDir, { sid: 'shared-link', until });
    const refused = await eventually(async () => {
      const response = await fetch(revoked);
      return response.status === 403 ? response : undefined;
    });
    expect(await refused.json()).toMatchObject({ code: 'access.play-denied' });
    expect((await fetch(shared)).status).toBe(403);
    // Others watch on.
    expect((await fetch(await media(`${base}/index.m3u8?token=${tokenFor()}`))).status).toBe(200);
  });

  it('D1.05 answers a ticket before the start, in a gap of the publisher and after the end as it answers everybody where watching is open', async () => {
    const flags = [...STREAM, '--resume-window', '2'];
    const pair = await Promise.all([startGateway(...FLAGS, ...flags), startGateway(...flags)]);
    const ticket = createTicket({ sid: 'early', until: inSeconds(600) }, { app: 'live', name: 'cam' }, keys);
    const bases = [`${pair[0].http}/hls/${ticket}/live/cam`, `${pair[1].http}/hls/live/cam`] as const;
    const ask = (url: string) =>
      fetch(url).then(async (response) => ({ status: response.status, text: await response.text() }));
    const both = (file: string) => Promise.all(bases.map((base) => ask(`${base}/${file}`)));
    const files = ['index.m3u8', 'source/index.m3u8', 'thumbnail.jpg'];
    for (const file of files) {
      const [closed, open] = await both(file);
      expect([file, closed?.status, closed?.text]).toEqual([file, 404, open?.text]);
    }

    const source = await makeFlvSource({ seconds: 4, gop: 25 });
    const publishers = await Promise.all(pair.map(({ publishUrl }) => publishLoop(publishUrl('cam'), source)));
    for (const base of bases) await whenListed(base, 'source', 1);
    await Promise.all(publishers.map((publisher) => publisher.stop()));
    // From the gap to the end, without a pause.
    const statuses = new Set<number>();
    await eventually(async () => {
      const answers = await both('source/index.m3u8');
      for (const { status } of answers) statuses.add(status);
      return answers.every(({ text }) => text.includes('#EXT-X-ENDLIST')) ? true : undefined;
    });
    expect([...statuses]).toEqual([200]);
    for (const file of files) {
      const [closed, open] = await both(file);
      expect([file, closed?.status]).toEqual([file, open?.status]);
    }
  });

  it('gives DASH players an MPD that leads to the ticket', async () => {
    const { http } = await watched();
    const entry = `${http}/dash/live/cam/manifest.mpd?token=${tokenFor()}`;
    const mpd = await eventually(async () => {
      const response = await fetch(entry);
      const text = await response.text();
      return text.includes('<Period') ? text : undefined;
    });
    const leads = (text: string, element: RegExp, from: string): string =>
      new URL(element.exec(text)?.[1] ?? '', from).href;
    const base = leads(mpd, /<BaseURL>([^<]+)</, entry);
    expect(base).toMatch(/\/hls\/~1[^/]+\/live\/cam\/$/);
    // The clock of the MPD is protected like the media.
    const clock = leads(mpd, /<UTCTiming [^>]*value="([^"]+)"/, entry);
    expect((await fetch(clock)).status).toBe(200);
    expect((await fetch(withoutTicket(clock))).status).toBe(401);
    // An MPD requested with the ticket leads to the same media.
    const below = clock.replace(/time$/, 'manifest.mpd');
    const later = await (await fetch(below)).text();
    expect(leads(later, /<BaseURL>([^<]+)</, below)).toBe(base);
    const init = /initialization="([^"]+)"/.exec(later)?.[1]?.replace('$RepresentationID$', 'source') ?? '';
    expect((await fetch(new URL(init, base))).status).toBe(200);
    expect((await fetch(withoutTicket(new URL(init, base).href))).status).toBe(401);
  });

  it('requires the same token from RTMP players', async () => {
    const { rtmp, logs } = await watched();
    const play = async (query: string, seconds = 1, options: readonly string[] = []): Promise<number | null> => {
      const ffmpeg = spawn(npmFfmpeg(), [
        '-v',
        'error',
        ...options,
        '-i',
        `${rtmp}/cam${query}`,
        '-t',
        String(seconds),
        '-c',
        'copy',
        '-f',
        'null',
        '-',
      ]);
      onTestFinished(() => void ffmpeg.kill('SIGKILL'));
      const [code] = (await once(ffmpeg, 'exit')) as [number | null];
      return code;
    };
    expect(await play(`?token=${tokenFor()}`)).toBe(0);
    // In the server URL instead of behind the name.
    expect(await play('', 1, ['-rtmp_app', `live?token=${tokenFor()}`])).toBe(0);
    // The player would play for an hour, and is disconnected when its token expires.
    await play(`?token=${tokenFor({ until: inSeconds(4) })}`, 3_600);
    expect(JSON.stringify(logs)).toContain('access.play-expired');
    expect(await play('')).not.toBe(0);
    expect(await play(`?token=${tokenFor({ stream: 'live/other' })}`)).not.toBe(0);
  });

  it('names neither token nor ticket in the log, at any level', async () => {
    const { base, logs } = await watched();
    const token = tokenFor();
    const entry = `${base}/index.m3u8?token=${token}`;
    const files = await walk(entry);
    await fetch(`${base}/index.m3u8?token=${token}x`);
    await fetch(`${base}/source/x%zz?token=${token}`);
    const ticket = /\/(~1[^/]+)\//.exec([...files.keys()].join('\n'))?.[1] ?? 'none';
    const text = JSON.stringify(logs);
    expect(text).toContain('a viewer was refused');
    expect(text).not.toContain(token);
    expect(text).not.toContain(ticket.slice(8));
    expect(text).not.toContain(SECRET);
  });

  it("is also protected in the program's own application", async () => {
    const { gateway } = await watched();
    const app = Fastify({ routerOptions: { maxParamLength: 255 } });
    await app.register(sluiceHttp, { ...gateway.httpDependencies(), prefix: '/video' });
    onTestFinished(() => app.close());
    const base = await app.listen({ port: 0, host: '127.0.0.1' });
    const entry = `${base}/video/hls/live/cam/index.m3u8?token=${tokenFor()}`;
    const all = await walk(entry);
    expect(all.size).toBeGreaterThan(3);
    for (const [url, { status }] of all) {
      expect([200, 404], url).toContain(status);
      if (url !== entry) expect((await fetch(withoutTicket(url))).status).toBe(401);
    }
    const mpd = await fetch(`${base}/video/dash/live/cam/manifest.mpd?token=${tokenFor()}`);
    expect(await mpd.text()).toMatch(/<BaseURL>(\.\.\/)+hls\/~1/);
  });
});

it.each(['~<x>', '~%3Cx%3E', '~"&', '~%22%26', '~$&', '~%2F..'])('writes no %s into an MPD', async (ticket) => {
  const { gateway, http } = open;
  const app = Fastify({ routerOptions: { maxParamLength: 255 } });
  await app.register(sluiceHttp, gateway.httpDependencies());
  onTestFinished(() => app.close());
  for (const base of [http, await app.listen({ port: 0, host: '127.0.0.1' })]) {
    const { port } = new URL(base);
    // `fetch` would escape it.
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), '127.0.0.1', () =>
        socket.write(`GET /dash/${ticket}/live/cam/manifest.mpd HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n`),
      );
      let text = '';
      socket
        .on('data', (bytes) => (text += bytes))
        .on('end', () => resolve(text))
        .on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(answer).not.toContain('<BaseURL>');
  }
});

it('a ticket is accepted and ignored if everybody may watch', async () => {
  const { http } = open;
  await whenListed(`${http}/hls/~1any/live/cam`, 'source', 1);
  expect(await (await fetch(`${http}/dash/~1any/live/cam/manifest.mpd`)).text()).toContain(
    '<BaseURL>../../../../hls/~1any/',
  );
});
