// Recordings through the management API: what operators read and change, and the errors that they get.
import { describe, expect, it } from 'vitest';
import { adminUnderTest, FINISHED } from './admin-under-test.js';

const path = `/api/v1/recordings/${FINISHED.id}`;
const OTHER = '/api/v1/recordings/00000000000000000000000000';

describe('recordings of the management API', () => {
  it('are listed and read with ISO dates', async () => {
    const { app, as } = await adminUnderTest();
    const { recordings, count } = (
      await app.inject({ url: '/api/v1/recordings?limit=5', headers: as('viewer') })
    ).json();
    expect(count).toBe(1);
    expect(recordings[0]).toMatchObject({ id: FINISHED.id, start: '2026-11-28T00:00:00.000Z', renditions: ['source'] });
    expect((await app.inject({ url: path, headers: as('viewer') })).json()).toEqual({
      ...recordings[0],
      bucket: 'uploading',
    });
  });

  it('G1.12 are listed as far as they have been read, and the list says so', async () => {
    const { app, as, recordings } = await adminUnderTest();
    const list = async () =>
      (await app.inject({ url: '/api/v1/recordings?limit=5', headers: as('viewer') })).json<{ incomplete?: true }>();
    expect((await list()).incomplete).toBeUndefined();
    recordings.isReading = true;
    expect((await list()).incomplete).toBe(true);
  });

  it('are copied to a bucket, and an operator reads how that goes', async () => {
    const { app, as } = await adminUnderTest();
    expect((await app.inject({ url: '/api/v1/bucket', headers: as('viewer') })).json()).toEqual({
      ...{ state: 'failed', reason: 'there is no such bucket', lag: 6.5 },
      ...{ pendingRecordings: 1, pendingBytes: 5, droppedSegments: 7, sentBytes: 3, requests: 1, failedRequests: 2 },
    });
  });

  it('are started, named, pinned and removed, each in the audit log', async () => {
    const { app, as, recordings, audit } = await adminUnderTest();
    const headers = as('operator');
    const started = await app.inject({
      ...{ method: 'POST', url: '/api/v1/streams/live/demo/recording', headers },
      payload: { renditions: 'source,720p', title: 'Interview' },
    });
    expect(started.json()).toMatchObject({ state: 'recording', title: 'Interview' });
    const clip = await app.inject({ method: 'POST', url: `${path}/clips`, headers, payload: { from: 2, to: 5 } });
    expect(clip.json()).toMatchObject({ clip: { of: FINISHED.id, from: '2026-11-28T00:00:02.000Z', skip: 0.5 } });
    const live = { method: 'POST', url: '/api/v1/streams/live/demo/clips', headers } as const;
    expect((await app.inject({ ...live, payload: { from: -30, title: 'Goal' } })).json()).toMatchObject({
      title: 'Goal',
    });
    await app.inject({ method: 'PATCH', url: path, headers, payload: { title: 'Talk', pinned: true } });
    expect(recordings.all.get(FINISHED.id)).toMatchObject({ title: 'Talk', pinned: true });
    expect((await app.inject({ method: 'DELETE', url: path, headers })).json()).toEqual({ removed: true });
    expect(recordings.all.has(FINISHED.id)).toBe(false);
    const entries = await audit.read({ limit: 10 });
    expect(entries.map(({ action }) => action).sort()).toEqual([
      'recording.change',
      'recording.clip',
      'recording.clip',
      'recording.remove',
      'recording.start',
    ]);
  });

  it.each([
    ['a recording that is not there', 'DELETE', OTHER, undefined, 404],
    ['one that is being made', 'DELETE', 'STARTED', undefined, 409],
    ['a stream that is not live', 'POST', '/api/v1/streams/live/other/recording', {}, 404],
    ['a stream that is not recorded', 'DELETE', '/api/v1/streams/live/other/recording', undefined, 404],
    ['a title with control characters', 'PATCH', path, { title: 'a\u001b[2J' }, 400],
    ['a change of nothing', 'PATCH', path, {}, 400],
    ['a change of a field that cannot be changed', 'PATCH', path, { bytes: 1 }, 400],
    ['a clip of a stream that is not live', 'POST', '/api/v1/streams/live/other/clips', { from: -30 }, 404],
    ['a clip without a beginning', 'POST', `${path}/clips`, { to: 3 }, 400],
    ['a clip of a date that does not exist', 'POST', `${path}/clips`, { from: '2026-13-45T00:00:00Z' }, 400],
    ['renditions that are none', 'POST', '/api/v1/streams/live/demo/recording', { renditions: '../x' }, 400],
  ])('refuse %s', async (_, method, url, payload, status) => {
    const { app, as, recordings } = await adminUnderTest();
    const started = recordings.start('live', 'demo');
    const answer = await app.inject({
      ...{ method: method as 'PATCH', url: url.replace('STARTED', `/api/v1/recordings/${started.id}`) },
      headers: as('admin'),
      ...(payload !== undefined && { payload }),
    });
    expect([answer.statusCode, recordings.all.size]).toEqual([status, 2]);
  });
});
