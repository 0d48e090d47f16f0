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
