// Protection of the management API: host names (DNS rebinding), pages of other sites (CSRF, CORS), wrong tokens, and bodies.
import { describe, expect, it } from 'vitest';
import { AttemptLimit, MAX_ATTEMPTS } from '../../../src/access/attempt-limit.js';
import { isOwnHost } from '../../../src/servers/admin/own-names.js';
import { adminUnderTest } from './admin-under-test.js';

describe('D6.06 host names', () => {
  it.each([
    ['127.0.0.1:8081', true],
    ['localhost', true],
    ['localhost.:8081', true],
    ['gateway.localhost:8081', true],
    ['[::1]:8081', true],
    ['10.0.0.7', true],
    ['ops.example.com:8081', true],
    ['evil.example', false],
    ['127.0.0.1.evil.example', false],
    ['localhost.evil.example:8081', false],
    ['evil-localhost', false],
    ['xops.example.com', false],
    ['[::1].evil.example', false],
    ['127.0.0.1:8081@evil.example', false],
    ['', false],
  ])('%s: %s', (host, isOwn) => {
    expect(isOwnHost(host, ['ops.example.com'])).toBe(isOwn);
  });

  it('that are not ours are refused before the token is checked', async () => {
    const admin = await adminUnderTest();
    for (const url of ['/api/v1/streams', '/metrics', '/api/v1/docs', '/api/v1/openapi.json', '/nothing']) {
      const answer = await admin.app.inject({ url, headers: { ...admin.as('admin'), host: 'evil.example:8081' } });
      expect([url, answer.statusCode, answer.json().code]).toEqual([url, 421, 'admin.host']);
    }
  });
});

describe('D6.03 pages of other web sites', () => {
  const kick = { method: 'DELETE', url: '/api/v1/streams/live/demo/publisher' } as const;

  it('may neither read nor change anything', async () => {
    const admin = await adminUnderTest();
    const headers = { ...admin.as('admin'), origin: 'https://evil.example' };
    const preflight = await admin.app.inject({
      method: 'OPTIONS',
      url: kick.url,
      headers: { origin: 'https://evil.example', 'access-control-request-method': 'DELETE' },
    });
    expect([preflight.statusCode, preflight.json().code]).toEqual([403, 'admin.origin']);
    const read = await admin.app.inject({ url: '/api/v1/streams', headers });
    for (const answer of [preflight, read]) expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    const written = await admin.app.inject({ ...kick, headers });
    expect([written.statusCode, written.json().code]).toEqual([403, 'admin.origin']);
    const sandboxed = await admin.app.inject({ ...kick, headers: { ...headers, origin: 'null' } });
    expect(sandboxed.statusCode).toBe(403);
    expect(admin.grants.ended).toEqual([]);
  });

  it('may if their origin is configured, and get exactly that origin in the CORS header', async () => {
    const admin = await adminUnderTest({ origins: ['https://ops.example.com'] });
    const headers = { ...admin.as('operator'), origin: 'https://ops.example.com' };
    const preflight = await admin.app.inject({ method: 'OPTIONS', url: kick.url, headers: { origin: headers.origin } });
    expect(preflight.statusCode).toBe(204);
    const answer = await admin.app.inject({ ...kick, headers });
    expect(answer.statusCode).toBe(200);
    for (const { headers: sent } of [preflight, answer]) {
      expect(sent['access-control-allow-origin']).toBe('https://ops.example.com');
      expect(sent['access-control-allow-credentials']).toBeUndefined();
      expect(sent.vary).toMatch(/Origin/);
    }
    const near = await admin.app.inject({
      ...kick,
      headers: { ...headers, origin: 'https://ops.example.com.evil.example' },
    });
    expect(near.statusCode).toBe(403);
  });

  it('do not include the page of the listener itself', async () => {
    const admin = await adminUnderTest();
    const headers = { ...admin.as('operator'), host: 'localhost:8081', origin: 'http://localhost:8081' };
    expect((await admin.app.inject({ ...kick, headers })).statusCode).toBe(200);
  });
});

