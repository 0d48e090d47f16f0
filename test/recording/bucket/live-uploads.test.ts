// Live streams in a bucket: the sliding window, its end and its removal, and what happens when the store is slow, fails, or belongs to another gateway.

import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import '../../support/property-seed.js';
import { readPlaylist } from '../../../src/recording/recorded-playlist.js';
import { Injections } from '../../faults/seams/injections.js';
import { temporaryDirectory } from '../../support/temp-dir.js';
import { AUDIO, FakeStream, SOURCE } from '../fake-stream.js';
import { type BucketRoom, openBucketRoom, until } from './bucket-room.js';
import { FakeStore, type StoreFault } from './fake-store.js';

const LIVE = { uploads: 'live', live: { maxLag: 1e9, windowSegments: 5, resumeWindow: 15_000 } } as const;
const STREAM = 'tv/hls/live/cam';

interface Live {
  readonly store: FakeStore;
  readonly root: string;
  readonly room: BucketRoom;
  readonly stream: FakeStream;
}

async function setUp(options: Parameters<typeof openBucketRoom>[2] = {}): Promise<Live> {
  const root = join(await temporaryDirectory(), 'recordings');
  const store = await FakeStore.start();
  const room = await openBucketRoom(store, root, { ...LIVE, ...options });
  const stream = new FakeStream('cam', undefined);
  room.bucket.follow(stream);
  return { store, root, room, stream };
}

const text = (store: FakeStore, rendition = 'source') => store.text(`${STREAM}/${rendition}/index.m3u8`) ?? '';
const listed = (store: FakeStore, number: number, rendition = 'source') =>
  until(() => expect(text(store, rendition)).toContain(`seg-${number}.m4s`));

const hasEnded = (store: FakeStore) =>
  until(() => expect([...store.ended].sort()).toEqual([`${STREAM}/audio/index.m3u8`, `${STREAM}/source/index.m3u8`]));

async function send({ store, stream }: Live, from: number, to: number): Promise<void> {
  for (let number = from; number <= to; number += 1) {
    for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
    for (const rendition of ['source', 'audio']) await listed(store, number, rendition);
  }
}

