// The statements of edges with a secret that the gateway trusts, and those that it does not.
import { describe, expect, it } from 'vitest';
import { OpenViewing } from '../../../src/access/open-viewing.js';
import type { ViewerAccess } from '../../../src/contracts/access.js';
import { Edges } from '../../../src/servers/http/delivery/edges.js';
import { policySteps } from '../../support/policy-steps.js';
import { protectedViewing } from '../../support/protected-viewing.js';
import { fakeDependencies } from './fake-origin.js';
import { openSite } from './site.js';

const [NEW, OLD] = ['the-new-secret-of-edges-0123456789', 'the-old-secret-of-edges-0123456789'];
const MEDIA = [
  '/hls/live/demo/source/index.m3u8',
  '/hls/live/demo/source/seg-1.m4s',
  '/hls/live/demo/source/iframes.m3u8',
];
const ENTRIES = [
  '/hls/live/demo/index.m3u8',
  '/dash/live/demo/manifest.mpd',
  '/dash/live/demo/time',
  '/hls/live/demo/thumbnail.jpg',
];

async function openOrigin(only: boolean) {
  const viewing = protectedViewing();
  const live = { status: 200, kind: 'media-playlist', body: Buffer.from('#EXTM3U\n'), targetDuration: 2 } as const;
  const dash = { manifest: async () => live, time: () => Date.now() };
  const dependencies = fakeDependencies({ dash });
  dependencies.origin.respond = () => live;
  const { access } = viewing;
  const site = await openSite({ ...dependencies, access, edges: { secrets: [NEW, OLD], only } });
  const get = (path: string, edge?: string, headers: Record<string, string> = {}) =>
    fetch(`http://127.0.0.1:${site.plain}${path}`, {
      headers: { ...headers, ...(edge === undefined ? {} : { 'x-sluice-edge': edge }) },
    });
  return { ...viewing, get };
}

describe('an edge that has checked a ticket', () => {
  it.each([NEW, OLD])('gets media without a ticket (secret %#)', async (secret) => {
    const { get } = await openOrigin(false);
    for (const path of MEDIA) expect((await get(path, `${secret} checked`)).status, path).toBe(200);
  });

  it.each([
    ['its secret alone', NEW],
    ['no header', undefined],
    ['another secret', `${NEW}x checked`],
    ['a part of the secret', `${NEW.slice(0, -1)} checked`],
    ['the word alone', ' checked'],
    ['the word alone, without a space', 'checked'],
    ['a header twice', `${NEW} checked, ${NEW} checked`],
    ['another word', `${NEW} unchecked`],
    ['a header of 4 KB', `${'x'.repeat(4_000)} checked`],
  ])('gets none with %s', async (_, header) => {
    const { get } = await openOrigin(false);
    for (const path of MEDIA) expect((await get(path, header)).status, path).toBe(401);
  });

  it('still needs a proof at the entries, where tickets are issued', async () => {
    const { get, token } = await openOrigin(false);
    for (const path of ENTRIES) {
      expect((await get(path, `${NEW} checked`)).status, path).toBe(401);
      expect([200, 404], path).toContain((await get(`${path}?token=${token('live/demo')}`, NEW)).status);
    }
  });

  it('does not make an invalid ticket valid', async () => {
    const { get, ticket } = await openOrigin(false);
    for (const wrong of ['~x', ticket('s', 'live', 'other')])
      expect((await get(`/hls/${wrong}/live/demo/source/index.m3u8`, `${NEW} checked`)).status).toBe(403);
  });
});

