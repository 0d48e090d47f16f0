// The order of the policy's steps, and what operators can do with the grants that it gives.
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { accessError } from '../../src/access/errors.js';
import { AccessPolicy, type PolicySteps } from '../../src/access/policy/access-policy.js';
import { keepBans } from '../../src/access/policy/ban-file.js';
import { Bans } from '../../src/access/policy/bans.js';
import { grantControl } from '../../src/access/policy/grant-control.js';
import type { Proof, Proven, Question } from '../../src/access/policy/question.js';
import { Sessions } from '../../src/access/policy/sessions.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { ManualClock } from '../support/manual-clock.js';
import { policySteps } from '../support/policy-steps.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const QUESTION: Question = {
  action: 'publish',
  protocol: 'rtmp',
  app: 'live',
  name: 'cam',
  remoteAddress: '192.0.2.1',
  query: new URLSearchParams(),
};
const HOLDER = { proof: 'key', id: 'k1' } as const;
const MINUTE = 60_000;

function setUp(proven: Partial<Proven> = {}, steps: Partial<PolicySteps> = {}) {
  const clock = new ManualClock();
  const shared = policySteps(clock);
  const asked: string[] = [];
  const closed: unknown[] = [];
  const note = <T>(what: string, answer: T): T => {
    asked.push(what);
    return answer;
  };
  const policy = new AccessPolicy({
    ...shared,
    addresses: { allows: () => note('addresses', true) },
    proofs: [
      {
        prove: () =>
          note('proof', {
            ok: true,
            holder: HOLDER,
            covers: true,
            onClosed: (_: string, use: unknown) => closed.push(use),
            ...proven,
          }),
      },
    ],
    missing: () => accessError('access.publish-denied', 'missing'),
    limits: { check: () => note('limits', { allowed: true }) },
    ...steps,
  });
  const control = grantControl({ ...shared, wallClock: () => clock.wallClock(), clockSkew: 30 });
  const decide = (question: Partial<Question> = {}) => policy.decide({ ...QUESTION, ...question });
  const code = async (question: Partial<Question> = {}) => {
    const decision = await decide(question);
    return decision.allowed ? 'granted' : decision.error.code;
  };
  /** A grant whose holder leaves on request. */
  const begin = async (question: Partial<Question> = {}) => {
    const decision = await decide(question);
    if (!decision.allowed) throw decision.error;
    const ends: SluiceError[] = [];
    const { permit } = decision;
    permit.begin((reason) => {
      ends.push(reason);
      permit.close({ reason });
    });
    return { permit, ends, id: permit.grant.id };
  };
  return { ...shared, clock, asked, closed, control, code, begin, decide };
}

describe('the file of bans', () => {
  it('D5.09 that cannot be written is logged, and the bans are in force all the same', async () => {
    const stateDir = join(await temporaryDirectory(), 'state');
    const lines: string[] = [];
    const write = (_: object, text: string): void => void lines.push(text);
    const logger = { debug: write, info: write, warn: write, error: write };
    const { bans, close } = await keepBans({ stateDir, logger, clock: new ManualClock() });
    await writeFile(stateDir, 'a file in the place of the directory');
    bans.add({ address: '192.0.2.1', until: 9e12, reason: 'x' });
    await close();
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('bans may be lost at the next restart');
    expect(bans.hasAddress('play', '192.0.2.1')).toBe(true);
  });
});

describe('the file of bans after a failure of the disk', () => {
  it('D5.09 is written as soon as that is possible again, without another ban', async () => {
    const stateDir = join(await temporaryDirectory(), 'state');
    const lines: string[] = [];
    const write = (_: object, text: string): void => void lines.push(text);
    const logger = { debug: write, info: write, warn: write, error: write };
    const clock = new ManualClock();
    const { bans, close } = await keepBans({ stateDir, logger, clock });
    await writeFile(stateDir, 'a file in the place of the directory');
    bans.add({ address: '192.0.2.1', until: 9e12, reason: 'x' });
    await expect.poll(() => clock.pending).toEqual([10_000]);
    clock.advance(10_000);
    await expect.poll(() => clock.pending).toEqual([10_000]);
    expect(lines).toHaveLength(1);
    await rm(stateDir);
    await mkdir(stateDir);
    clock.advance(10_000);
    await expect.poll(() => readFile(join(stateDir, 'bans.json'), 'utf8').catch(() => '')).toContain('192.0.2.1');
    await close();
    expect(clock.pending).toEqual([]);
  });
});

