// Edges that check the tickets of viewers, as real programs between many viewers and one origin: all viewers share one cache entry, and nobody can
// watch without a valid ticket.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { describe, expect, it, onTestFinished } from 'vitest';
import { eventually } from '../support/hls-client.js';
import { absentPeer, NGINX, NGINX_LUA, VARNISH } from '../support/peers.js';
import { PLAY_SECRET, protectedViewing } from '../support/protected-viewing.js';
import { deployedFile, startTicketLuaNginx, startTicketNginx, startTicketVarnish } from './edges.js';
import { PARTS_PER_SEGMENT, serveLiveOrigin } from './live-origin.js';

/** CDN_VIEWERS=1000 in the long run. */
const VIEWERS = Number(process.env.CDN_VIEWERS ?? 60);
const PARTS = Number(process.env.CDN_PARTS ?? 4);
const PART_INTERVAL = process.env.CDN_VIEWERS === undefined ? 250 : 500;
const PART_BYTES = 8_000;
const EDGE_SECRET = 'the-secret-of-edges-0123456789abcdef';
const PLAYLIST = 'live/a/v/index.m3u8';

async function serveMembers() {
  const viewing = protectedViewing();
  const protection = { access: viewing.access, edges: { secrets: [EDGE_SECRET], only: true } };
  const served = await serveLiveOrigin({ partBytes: PART_BYTES, protection });
  return { ...viewing, ...served };
}

type Members = Awaited<ReturnType<typeof serveMembers>>;

/** Requests that reached the origin, without those about tickets. */
const mediaRequests = ({ requests }: Members): [string, number][] =>
  [...requests].filter(([url]) => url.startsWith('/hls/'));

const sum = (requests: readonly (readonly [string, number])[]): number =>
  requests.reduce((total, [, count]) => total + count, 0);

