// Recordings in a bucket: contents, order and headers of uploads, and the behaviour when the store fails, the process dies, or the recording is
// removed.

import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../support/property-seed.js';
import { Injections } from '../../faults/seams/injections.js';
import { temporaryDirectory } from '../../support/temp-dir.js';
import { AUDIO, FakeStream, SOURCE } from '../fake-stream.js';
import { type BucketRoom, FAST_CLOCK, liveDirectory, openBucketRoom, until, uploaded } from './bucket-room.js';
import { FakeStore, type StoreFault } from './fake-store.js';

const ALL = { takes: () => true };

async function setUp(...options: [Parameters<typeof openBucketRoom>[2]?, Parameters<typeof openBucketRoom>[3]?]) {
  const directory = await temporaryDirectory();
  const store = await FakeStore.start();
  const root = join(directory, 'recordings');
  const room = await openBucketRoom(store, root, ...options);
  const stream = new FakeStream('cam', liveDirectory(directory));
  return { directory, store, root, room, stream };
}

const media = (store: FakeStore, id: string, rendition = 'source') =>
  store.text(`tv/vod/${id}/${rendition}/index.m3u8`) ?? '';

/** Checks that the bucket has all files of the recording's directory, with the same bytes. */
async function expectSame(store: FakeStore, { recordings }: BucketRoom, id: string): Promise<void> {
  const { directory } = recordings.find(id) ?? { directory: '' };
  const keys = store.keys(`tv/vod/${id}/`);
  expect(keys).toContain('index.m3u8');
  for (const key of keys) {
    expect(store.objects.get(`tv/vod/${id}/${key}`)?.body).toEqual(await readFile(join(directory, key)));
  }
}

