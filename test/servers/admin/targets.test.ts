// Push targets through the management API: made, changed, stopped, started and removed. The key is never returned.
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adminUnderTest, SOURCE } from './admin-under-test.js';

const SECRET = 'target-key-that-must-never-be-seen-91c2';
const TARGETS = '/api/v1/targets';
const NEW = { stream: 'live/cam', url: `rtmp://bob:${SECRET}@192.0.2.1/app/${SECRET}?sig=${SECRET}`, title: 'Backup' };

async function withTarget() {
  const admin = await adminUnderTest();
  const headers = admin.as('admin');
  const made = await admin.app.inject({ method: 'POST', url: TARGETS, headers, payload: NEW });
  const { id } = made.json() as { id: string };
  return { ...admin, headers, made, address: `${TARGETS}/${id}` };
}

describe('push targets of the management API', () => {
  it('H1.01 H1.11 are stored with their key in a file that only the gateway can read; no answer and no audit entry has the key', async () => {
    const { app, headers, made, address, stateDir, audit } = await withTarget();
    expect(made.json()).toMatchObject({ stream: 'live/cam', url: 'rtmp://192.0.2.1/app/•••', state: 'idle', runs: [] });
    const file = join(stateDir, 'targets.json');
    expect(await readFile(file, 'utf8')).toContain(SECRET);
    expect(((await stat(file)).mode & 0o777).toString(8)).toBe('600');
    const change = { title: 'Other', url: `rtmp://192.0.2.2/app/${SECRET}` };
    const changed = await app.inject({ method: 'PATCH', url: address, headers, payload: change });
    expect(changed.json()).toMatchObject({ title: 'Other', url: 'rtmp://192.0.2.2/app/•••' });
    expect((await app.inject({ method: 'POST', url: `${address}/stop`, headers })).json()).toMatchObject({
      state: 'stopped',
    });
    expect((await app.inject({ method: 'POST', url: `${address}/start`, headers })).json()).toMatchObject({
      state: 'idle',
    });
    const list = await app.inject({ url: TARGETS, headers });
    const one = await app.inject({ url: address, headers });
    expect(list.json().targets).toEqual([one.json()]);
    expect((await app.inject({ method: 'DELETE', url: address, headers })).json()).toEqual({ removed: true });
    expect((await app.inject({ url: address, headers })).statusCode).toBe(404);
    const entries = await audit.read({ limit: 10 });
    const actions = ['add', 'change', 'remove', 'start', 'stop'].map((what) => `target.${what}`);
    expect(entries.map(({ action }) => action).sort()).toEqual(actions);
    expect(made.body + changed.body + list.body + JSON.stringify(entries)).not.toContain(SECRET);
  });

  it.each([
    ['a URL of another protocol', { ...NEW, url: `http://h/app/${SECRET}` }],
    ['a URL without a key', { ...NEW, url: 'rtmp://h/app' }],
    ['a stream that is none', { ...NEW, stream: 'live' }],
    ['a preset that is none', { ...NEW, preset: 'myspace' }],
    ['an unknown field', { ...NEW, secret: SECRET }],
    ['no URL', { stream: 'live/cam' }],
  ])('H1.11 refuse %s, without repeating the key', async (_, payload) => {
    const { app, as } = await adminUnderTest();
    const answer = await app.inject({ method: 'POST', url: TARGETS, headers: as('admin'), payload });
    expect(answer.statusCode).toBe(400);
    expect(answer.body).not.toContain(SECRET);
    expect((await app.inject({ url: TARGETS, headers: as('operator') })).json()).toEqual({ targets: [] });
  });

  it('H1.19 can be changed only by admins', async () => {
    const { app, as, address } = await withTarget();
    for (const [method, url] of [
      ['POST', TARGETS],
      ['PATCH', address],
      ['POST', `${address}/stop`],
      ['DELETE', address],
    ] as const) {
      const answer = await app.inject({
        method,
        url,
        headers: as('operator'),
        ...(method !== 'DELETE' && { payload: NEW }),
      });
      expect([method, answer.statusCode]).toEqual([method, 403]);
    }
  });

  it('H1.20 shows the streams that are pulled, without keys', async () => {
    const { app, as } = await adminUnderTest();
    const answer = await app.inject({ url: '/api/v1/sources', headers: as('operator') });
    expect(answer.json().sources).toEqual([{ ...SOURCE, since: '2026-11-28T00:00:00.000Z' }]);
  });

  it('answer 404 for an unknown target', async () => {
    const { app, as } = await adminUnderTest();
    for (const [method, url] of [
      ['PATCH', `${TARGETS}/none`],
      ['POST', `${TARGETS}/none/start`],
      ['DELETE', `${TARGETS}/none`],
    ] as const) {
      const answer = await app.inject({
        method,
        url,
        headers: as('admin'),
        ...(method === 'PATCH' && { payload: { title: 'x' } }),
      });
      expect([url, answer.statusCode]).toEqual([url, 404]);
    }
  });
});
