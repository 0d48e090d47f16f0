// Who may publish, how guessing keys is slowed down, and that guessing by others never delays the right key.
import { describe, expect, it } from 'vitest';
import { createPublishAccess } from '../../src/access/publish-access.js';
import { policySteps } from '../support/policy-steps.js';

const SECRET = 'correct-horse-battery-staple';

function setUp(key: string | null = SECRET) {
  const waits: number[] = [];
  let time = 0;
  const access = createPublishAccess({
    steps: policySteps(),
    apps: ['live'],
    key,
    now: () => time,
    wait: async (duration) => {
      waits.push(duration);
    },
  });
  return {
    waits,
    advance: (duration: number) => {
      time += duration;
    },
    check: (query: string, remoteAddress = '192.0.2.1', app = 'live') =>
      access.check({ app, name: 'show', query: new URLSearchParams(query), remoteAddress }),
  };
}

describe('publish access', () => {
  it('accepts the right key, and any key if publishing is open', async () => {
    expect(await setUp().check(`key=${SECRET}`)).toMatchObject({ allowed: true });
    expect(await setUp().check(`a=b&key=${SECRET}&c=d`)).toMatchObject({ allowed: true });
    expect(await setUp(null).check('')).toMatchObject({ allowed: true });
  });

  it.each([
    ['missing', ''],
    ['empty', 'key='],
    ['wrong', 'key=wrong'],
    ['longer', `key=${SECRET}x`],
    ['shorter', `key=${SECRET.slice(0, -1)}`],
    ['in another case', `key=${SECRET.toUpperCase()}`],
    ['under another name', `Key=${SECRET}`],
    ['second', `key=x&key=${SECRET}`],
    ['as a prototype key', '__proto__=1&constructor=2'],
  ])('C3.09 refuses a key that is %s like any other wrong key, without repeating it', async (_, query) => {
    const decision = await setUp().check(query);
    expect(decision).toEqual(await setUp().check('key=other'));
    expect(decision).toMatchObject({ allowed: false, error: { code: 'access.publish-denied', kind: 'denied' } });
    expect(JSON.stringify(decision) + String('error' in decision && decision.error)).not.toContain(SECRET);
  });

  it.each([SECRET, null])(
    'A5.06 C3.09 refuses an unknown application in the same way as a wrong key (key %s)',
    async (key) => {
      for (const app of ['other', 'Live', 'live/room', '__proto__']) {
        expect(await setUp(key).check(`key=${SECRET}`, undefined, app)).toEqual(await setUp().check('key=wrong'));
      }
    },
  );

  it('C3.09 delays an address that keeps guessing by at most 4 s, and forgets it after a minute', async () => {
    const { check, waits, advance } = setUp();
    for (let i = 0; i < 5; i++) await check('key=guess');
    expect(waits).toEqual([]);
    for (let i = 0; i < 15; i++) await check('key=guess');
    expect(waits).toHaveLength(15);
    expect(Math.max(...waits)).toBeLessThan(4000);
    expect(new Set(waits).size).toBeGreaterThan(10);
    advance(60_001);
    waits.length = 0;
    await check('key=guess');
    expect(waits).toEqual([]);
  });

  it('D5.12 refuses further guesses of an address at once after 20 in 5 minutes, for 15 minutes, and never the right key', async () => {
    const { check, waits, advance } = setUp();
    const code = async (query: string, address?: string) => {
      const decision = await check(query, address);
      return decision.allowed ? 'accepted' : decision.error.code;
    };
    for (let i = 0; i < 20; i++) expect(await code('key=guess', '2001:db8::1')).toBe('access.publish-denied');
    waits.length = 0;
    for (let i = 0; i < 5; i++) expect(await code('key=guess', `2001:db8::${i}`)).toBe('access.too-many-attempts');
    expect(waits).toEqual([]);
    expect(await code(`key=${SECRET}`, '2001:db8::1')).toBe('accepted');
    expect(waits).toEqual([]);
    advance(899_000);
    expect(await code('key=guess', '2001:db8::1')).toBe('access.too-many-attempts');
    advance(1_000);
    expect(await code('key=guess', '2001:db8::1')).toBe('access.publish-denied');
  });

  it('D5.12 refuses guesses for one stream at once, however many addresses they come from, and never the right key', async () => {
    const { check, waits } = setUp();
    for (let i = 0; i < 20; i++) await check('key=guess', `198.51.100.${i}`);
    expect(waits).toEqual([]);
    expect(await check('key=guess', '203.0.113.1')).toMatchObject({ error: { code: 'access.too-many-attempts' } });
    expect(await check(`key=${SECRET}`, '203.0.113.1')).toMatchObject({ allowed: true });
  });

  it('C3.09 accepts the right key at once, even from an address that has guessed, and does not delay other addresses', async () => {
    const { check, waits } = setUp();
    for (let i = 0; i < 20; i++) await check('key=guess');
    waits.length = 0;
    expect(await check(`key=${SECRET}`)).toMatchObject({ allowed: true });
    await check('key=guess', '192.0.2.2');
    expect(waits).toEqual([]);
  });
});
