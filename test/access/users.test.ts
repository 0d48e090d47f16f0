// Users with passwords: how passwords are stored, how encoders send them, and that guessing reveals nothing.
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashPassword, parsePasswordHash } from '../../src/access/password-hash.js';
import type { Proof } from '../../src/access/policy/question.js';
import { createPublishAccess, type PublishAccessOptions } from '../../src/access/publish-access.js';
import { policySteps } from '../support/policy-steps.js';

const PASSWORD = 'correct horse+battery/staple=';
const KEY = 'the-key-of-this-gateway';
const OBS = 'FMLE/3.0 (compatible; FMSc/1.0)';
const ADDRESS = '192.0.2.1';

const anna = { name: 'anna', hash: hashPassword('anna', PASSWORD) };
const carl = { name: 'carl', hash: hashPassword('carl', 'x'), apps: ['studio'], names: ['news'] };

function setUp(options: Partial<PublishAccessOptions> = {}) {
  const waits: number[] = [];
  let time = 0;
  const access = createPublishAccess({
    steps: policySteps(),
    apps: ['live', 'studio'],
    key: KEY,
    users: [anna, carl],
    now: () => time,
    wait: async (duration) => {
      waits.push(duration);
    },
    ...options,
  });
  /** The text that the encoder gets, or `yes` and the user of the connection. */
  const connect = async (query: string | Record<string, string>, remoteAddress = ADDRESS, flashVer: string = OBS) => {
    const decision = await access.connect({ query: new URLSearchParams(query), flashVer, remoteAddress });
    return decision.allowed ? `yes ${decision.user ?? ''}` : decision.error.message;
  };
  const check = async (query: string | Record<string, string>, user?: string, app = 'live', name = 'show') =>
    (await access.check({ app, name, query: new URLSearchParams(query), remoteAddress: ADDRESS, user })).allowed;
  /** Performs steps 2 and 3 as librtmp and FFmpeg do. */
  const answer = async (user: string, password: string, from = ADDRESS) => {
    const challenge = new URLSearchParams((await connect(`authmod=adobe&user=${user}`, from)).split('?')[1]);
    const md5 = (...parts: string[]) => createHash('md5').update(parts.join('')).digest('base64');
    const salted = md5(user, challenge.get('salt') ?? '', password);
    const opaque = challenge.get('opaque') ?? '';
    return { authmod: 'adobe', user, challenge: '12ab34cd', opaque, response: md5(salted, opaque, '12ab34cd') };
  };
  return {
    access,
    waits,
    connect,
    check,
    answer,
    advance: (by: number) => {
      time += by;
    },
  };
}

const NEED = '[ AccessManager.Reject ] : [ code=403 need auth; authmod=adobe ]';
const FAILED = '[ AccessManager.Reject ] : [ authmod=adobe ] : ?reason=authfailed';

describe('passwords', () => {
  it('D1.02 C3.09 of known users that are wrong, and users removed since they connected, are not handed to a webhook', async () => {
    const asked: string[] = [];
    const webhook: Proof = {
      prove: ({ query, user }) => {
        asked.push(`${query} ${user ?? ''}`);
        return { ok: true, covers: true, holder: { proof: 'webhook' } };
      },
    };
    const { check, access } = setUp({ proofs: [webhook] });
    expect(await check({ user: 'anna', pass: 'wrong' })).toBe(false);
    expect(await check('', 'removed')).toBe(false);
    expect(asked).toEqual([]);
    const refused = await access.check({
      ...{ app: 'live', name: 'show', remoteAddress: ADDRESS },
      query: new URLSearchParams({ user: 'anna', pass: 'wrong' }),
    });
    expect(refused).toEqual(
      await setUp().access.check({
        ...{ app: 'live', name: 'show', remoteAddress: ADDRESS },
        query: new URLSearchParams({ user: 'nobody', pass: 'wrong' }),
      }),
    );
    for (const query of ['user=nobody&pass=wrong', 'user=anna', 'key=unknown']) expect(await check(query)).toBe(true);
    expect(await check({ user: 'anna', pass: PASSWORD })).toBe(true);
    expect(asked).toHaveLength(3);
  });

  it('are stored as salt and base64(md5(user + salt + password)), with a new salt each time', () => {
    const { salt, digest } = parsePasswordHash(anna.hash);
    expect(digest).toBe(createHash('md5').update(`anna${salt}${PASSWORD}`).digest('base64'));
    expect(hashPassword('anna', PASSWORD)).not.toBe(anna.hash);
    expect(anna.hash).toMatch(/^adobe:[A-Za-z0-9_-]{16}:[A-Za-z0-9+/]{22}==$/);
  });
});

