// Play tokens and tickets: genuine ones are accepted, and any change makes them invalid.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  coversStream,
  createPlayToken,
  newSid,
  type PlayClaims,
  readPlayToken,
} from '../../src/access/tickets/play-token.js';
import { SigningKeys } from '../../src/access/tickets/signing-keys.js';
import { createTicket, MAX_TICKET_LENGTH, verifyTicket } from '../../src/access/tickets/ticket.js';
import { ViewerTokens } from '../../src/access/tickets/viewer-tokens.js';

const SECRET = Buffer.from('0123456789abcdef0123456789abcdef');
const OTHER = Buffer.from('fedcba9876543210fedcba9876543210');
const keys = new SigningKeys([SECRET]);
const NOW = 1_800_000_000;
const now = NOW * 1000;
const CLAIMS: PlayClaims = { stream: 'live/cam', until: NOW + 7_200, sid: 'session-1' };
const SKEW = 30;

describe('play tokens', () => {
  it('have a fixed format, so that any language can make them', () => {
    const token = createPlayToken(CLAIMS, keys);
    const [version, keyId, payload = '', mac = ''] = token.split('.');
    expect([version, keyId]).toEqual(['v1', keys.current]);
    expect(Buffer.from(payload, 'base64url').toString()).toBe(
      '{"stream":"live/cam","until":1800007200,"sid":"session-1"}',
    );
    expect(Buffer.from(mac, 'base64url')).toEqual(keys.sign(`v1.${keyId}.${payload}`));
    expect(readPlayToken(token, keys, now, SKEW)).toEqual({ ok: true, claims: CLAIMS, mayStart: true });
  });

  it.each<[string, Partial<PlayClaims>, string | undefined]>([
    ['until the end of until, and the skew of clocks', { until: NOW - SKEW }, undefined],
    ['not after that', { until: NOW - SKEW - 1 }, 'expired'],
    ['from not_before on, less the skew', { not_before: NOW + SKEW }, undefined],
    ['not earlier', { not_before: NOW + SKEW + 1 }, 'too-early'],
  ])('are taken %s', (_, claims, fault) => {
    const result = readPlayToken(createPlayToken({ ...CLAIMS, ...claims }, keys), keys, now, SKEW);
    expect(result.ok ? undefined : result.fault).toBe(fault);
  });

  it('cannot start watching after start_by, but a viewer who has started may go on', () => {
    const read = (startBy: number) =>
      readPlayToken(createPlayToken({ ...CLAIMS, start_by: startBy }, keys), keys, now, SKEW);
    expect(read(NOW - SKEW)).toMatchObject({ ok: true, mayStart: true });
    expect(read(NOW - SKEW - 1)).toMatchObject({ ok: true, mayStart: false });
  });

  it('are refused in every other spelling, and with any character changed, removed or added', () => {
    const token = createPlayToken(CLAIMS, keys);
    const alphabet = 'ABCxyz019-_.~%=+/ \u0000é';
    for (let at = 0; at <= token.length; at += 1) {
      for (const character of alphabet) {
        for (const changed of [
          token.slice(0, at) + character + token.slice(at + 1),
          token.slice(0, at) + character + token.slice(at),
        ]) {
          if (changed === token) continue;
          expect(readPlayToken(changed, keys, now, SKEW), changed).toEqual({ ok: false, fault: 'forged' });
        }
      }
      if (at < token.length) {
        expect(readPlayToken(token.slice(0, at) + token.slice(at + 1), keys, now, SKEW).ok).toBe(false);
      }
    }
  });

  it('signed with another secret are refused, signed with an earlier secret are still accepted', () => {
    const earlier = createPlayToken(CLAIMS, keys);
    expect(readPlayToken(earlier, new SigningKeys([OTHER]), now, SKEW)).toEqual({ ok: false, fault: 'forged' });
    const rotated = new SigningKeys([OTHER, SECRET]);
    expect(readPlayToken(earlier, rotated, now, SKEW).ok).toBe(true);
    expect(createPlayToken(CLAIMS, rotated)).not.toBe(earlier);
  });

  it.each<[string, object]>([
    ['no stream', { until: NOW }],
    ['a stream without application', { stream: 'cam', until: NOW }],
    ['a stream that leads elsewhere', { stream: '../cam', until: NOW }],
    ['no end', { stream: 'live/cam' }],
    ['an end that is no whole second', { stream: 'live/cam', until: 1.5 }],
    ['an end beyond all calendars', { stream: 'live/cam', until: 1e15 }],
    ['a session id that does not fit in a path', { stream: 'live/cam', until: NOW, sid: 'a/b' }],
  ])('with %s are neither made nor taken, although they are signed', (_, claims) => {
    expect(() => createPlayToken(claims as PlayClaims, keys)).toThrow(RangeError);
    const payload = Buffer.from(JSON.stringify(claims)).toString('base64url');
    const signed = `v1.${keys.current}.${payload}`;
    const token = `${signed}.${keys.sign(signed).toString('base64url')}`;
    expect(readPlayToken(token, keys, now, SKEW)).toEqual({ ok: false, fault: 'forged' });
  });

  it('are checked without exceptions, whatever is sent', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => !readPlayToken(text, keys, now, SKEW).ok));
    expect(readPlayToken('v1.'.repeat(100_000), keys, now, SKEW).ok).toBe(false);
  });

  it('are valid for one stream, or for all streams of one application', () => {
    expect(coversStream({ stream: 'live/cam' }, 'live', 'cam')).toBe(true);
    expect(coversStream({ stream: 'live/cam' }, 'live', 'cam2')).toBe(false);
    expect(coversStream({ stream: 'live/*' }, 'live', 'anything')).toBe(true);
    expect(coversStream({ stream: 'live/*' }, 'other', 'anything')).toBe(false);
  });
});