describe('a live stream in a bucket', () => {
  it('G1.27 is a window that slides, has an end, and is removed', async () => {
    const live = await setUp();
    const { store, stream, room } = live;
    await send(live, 100, 112);
    const list = readPlaylist(text(store));
    expect(list?.first).toBe(108);
    expect(list?.entries.map(({ uri }) => uri)).toEqual([108, 109, 110, 111, 112].map((n) => `seg-${n}.m4s`));
    expect(text(store)).not.toContain('PLAYLIST-TYPE');
    const headers = (key: string) => store.objects.get(`${STREAM}/${key}`)?.cacheControl;
    expect(headers('source/index.m3u8')).toBe('public, max-age=1');
    expect(headers('source/seg-112.m4s')).toBe('public, max-age=31536000, immutable');
    await until(() => expect(store.keys(STREAM)).toContain('/index.m3u8'));
    expect(store.text(`${STREAM}/index.m3u8`)).toContain('source/index.m3u8');
    // What has left the window goes when no player can want it; the init segment is still needed.
    await until(() => expect(store.keys(`${STREAM}/source/seg-`)).not.toContain('107.m4s'));
    expect(store.keys(`${STREAM}/source/`)).toContain('init-100.mp4');
    stream.end();
    await hasEnded(store);
    await until(() => expect(store.keys(STREAM)).toEqual([]));
    expect(store.violations).toEqual([]);
    expect(room.bucket.figures()).toMatchObject({ pendingBytes: 0, lag: 0, droppedSegments: 0 });
  });

  it('G1.22 lists nothing that the store has not taken, whatever fails', async () => {
    const faults: readonly StoreFault[] = [
      { status: 500, code: 'InternalError' },
      { status: 503, code: 'SlowDown' },
      { status: 403, code: 'RequestTimeTooSkewed' },
      'lost answer',
      'lost answer',
      'reset',
      'silence',
    ];
    await fc.assert(
      fc.asyncProperty(fc.infiniteStream(fc.nat(24)), async (dice) => {
        const live = await setUp({ deadline: 100 });
        live.store.fault = () => faults[dice.next().value ?? 0];
        await send(live, 100, 112);
        live.stream.end();
        expect(text(live.store)).not.toContain('GAP');
        await hasEnded(live.store);
        expect(live.store.violations).toEqual([]);
        await live.room.close();
        expect(live.room.log.filter(({ fields }) => fields.code === 'recording.bucket-taken')).toEqual([]);
      }),
      { numRuns: 4 },
    );
  });

  it('G1.24 leaves out what is too late, lists it as a gap, and goes on at the head', async () => {
    const live = await setUp({ live: { ...LIVE.live, maxLag: 30_000 } });
    const { store, stream, room } = live;
    store.fault = () => ({ status: 503, code: 'SlowDown' });
    for (let number = 100; number < 103; number += 1) stream.add(SOURCE, number);
    await until(() => expect(room.bucket.figures().droppedSegments).toBe(3));
    expect(room.bucket.figures()).toMatchObject({ pendingBytes: 0, lag: 0 });
    store.fault = () => undefined;
    stream.add(SOURCE, 103);
    await listed(store, 103);
    expect(readPlaylist(text(store))?.entries.map(({ gap }) => gap)).toEqual([true, true, true, false]);
    expect(store.violations).toEqual([]);
  });

  it('G1.24 keeps at most 64 MiB in memory for a store that is away, the newest', async () => {
    const { store, stream, room } = await setUp();
    store.fault = () => ({ status: 503, code: 'SlowDown' });
    for (let number = 100; number < 110; number += 1) stream.add(SOURCE, number, { length: 10 * 1024 * 1024 });
    expect(room.bucket.figures().pendingBytes).toBe(60 * 1024 * 1024);
    store.fault = () => undefined;
    await listed(store, 109);
    expect(room.bucket.figures()).toMatchObject({ pendingBytes: 0, droppedSegments: 4 });
  });

  it('has the same numbers in all renditions, also where one has nothing', async () => {
    const { store, stream } = await setUp();
    stream.add(SOURCE, 100);
    stream.add(AUDIO, 100);
    await listed(store, 100, 'audio');
    for (const number of [101, 102, 103]) stream.add(SOURCE, number);
    stream.add(AUDIO, 103);
    await listed(store, 103, 'audio');
    const audio = readPlaylist(text(store, 'audio'));
    expect(audio?.first).toBe(100);
    expect(audio?.entries.map(({ gap }) => gap)).toEqual([false, true, true, false]);
  });

  it('G1.28 is left to another gateway that has taken it over, with one line in the log', async () => {
    const live = await setUp();
    const { store, stream, room } = live;
    await send(live, 100, 101);
    const other = await openBucketRoom(store, live.root, LIVE);
    const same = new FakeStream('cam', undefined);
    other.bucket.follow(same);
    for (const rendition of [SOURCE, AUDIO]) same.add(rendition, 110);
    for (const rendition of ['source', 'audio']) await listed(store, 110, rendition);
    stream.add(SOURCE, 102);
    const taken = () => room.log.filter(({ fields }) => fields.code === 'recording.bucket-taken');
    await until(() => expect(taken()).toHaveLength(1));
    const requests = store.requests.length;
    stream.add(SOURCE, 103);
    stream.add(AUDIO, 103);
    for (const rendition of [SOURCE, AUDIO]) same.add(rendition, 111);
    for (const rendition of ['source', 'audio']) await listed(store, 111, rendition);
    expect(store.requests.slice(requests).filter((request) => request.includes('103'))).toEqual([]);
    expect(text(store)).not.toContain('seg-102');
    stream.end();
    await room.close();
    expect(text(store)).not.toContain('ENDLIST');
    expect(taken()).toHaveLength(1);
    expect(store.violations).toEqual([]);
  });

  it('is sent again when its publisher comes back to a gateway that had lost it to another', async () => {
    const live = await setUp();
    const { store, room } = live;
    await send(live, 100, 101);
    const other = await openBucketRoom(store, live.root, LIVE);
    const there = new FakeStream('cam', undefined);
    other.bucket.follow(there);
    for (const rendition of [SOURCE, AUDIO]) there.add(rendition, 110);
    for (const rendition of ['source', 'audio']) await listed(store, 110, rendition);
    live.stream.add(SOURCE, 102);
    await until(() => expect(room.log.map(({ fields }) => fields.code)).toContain('recording.bucket-taken'));
    // The stream that was lost has not ended.
    const back = new FakeStream('cam', undefined);
    room.bucket.follow(back);
    for (const rendition of [SOURCE, AUDIO]) back.add(rendition, 120);
    for (const rendition of ['source', 'audio']) await listed(store, 120, rendition);
    expect(store.violations).toEqual([]);
  });

  it('stays when it comes back while what it had before is being removed', async () => {
    const live = await setUp();
    const { store, room } = live;
    await send(live, 100, 101);
    let release = (): void => undefined;
    const held = new Promise<undefined>((resolve) => {
      release = () => resolve(undefined);
    });
    let isHeld = false;
    store.fault = ({ method }) => {
      if (method !== 'POST' || isHeld) return undefined;
      isHeld = true;
      return held;
    };
    live.stream.end();
    await hasEnded(store);
    await until(() => expect(isHeld).toBe(true));
    const back = new FakeStream('cam', undefined);
    room.bucket.follow(back);
    for (const rendition of [SOURCE, AUDIO]) back.add(rendition, 120);
    release();
    for (const rendition of ['source', 'audio']) await listed(store, 120, rendition);
    // Only the held request has removed anything.
    expect(store.requests.filter((request) => request.startsWith('POST'))).toHaveLength(1);
    expect(store.violations).toEqual([]);
  });

  it('is left alone after its end if another gateway goes on with it', async () => {
    const live = await setUp();
    const { store, stream } = live;
    await send(live, 100, 101);
    stream.end();
    await hasEnded(store);
    const before = store.requests.length;
    const other = await openBucketRoom(store, live.root, LIVE);
    const there = new FakeStream('cam', undefined);
    other.bucket.follow(there);
    for (const rendition of [SOURCE, AUDIO]) there.add(rendition, 110);
    for (const rendition of ['source', 'audio']) await listed(store, 110, rendition);
    // The first gateway looks at each playlist before it removes anything.
    const looks = () => store.requests.slice(before).filter((request) => request === `GET ${STREAM}/source/index.m3u8`);
    await until(() => expect(looks().length).toBeGreaterThanOrEqual(2));
    await live.room.close();
    expect(store.requests.filter((request) => request.startsWith('POST'))).toEqual([]);
  });

  it('goes on if somebody removes its playlist, also where a store answers 404 to If-Match', async () => {
    for (const absentMatch of [404, 412] as const) {
      const live = await setUp();
      live.store.absentMatch = absentMatch;
      await send(live, 100, 101);
      live.store.objects.delete(`${STREAM}/source/index.m3u8`);
      await send(live, 102, 103);
      await live.room.close();
    }
  });

  it('G1.28 goes on without conditions where the store does not know them, and says so once', async () => {
    const live = await setUp();
    live.store.fault = ({ headers }) =>
      headers['if-match'] === undefined && headers['if-none-match'] === undefined
        ? undefined
        : { status: 501, code: 'NotImplemented' };
    await send(live, 100, 102);
    expect(live.room.log.filter(({ message }) => message.includes('conditional requests'))).toHaveLength(1);
    live.stream.end();
    await hasEnded(live.store);
  });
});

