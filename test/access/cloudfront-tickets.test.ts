// deploy/cloudfront-tickets.js, run as CloudFront runs it: one function that is given an event.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { createTicket } from '../../src/access/tickets/ticket.js';

const SECRET = '0123456789abcdef0123456789abcdef';
const keys = new SigningKeys([Buffer.from(SECRET)]);
const UNTIL = 1_800_007_200;
const ticket = (name: string | undefined, until = UNTIL): string =>
  createTicket({ sid: 'session-1', until }, { app: 'live', name }, keys);
const page = readFileSync(new URL('../../docs/access.md', import.meta.url), 'utf8');

interface Handled {
  readonly uri?: string;
  readonly headers: Readonly<Record<string, { readonly value: string }>>;
  readonly querystring?: object;
  readonly statusCode?: number;
  readonly body?: string;
}

/** @param now milliseconds since 1970 */
function handle(uri: string, now = (UNTIL - 60) * 1000): Handled {
  const source = readFileSync(new URL('../../deploy/cloudfront-tickets.js', import.meta.url), 'utf8')
    .replace('REPLACE-THIS-BY-ONE-OF-playSecrets', SECRET)
    .replace('REPLACE-THIS-BY-ONE-OF-edgeSecrets', 'the-secret-of-edges');
  const request = {
    method: 'GET',
    uri,
    headers: { 'x-sluice-edge': { value: 'what a viewer says' } },
    querystring: { token: { value: 'x' }, _HLS_msn: { value: '7' } },
  };
  const context = { require: createRequire(import.meta.url), Buffer, Date: { now: () => now }, event: { request } };
  return runInNewContext(`${source}\nhandler(event)`, context) as Handled;
}

describe('the function for CloudFront', () => {
  it.each([
    ['live/cam', 'cam'],
    ['every stream of live', undefined],
  ] as const)('takes a ticket for %s out of the path', (_, name) => {
    const { uri, headers, querystring } = handle(`/hls/${ticket(name)}/live/cam/source/seg-1.m4s`);
    expect(uri).toBe('/hls/live/cam/source/seg-1.m4s');
    expect(headers['x-sluice-edge']?.value).toBe('the-secret-of-edges checked');
    expect(querystring).toEqual({ _HLS_msn: { value: '7' } });
  });

  it('accepts the ticket of docs/access.md, even with a percent-encoded ~', () => {
    const documented = /^~1\S+$/m.exec(page)?.[0] ?? '';
    expect(documented).toBe(ticket('cam'));
    for (const text of [documented, documented.replace('~', '%7E')])
      expect(handle(`/hls/${text}/live/cam/source/index.m3u8`).uri).toBe('/hls/live/cam/source/index.m3u8');
  });

  it('refuses a ticket with any character changed, and tickets for other streams', () => {
    const good = ticket('cam');
    const altered = Array.from(
      good,
      (letter, at) => `${good.slice(0, at)}${letter === 'A' ? 'B' : 'A'}${good.slice(at + 1)}`,
    );
    for (const wrong of [
      ...altered.slice(1),
      good.slice(0, -1),
      `${good}A`,
      '~',
      '~1',
      `~${'a'.repeat(4_000)}`,
      ticket('other'),
    ]) {
      const { statusCode, body } = handle(`/hls/${wrong}/live/cam/source/seg-1.m4s`);
      expect([statusCode, body], wrong).toEqual([403, expect.stringContaining('access.play-denied')]);
    }
  });

  it('refuses a ticket that has expired by more than the allowed clock skew', () => {
    const path = `/hls/${ticket('cam')}/live/cam/source/seg-1.m4s`;
    expect(handle(path, (UNTIL + 29) * 1000).statusCode).toBeUndefined();
    const late = handle(path, (UNTIL + 31) * 1000);
    expect([late.statusCode, late.body]).toEqual([403, expect.stringContaining('access.play-expired')]);
  });

  it('sends no cached media without a ticket, and passes on entries and pages', () => {
    expect(handle('/hls/live/cam/source/seg-1.m4s').statusCode).toBe(401);
    expect(handle('/edge/ended-sessions').statusCode).toBe(403);
    // With a maximum height of the picture, which the gateway alone can check.
    const capped = createTicket({ sid: 's', until: UNTIL, maxHeight: 480 }, { app: 'live', name: 'cam' }, keys);
    const path = `/hls/${capped}/live/cam/source/seg-1.m4s`;
    expect(handle(path)).toMatchObject({ uri: path, headers: { 'x-sluice-edge': { value: 'the-secret-of-edges' } } });
    const entries = [
      '/hls/live/cam/index.m3u8',
      '/dash/live/cam/manifest.mpd',
      `/hls/${ticket('cam')}/live/cam/index.m3u8`,
    ];
    for (const path of [...entries, '/watch/live/cam']) {
      const { uri, headers, querystring } = handle(path);
      expect(uri).toBe(path);
      expect(headers['x-sluice-edge']?.value).toBe('the-secret-of-edges');
      expect(querystring).toHaveProperty('token');
    }
  });
});