describe('a recording in a bucket', () => {
  it('G1.22 G1.23 grows during recording, segments before playlists, and ends as VOD with the same bytes', async () => {
    const { store, room, stream } = await setUp();
    const { id } = room.recordings.start(stream, ALL);
    for (const number of [100, 101, 102]) {
      for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
      await until(() => expect(media(store, id)).toContain(`seg-${number}.m4s`));
      expect(media(store, id)).toContain('PLAYLIST-TYPE:EVENT');
    }
    await until(() => expect(store.keys(`tv/vod/${id}/`)).toContain('index.m3u8'));
    expect(store.objects.get(`tv/vod/${id}/source/index.m3u8`)?.cacheControl).toBe('public, max-age=1');
    stream.end();
    await uploaded(room, id);
    expect(store.keys(`tv/vod/${id}/`)).toEqual([
      ...['audio/index.m3u8', 'audio/init-100.mp4', ...[100, 101, 102].map((number) => `audio/seg-${number}.m4s`)],
      'index.m3u8',
      ...['source/iframes.m3u8', 'source/index.m3u8', 'source/init-100.mp4'],
      ...[100, 101, 102].map((number) => `source/seg-${number}.m4s`),
    ]);
    await expectSame(store, room, id);
    expect(media(store, id)).toContain('PLAYLIST-TYPE:VOD');
    const headers = (key: string) => {
      const { contentType, cacheControl } = store.objects.get(`tv/vod/${id}/${key}`) ?? {};
      return [contentType, cacheControl];
    };
    expect(headers('source/seg-100.m4s')).toEqual(['video/iso.segment', 'public, max-age=31536000, immutable']);
    expect(headers('source/init-100.mp4')).toEqual(['video/mp4', 'public, max-age=31536000, immutable']);
    for (const playlist of ['index.m3u8', 'source/index.m3u8', 'source/iframes.m3u8', 'audio/index.m3u8'])
      expect(headers(playlist)).toEqual(['application/vnd.apple.mpegurl', 'public, max-age=86400']);
    expect(store.violations).toEqual([]);
    // Only playlists were sent more than once.
    const puts = store.requests.filter((request) => request.startsWith('PUT') && !request.endsWith('.m3u8'));
    expect(new Set(puts).size).toBe(puts.length);
  });

  it('G1.22 G1.25 lists only stored media, whatever fails', async () => {
    const faults: readonly StoreFault[] = [
      { status: 500, code: 'InternalError' },
      { status: 503, code: 'SlowDown', headers: { 'retry-after': '1' } },
      { status: 403, code: 'RequestTimeTooSkewed' },
      { status: 409, code: 'OperationAborted' },
      'lost answer',
      'reset',
      'silence',
    ];
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(19)), async (dice) => {
        const { store, room, stream } = await setUp({ deadline: 100 });
        store.fault = () => faults[dice.next().value ?? 0];
        const { id } = room.recordings.start(stream, ALL);
        for (let number = 100; number < 112; number += 1) {
          for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number, { gap: number === 105 });
          await until(() => expect(media(store, id)).toContain(`seg-${number}.m4s`));
        }
        stream.end();
        await uploaded(room, id);
        store.checkAll();
        expect(store.violations).toEqual([]);
        await expectSame(store, room, id);
        await room.close();
      }),
      { numRuns: 2 },
    );
  });

  it('G1.24 waits on disk while the store is down, and drops nothing', async () => {
    const { store, room, stream } = await setUp();
    store.fault = () => ({ status: 503, code: 'ServiceUnavailable' });
    const { id } = room.recordings.start(stream, ALL);
    for (let number = 100; number < 140; number += 1) stream.add(SOURCE, number);
    await until(() => expect(room.recordings.find(id)?.facts.bytes).toBe(4000));
    await until(() => expect(room.bucket.figures().pendingBytes).toBe(4000));
    expect(store.objects.size).toBe(0);
    stream.end();
    store.fault = () => undefined;
    await uploaded(room, id);
    expect(store.keys(`tv/vod/${id}/source/seg-`)).toHaveLength(40);
    expect(media(store, id)).not.toContain('GAP');
    expect(room.bucket.figures()).toMatchObject({ pendingBytes: 0, pendingRecordings: 0, lag: 0, reason: undefined });
  });

  it.each([
    ['the keys lack a permission', { status: 403, code: 'AccessDenied' }],
    ['s3SecretKey does not belong to s3AccessKey', { status: 403, code: 'SignatureDoesNotMatch' }],
    ['there is no such bucket', { status: 404, code: 'NoSuchBucket' }],
    ['disagree by', { status: 403, code: 'RequestTimeTooSkewed' }],
    ['its region is eu-7', { status: 301, code: 'PermanentRedirect', headers: { 'x-amz-bucket-region': 'eu-7' } }],
  ])('says in words that %s, once, and goes on when that has changed', async (words, fault) => {
    const { store, room, stream } = await setUp();
    const inAnHour = () => ({ date: new Date(Date.now() + 3_600_000).toUTCString() });
    store.fault = () => (fault.code === 'RequestTimeTooSkewed' ? { ...fault, headers: inAnHour() } : fault);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    const reason = await until(() => {
      const { reason } = room.bucket.figures();
      expect(reason).toBeDefined();
      return reason;
    });
    expect(reason).toContain(words);
    // A date has whole seconds, and a busy machine needs some.
    if (words === 'disagree by') expect(reason).toMatch(/disagree by (3[56]\d\d) s/);
    await until(() => expect(room.bucket.figures().failedRequests).toBeGreaterThan(2));
    const lines = room.log.filter(({ fields }) => fields.code === 'recording.bucket');
    expect(lines).toHaveLength(1);
    expect(JSON.stringify(room.log)).not.toContain('secret-key');
    store.fault = () => undefined;
    stream.end();
    await uploaded(room, id);
    expect(room.bucket.figures().reason).toBeUndefined();
    expect(room.log.map(({ message }) => message)).toContain('the bucket works again');
  });

  it('is sent with at most 8 requests at a time', async () => {
    const { directory, store, room } = await setUp();
    let running = 0;
    let most = 0;
    let release: () => void = () => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    store.fault = async () => {
      running += 1;
      most = Math.max(most, running);
      await held;
      running -= 1;
      return undefined;
    };
    const ids = Array.from({ length: 12 }, (_, index) => {
      const stream = new FakeStream(`cam${index}`, liveDirectory(join(directory, `${index}`)));
      const { id } = room.recordings.start(stream, ALL);
      stream.add(SOURCE, 100);
      stream.end();
      return id;
    });
    await until(() => expect(running).toBe(8));
    await until(() => expect(room.bucket.figures().pendingRecordings).toBe(12));
    release();
    for (const id of ids) await uploaded(room, id);
    expect(most).toBe(8);
  });

  it('has a growing playlist in the bucket that is sent less often the longer it is', async () => {
    // A clock that stands still: nothing that waits for its time is ever due.
    const { store, room, stream } = await setUp({ clock: { ...FAST_CLOCK, now: () => 0 } });
    const { id } = room.recordings.start(stream, ALL);
    const playlist = `PUT tv/vod/${id}/source/index.m3u8`;
    const sent = () => store.requests.filter((request) => request === playlist).length;
    for (let number = 100; number < 110; number += 1) {
      stream.add(SOURCE, number);
      await until(() => expect(store.keys(`tv/vod/${id}/source/`)).toContain(`seg-${number}.m4s`));
    }
    expect(sent()).toBe(1);
    stream.end();
    await uploaded(room, id);
    // Once, or twice if it was read between the ends of its two playlists.
    expect(sent()).toBeLessThan(4);
    expect(media(store, id)).toContain('seg-109.m4s');
  });

  it('takes an answer of more than 64 KiB for a failure', async () => {
    const { store, room, stream } = await setUp();
    store.fault = () => ({ status: 200, code: 'x'.repeat(65_536) });
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    await until(() => expect(room.bucket.figures().reason).toContain('more than 65536 bytes'));
    store.fault = () => undefined;
    stream.end();
    await uploaded(room, id);
  });

  it('is complete without a rendition that has only gaps', async () => {
    const { store, room, stream } = await setUp();
    const { id } = room.recordings.start(stream, ALL);
    for (const number of [100, 101, 102]) {
      stream.add(SOURCE, number);
      stream.add(AUDIO, number, { gap: true });
      await until(() => expect(store.text(`tv/vod/${id}/source/index.m3u8`)).toContain(`seg-${number}`));
    }
    stream.end();
    const { renditions } = await uploaded(room, id);
    expect(renditions).toEqual([{ name: 'source', video: true }]);
  });

  it('lists media whose file has disappeared as a gap', async () => {
    const { store, room, stream } = await setUp();
    let isAway = true;
    store.fault = ({ key }) => (isAway && key.endsWith('101.m4s') ? { status: 500, code: 'InternalError' } : undefined);
    const { id } = room.recordings.start(stream, ALL);
    for (const number of [100, 101, 102]) stream.add(SOURCE, number);
    await until(() => expect(room.recordings.find(id)?.facts.bytes).toBe(300));
    await until(() => expect(store.requests).toContain(`PUT tv/vod/${id}/source/seg-101.m4s`));
    await rm(join(room.recordings.find(id)?.directory ?? '', 'source', 'seg-101.m4s'));
    isAway = false;
    stream.end();
    await uploaded(room, id);
    expect(media(store, id)).toMatch(/#EXT-X-GAP\n#EXTINF:2\.000000,\nseg-101\.m4s/);
    expect(store.violations).toEqual([]);
  });
});