describe('the policy', () => {
  it('D1.02 checks addresses, bans, proof, scope and limits in this order, and stops at the first refusal', async () => {
    const open = setUp();
    expect(await open.code()).toBe('granted');
    expect(open.asked).toEqual(['addresses', 'proof', 'limits']);

    const elsewhere = setUp({}, { addresses: { allows: () => false } });
    expect(await elsewhere.code()).toBe('access.address');
    expect(elsewhere.asked).toEqual([]);

    const banned = setUp();
    banned.bans.add({ address: '192.0.2.1', until: banned.clock.wallClock() + MINUTE, reason: '' });
    expect(await banned.code()).toBe('access.banned');
    expect(banned.asked).toEqual(['addresses']);

    const narrow = setUp({ covers: false });
    expect(await narrow.code()).toBe('access.scope');
    expect(narrow.asked).toEqual(['addresses', 'proof']);

    const full = accessError('access.scope', 'full');
    expect(await setUp({}, { limits: { check: () => ({ allowed: false, error: full }) } }).decide()).toMatchObject({
      error: full,
    });
  });

  it('D1.02 ends at the first proof that refuses a credential it knows, and asks the next one about foreign ones', async () => {
    const error = accessError('access.expired', 'the key is revoked');
    const yes: Proof = { prove: () => ({ ok: true, holder: HOLDER, covers: true }) };
    const no = (more: object): Proof => ({ prove: () => ({ ok: false, error, isGuess: false, ...more }) });
    const unknown: Proof = { prove: () => undefined };
    expect(await setUp({}, { proofs: [unknown, no({}), yes] }).code()).toBe('access.expired');
    expect(await setUp({}, { proofs: [no({ isForeign: true }), unknown, yes] }).code()).toBe('granted');
    expect(await setUp({}, { proofs: [no({ isForeign: true }), unknown] }).code()).toBe('access.expired');
  });

  it('D5.09 refuses an address that is banned while a slow proof is asked', async () => {
    const { bans, clock, code, closed } = setUp(
      {},
      {
        proofs: [
          {
            prove: () => {
              bans.add({ address: '192.0.2.1', until: clock.wallClock() + MINUTE, reason: '' });
              return { ok: true, holder: HOLDER, covers: true, onClosed: (_, use) => closed.push(use) };
            },
          },
        ],
      },
    );
    expect(await code()).toBe('access.banned');
    expect(closed).toMatchObject([{ reason: { code: 'access.banned' } }]);
  });

  it('D4.06 notifies the giver of a grant once when it ends, even if a later step refused it', async () => {
    const refused = setUp({ covers: false });
    await refused.code();
    expect(refused.closed).toMatchObject([{ reason: { code: 'access.scope' } }]);
    const used = setUp();
    const { permit } = await used.begin();
    permit.close({ bytes: 7 });
    permit.close({ bytes: 8 });
    expect(used.closed).toEqual([{ bytes: 7 }]);
    expect(used.control.listGrants()).toEqual([]);
  });

  it('D5.03 ends a grant within a second after it expires, even if the wall clock jumps', async () => {
    const clock = new ManualClock();
    const { begin, clock: own } = setUp({ until: clock.wallClock() + 10 * MINUTE });
    const { ends } = await begin();
    own.advance(10 * MINUTE - 500);
    expect(ends).toEqual([]);
    own.wallClockOffset += 600;
    own.advance(600);
    expect(ends).toMatchObject([{ code: 'access.expired' }]);
    expect(own.pending).toEqual([]);
  });
});

