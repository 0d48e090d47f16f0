// Every change through the management API is in the audit log before it is made. If the log cannot be written, the change is not made.
import { mkdir, rm } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { auditPath } from '../../../src/access/audit/audit-files.js';
import type { Grant } from '../../../src/contracts/grant.js';
import { adminUnderTest, PUBLISHER, VIEWER } from './admin-under-test.js';

const KICK = { method: 'DELETE', url: '/api/v1/streams/live/demo/publisher?ban=10m&reason=wrong+camera' } as const;

describe('D6.04 changes', () => {
  it('are written with operator, address, action, target, and the values before', async () => {
    const admin = await adminUnderTest();
    const answer = await admin.app.inject({ ...KICK, headers: admin.as('operator'), remoteAddress: '192.0.2.7' });
    expect(answer.json()).toMatchObject({ ended: 1, bannedUntil: expect.stringMatching(/Z$/) });
    expect(admin.grants.ended).toEqual([{ id: 'grant-1', reason: 'wrong camera', banFor: 600_000 }]);
    const entries = await admin.audit.read({});
    expect(entries).toMatchObject([
      {
        actor: { id: admin.tokens.operator.slice(4, 12), role: 'operator', name: 'operator' },
        address: '192.0.2.7',
        action: 'publisher.end',
        target: 'live/demo',
        before: [{ id: 'grant-1', stream: 'live/demo', proof: 'key', holder: 'key-1' }],
        after: { reason: 'wrong camera', ban: '10m' },
        result: 'accepted',
        request: expect.any(String),
      },
    ]);
  });

  it('never show the token that was made or used', async () => {
    const admin = await adminUnderTest();
    const made = await admin.app.inject({
      method: 'POST',
      url: '/api/v1/tokens',
      headers: admin.as('admin'),
      payload: { role: 'viewer', name: 'prometheus', for: '30d' },
    });
    const { token, description } = made.json() as { token: string; description: { id: string; expiresAt: string } };
    expect((await admin.operators.check(token))?.role).toBe('viewer');
    expect(Date.parse(description.expiresAt)).toBeGreaterThan(Date.now() + 29 * 86_400_000);
    const kept = JSON.stringify([await admin.audit.read({}), await admin.operators.list()]);
    for (const secret of [token, ...Object.values(admin.tokens)]) expect(kept).not.toContain(secret.slice(13));
    expect(kept).toContain('token.add');
  });

  it('are also written when they are refused, or when their target has left meanwhile', async () => {
    const admin = await adminUnderTest();
    const end = admin.grants.end.bind(admin.grants);
    await admin.app.inject({ ...KICK, headers: admin.as('viewer') });
    await admin.app.inject({ ...KICK, url: '/api/v1/streams/live/nobody/publisher', headers: admin.as('operator') });
    await admin.app.inject({ ...KICK, url: `${KICK.url}&ban=never`, headers: admin.as('operator') });
    // The session leaves between the check and the end.
    admin.grants.end = () => false;
    const gone = await admin.app.inject({ ...KICK, headers: admin.as('operator') });
    admin.grants.end = end;
    expect(gone.statusCode).toBe(404);
    const entries = await admin.audit.read({});
    expect(entries.map(({ result, code, actor }) => [result, code, actor.role])).toEqual([
      ['refused', 'admin.role', 'viewer'],
      ['refused', 'admin.not-found', 'operator'],
      ['refused', 'admin.bad-request', 'operator'],
      ['accepted', undefined, 'operator'],
      ['failed', 'admin.not-found', 'operator'],
    ]);
    expect(admin.grants.ended).toEqual([]);
  });

  it('that a program requests again and again do not push all other entries out', async () => {
    const admin = await adminUnderTest();
    for (let count = 0; count < 80; count++) await admin.app.inject({ ...KICK, headers: admin.as('viewer') });
    expect(await admin.audit.read({})).toHaveLength(60);
  });

  it('without a valid token are not written, because they could fill the disk', async () => {
    const admin = await adminUnderTest();
    await admin.app.inject({ ...KICK, headers: { authorization: 'Bearer wrong' } });
    await admin.app.inject(KICK);
    expect(await admin.audit.read({})).toEqual([]);
    expect(admin.refused.get('admin.token-denied')).toBe(1);
  });
});