/** Viewers with a ticket each follow the live edge. Rejects if one of them gets anything but media. */
async function watch({ live, ticket }: Members, port: number): Promise<void> {
  const tickets = Array.from({ length: VIEWERS }, (_, id) => ticket(`viewer-${id}`, 'live', 'a'));
  const shared = { firstPart: live.parts, parts: PARTS, partsPerSegment: PARTS_PER_SEGMENT, partBytes: PART_BYTES };
  const options = { port, count: VIEWERS, firstId: 0, reads: false, tickets, ...shared };
  const child = fork(new URL('fixtures/edge-viewers.mjs', import.meta.url), [JSON.stringify(options)], {
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  onTestFinished(() => void child.kill('SIGKILL'));
  let said = '';
  child.stderr?.on('data', (text) => (said += String(text)));
  const exited = once(child, 'exit');
  await Promise.race([once(child, 'message'), exited]);
  const clock = setInterval(() => live.advance(), PART_INTERVAL);
  const [code] = await exited;
  clearInterval(clock);
  expect(code, said).toBe(0);
}

describe.each([
  ['nginx', NGINX, startTicketNginx],
  ['nginx with Lua', NGINX_LUA, startTicketLuaNginx],
  ['Varnish', VARNISH, startTicketVarnish],
] as const)('%s as an edge that checks tickets', (name, program, start) => {
  const startEdge = (port: number) => start(port, { play: PLAY_SECRET, edge: EDGE_SECRET });

  it.skipIf(absentPeer(program))('viewers with a ticket each cost the origin one request per object', async () => {
    const members = await serveMembers();
    const { port, log } = await startEdge(members.port);
    await watch(members, port);
    const media = mediaRequests(members);
    const asked = 2 * PARTS * VIEWERS;
    const about = sum([...members.requests]) - sum(media);
    process.stdout.write(
      `${name}: ${VIEWERS} viewers with a ticket each, ${(sum(media) / media.length).toFixed(3)} requests per object, ${(1 - sum(media) / asked).toFixed(4)} of ${asked} answered by the edge, ${about} requests about tickets\n`,
    );
    expect(media.length).toBeGreaterThanOrEqual(2 * PARTS);
    expect(sum(media) / media.length).toBeLessThanOrEqual(1.02);
    for (const [url] of media) expect(url).not.toContain('~');
    if (log === undefined) return;
    const logged = await readFile(log, 'utf8');
    expect(logged.includes(`/hls/~.../${PLAYLIST}`)).toBe(true);
    expect(logged.includes('~1')).toBe(false);
  });

  it.skipIf(absentPeer(program))('accepts viewers with a valid ticket, and nobody else', async () => {
    const members = await serveMembers();
    const { ticket, token, revoked, inSeconds, requests } = members;
    const { port, log } = await startEdge(members.port);
    const get = (path: string, headers: Record<string, string> = {}) =>
      fetch(`http://127.0.0.1:${port}${path}`, { headers });
    const below = (text: string) => get(`/hls/${text}/${PLAYLIST}`);

    // From the link of a viewer to the media.
    const entry = await get(`/hls/live/a/index.m3u8?token=${token('live/a')}`);
    const uri = (await entry.text()).split('\n').find((line) => line.includes('~1')) ?? '';
    const first = await get(new URL(uri, `http://x/hls/live/a/`).pathname);
    expect(first.status).toBe(200);
    const good = ticket('good', 'live', 'a');
    expect(await (await below(good)).text()).toBe(await first.text());
    expect((await below(ticket('good', 'live', undefined))).status).toBe(200);
    // nginx and Varnish may or may not decode it.
    expect((await below(good.replace('~', '%7E'))).status).toBe(200);

    // The gateway checks tickets with a maximum height itself, and nothing of its answers is kept.
    expect((await below(ticket('capped', 'live', 'a', { maxHeight: 480 }))).status).toBe(200);
    expect((await below(ticket('capped', 'live', 'b', { maxHeight: 480 }))).status).toBe(403);

    const reached = sum(mediaRequests(members));
    const about = sum([...requests]);
    const altered = (at: number): string => `${good.slice(0, at)}${good[at] === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`;
    const forged = [
      ...Array.from({ length: good.length - 1 }, (_, i) => altered(i + 1)),
      good.slice(0, -1),
      `${good}A`,
      '~',
      '~1',
      `~${'a'.repeat(200)}`,
      ticket('other', 'live', 'b'),
      ticket('other', 'other', undefined),
      protectedViewing('another-secret-0123456789abcdef0123456').ticket('other', 'live', 'a'),
    ];
    for (const wrong of forged) {
      const refused = await below(wrong);
      expect(refused.status, wrong).toBe(403);
      expect(await refused.json(), wrong).toMatchObject({ code: 'access.play-denied' });
      expect(refused.headers.get('cache-control')).toBe('no-store');
      expect(refused.headers.get('access-control-allow-origin')).toBe('*');
    }
    const expired = await below(ticket('old', 'live', 'a', { until: inSeconds(-120) }));
    expect([expired.status, await expired.json()]).toMatchObject([403, { code: 'access.play-expired' }]);
    expect(sum(mediaRequests(members))).toBe(reached);
    // Plain nginx must ask the gateway about tickets; the others check them themselves.
    if (program !== NGINX) expect(sum([...requests]) - about).toBeLessThanOrEqual(2);

    // Cached media is not sent without a ticket, whatever headers the request has.
    const own = { 'x-sluice-edge': `${EDGE_SECRET} checked`, 'x-sluice-checked': 'yes', 'x-sluice-is': 'good' };
    const claims = [
      {},
      own,
      { ...own, 'x-sluice-object': `/hls/${PLAYLIST}`, 'x-sluice-whole': `/hls/${PLAYLIST}` },
      { authorization: `Bearer ${token('live/a')}` },
    ];
    for (const headers of claims) {
      expect((await get(`/hls/${PLAYLIST}`, headers)).status).toBe(401);
      expect((await get(`/hls/~x/${PLAYLIST}`, headers)).status).toBe(403);
      expect((await get('/edge/ended-sessions', headers)).status).toBe(404);
    }
    // A viewer who bypasses the edge gets nothing.
    const direct = await fetch(`http://127.0.0.1:${members.port}/hls/${good}/${PLAYLIST}`);
    expect([direct.status, await direct.json()]).toMatchObject([403, { code: 'http.edge-only' }]);

    // A revoked viewer is soon refused, and nobody else.
    revoked.set('good', inSeconds(600));
    await eventually(async () => ((await below(good)).status === 403 ? true : undefined));
    expect((await below(ticket('better', 'live', 'a'))).status).toBe(200);
    if (log !== undefined) expect(await readFile(log, 'utf8')).not.toContain(good.slice(2));
  });
});

it('the configurations with tickets have all directives of those without, except the ones that tickets change', () => {
  const directives = (file: string): string[] =>
    deployedFile(file)
      .split('\n')
      .map((line) => line.trim())
      .filter((line) => line !== '' && !line.startsWith('#'))
      .filter((line) => !/^(location ~|rewrite_by_lua_block|set \$sluice_key|proxy_cache_key|proxy_pass) /.test(line));
  for (const lua of ['', '-lua'])
    expect(directives(`nginx-edge-tickets${lua}.conf`)).toEqual(
      expect.arrayContaining(directives(`nginx-edge${lua}.conf`)),
    );
});