describe('a live stream of an earlier process', () => {
  /** As after a kill: nothing more is sent. */
  async function killed(): Promise<Live> {
    const live = await setUp();
    await send(live, 100, 103);
    live.store.fault = () => 'reset';
    await live.room.close();
    live.store.fault = () => undefined;
    expect(text(live.store)).not.toContain('ENDLIST');
    return live;
  }

  it('ends in the bucket if its publisher does not come back, and is removed', async () => {
    const { store, root } = await killed();
    store.pageSize = 3;
    await openBucketRoom(store, root, LIVE);
    await hasEnded(store);
    await until(() => expect(store.keys(STREAM)).toEqual([]));
    expect(store.violations).toEqual([]);
  });

  it('goes on in the same playlist if the publisher comes back', async () => {
    const { store, root } = await killed();
    const room = await openBucketRoom(store, root, LIVE);
    const stream = new FakeStream('cam', undefined);
    room.bucket.follow(stream);
    for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, 104, { discontinuity: true });
    for (const rendition of ['source', 'audio']) await listed(store, 104, rendition);
    expect(readPlaylist(text(store))?.entries.map(({ uri }) => uri)).toEqual(
      [100, 101, 102, 103, 104].map((number) => `seg-${number}.m4s`),
    );
    expect(text(store)).not.toContain('ENDLIST');
    expect(store.violations).toEqual([]);
  });

  it('is left alone if another gateway goes on with it', async () => {
    const { store, root } = await killed();
    let isStalled = true;
    const room = await openBucketRoom(store, root, { ...LIVE, live: { ...LIVE.live, resumeWindow: 200_000 } });
    const other = await openBucketRoom(store, root, LIVE);
    await until(() => expect(store.requests.filter((request) => request.startsWith('GET')).length).toBeGreaterThan(3));
    const stream = new FakeStream('cam', undefined);
    other.bucket.follow(stream);
    for (let number = 104; isStalled && number < 140; number += 1) {
      for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
      for (const rendition of ['source', 'audio']) await listed(store, number, rendition);
      isStalled = number < 108;
    }
    // A request of the first one comes after its window, and changes nothing.
    await room.close();
    expect(text(store)).not.toContain('ENDLIST');
    expect(store.violations).toEqual([]);
  });
});

describe('an error of ours', () => {
  it.each(['live upload', 'end of a live upload', 'removal from the bucket', 'streams of an earlier process'])(
    'at "%s" is logged, and other streams are sent',
    async (seam) => {
      const injections = new Injections();
      const hit = injections.arm({ seam, domain: (name) => name === 'bucket', fault: 'rejection' });
      const live = await setUp();
      if (seam !== 'streams of an earlier process') {
        for (let number = 100; number < 108; number += 1) live.stream.add(SOURCE, number);
        if (seam !== 'live upload') await listed(live.store, 107);
        live.stream.end();
      }
      await hit;
      const neighbour = new FakeStream('neighbour', undefined);
      live.room.bucket.follow(neighbour);
      neighbour.add(SOURCE, 100);
      await until(() => expect(live.store.text('tv/hls/live/neighbour/source/index.m3u8')).toContain('seg-100.m4s'));
      await until(() => expect(live.room.log.map(({ fields }) => fields.where)).toContain(seam));
    },
  );
});