describe('tickets', () => {
  const scope = { app: 'live', name: 'cam' };
  const ticket = { sid: 'session-1', until: NOW + 60 };
  const text = createTicket(ticket, scope, keys);

  it('are one short path segment, the same for the same grant', () => {
    expect(text).toMatch(/^~1[\w-]{4}\.[0-9a-z]+\.session-1\.s[\w-]{22}$/);
    expect(createTicket(ticket, scope, keys)).toBe(text);
    expect(verifyTicket(text, scope, keys, now, SKEW)).toEqual({ ok: true, ticket });
    const longest = createTicket({ sid: 'x'.repeat(32), until: 253_402_300_799 }, scope, keys);
    expect(longest.length).toBeLessThanOrEqual(MAX_TICKET_LENGTH);
    expect(createTicket({ sid: newSid(), until: NOW }, scope, keys).length).toBeLessThanOrEqual(80);
  });

  it('of an application are valid for all of its streams, and for no other', () => {
    const wide = createTicket({ ...ticket }, { app: 'live', name: undefined }, keys);
    expect(verifyTicket(wide, { app: 'live', name: 'other' }, keys, now, SKEW)).toMatchObject({ ok: true });
    expect(verifyTicket(wide, { app: 'live2', name: 'other' }, keys, now, SKEW)).toMatchObject({ fault: 'forged' });
    expect(verifyTicket(wide.replace('.a', '.s'), { app: 'live', name: '' }, keys, now, SKEW)).toMatchObject({
      ok: false,
    });
  });

  it('expire at their end plus the allowed clock skew', () => {
    const at = (seconds: number) => verifyTicket(text, scope, keys, seconds * 1000, SKEW);
    expect(at(NOW + 60 + SKEW)).toMatchObject({ ok: true });
    expect(at(NOW + 60 + SKEW + 1)).toEqual({ ok: false, fault: 'expired' });
  });

  it.each(['~', '~1', '', '~~', `${text}${text}`, text.slice(1), `~${text}`, '~\uD800\u0000'])(
    'are refused when they are something else: %j',
    (other) => {
      expect(verifyTicket(other, scope, keys, now, SKEW)).toEqual({ ok: false, fault: 'forged' });
    },
  );

  it('are refused when they are 4 KB long', () => {
    expect(verifyTicket(`~${'a'.repeat(4096)}`, scope, keys, now, SKEW).ok).toBe(false);
  });

  it('are refused with any character changed, removed or added, and for another stream', () => {
    for (let at = 0; at <= text.length; at += 1) {
      for (const character of 'ABCabc019._-~%/') {
        const changed = text.slice(0, at) + character + text.slice(at + 1);
        if (changed !== text) expect(verifyTicket(changed, scope, keys, now, SKEW).ok, changed).toBe(false);
        expect(verifyTicket(text.slice(0, at) + character + text.slice(at), scope, keys, now, SKEW).ok).toBe(false);
      }
      if (at < text.length)
        expect(verifyTicket(text.slice(0, at) + text.slice(at + 1), scope, keys, now, SKEW).ok).toBe(false);
    }
    expect(verifyTicket(text, { app: 'live', name: 'cam2' }, keys, now, SKEW).ok).toBe(false);
    expect(verifyTicket(text, { app: 'liv', name: 'ecam' }, keys, now, SKEW).ok).toBe(false);
  });
});