describe('a bucket after a crash', () => {
  it('G1.26 gets only the missing media, and the final playlists', async () => {
    const { store, root, room, stream } = await setUp();
    store.pageSize = 3;
    const { id } = room.recordings.start(stream, ALL);
    for (const number of [100, 101, 102]) stream.add(SOURCE, number);
    await until(() => expect(media(store, id)).toContain('seg-102.m4s'));
    // The process dies here, so later writes never happen.
    store.fault = () => 'reset';
    for (const number of [103, 104]) stream.add(SOURCE, number);
    await until(() => expect(room.recordings.find(id)?.facts.bytes).toBe(500));
    const facts = await readFile(join(room.recordings.find(id)?.directory ?? '', 'recording.json'), 'utf8');
    const { directory } = room.recordings.find(id) ?? { directory: '' };
    await room.close();
    await writeFile(join(directory, 'recording.json'), facts);
    store.fault = () => undefined;
    store.requests.length = 0;
    const next = await openBucketRoom(store, root);
    await uploaded(next, id);
    expect(next.recordings.find(id)?.facts.state).toBe('interrupted');
    await expectSame(store, next, id);
    expect(media(store, id)).toContain('#EXT-X-ENDLIST');
    const segments = store.requests.filter((request) => request.endsWith('.m4s'));
    expect(segments).toEqual([103, 104].map((number) => `PUT tv/vod/${id}/source/seg-${number}.m4s`));
    expect(store.violations).toEqual([]);
  });

  it('gets no requests for a complete recording', async () => {
    const { store, root, room, stream } = await setUp();
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    stream.end();
    await uploaded(room, id);
    await room.close();
    store.requests.length = 0;
    const next = await openBucketRoom(store, root);
    await uploaded(next, id);
    expect(store.requests).toEqual([]);
  });

  it('gets a recording that was made before the bucket was configured', async () => {
    const { store, root, room, stream } = await setUp();
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    stream.end();
    await uploaded(room, id);
    await room.close();
    const other = await FakeStore.start();
    const next = await openBucketRoom(other, root);
    await uploaded(next, id);
    expect(other.keys()).toEqual(store.keys());
    expect(other.violations).toEqual([]);
  });
});

