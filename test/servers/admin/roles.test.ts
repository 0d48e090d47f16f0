// Who may do what through the management API: every route with every role, and without a token.
import { describe, expect, it } from 'vitest';
import { hashPassword } from '../../../src/access/password-hash.js';
import { addKey, setUser } from '../../../src/access/publishers/change-publishers.js';
import { adminUnderTest, FINISHED } from './admin-under-test.js';

type Status = number;
/** Method, address, body, and the status that no token, a viewer, an operator and an admin get. */
type Row = readonly [string, string, object | undefined, Status, Status, Status, Status];

const NEW_TARGET = { stream: 'live/demo', url: 'rtmp://192.0.2.1/app/key' };
const NEW_TOKEN = { role: 'viewer', name: 'prometheus' };
const NEW_BAN = { address: '192.0.2.9', for: '10m' };
const ROUTES: readonly Row[] = [
  ['GET', '/api/v1/health', undefined, 401, 200, 200, 200],
  ['GET', '/api/v1/streams', undefined, 401, 200, 200, 200],
  ['GET', '/api/v1/streams/live/demo', undefined, 401, 200, 200, 200],
  ['GET', '/metrics', undefined, 401, 200, 200, 200],
  ['GET', '/api/v1/sessions', undefined, 401, 200, 200, 200],
  ['GET', '/api/v1/bans', undefined, 401, 200, 200, 200],
  ['DELETE', '/api/v1/streams/live/demo/publisher', undefined, 401, 403, 200, 200],
  ['DELETE', '/api/v1/sessions/grant-2', undefined, 401, 403, 200, 200],
  ['POST', '/api/v1/bans', NEW_BAN, 401, 403, 200, 200],
  ['DELETE', '/api/v1/bans/ban-1', undefined, 401, 403, 200, 200],
  ['GET', '/api/v1/bucket', undefined, 401, 200, 200, 200],
  ['GET', '/api/v1/recordings', undefined, 401, 200, 200, 200],
  ['GET', '/api/v1/recordings/RECORDING', undefined, 401, 200, 200, 200],
  ['PATCH', '/api/v1/recordings/RECORDING', { pinned: true }, 401, 403, 200, 200],
  ['DELETE', '/api/v1/recordings/RECORDING', undefined, 401, 403, 200, 200],
  ['POST', '/api/v1/recordings/RECORDING/clips', { from: 1 }, 401, 403, 200, 200],
  ['POST', '/api/v1/streams/live/demo/recording', {}, 401, 403, 200, 200],
  ['POST', '/api/v1/streams/live/demo/clips', { from: -3 }, 401, 403, 200, 200],
  ['DELETE', '/api/v1/streams/live/demo/recording', undefined, 401, 403, 200, 200],
  ['POST', '/api/v1/streams/live/demo/events', { name: 'goal', values: { score: 1 } }, 401, 403, 202, 202],
  ['GET', '/api/v1/keys', undefined, 401, 403, 200, 200],
  ['POST', '/api/v1/keys', { names: ['cam'], for: '7d' }, 401, 403, 200, 200],
  ['POST', '/api/v1/keys/KEY/rotate', { grace: '24h' }, 401, 403, 200, 200],
  ['DELETE', '/api/v1/keys/KEY', undefined, 401, 403, 200, 200],
  ['GET', '/api/v1/users', undefined, 401, 403, 200, 200],
  ['DELETE', '/api/v1/users/anna', undefined, 401, 403, 200, 200],
  ['GET', '/api/v1/sources', undefined, 401, 403, 200, 200],
  ['GET', '/api/v1/targets', undefined, 401, 403, 200, 200],
  ['GET', '/api/v1/targets/TARGET', undefined, 401, 403, 200, 200],
  ['POST', '/api/v1/targets', NEW_TARGET, 401, 403, 403, 200],
  ['PATCH', '/api/v1/targets/TARGET', { title: 'other' }, 401, 403, 403, 200],
  ['POST', '/api/v1/targets/TARGET/start', undefined, 401, 403, 403, 200],
  ['POST', '/api/v1/targets/TARGET/stop', undefined, 401, 403, 403, 200],
  ['DELETE', '/api/v1/targets/TARGET', undefined, 401, 403, 403, 200],
  ['GET', '/api/v1/config', undefined, 401, 403, 403, 200],
  ['GET', '/api/v1/audit', undefined, 401, 403, 403, 200],
  ['GET', '/api/v1/tokens', undefined, 401, 403, 403, 200],
  ['POST', '/api/v1/tokens', NEW_TOKEN, 401, 403, 403, 200],
  ['DELETE', '/api/v1/tokens/VICTIM', undefined, 401, 403, 403, 200],
  ['GET', '/api/v1/openapi.json', undefined, 200, 200, 200, 200],
  ['GET', '/api/v1/docs', undefined, 200, 200, 200, 200],
];