it('with edgeOnly, nobody who bypasses the edge gets media, with any ticket or token', async () => {
  const { get, ticket, token } = await openOrigin(true);
  const own = ticket('s', 'live', 'demo');
  const query = `?token=${token('live/demo')}`;
  const below = [...MEDIA, ...ENTRIES].map((path) => path.replace(/^\/(hls|dash)\//, `/$1/${own}/`));
  for (const path of [...MEDIA, ...ENTRIES, ...below, ...ENTRIES.map((entry) => entry + query)]) {
    for (const secret of [undefined, `${NEW}x`]) {
      const refused = await get(path, secret);
      expect(refused.status, path).toBe(403);
      expect(await refused.json(), path).toMatchObject({ code: 'http.edge-only' });
    }
  }
  for (const path of below) expect([200, 404], path).toContain((await get(path, NEW)).status);
  expect((await get('/healthz')).status).toBe(200);
});

it('compares each secret over its whole length, so that the time of the answer does not show which one it was', () => {
  const edges = new Edges({ secrets: [NEW, OLD], only: false });
  const word = (value: string | string[]) => edges.wordOf({ headers: { 'x-sluice-edge': value } });
  expect([word(NEW), word(OLD), word(`${OLD} checked`)]).toEqual(['came-through', 'came-through', 'checked-ticket']);
  for (const wrong of ['', NEW.slice(1), NEW.toUpperCase(), [NEW, NEW]]) expect(word(wrong)).toBe('none');
});

describe('the sessions that were ended', () => {
  it('are listed only for edges: revoked sessions, and those that an operator ended', async () => {
    const { get, revoked, bans, inSeconds } = await openOrigin(false);
    const until = inSeconds(60);
    revoked.set('session-1', until);
    const ban = { reason: 'x', until: until * 1000 };
    bans.add({ ...ban, action: 'play', holder: { proof: 'token', id: 'session-2' } });
    bans.add({ ...ban, action: 'publish', holder: { proof: 'token', id: 'session-3' } });
    bans.add({ ...ban, holder: { proof: 'key', id: 'session-4' } });
    bans.add({ ...ban, address: '192.0.2.1' });
    const answer = await get('/edge/ended-sessions', OLD);
    expect(await answer.text()).toBe(`session-1 ${until}\nsession-2 ${until}\n`);
    const again = await get('/edge/ended-sessions', OLD, { 'if-none-match': answer.headers.get('etag') ?? '' });
    expect(again.status).toBe(304);
    const last = await get('/edge/ended-sessions/2', NEW);
    expect(last.headers.get('x-sluice-ended')).toBe(',session-2,');
    expect((await get('/edge/ended-sessions/7', NEW)).headers.get('x-sluice-ended')).toBe(',,');
    for (const path of ['/edge/ended-sessions', '/edge/ended-sessions/2']) {
      expect((await get(path)).status).toBe(403);
      expect((await get(path, `${NEW}x`)).status).toBe(403);
    }
    expect((await get('/edge/ended-sessions/%2f', NEW)).status).toBe(400);
  });

  it('are replaced by * if they are too many for a header', async () => {
    const { get, revoked, inSeconds } = await openOrigin(false);
    for (let i = 0; i < 1_000; i++) revoked.set(`session-${i}-x`, inSeconds(60));
    expect((await get('/edge/ended-sessions/x', NEW)).headers.get('x-sluice-ended')).toBe('*');
    expect((await get('/edge/ended-sessions/y', NEW)).headers.get('x-sluice-ended')).toBe(',,');
  });
});

it('D1.07 asks nothing about a viewer where everybody may watch, until somebody is banned', async () => {
  const dependencies = fakeDependencies();
  dependencies.origin.respond = () => ({
    status: 200,
    kind: 'media-playlist',
    body: Buffer.from('#EXTM3U\n'),
    targetDuration: 2,
  });
  const { bans, grants } = policySteps();
  const open = new OpenViewing({ bans, grants });
  const asked: string[] = [];
  const access: ViewerAccess = {
    isOpen: true,
    get refusesNobody() {
      return open.refusesNobody;
    },
    enter: (request) => {
      asked.push('enter');
      return open.enter(request);
    },
    checkTicket: (request) => {
      asked.push('checkTicket');
      return open.checkTicket(request);
    },
  };
  const site = await openSite({ ...dependencies, access });
  const statuses = async () => {
    const answers = await Promise.all(
      ['index.m3u8?token=x', 'source/index.m3u8'].map((file) =>
        fetch(`http://127.0.0.1:${site.plain}/hls/live/demo/${file}`, { headers: { 'x-forwarded-for': '192.0.2.1' } }),
      ),
    );
    return answers.map(({ status }) => status);
  };
  expect(await statuses()).toEqual([200, 200]);
  expect(asked).toEqual([]);
  bans.add({ address: '192.0.2.1', until: Date.now() + 60_000, reason: '' });
  expect(await statuses()).toEqual([403, 403]);
  expect(asked.sort()).toEqual(['checkTicket', 'enter']);
});