describe('D6.05 a log that cannot be written', () => {
  const requests = [
    KICK,
    { method: 'DELETE', url: '/api/v1/sessions/grant-2' },
    { method: 'POST', url: '/api/v1/bans', payload: { address: '192.0.2.9', for: '10m' } },
    { method: 'POST', url: '/api/v1/tokens', payload: { role: 'viewer', name: 'x' } },
  ] as const;

  it('refuses every change but still answers read requests', async () => {
    const admin = await adminUnderTest();
    await mkdir(auditPath(admin.stateDir));
    for (const request of requests) {
      const answer = await admin.app.inject({ ...request, headers: admin.as('admin') });
      expect([request.url, answer.statusCode, answer.json().code]).toEqual([request.url, 503, 'audit.unwritable']);
    }
    expect(admin.grants.ended).toEqual([]);
    expect(admin.grants.bans).toEqual([]);
    expect(await admin.operators.list()).toHaveLength(3);
    expect((await admin.app.inject({ url: '/api/v1/streams', headers: admin.as('viewer') })).statusCode).toBe(200);
    await rm(auditPath(admin.stateDir), { recursive: true });
    expect((await admin.app.inject({ ...KICK, headers: admin.as('admin') })).statusCode).toBe(200);
  });

  it('refuses nothing with auditRequired off', async () => {
    const admin = await adminUnderTest({ auditRequired: false });
    await mkdir(auditPath(admin.stateDir));
    for (const request of requests) {
      expect((await admin.app.inject({ ...request, headers: admin.as('admin') })).statusCode).toBe(200);
    }
  });
});

describe('keys', () => {
  it('D5.01 are made, rotated and revoked, and only the answer that makes a key has its secret', async () => {
    const admin = await adminUnderTest();
    const headers = admin.as('operator');
    const payload = { names: ['cam'], title: 'camera', for: '7d' };
    const made = await admin.app.inject({ method: 'POST', url: '/api/v1/keys', headers, payload });
    const { id, secret } = made.json() as { id: string; secret: string };
    const rotate = { method: 'POST', url: `/api/v1/keys/${id}/rotate`, headers, payload: { grace: '24h' } } as const;
    const rotated = (await admin.app.inject(rotate)).json() as { id: string; secret: string };
    const revoke = { method: 'DELETE', url: `/api/v1/keys/${id}?keepRunning=true`, headers } as const;
    expect((await admin.app.inject(revoke)).statusCode).toBe(200);
    expect((await admin.app.inject(rotate)).statusCode).toBe(404);
    const listed = await admin.app.inject({ url: '/api/v1/keys', headers });
    expect(listed.json().keys).toMatchObject([
      {
        id,
        names: ['cam'],
        title: 'camera',
        hint: secret.slice(0, 4),
        revokedAt: expect.any(String),
        keepRunning: true,
      },
      { id: rotated.id, names: ['cam'], hint: rotated.secret.slice(0, 4) },
    ]);
    const kept = listed.body + JSON.stringify(await admin.audit.read({}));
    for (const text of [secret, rotated.secret, 'hash']) expect(kept).not.toContain(text);
    expect((await admin.audit.read({})).map(({ action }) => action)).toEqual([
      'key.add',
      'key.rotate',
      'key.revoke',
      expect.stringContaining('rotate'),
    ]);
  });
});