describe('operators', () => {
  it('D5.09 end a grant with a reason, and refuse its key for the given time', async () => {
    const { begin, control, code, clock } = setUp();
    const { id, ends } = await begin();
    expect(control.listGrants()).toMatchObject([{ id, app: 'live', name: 'cam', holder: HOLDER }]);
    expect(control.end(id, `stop\n${'x'.repeat(200)}`, MINUTE)).toBe(true);
    expect(ends).toMatchObject([{ code: 'access.ended', message: `stop ${'x'.repeat(115)}` }]);
    expect(control.end(id, 'again')).toBe(false);
    expect(await code({ remoteAddress: '198.51.100.9' })).toBe('access.banned');
    clock.advance(MINUTE);
    expect(await code()).toBe('granted');
    expect(control.listBans()).toEqual([]);
  });

  it('D5.09 refuse the address, and its /64, of a publisher without key or user', async () => {
    const { begin, control, code } = setUp({ holder: { proof: 'open' } });
    const { id } = await begin({ remoteAddress: '2001:db8::1' });
    control.end(id, 'stop', MINUTE);
    expect(await code({ remoteAddress: '2001:db8::2' })).toBe('access.banned');
    expect(await code({ remoteAddress: '2001:db8:0:1::2' })).toBe('granted');
    expect(control.liftBan(control.listBans()[0]?.id ?? '')).toBe(true);
    expect(await code({ remoteAddress: '2001:db8::2' })).toBe('granted');
  });

  it('D5.09 end running grants of the banned action when they ban', async () => {
    const { begin, control, clock } = setUp();
    const publisher = await begin();
    const player = await begin({ action: 'play' });
    control.ban({ action: 'play', address: '::ffff:192.0.2.1', until: clock.wallClock() + MINUTE, reason: '' });
    expect(player.ends).toMatchObject([{ code: 'access.banned' }]);
    expect(publisher.ends).toEqual([]);
  });

  it('D5.09 hold a limited number of bans: the one that would end first is dropped', () => {
    const bans = new Bans(() => 0, { limit: 2 });
    for (const until of [30, 10, 20]) bans.add({ address: `192.0.2.${until}`, until, reason: '' });
    expect(bans.list().map(({ until }) => until)).toEqual([30, 20]);
    expect(bans.hasAddress('play', '192.0.2.10')).toBe(false);
    expect(bans.hasAddress('play', '192.0.2.20')).toBe(true);
  });
});

describe('bans of a program', () => {
  it.each([
    ['nobody', { address: undefined }],
    ['no holder', { address: undefined, holder: { proof: 'key' as const } }],
    ['no IP address', { address: 'example.com' }],
    ['a time that is no number', { until: Number.NaN }],
    ['a long reason', { reason: 'x'.repeat(1_001) }],
    ['a long id', { holder: { proof: 'user' as const, id: 'x'.repeat(257) } }],
  ])('D5.09 that have %s are refused and change nothing', (_, fault) => {
    const { control } = setUp();
    expect(() => control.ban({ address: '192.0.2.1', until: 9e12, reason: '', ...fault })).toThrow(RangeError);
    expect(control.listBans()).toEqual([]);
  });

  it('D5.09 may last forever, also after a restart', async () => {
    const stateDir = await temporaryDirectory();
    const nothing = () => undefined;
    const logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };
    const before = await keepBans({ stateDir, logger, clock: new ManualClock() });
    before.bans.add({ address: '192.0.2.1', until: Number.POSITIVE_INFINITY, reason: 'x'.repeat(1_000) });
    before.bans.add({ holder: { proof: 'user', id: 'x'.repeat(256) }, until: 1e300, reason: '' });
    await before.close();
    const { bans } = await keepBans({ stateDir, logger, clock: new ManualClock() });
    expect(bans.list().map(({ until }) => new Date(until).getUTCFullYear())).toEqual([275760, 275760]);
  });
});

