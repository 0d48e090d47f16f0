// Rules for addresses, and the limit on viewers of a stream.
import { describe, expect, it } from 'vitest';
import { isAddressOrBlock } from '../../src/access/policy/address-list.js';
import { AddressRules } from '../../src/access/policy/address-rules.js';
import type { Question } from '../../src/access/policy/question.js';
import { viewerLimit } from '../../src/access/policy/viewer-limit.js';
import { ManualClock } from '../support/manual-clock.js';
import { policySteps } from '../support/policy-steps.js';

const NONE = { allow: [], deny: [] };

describe('rules for addresses', () => {
  const rules = new AddressRules({
    publish: { allow: ['10.0.0.0/8', '2001:db8::/32'], deny: ['10.9.0.0/16'] },
    play: NONE,
  });
  const publish = (remoteAddress: string | undefined) => rules.allows({ action: 'publish', remoteAddress });

  it('D5.08 accept addresses that are allowed and not denied, and treat IPv4-mapped IPv6 as IPv4', () => {
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '2001:db8:1::1'])
      expect([address, publish(address)]).toEqual([address, true]);
    for (const address of ['10.9.2.3', '::ffff:10.9.2.3', '192.0.2.1', '2001:db9::1', 'nonsense', undefined]) {
      expect([address, publish(address)]).toEqual([address, false]);
    }
    expect(rules.allows({ action: 'play', remoteAddress: '10.9.2.3' })).toBe(true);
    expect([rules.has('publish'), rules.has('play')]).toEqual([true, false]);
  });

  it('D5.08 recognize addresses and CIDR blocks', () => {
    const right = ['10.0.0.1', '10.0.0.0/8', '::1', '2001:db8::/32', '::ffff:10.0.0.1', '0.0.0.0/0', '::/0'];
    const wrong = [
      '',
      '10.0.0',
      '10.0.0.0/33',
      '::/129',
      '10.0.0.0/',
      '/8',
      '10.0.0.0/8/8',
      'localhost',
      '10.0.0.0/-1',
    ];
    expect([...right, ...wrong].filter(isAddressOrBlock)).toEqual(right);
  });
});

it('D5.11 counts viewers of one stream by session, never refuses a current viewer, and frees a place soon after one has left', () => {
  const clock = new ManualClock();
  const { sessions, grants } = policySteps(clock);
  const { check } = viewerLimit({ maxViewers: () => 2, sessions, grants, leftAfter: 4_000 });
  const question = (name: string): Question => ({
    ...({ action: 'play', protocol: 'hls', app: 'live', remoteAddress: undefined } as const),
    ...{ name, query: new URLSearchParams() },
  });
  const proven = (sid: string) =>
    ({ ok: true, covers: true, holder: { proof: 'token', id: sid }, session: { sid, until: 9e9 } }) as const;
  const enter = (sid: string, name = 'cam') => {
    const decision = check(question(name), proven(sid));
    if (!decision.allowed) return decision.error.code;
    const start = { sid, app: 'live', name, protocol: 'hls', remoteAddress: undefined, until: 9e15 } as const;
    sessions.saw(sid, 'live', name, () => ({ ...start, holder: proven(sid).holder }));
    return 'in';
  };
  expect([enter('a'), enter('b'), enter('c'), enter('a'), enter('c', 'other')]).toEqual([
    ...['in', 'in', 'access.too-many-viewers', 'in', 'in'],
  ]);
  clock.advance(3_000);
  enter('a');
  clock.advance(2_000);
  expect([enter('c'), enter('b')]).toEqual(['in', 'in']);
  expect(check({ ...question('cam'), action: 'publish' }, proven('x'))).toEqual({ allowed: true });
});

it('D5.11 counts the viewers of one stream by address (/64) and by account', () => {
  const clock = new ManualClock();
  const { sessions, grants } = policySteps(clock);
  const { check } = viewerLimit({ maxViewers: () => 0, maxViewersPerAddress: 2, sessions, grants, leftAfter: 4_000 });
  const enter = (sid: string, remoteAddress: string | undefined, name = 'cam', account?: string) => {
    const stream = { app: 'live', name, protocol: 'hls', remoteAddress } as const;
    const holder = { proof: 'jwt', id: account ?? sid } as const;
    const session = { sid, until: 9e9 };
    const options = account === undefined ? {} : { maxViewers: 1 };
    const question = { ...stream, action: 'play', query: new URLSearchParams() } as const;
    const decision = check(question, { ok: true, covers: true, holder, session, options });
    if (!decision.allowed) return decision.error.message;
    sessions.saw(sid, 'live', name, () => ({ ...stream, sid, until: 9e15, holder }));
    return 'in';
  };
  const [full, again] = ['no more than 2 at a time may watch from this address, try again later', '192.0.2.1'];
  expect([enter('a', again), enter('b', again), enter('c', again), enter('a', again)]).toEqual([
    'in',
    'in',
    full,
    'in',
  ]);
  expect([enter('c', '192.0.2.2'), enter('d', again, 'other')]).toEqual(['in', 'in']);
  expect([enter('e', '2001:db8::1'), enter('f', '2001:db8::2'), enter('g', '2001:db8::3')]).toEqual(['in', 'in', full]);
  // Behind a proxy that names no client, nobody knows who shares an address.
  expect([1, 2, 3].map((n) => enter(`h${n}`, undefined))).toEqual(['in', 'in', 'in']);

  const taken = 'no more than 1 at a time may watch with this account, try again later';
  expect([enter('x', undefined, 'cam', 'anna'), enter('y', undefined, 'cam', 'anna')]).toEqual(['in', taken]);
  expect([enter('x', undefined, 'cam', 'anna'), enter('z', undefined, 'cam', 'ben')]).toEqual(['in', 'in']);
  clock.advance(5_000);
  expect([enter('y', undefined, 'cam', 'anna'), enter('g', again)]).toEqual(['in', 'in']);
});