describe('D6.07 wrong tokens', () => {
  const ask = { url: '/api/v1/streams', remoteAddress: '192.0.2.1' };
  const wrong = { authorization: `Bearer sla_00000000_${'x'.repeat(43)}` };

  it('get 401, then 429, while a valid one from the same address is accepted', async () => {
    const admin = await adminUnderTest();
    const statuses: number[] = [];
    for (let count = 0; count < MAX_ATTEMPTS + 5; count++) {
      statuses.push((await admin.app.inject({ ...ask, headers: wrong })).statusCode);
    }
    expect(statuses).toEqual([...Array(MAX_ATTEMPTS).fill(401), ...Array(5).fill(429)]);
    const blocked = await admin.app.inject({ ...ask, headers: wrong });
    expect(Number(blocked.headers['retry-after'])).toBeGreaterThan(800);
    expect((await admin.app.inject({ ...ask, headers: admin.as('viewer') })).statusCode).toBe(200);
    expect((await admin.app.inject({ ...ask, remoteAddress: '192.0.2.2', headers: wrong })).statusCode).toBe(401);
    expect(admin.refused.get('admin.token-denied')).toBe(MAX_ATTEMPTS + 1);
    expect(admin.refused.get('admin.too-many-attempts')).toBe(6);
  });

  it('are counted for a limited number of addresses', () => {
    const wrongTokens = new AttemptLimit();
    for (let count = 0; count < 60_000; count++)
      wrongTokens.record(`10.${count >> 16}.${(count >> 8) & 255}.${count & 255}`, 0);
    expect(wrongTokens.size).toBe(50_000);
  });

  it('count together for an IPv6 network, and are forgotten after some time', () => {
    const wrongTokens = new AttemptLimit();
    for (let count = 0; count < MAX_ATTEMPTS; count++) expect(wrongTokens.record(`2001:db8::${count}`, 0)).toBe(0);
    expect(wrongTokens.record('2001:db8::ffff', 1000)).toBe(900);
    expect(wrongTokens.record('2001:db8::ffff', 901_000)).toBe(0);
  });

  it.each(['Basic YWRtaW46YWRtaW4=', 'Bearer', `Bearer ${'a'.repeat(4000)}`, 'Bearer ~1abc', 'sla_00000000_x'])(
    'are also what is none: %s',
    async (authorization) => {
      const admin = await adminUnderTest();
      const answer = await admin.app.inject({ ...ask, headers: { authorization } });
      expect([answer.statusCode, answer.json().code]).toEqual([401, 'admin.token-denied']);
      // A browser must not ask its user for a password.
      expect(answer.headers['www-authenticate']).toBe('Bearer');
    },
  );

  it('D6.02 include all tokens in a URL', async () => {
    const admin = await adminUnderTest();
    const answer = await admin.app.inject({ url: `/api/v1/streams?token=${admin.tokens.admin}` });
    expect([answer.statusCode, answer.json().code]).toEqual([401, 'admin.token-required']);
  });
});

describe('bodies', () => {
  const post = { method: 'POST', url: '/api/v1/tokens' } as const;

  it('E1.03 with unknown fields are refused, and the field is named', async () => {
    const admin = await adminUnderTest();
    const payload = { role: 'viewer', name: 'x', isAdmin: true };
    const answer = await admin.app.inject({ ...post, headers: admin.as('admin'), payload });
    expect(answer.statusCode).toBe(400);
    expect(answer.json()).toMatchObject({ code: 'admin.bad-request', details: [expect.stringContaining('isAdmin')] });
  });

  it.each([
    ['no JSON', '{', 'application/json', 400],
    ['text, which a page can send without asking first', '{"role":"admin","name":"x"}', 'text/plain', 415],
    ['a form', 'role=admin&name=x', 'application/x-www-form-urlencoded', 415],
    ['longer than 64 KiB', JSON.stringify({ role: 'admin', name: 'x'.repeat(70_000) }), 'application/json', 413],
    ['a wrong role', '{"role":"root","name":"x"}', 'application/json', 400],
    ['control characters', '{"role":"viewer","name":"\\u001b[2J"}', 'application/json', 400],
    ['a polluted prototype', '{"role":"viewer","name":"x","__proto__":{"a":1}}', 'application/json', 400],
  ])('that are %s make nothing', async (_what, payload, type, status) => {
    const admin = await adminUnderTest();
    const headers = { ...admin.as('admin'), 'content-type': type };
    const answer = await admin.app.inject({ ...post, headers, payload });
    expect(answer.statusCode).toBe(status);
    expect(answer.body).not.toMatch(/stack|node_modules/);
    expect(await admin.operators.list()).toHaveLength(3);
  });

  it('of requests without a token are not read', async () => {
    const admin = await adminUnderTest();
    const answer = await admin.app.inject({ ...post, headers: { 'content-type': 'application/json' }, payload: '{' });
    expect(answer.statusCode).toBe(401);
  });
});