describe('sessions of viewers', () => {
  const session = (sid: string, onClosed?: () => void) => () => ({
    ...({
      sid,
      app: 'live',
      name: 'cam',
      protocol: 'hls',
      remoteAddress: undefined,
      holder: HOLDER,
      until: 9e15,
    } as const),
    onClosed,
  });

  it('D4.06 end once, when their playlists are no longer requested', () => {
    const clock = new ManualClock();
    const { sessions } = policySteps(clock);
    let closed = 0;
    const saw = () =>
      sessions.saw(
        'a',
        'live',
        'cam',
        session('a', () => closed++),
      );
    saw();
    for (let second = 0; second < 120; second += 10) {
      clock.advance(10_000);
      saw();
    }
    expect([sessions.size, closed]).toEqual([1, 0]);
    clock.advance(60_000);
    expect([sessions.size, closed]).toEqual([0, 1]);
    expect(clock.pending).toEqual([]);
  });

  it('D5.11 are limited in number: the one with the oldest last request is dropped', () => {
    const clock = new ManualClock();
    const sessions = new Sessions(clock, 2);
    for (const sid of ['a', 'b']) sessions.saw(sid, 'live', 'cam', session(sid));
    clock.advance(2_000);
    sessions.saw('a', 'live', 'cam', session('a'));
    sessions.saw('c', 'live', 'cam', session('c'));
    expect(['a', 'b', 'c'].map((sid) => sessions.has(sid, 'live', 'cam'))).toEqual([true, false, true]);
  });

  it('D5.10 end together with their ticket, which is refused until it expires, whatever stream it is used for', () => {
    const clock = new ManualClock();
    const steps = policySteps(clock);
    const control = grantControl({ ...steps, wallClock: () => clock.wallClock(), clockSkew: 30 });
    const until = clock.wallClock() + MINUTE;
    const grant = steps.sessions.saw('a', 'live', 'cam', () => ({ ...session('a')(), until }));
    expect(control.end(grant.id, 'stop')).toBe(true);
    expect(control.listGrants()).toEqual([]);
    expect(steps.bans.hasHolder('play', { proof: 'token', id: 'a' })).toBe(true);
    clock.advance(MINUTE + 29_999);
    expect(steps.bans.hasHolder('play', { proof: 'token', id: 'a' })).toBe(true);
    clock.advance(1);
    expect(steps.bans.hasHolder('play', { proof: 'token', id: 'a' })).toBe(false);
  });

  it('D5.10 that have got a new token are refused until that one ends', () => {
    const { sessions, bans, control, clock } = setUp();
    const until = clock.wallClock() + MINUTE;
    const start = () => ({ ...session('a')(), until });
    const { id } = sessions.saw('a', 'live', 'cam', start, until);
    sessions.saw('a', 'live', 'cam', start, until + MINUTE);
    sessions.saw('a', 'live', 'cam', start, until);
    expect(control.grant(id)).toMatchObject({ until: until + MINUTE, session: 'a' });
    control.end(id, 'stop');
    expect(bans.list()).toMatchObject([{ until: until + MINUTE + 30_000 }]);
  });

  it('D5.10 end together with an RTMP player, which has the session of its token and is not ended before the skew is over', async () => {
    const { begin, control, code, clock } = setUp({
      holder: { proof: 'jwt', id: 'anna' },
      session: { sid: 'a', until: 1_900_000_000 },
    });
    const player = await begin({ action: 'play' });
    expect(control.grant(player.id)).toMatchObject({ session: 'a', until: 1_900_000_000_000 });
    clock.wallClockOffset += 1_900_000_001_000 - clock.wallClock();
    clock.advance(1_000);
    expect(player.ends).toEqual([]);
    control.end(player.id, 'stop');
    expect(player.ends).toHaveLength(1);
    expect(await code({ action: 'play' })).toBe('access.banned');
  });
});