describe('a recording that is removed', () => {
  async function finishedRecording() {
    const set = await setUp();
    const { id } = set.room.recordings.start(set.stream, ALL);
    for (const number of [100, 101, 102]) for (const rendition of [SOURCE, AUDIO]) set.stream.add(rendition, number);
    set.stream.end();
    await uploaded(set.room, id);
    set.store.objects.set('tv/vod/other', { body: Buffer.from('x'), etag: '', contentType: '', cacheControl: '' });
    return { ...set, id };
  }

  it('G1.27 is also removed from the bucket, playlists first', async () => {
    const { store, room, id } = await finishedRecording();
    store.pageSize = 2;
    await room.recordings.remove(id);
    await until(() => expect(store.keys()).toEqual(['tv/vod/other']));
    expect(store.violations).toEqual([]);
  });

  it('is removed from the bucket after a failure of the disk', async () => {
    const { store, root, room, id } = await finishedRecording();
    const obstacle = join(root, '.bucket', `${'0'.repeat(26)}.json`);
    await mkdir(obstacle, { recursive: true });
    await room.recordings.remove(id);
    await until(() => expect(room.log.map(({ fields }) => fields.code)).toContain('recording.disk'));
    await rm(obstacle, { recursive: true });
    await until(() => expect(store.keys()).toEqual(['tv/vod/other']));
  });

  it('G1.26 is removed from the bucket after a crash between the two removals', async () => {
    const { store, root, room, id } = await finishedRecording();
    store.fault = ({ method }) => (method === 'POST' ? { status: 403, code: 'AccessDenied' } : undefined);
    await room.recordings.remove(id);
    await until(() => expect(room.bucket.figures().reason).toContain('s3:DeleteObject'));
    await room.close();
    expect(store.keys().length).toBeGreaterThan(8);
    store.fault = () => undefined;
    await openBucketRoom(store, root);
    await until(() => expect(store.keys()).toEqual(['tv/vod/other']));
    expect(store.violations).toEqual([]);
  });

  it('is no longer uploaded', async () => {
    const { store, room, stream } = await setUp();
    const { id } = room.recordings.start(stream, ALL);
    for (let number = 100; number < 130; number += 1) stream.add(SOURCE, number);
    let takes = 5;
    store.fault = ({ method }) => {
      if (method === 'PUT') takes -= 1;
      return takes >= 0 ? undefined : { status: 503, code: 'SlowDown' };
    };
    stream.end();
    await until(() => expect(room.recordings.find(id)?.facts.state).toBe('finished'));
    await until(() => expect(store.objects.size).toBeGreaterThan(2));
    await room.recordings.remove(id);
    store.fault = () => undefined;
    await until(() => expect(store.keys()).toEqual([]));
    await room.close();
    expect(store.keys()).toEqual([]);
  });
});

describe('an internal error', () => {
  it.each(['bucket upload', 'bucket backlog', 'bucket removal'])(
    'at "%s" is logged, and other recordings are sent and removed',
    async (seam) => {
      const injections = new Injections();
      const { directory, store, root, room } = await setUp();
      const victim = new FakeStream('victim', liveDirectory(join(directory, 'victim')));
      const { id } = room.recordings.start(victim, ALL);
      const hit = injections.arm({ seam, domain: (name) => name === 'bucket', fault: 'rejection' });
      victim.add(SOURCE, 100);
      victim.end();
      await until(() => expect(room.recordings.find(id)?.facts.state).toBe('finished'));
      if (seam === 'bucket backlog') {
        await uploaded(room, id);
        await room.close();
        await openBucketRoom(store, root);
      }
      if (seam === 'bucket removal') {
        await uploaded(room, id);
        await room.recordings.remove(id);
      }
      await hit;
      await room.close();
      // The next start completes the bucket.
      const next = await openBucketRoom(store, root);
      const neighbour = new FakeStream('neighbour', liveDirectory(join(directory, 'neighbour')));
      const other = next.recordings.start(neighbour, ALL);
      neighbour.add(SOURCE, 100);
      neighbour.end();
      await uploaded(next, other.id);
      await until(() => expect(store.keys(`tv/vod/${id}`)).toHaveLength(seam === 'bucket removal' ? 0 : 5));
      expect(store.violations).toEqual([]);
    },
  );
});
