// JWTs of a login server: which are accepted, what they allow, and what happens while the keys change or cannot be fetched.
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { once } from 'node:events';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { exportJWK, exportSPKI, type JWTPayload, SignJWT } from 'jose';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accessError } from '../../src/access/errors.js';
import { JwtProof } from '../../src/access/jwt/jwt-proof.js';
import { KeySet } from '../../src/access/jwt/key-set.js';
import { allows } from '../../src/access/jwt/permissions.js';
import type { GrantAction } from '../../src/contracts/grant.js';
import { eventually } from '../support/hls-client.js';
import { ManualClock } from '../support/manual-clock.js';
import { temporaryDirectory } from '../support/temp-dir.js';

const ISSUER = 'https://login.example.com';
const CLAIMS = { sluice: { publish: ['live/cam'], play: ['live/*'] }, iss: ISSUER, sub: 'anna' };

const ec = () => generateKeyPairSync('ec', { namedCurve: 'P-256' });
type Pair = ReturnType<typeof ec>;
const first = ec();
const second = ec();

async function sign(pair: Pair, clock: ManualClock, claims: JWTPayload = {}, header: object = {}): Promise<string> {
  const exp = Math.floor(clock.wallClock() / 1000) + 600;
  const kid = pair === first ? 'first' : 'second';
  return new SignJWT({ ...CLAIMS, exp, ...claims })
    .setProtectedHeader({ alg: 'ES256', kid, ...header })
    .sign(pair.privateKey);
}

const jwk = async (pair: Pair) => ({
  ...(await exportJWK(pair.publicKey)),
  kid: pair === first ? 'first' : 'second',
  use: 'sig',
});