describe('users in the query', () => {
  it.each([
    ['the password', { user: 'anna', pass: PASSWORD }, true],
    ['the key beside users', { key: KEY }, true],
    ['a wrong password', { user: 'anna', pass: `${PASSWORD}x` }, false],
    ['no password', { user: 'anna' }, false],
    ['the hash for a password', { user: 'anna', pass: anna.hash }, false],
    ['an unknown user', { user: 'bert', pass: PASSWORD }, false],
    ['a name of the prototype', { user: '__proto__', pass: '' }, false],
    ['nothing', {}, false],
  ])('C3.09 %s', async (_, query, allowed) => {
    expect(await setUp().check(query)).toBe(allowed);
  });

  it('may publish only the streams that they are allowed to', async () => {
    const { check } = setUp();
    const query = { user: 'carl', pass: 'x' };
    expect(await check(query, undefined, 'studio', 'news')).toBe(true);
    expect(await check(query, undefined, 'studio', 'show')).toBe(false);
    expect(await check(query, undefined, 'live', 'news')).toBe(false);
    expect(await check({ user: 'anna', pass: PASSWORD }, undefined, 'other')).toBe(false);
  });

  it('are the only ones who may publish if there is no key', async () => {
    const { check } = setUp({ key: null });
    expect(await check({})).toBe(false);
    expect(await check({ user: 'anna', pass: PASSWORD })).toBe(true);
  });

  it('C3.09 delay an address when they are wrong, like wrong keys', async () => {
    const { check, waits } = setUp({ freeFailures: 2, maxDelay: 300 });
    for (let i = 0; i < 12; i++) await check({ user: i % 2 === 0 ? 'anna' : 'bert', pass: 'guess' });
    expect(waits).toHaveLength(10);
    expect(Math.max(...waits)).toBeLessThan(300);
    waits.length = 0;
    expect(await check({ user: 'anna', pass: PASSWORD })).toBe(true);
    expect(waits).toEqual([]);
  });
});