describe('D6.01 roles', () => {
  it.each(ROUTES)('%s %s', async (method, path, body, ...expected) => {
    const statuses: number[] = [];
    for (const role of [undefined, 'viewer', 'operator', 'admin'] as const) {
      const admin = await adminUnderTest();
      admin.grants.ban({ address: '192.0.2.8', until: Date.now() + 60_000, reason: 'a ban' });
      const victim = (await admin.operators.add({ role: 'viewer', name: 'victim' })).description.id;
      const key = (await addKey(admin.stateDir, {}, undefined)).id;
      const target = (await admin.targets.add(NEW_TARGET)).id;
      await setUser(admin.stateDir, 'anna', hashPassword('anna', 'a password'), {});
      const answer = await admin.app.inject({
        method: method as 'GET',
        url: path
          .replace('VICTIM', victim)
          .replace('KEY', key)
          .replace('TARGET', target)
          .replace('RECORDING', FINISHED.id),
        headers: role === undefined ? {} : admin.as(role),
        ...(body !== undefined && { payload: body }),
      });
      statuses.push(answer.statusCode);
      if (answer.statusCode >= 400) {
        expect(answer.json()).toEqual({ code: expect.stringMatching(/^admin\./), message: expect.any(String) });
        expect(admin.grants.ended).toEqual([]);
        expect(admin.grants.bans).toHaveLength(1);
        expect(await admin.operators.list()).toHaveLength(4);
      }
    }
    expect(statuses).toEqual(expected);
  });

  it('are declared by every route, and every route is in this table', async () => {
    const admin = await adminUnderTest();
    const document = admin.app.swagger() as unknown as { paths: Record<string, Record<string, unknown>> };
    const documented = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    );
    const shape = (path: string) =>
      path
        .replace('live/demo', '{app}/{name}')
        .replace(/\/(grant-2|ban-1|VICTIM|KEY|RECORDING|TARGET)(?=$|\/)/, '/{id}')
        .replace('anna', '{user}');
    const listed = ROUTES.map(([method, path]) => `${method} ${shape(path)}`);
    const open = ['GET /api/v1/openapi.json', 'GET /api/v1/docs'];
    expect(documented.sort()).toEqual(listed.filter((route) => !open.includes(route)).sort());
  });

  it('give no rights to a token that was revoked, has expired, or is unknown', async () => {
    let now = Date.now();
    const admin = await adminUnderTest();
    const { OperatorTokens } = await import('../../../src/access/operators/operator-tokens.js');
    const operators = new OperatorTokens({
      stateDir: admin.stateDir,
      logger: { debug: () => undefined, info: () => undefined, warn: () => undefined, error: () => undefined },
      wallClock: () => now,
    });
    const brief = await operators.add({ role: 'admin', name: '', expiresAt: new Date(now + 1000).toISOString() });
    expect(await operators.check(brief.token)).toEqual({ id: brief.description.id, role: 'admin', name: '' });
    now += 1000;
    expect(await operators.check(brief.token)).toBeUndefined();
    expect(await operators.check(`${admin.tokens.admin.slice(0, -1)}x`)).toBeUndefined();
    expect(await operators.check(admin.tokens.admin.replace(/^sla_.{8}/, 'sla_00000000'))).toBeUndefined();
    const id = admin.tokens.admin.slice(4, 12);
    expect((await admin.app.inject({ url: '/api/v1/tokens', headers: admin.as('admin') })).statusCode).toBe(200);
    expect(await admin.operators.revoke(id)).toBe(true);
    expect((await admin.app.inject({ url: '/api/v1/tokens', headers: admin.as('admin') })).statusCode).toBe(401);
  });
});
