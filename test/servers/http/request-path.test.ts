// Readers of the log must not be able to watch with it: tickets, tokens and keys are masked anywhere in a path. A path with two tickets is invalid.
import { pino } from 'pino';
import { expect, it, onTestFinished } from 'vitest';
import { createPlayToken } from '../../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../../src/access/tickets/signing-keys.js';
import { createTicket } from '../../../src/access/tickets/ticket.js';
import { ViewerTokens } from '../../../src/access/tickets/viewer-tokens.js';
import { ViewerPolicy } from '../../../src/access/viewer-policy.js';
import { maskedPath } from '../../../src/servers/http/request-path.js';
import { policySteps } from '../../support/policy-steps.js';
import { fakeDependencies } from './fake-origin.js';
import { openSite } from './site.js';

const keys = new SigningKeys([Buffer.from('0123456789abcdef0123456789abcdef')]);
const until = Math.floor(Date.now() / 1000) + 600;
const TOKEN = createPlayToken({ stream: 'live/demo', until }, keys);
const TICKET = createTicket({ sid: 'session-1', until }, { app: 'live', name: 'demo' }, keys);
const bare = TICKET.slice(1);

/** A path, and its form in the log. */
const PATHS: readonly (readonly [string, string])[] = [
  ['/hls/live/demo/source/seg-1.m4s', '/hls/live/demo/source/seg-1.m4s'],
  ['/hls/live/a%20b/x%zz', '/hls/live/a%20b/x%zz'],
  [`/hls/live/demo/index.m3u8?token=${TOKEN}`, '/hls/live/demo/index.m3u8'],
  [`/hls/${TICKET}/live/demo/source/index.m3u8`, '/hls/~…/live/demo/source/index.m3u8'],
  [`/hls/~x/${TICKET}/live/demo/source/index.m3u8`, '/hls/~…/~…/live/demo/source/index.m3u8'],
  [`/hls//${TICKET}/live/demo/source/index.m3u8`, '/hls//~…/live/demo/source/index.m3u8'],
  [`/hls/${TICKET}`, '/hls/~…'],
  [`/x/hls/${TICKET}/live`, '/x/hls/~…/live'],
  [`/hls/%7E${bare}/live`, '/hls/~…/live'],
  [`/hls/%7e${bare}/live`, '/hls/~…/live'],
  [`/hls/%257eT/${TICKET}`, '/hls/~…/~…'],
  [`/hls/%257E${bare}/live`, '/hls/~…/live'],
  [`/hls%2F${TICKET}/live`, '/hls/~…/live'],
  [`/hls/live/demo/index.m3u8%3Ftoken=${TOKEN}`, '/hls/live/demo/index.m3u8?token=…'],
  [`/hls/live/demo/index.m3u8%3Ftoken%3D${TOKEN}`, '/hls/live/demo/index.m3u8?token=…'],
  [`/hls/live/demo/index.m3u8&token=${TOKEN}`, '/hls/live/demo/index.m3u8&token=…'],
  [`/watch/live/demo/token=${TOKEN}`, '/watch/live/demo/token=…'],
  [`/watch/live/demo/${TOKEN}`, '/watch/live/demo/…'],
  [`/watch/live/demo${TOKEN.replaceAll('.', '%2E')}`, '/watch/live/demo…'],
  ['/live/demo&key=secret', '/live/demo&key=…'],
  [`/${'a'.repeat(250)}/${TICKET}/${'b'.repeat(300)}`, `/${'a'.repeat(250)}/~…/b`],
];

it.each(PATHS)('names the path %s without its secrets', (url, named) => {
  expect(maskedPath({ url })).toBe(named);
});

async function openProtectedSite() {
  const lines: string[] = [];
  const logger = pino({ level: 'debug' }, { write: (line: string) => lines.push(line) });
  const { sessions, ...steps } = policySteps();
  onTestFinished(() => sessions.close());
  const tokens = new ViewerTokens({
    keys,
    wallClock: Date.now,
    clockSkew: 0,
    revoked: { has: () => false, list: () => [] },
  });
  const access = new ViewerPolicy({ now: () => performance.now(), tokens, steps, sessions });
  const live = { status: 200, kind: 'manifest', body: Buffer.from('<MPD/>'), targetDuration: 4 } as const;
  const dash = {
    manifest: async () => live,
    time: (_app: string, name: string) => (name === 'demo' ? Date.now() : undefined),
  };
  const dependencies = fakeDependencies({ dash });
  dependencies.origin.respond = () => live;
  const site = await openSite({ ...dependencies, logger, access });
  onTestFinished(() => site.close());
  const get = (path: string) => fetch(`http://127.0.0.1:${site.plain}${path}`);
  return { get, lines };
}

it('logs none of them, whatever the answer is', async () => {
  const { get, lines } = await openProtectedSite();
  for (const [url] of PATHS) await (await get(url)).arrayBuffer();
  const text = lines.join('');
  expect(text).toContain('"path":"/hls/~…/live"');
  for (const secret of [TOKEN, TOKEN.slice(20, 60), bare, bare.slice(10, 40)]) expect(text).not.toContain(secret);
});

it('does not accept two tickets in one path', async () => {
  const { get } = await openProtectedSite();
  expect((await get(`/hls/${TICKET}/live/demo/source/index.m3u8`)).status).toBe(200);
  for (const first of ['~x', TICKET, '%7E']) {
    const twice = await get(`/hls/${first}/${TICKET}/live/demo/source/index.m3u8`);
    expect(twice.status, first).toBe(404);
    expect((await get(`/dash/${first}/${TICKET}/live/demo/manifest.mpd`)).status, first).toBe(404);
  }
});

it('says in the API that viewers need a link', async () => {
  const { get } = await openProtectedSite();
  const { streams } = (await (await get('/api/v1/streams')).json()) as { streams: object[] };
  expect(streams).toMatchObject([{ name: 'demo', protected: true }]);
  expect(await (await get('/api/v1/streams/live/demo')).json()).toMatchObject({ protected: true });
  expect(await (await get('/watch/live/demo')).text()).toContain('<meta name="sluice:protected"');
});

it('counts refusals by error code', async () => {
  const { get } = await openProtectedSite();
  for (const query of ['', '', `?token=${TOKEN}x`]) await get(`/hls/live/demo/index.m3u8${query}`);
  await get(`/hls/${TICKET}x/live/demo/source/index.m3u8`);
  const metrics = await (await get('/metrics')).text();
  expect(metrics).toContain('sluice_http_viewers_refused_total{code="access.play-required"} 2');
  expect(metrics).toContain('sluice_http_viewers_refused_total{code="access.play-denied"} 2');
});

it('reveals through the DASH clock only to viewers whether a stream is live', async () => {
  const { get } = await openProtectedSite();
  for (const name of ['demo', 'nobody']) expect((await get(`/dash/live/${name}/time`)).status, name).toBe(401);
  expect((await get(`/dash/${TICKET}/live/demo/time`)).status).toBe(200);
});