describe('lists', () => {
  it('have pages', async () => {
    const admin = await adminUnderTest();
    const first = (await admin.app.inject({ url: '/api/v1/sessions?limit=1', headers: admin.as('viewer') })).json();
    expect(first).toMatchObject({ sessions: [{ id: 'grant-1' }], next: `${PUBLISHER.since}-grant-1` });
    const second = await admin.app.inject({
      url: `/api/v1/sessions?limit=1&after=${first.next}`,
      headers: admin.as('viewer'),
    });
    expect(second.json()).toEqual({ sessions: [expect.objectContaining({ id: 'grant-2' })] });
    const strange = { url: '/api/v1/sessions?after=grant-1', headers: admin.as('viewer') };
    expect((await admin.app.inject(strange)).statusCode).toBe(400);
    const played = await admin.app.inject({
      url: '/api/v1/sessions?action=play&app=live',
      headers: admin.as('viewer'),
    });
    expect(played.json().sessions).toHaveLength(1);
  });

  it('go on behind a session that has ended, and name each of the others once', async () => {
    const admin = await adminUnderTest();
    // Two began in the same moment.
    const ids = ['a', 'b', '-c', 'd', 'e'];
    admin.grants.grants = ids.map((id, index) => ({ ...PUBLISHER, id, since: 1000 + (index >> 1) }));
    const seen: string[] = [];
    let next: string | undefined = '';
    while (next !== undefined) {
      const url = `/api/v1/sessions?limit=2${next === '' ? '' : `&after=${next}`}`;
      const page: { sessions: { id: string }[]; next?: string } = (
        await admin.app.inject({ url, headers: admin.as('viewer') })
      ).json();
      seen.push(...page.sessions.map(({ id }) => id));
      // Only the last one of the page ends, which the next request names.
      admin.grants.grants = admin.grants.grants.filter(({ id }) => id !== seen.at(-1));
      next = seen.length > ids.length ? undefined : page.next;
    }
    expect(seen).toEqual(['a', 'b', '-c', 'd', 'e']);
  });

  it('D5.10 end all sessions of a JWT by its session, and say of players without one that they can come back', async () => {
    const admin = await adminUnderTest();
    const headers = admin.as('operator');
    const player: Grant = { ...PUBLISHER, action: 'play', protocol: 'rtmp', holder: { proof: 'open' } };
    admin.grants.grants = [
      { ...player, id: 'one', holder: { proof: 'jwt', id: 'anna' }, session: 'of-anna' },
      { ...player, id: 'two' },
    ];
    const jwt = await admin.app.inject({ method: 'DELETE', url: '/api/v1/sessions/of-anna', headers });
    expect(jwt.json()).toMatchObject({ ended: 1, note: expect.stringContaining('until its token expires') });
    const open = await admin.app.inject({ method: 'DELETE', url: '/api/v1/sessions/two', headers });
    expect(open.json()).toMatchObject({ ended: 1, note: expect.stringContaining('connect again') });
  });

  it('D5.10 revoke a session of several tokens until the last of them ends', async () => {
    const admin = await adminUnderTest();
    const until = (id: string, seconds: number): Grant => ({ ...VIEWER, id, until: seconds * 1000 });
    admin.grants.grants = [until('one', 1_900_000_000), until('two', 1_950_000_000), until('three', 1_800_000_000)];
    await admin.app.inject({ method: 'DELETE', url: '/api/v1/sessions/sid-of-a-token', headers: admin.as('operator') });
    expect(admin.revokedUntil).toEqual([1_950_000_000]);
  });

  it('D5.10 end all sessions of a play token by its sid', async () => {
    const admin = await adminUnderTest();
    const url = '/api/v1/sessions/sid-of-a-token';
    expect((await admin.app.inject({ method: 'DELETE', url, headers: admin.as('operator') })).json().ended).toBe(1);
    expect(admin.grants.ended.map(({ id }) => id)).toEqual(['grant-2']);
    expect(admin.revoked).toEqual(['sid-of-a-token']);
    expect((await admin.app.inject({ method: 'DELETE', url, headers: admin.as('operator') })).statusCode).toBe(404);
  });
});