describe('authmod=adobe', () => {
  it('A4.16 challenges encoders without key or password; not players, nor anybody if it is switched off', async () => {
    const { connect } = setUp();
    expect(await connect('')).toBe(NEED);
    expect(await connect('authmod=llnw&user=anna')).toBe(NEED);
    expect(await connect(`key=${KEY}`)).toBe('yes ');
    expect(await connect('user=anna&pass=x')).toBe('yes ');
    expect(await connect('', ADDRESS, 'LNX 9,0,124,2')).toBe('yes ');
    expect(await setUp({ challenge: false }).connect('')).toBe('yes ');
    expect(await setUp({ users: [] }).connect('')).toBe('yes ');
  });

  it('A4.16 sends salt and challenge, and accepts the right response', async () => {
    const { connect, check, answer } = setUp();
    expect(await connect('authmod=adobe&user=anna')).toMatch(
      /^\[ AccessManager\.Reject \] : \[ authmod=adobe \] : \?reason=needauth&user=anna&salt=[\w-]+&challenge=([\w-]+)&opaque=\1$/,
    );
    expect(await connect(await answer('anna', PASSWORD))).toBe('yes anna');
    expect(await check({}, 'anna')).toBe(true);
    expect(await check({}, 'carl')).toBe(false);
    expect(await check({}, 'carl', 'studio', 'news')).toBe(true);
  });

  it('C3.09 answers a wrong password and an unknown user in the same way, and counts both', async () => {
    const { connect, answer, waits } = setUp({ freeFailures: 0 });
    expect(await connect(await answer('anna', 'wrong'))).toBe(FAILED);
    expect(await connect(await answer('bert', 'wrong'))).toBe(FAILED);
    expect(waits).toHaveLength(2);
    const shape = (text: string) => text.replaceAll(/=[\w-]+/g, (value) => `=${value.length}`);
    expect(shape(await connect('authmod=adobe&user=bert'))).toBe(shape(await connect('authmod=adobe&user=anna')));
    // The salt of an unknown user must stay the same, because a changing salt would reveal that the name is unknown.
    const salt = async () => /salt=([\w-]+)/.exec(await connect('authmod=adobe&user=bert'))?.[1];
    expect(await salt()).toBe(await salt());
  });

  it.each(['replayed', 'of another address', 'late', 'for another user', 'made up', 'respelt'])(
    'C3.09 refuses an answer to a challenge that is %s',
    async (fault) => {
      const { connect, answer, advance } = setUp();
      const right = await answer('anna', PASSWORD);
      if (fault === 'replayed') expect(await connect(right)).toBe('yes anna');
      if (fault === 'late') advance(60_001);
      const forged = {
        replayed: right,
        late: right,
        'of another address': right,
        'for another user': { ...right, user: 'carl' },
        'made up': { ...right, opaque: 'A'.repeat(40) },
        respelt: { ...right, opaque: `${right.opaque}=` },
      }[fault];
      const from = fault === 'of another address' ? '192.0.2.99' : ADDRESS;
      expect(await connect(forged ?? right, from)).toBe(FAILED);
    },
  );

  it.each(['=', ' ', '\n', '%'])(
    'C3.09 accepts a challenge only once, in any spelling: with %j appended',
    async (end) => {
      const { connect, answer } = setUp();
      const right = await answer('anna', PASSWORD);
      expect(await connect(right)).toBe('yes anna');
      // A lenient decoder reads the same bytes, and the response is right for this spelling.
      const opaque = `${right.opaque}${end}`;
      const { digest } = parsePasswordHash(anna.hash);
      const response = createHash('md5').update(`${digest}${opaque}${right.challenge}`).digest('base64');
      expect(await connect({ ...right, opaque, response })).toBe(FAILED);
    },
  );

  it('never repeats a user name that it does not know', async () => {
    const { connect } = setUp();
    for (const user of ['a b', 'x&opaque=1', `${'a'.repeat(65)}`, '\r\n']) {
      expect(await connect({ authmod: 'adobe', user })).toBe(NEED);
    }
  });
});

describe('an encoder that was asked for a user', () => {
  it('is logged once per address if it gives up, and not if it then names a user', async () => {
    const told: string[] = [];
    const { promise, resolve } = withResolver();
    const { connect } = setUp({
      patience: 30,
      onUnanswered: (address) => {
        told.push(address);
        resolve();
      },
    });
    await connect('', '192.0.2.1');
    await connect('authmod=adobe&user=anna', '192.0.2.1');
    await connect('', '192.0.2.2');
    await connect('', '192.0.2.2');
    await connect(`key=${KEY}`, '192.0.2.3');
    await promise;
    expect(told).toEqual(['192.0.2.2']);
  });

  it('is remembered for a limited number of addresses', async () => {
    const told = new Set<string>();
    const { promise, resolve } = withResolver();
    const { connect } = setUp({
      patience: 200,
      onUnanswered: (address) => {
        told.add(address);
        if (address === '10.0.0.99') resolve();
      },
    });
    for (let i = 0; i < 300; i++) await connect('', `10.0.${Math.floor(i / 256)}.${i % 256}`);
    await promise;
    expect(told.size).toBeLessThanOrEqual(100);
  });
});

function withResolver() {
  let resolve: () => void = () => undefined;
  const promise = new Promise<void>((fulfil) => {
    resolve = fulfil;
  });
  return { promise, resolve };
}