/** A key server whose answers the test decides. */
async function startServer() {
  const served = {
    status: 200,
    body: JSON.stringify({ keys: [await jwk(first)] }),
    location: '',
    requests: 0,
    hangs: false,
  };
  const server = createServer((_request, response) => {
    served.requests += 1;
    if (served.hangs) return;
    response.writeHead(served.status, served.location === '' ? {} : { location: served.location }).end(served.body);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  return { served, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks` };
}

async function openKeys(url: string, stateDir: string, clock: ManualClock) {
  const lines: string[] = [];
  const write = (fields: object, message: string): void => void lines.push(`${message} ${JSON.stringify(fields)}`);
  const path = join(stateDir, 'jwks.json');
  const set = await KeySet.open({
    url,
    file: { path, maxBytes: 256 * 1024, whenFull: '', error: (what) => accessError('access.jwks', what) },
    logger: { debug: write, info: write, warn: write, error: write },
    clock,
    maxStale: 86_400_000,
  });
  onTestFinished(() => set.close());
  const proof = proofWith(set.key, clock);
  return { lines, ...proof };
}

function proofWith(
  key: ConstructorParameters<typeof JwtProof>[0]['key'],
  clock: ManualClock,
  algorithms = ['ES256', 'RS256', 'EdDSA'],
) {
  const proof = new JwtProof({
    ...{ key, algorithms, issuer: ISSUER, claim: 'sluice', clockSkew: 30 },
    wallClock: () => clock.wallClock(),
  });
  const ask = async (token: string, action: GrantAction = 'publish', parameter = 'token', name = 'cam') =>
    proof.prove({
      ...({ action, protocol: 'rtmp', app: 'live', name, remoteAddress: '192.0.2.1' } as const),
      query: new URLSearchParams({ [parameter]: token }),
    });
  const verdict = async (token: string, action?: GrantAction) => {
    const result = await ask(token, action);
    if (result === undefined) return 'no JWT';
    return result.ok ? `covers ${result.covers}` : result.error.code;
  };
  return { ask, verdict };
}

async function setUp() {
  const clock = new ManualClock();
  const server = await startServer();
  const stateDir = await temporaryDirectory();
  const keys = await openKeys(server.url, stateDir, clock);
  const good = await sign(first, clock);
  await eventually(async () => ((await keys.verdict(good)) === 'covers true' ? true : undefined));
  return { clock, stateDir, ...server, ...keys, good };
}

describe('a JWT', () => {
  it('D3.01 D3.02 is accepted if signature, issuer, times and algorithm are right, wherever in the request it is sent', async () => {
    const { ask, verdict, clock, good } = await setUp();
    const until = clock.wallClock() + 630_000;
    for (const parameter of ['token', 'jwt', 'pass']) {
      expect(await ask(good, 'publish', parameter)).toMatchObject({
        ok: true,
        covers: true,
        holder: { proof: 'jwt', id: 'anna' },
      });
    }
    expect(Math.abs((((await ask(good)) as { until: number }).until ?? 0) - until)).toBeLessThan(2_000);
    expect(await ask(good, 'publish', 'token', 'other')).toMatchObject({ covers: false });
    expect(await ask(good, 'play', 'token', 'other')).toMatchObject({
      covers: true,
      session: { sid: expect.stringMatching(/^[\w-]{22}$/) },
    });
    expect(await ask(await sign(first, clock, { jti: 'viewer-7' }), 'play')).toMatchObject({
      session: { sid: 'viewer-7' },
    });
    expect(await verdict('v1.abcd.x.y')).toBe('no JWT');
  });

  it('D3.01 D3.02 is refused otherwise, whatever its header claims', async () => {
    const { ask, verdict, clock, good } = await setUp();
    const seconds = Math.floor(clock.wallClock() / 1000);
    const [head = '', body = '', code = ''] = good.split('.');
    const encode = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
    const pem = createSecretKey(Buffer.from(await exportSPKI(first.publicKey)));
    const embedded = await exportJWK(second.publicKey);
    const bad: Record<string, string> = {
      'no algorithm': `${encode({ alg: 'none' })}.${body}.`,
      'signed with the public key as a secret': await new SignJWT({ ...CLAIMS, exp: seconds + 600 })
        .setProtectedHeader({ alg: 'HS256', kid: 'first' })
        .sign(pem),
      'its own key in its header': await sign(second, clock, {}, { kid: 'first', jwk: embedded }),
      'another key': await sign(second, clock),
      'a critical extension': `${encode({ alg: 'ES256', kid: 'first', crit: ['x'], x: 1 })}.${body}.${code}`,
      'no end': await new SignJWT({ ...CLAIMS })
        .setProtectedHeader({ alg: 'ES256', kid: 'first' })
        .sign(first.privateKey),
      'an end that is over': await sign(first, clock, { exp: seconds - 31 }),
      'a beginning that is to come': await sign(first, clock, { nbf: seconds + 60 }),
      'another issuer': await sign(first, clock, { iss: 'https://evil.example.com' }),
      'a changed claim': `${head}.${encode({ ...CLAIMS, exp: seconds + 600, sub: 'root' })}.${code}`,
    };
    const verdicts = await Promise.all(Object.values(bad).map((token) => verdict(token)));
    expect(Object.fromEntries(Object.keys(bad).map((why, index) => [why, verdicts[index]]))).toEqual(
      Object.fromEntries(Object.keys(bad).map((why) => [why, 'access.jwt'])),
    );
    const foreign = await Promise.all(Object.values(bad).map((token) => ask(token)));
    // Only a token of somebody else may be judged by a webhook.
    expect(Object.keys(bad).filter((_, index) => Object.hasOwn(foreign[index] ?? {}, 'isForeign'))).toEqual([
      'another issuer',
    ]);
    expect(await verdict(await sign(first, clock, { exp: seconds - 31 }), 'play')).toBe('access.play-expired');
    expect(await verdict(await sign(first, clock, { exp: seconds - 29 }))).toBe('covers true');
  });

  it('D3.02 that ends later than anything can be shown counts until the year 9999', async () => {
    const { ask, clock } = await setUp();
    const proven = await ask(await sign(first, clock, { exp: 1e300 }), 'play');
    expect(proven).toMatchObject({ session: { until: 253_402_300_799 } });
    const publisher = await ask(await sign(first, clock, { exp: 9e12 }));
    expect(publisher).toMatchObject({ until: (253_402_300_799 + 30) * 1000 });
  });

  it('D3.01 must use HS256 if a shared secret is configured', async () => {
    const clock = new ManualClock();
    const secret = new TextEncoder().encode('a-secret-of-at-least-32-characters');
    const { verdict } = proofWith(secret, clock, ['HS256']);
    const exp = Math.floor(clock.wallClock() / 1000) + 600;
    const signed = (alg: string) => new SignJWT({ ...CLAIMS, exp }).setProtectedHeader({ alg }).sign(secret);
    expect(await verdict(await signed('HS256'))).toBe('covers true');
    expect(await verdict(await signed('HS512'))).toBe('access.jwt');
    expect(await verdict(await sign(first, clock))).toBe('access.jwt');
  });
});

describe('the keys that verify JWTs', () => {
  it('D3.03 are fetched again for an unknown key id, once for all waiting requests and at most every 10 s', async () => {
    const { served, clock, verdict } = await setUp();
    const next = await sign(second, clock);
    clock.advance(10_000);
    await Promise.all(Array.from({ length: 50 }, () => verdict(next)));
    expect(served.requests).toBe(2);
    served.body = JSON.stringify({ keys: [await jwk(first), await jwk(second)] });
    expect(await verdict(next)).toBe('access.jwt');
    expect(served.requests).toBe(2);
    clock.advance(10_000);
    expect(await Promise.all(Array.from({ length: 50 }, () => verdict(next)))).toEqual(Array(50).fill('covers true'));
    expect(served.requests).toBe(3);
  });

  it('D3.04 stay in force for a day while their server is down, even over a restart, with one warning a minute', async () => {
    const { served, url, stateDir, clock, lines, verdict } = await setUp();
    served.status = 503;
    const warnings = () => lines.filter((line) => line.includes('cannot be fetched')).length;
    clock.advance(660_000);
    expect(await verdict(await sign(first, clock))).toBe('covers true');
    await eventually(async () => (warnings() === 1 ? true : undefined));
    for (let tries = 0; tries < 4; tries++) {
      clock.advance(10_000);
      const before = served.requests;
      expect(await verdict(await sign(second, clock))).toBe('access.jwt');
      expect(served.requests).toBe(before + 1);
    }
    expect(warnings()).toBe(1);
    await eventually(() => stat(join(stateDir, 'jwks.json')).catch(() => undefined));
    const restarted = await openKeys(url, stateDir, clock);
    expect(await restarted.verdict(await sign(first, clock))).toBe('covers true');
    clock.advance(86_400_000);
    expect(await verdict(await sign(first, clock))).toBe('access.jwks');
  });

  it.each<[string, (served: Awaited<ReturnType<typeof startServer>>['served'], url: string) => void, string]>([
    [
      'of more than 128 kB',
      (served) => Object.assign(served, { body: JSON.stringify({ keys: [], x: 'x'.repeat(140_000) }) }),
      'more than 131072 bytes',
    ],
    ['behind a redirect', (served, url) => Object.assign(served, { status: 302, location: url }), 'got status 302'],
    [
      'of more than 50 keys',
      (served) => Object.assign(served, { body: JSON.stringify({ keys: Array(51).fill({ kty: 'EC' }) }) }),
      'got 51 keys',
    ],
    [
      'of RSA with less than 2048 bits',
      (served) =>
        Object.assign(served, { body: JSON.stringify({ keys: [{ kty: 'RSA', n: 'x'.repeat(170), e: 'AQAB' }] }) }),
      'no public key',
    ],
    [
      'that are secrets',
      (served) => Object.assign(served, { body: JSON.stringify({ keys: [{ kty: 'oct', k: 'c2VjcmV0' }] }) }),
      'no public key',
    ],
    ['that are no JSON', (served) => Object.assign(served, { body: 'secret-in-the-answer' }), 'not valid JSON'],
  ])('D3.05 are not taken %s', async (_, lie, reason) => {
    const clock = new ManualClock();
    const { served, url } = await startServer();
    lie(served, url);
    const { lines, verdict } = await openKeys(url, await temporaryDirectory(), clock);
    await eventually(async () => lines.find((line) => line.includes(reason)));
    expect(await verdict(await sign(first, clock))).toBe('access.jwks');
    expect(served.requests).toBe(1);
  });
});

describe('permissions', () => {
  const asked = { action: 'publish', app: 'live', name: 'cam' } as const;
  const may = (permissions: unknown, name = 'cam') =>
    allows({ mediamtx_permissions: permissions }, 'sluice', { ...asked, name });

  it('D3.06 are those of MediaMTX, in every form that Keycloak gives them', () => {
    const exact = { action: 'publish', path: 'live/cam' };
    for (const form of [[exact], exact, JSON.stringify([exact]), [JSON.stringify(exact)], JSON.stringify(exact)]) {
      expect([may(form), may(form, 'camera')]).toEqual([true, false]);
    }
    expect(may([{ action: 'publish' }])).toBe(true);
    expect(may([{ action: 'publish', path: '' }])).toBe(true);
    expect(may([{ action: 'read', path: '' }])).toBe(false);
    expect(may([{ action: 'publish', path: '~^live/c.m$' }])).toBe(true);
    expect(may([{ action: 'publish', path: '~am' }])).toBe(true);
    expect(may([{ action: 'publish', path: '~^other' }])).toBe(false);
    expect(
      allows({ mediamtx_permissions: [{ action: 'read', path: 'live/cam' }] }, 'sluice', { ...asked, action: 'play' }),
    ).toBe(true);
  });

  it('D3.06 match any regular expression in bounded time, and allow nothing that is not understood', () => {
    const evil = 'a'.repeat(250);
    expect(
      allows({ mediamtx_permissions: [{ action: 'publish', path: '~(a+)+$' }] }, 'sluice', {
        ...asked,
        name: `${evil}!`,
      }),
    ).toBe(false);
    for (const path of ['~(', '~(?=x)', '~\\1', `~${'a'.repeat(300)}`, 7, null])
      expect(may([{ action: 'publish', path }])).toBe(false);
    for (const claim of [undefined, null, 'x', '{', 7, [[7]], { action: 7 }]) expect(may(claim)).toBe(false);
    for (const own of [{}, { publish: 'live/cam' }, { publish: [7] }, { play: ['live/cam'] }]) {
      expect(allows({ sluice: own, mediamtx_permissions: [{ action: 'publish' }] }, 'sluice', asked)).toBe(false);
    }
  });
});