it('secrets of less than 32 bytes are rejected, and so is an empty list of secrets', () => {
  expect(() => new SigningKeys([Buffer.alloc(31)])).toThrow('got a secret of 31 bytes, expected at least 32');
  expect(() => new SigningKeys([])).toThrow('expected at least one secret');
});

it('after start_by only viewers who had started may use the token again', () => {
  let seconds = NOW;
  const access = new ViewerTokens({
    keys,
    wallClock: () => seconds * 1000,
    clockSkew: 0,
    revoked: { has: () => false, list: () => [] },
  });
  const stream = { app: 'live', name: 'cam' };
  const token = (sid: string) => createPlayToken({ ...CLAIMS, start_by: NOW + 10, sid }, keys);
  const [early, late] = [token('early'), token('late')];
  expect(access.exchangeToken(stream, early)).toMatchObject({ ok: true });
  seconds = NOW + 11;
  expect(access.exchangeToken(stream, early)).toMatchObject({ ok: true });
  expect(access.exchangeToken(stream, late)).toMatchObject({ ok: false, error: { code: 'access.play-expired' } });
  seconds = CLAIMS.until + 1;
  expect(access.exchangeToken(stream, early)).toMatchObject({ ok: false, error: { code: 'access.play-expired' } });
});

it('a ticket that was checked before is checked again for its stream, its end and its revocation', () => {
  let seconds = NOW;
  const revoked = new Set<string>();
  const access = new ViewerTokens({
    keys,
    wallClock: () => seconds * 1000,
    clockSkew: 0,
    revoked: { has: (sid) => revoked.has(sid), list: () => [] },
  });
  const stream = { app: 'live', name: 'cam' };
  const tickets = ['one', 'all'].map((sid) => access.issueTicket({ sid, until: NOW + 10 }, stream, sid === 'all'));
  const [one = '', all = ''] = tickets;
  const codes = (name: string) =>
    tickets.map((ticket) => {
      const checked = access.checkTicket({ app: 'live', name }, ticket);
      return checked.ok ? 'ok' : checked.error.code;
    });
  for (const _ of [1, 2]) {
    expect(codes('cam')).toEqual(['ok', 'ok']);
    expect(codes('other')).toEqual(['access.play-denied', 'ok']);
  }
  expect(access.checkTicket({ app: 'other', name: 'cam' }, all).ok).toBe(false);
  expect(access.checkTicket(stream, `${one.slice(0, -1)}~`).ok).toBe(false);
  revoked.add('one');
  expect(codes('cam')).toEqual(['access.play-denied', 'ok']);
  revoked.clear();
  seconds = NOW + 11;
  expect(codes('cam')).toEqual(['access.play-expired', 'access.play-expired']);
});
