// Segments that have left the playlist must stay available for their retention time, but not in memory: attackers who publish in bursts
// would fill it.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { PartBody } from '../../src/hls/packaging/part.js';
import type { SegmentStore } from '../../src/hls/store/segment-store.js';
import { LiveWindow } from '../../src/hls/window/live-window.js';
import { type CompleteSegment, partUri, SegmentMedia, segmentUri } from '../../src/hls/window/segment.js';
import { MemoryStore } from '../support/memory-store.js';
import { serveSamples } from './origin-under-test.js';
import { recordInits, SAMPLES_PLAN } from './recorded-inits.js';

let inits: Awaited<ReturnType<typeof recordInits>>;
beforeAll(async () => {
  inits = await recordInits();
});

function scene(store?: SegmentStore) {
  const { presentation, origin, stream, warnings, source } = serveSamples(inits, { store });
  const play = async (seconds: number): Promise<void> => {
    for (let second = 0; second < seconds; second += 1) {
      stream.play(25);
      for (let turn = 0; turn < 40; turn += 1) await nextTurn();
    }
  };
  const get = async (uri: string): Promise<Buffer | number> => {
    const answer = await origin.file('live', 'test', 'source', uri);
    return answer.status === 200 && answer.body !== undefined ? answer.body : answer.status;
  };
  const held = (): CompleteSegment[] => [...source().window.available()];
  const numbersInMemory = (): number[] =>
    held()
      .filter(({ media }) => media.pieces.length > 0)
      .map(({ mediaSequence }) => mediaSequence);
  const inMemory = (): number => numbersInMemory().length;
  return { presentation, stream, warnings, source, play, get, held, inMemory, numbersInMemory };
}

/** Three target durations of segments of two seconds. */
const AT_THE_EDGE = 3;

describe('segments that have left the playlist', () => {
  it('B1.09 leave memory when they are stored; then segments and parts come from the store with the same bytes', async () => {
    const { play, get, held, inMemory, numbersInMemory, source } = scene(new MemoryStore());
    await play(11);
    const uri = segmentUri(1001);
    const whole = await get(uri);
    const count = source().window.find(1001)?.parts.length ?? 0;
    expect(count).toBeGreaterThan(2);
    const getParts = () => Promise.all(Array.from({ length: count }, (_, index) => get(partUri(1001, index))));
    const parts = await getParts();
    expect(Buffer.concat(parts as Buffer[])).toEqual(whole);
    await play(14);
    expect(source().window.listed.some(({ mediaSequence }) => mediaSequence === 1001)).toBe(false);
    expect(held().length).toBeGreaterThan(source().window.listed.length);
    expect(inMemory()).toBe(AT_THE_EDGE);
    const { listed } = source().window;
    expect(listed.length).toBeGreaterThan(AT_THE_EDGE);
    expect(numbersInMemory()).toEqual(listed.slice(-AT_THE_EDGE).map(({ mediaSequence }) => mediaSequence));
    // Listed segments that are not in memory are still served.
    for (const { uri, media } of listed) expect((await get(uri)) as Buffer).toHaveLength(media.length);
    expect(await get(uri)).toEqual(whole);
    expect(await getParts()).toEqual(parts);
    expect(await get(partUri(1001, count))).toBe(404);
    await play(40);
    expect(await get(uri)).toBe(404);
    expect(await get(partUri(1001, 0))).toBe(404);
  });

  it('B1.09 stay in memory for their retention time if there is no store', async () => {
    const { play, get, held, inMemory, source } = scene();
    await play(25);
    expect(source().window.listed.some(({ mediaSequence }) => mediaSequence === 1001)).toBe(false);
    expect(inMemory()).toBe(held().length);
    expect(Buffer.isBuffer(await get(segmentUri(1001)))).toBe(true);
    expect(Buffer.isBuffer(await get(partUri(1001, 0)))).toBe(true);
  });

  it('stay in memory until the store has taken them', async () => {
    const store = new MemoryStore();
    let failing = true;
    const write = store.write.bind(store);
    store.write = async (...given) => {
      if (failing) throw new Error('the disk is away');
      await write(...given);
    };
    const { play, held, inMemory, get, source } = scene(store);
    await play(25);
    expect(inMemory()).toBe(held().length);
    expect(Buffer.isBuffer(await get(segmentUri(1001)))).toBe(true);
    failing = false;
    // Segments that left the playlist before they were written stay for their retention time. All that leave it from now on do not.
    await play(60);
    expect(inMemory()).toBe(AT_THE_EDGE);
    expect(source().window.listed.length).toBeGreaterThan(AT_THE_EDGE);
  });

  it('C2.11 are bounded by their duration if media arrives faster than real time', () => {
    const window = new LiveWindow({ segments: 6, now: () => 0 });
    for (let index = 0; index < 1_000; index += 1) window.add(segment(index), 2);
    // Seven segments of two seconds were listed at once: 14 s, three times.
    expect([...window.available()]).toHaveLength(6 + 21);
    expect(window.find(999 - 6 - 20)?.mediaSequence).toBe(999 - 6 - 20);
    expect(window.find(999 - 6 - 21)).toBeUndefined();
  });

  it('are all kept for their retention time in real time, even when the whole playlist is withdrawn at once', () => {
    let now = 0;
    const window = new LiveWindow({ segments: 6, now: () => now });
    for (let index = 0; index < 100; index += 1) {
      now += 2_000;
      window.add(segment(index), 2);
    }
    const before = [...window.available()].length;
    window.retireAll(2);
    expect([...window.available()]).toHaveLength(before);
    now += 17_999;
    // Its own duration, that of the longest playlist, and one target duration.
    expect(window.find(99)).toBeDefined();
    now += 1;
    expect([...window.available()]).toHaveLength(0);
  });
});

describe('segments of a stream without its publisher', () => {
  it('C2.11 leave memory although they are listed, come from the store with the same bytes, and those after its return stay', async () => {
    const { presentation, stream, play, get, inMemory, source } = scene(new MemoryStore());
    await play(11);
    const listed = () => source().window.listed.map(({ mediaSequence }) => mediaSequence);
    const live = listed();
    expect(inMemory()).toBe(AT_THE_EDGE);
    const whole = await Promise.all(live.map((sequence) => get(segmentUri(sequence))));
    const parts = await Promise.all(live.map((sequence) => get(partUri(sequence, 1))));

    stream.suspend();
    for (let turn = 0; turn < 40; turn += 1) await nextTurn();
    const left = listed();
    expect(left.slice(0, live.length)).toEqual(live);
    expect(left.length).toBeGreaterThan(live.length);
    expect(inMemory()).toBe(0);
    expect(await Promise.all(live.map((sequence) => get(segmentUri(sequence))))).toEqual(whole);
    expect(await Promise.all(live.map((sequence) => get(partUri(sequence, 1))))).toEqual(parts);
    // The last one was written when the publisher had left.
    expect(Buffer.isBuffer(await get(segmentUri(left.at(-1) ?? 0)))).toBe(true);

    presentation.startPeriod(SAMPLES_PLAN);
    stream.resume(presentation.resumeTime);
    await play(5);
    const after = listed().filter((sequence) => sequence > (left.at(-1) ?? 0));
    expect(after.length).toBeGreaterThan(0);
    expect(inMemory()).toBe(Math.min(after.length, AT_THE_EDGE));
    await presentation.end();
    expect(inMemory()).toBe(0);
    for (const sequence of listed()) expect(Buffer.isBuffer(await get(segmentUri(sequence)))).toBe(true);
  });

  it('C4.03 stay in memory while the store does not take them', async () => {
    const store = new MemoryStore();
    store.write = async () => {
      throw Object.assign(new Error('the disk is full'), { code: 'ENOSPC' });
    };
    const { stream, play, get, held, inMemory, source } = scene(store);
    await play(11);
    stream.suspend();
    for (let turn = 0; turn < 40; turn += 1) await nextTurn();
    expect(inMemory()).toBe(held().length);
    for (const { uri } of source().window.listed) expect(Buffer.isBuffer(await get(uri))).toBe(true);
  });

  it('are no longer listed when somebody removed their files, and no file is written without its bytes', async () => {
    const store = new MemoryStore();
    const write = store.write.bind(store);
    let gone = false;
    const empty: string[] = [];
    store.write = async (path, bytes) => {
      if (gone) {
        gone = false;
        throw Object.assign(new Error('no such directory'), { code: 'ENOENT' });
      }
      if (Buffer.concat([bytes].flat()).length === 0) empty.push(path);
      await write(path, bytes);
    };
    const { presentation, stream, warnings, play, get, inMemory, source } = scene(store);
    await play(11);
    stream.suspend();
    for (let turn = 0; turn < 40; turn += 1) await nextTurn();
    const before = source().window.listed.map(({ uri }) => uri);
    for (const file of await store.list('live/test')) await store.remove(file);
    gone = true;

    presentation.startPeriod(SAMPLES_PLAN);
    stream.resume(presentation.resumeTime);
    await play(9);
    expect(warnings.map(({ code }) => code)).toEqual(expect.arrayContaining(['hls.store', 'hls.dvr-dropped']));
    const { listed, listedDuration } = source().window;
    expect(listed.length).toBeGreaterThan(0);
    expect(listed.some(({ uri }) => before.includes(uri))).toBe(false);
    expect(listedDuration).toBeCloseTo(listed.reduce((sum, { duration }) => sum + duration, 0));
    expect(inMemory()).toBe(Math.min(listed.length, AT_THE_EDGE));
    expect(empty).toEqual([]);
    const stored = (await store.read('live/test/source/index.m3u8'))?.toString() ?? '';
    for (const { uri } of listed) {
      expect(stored).toContain(uri);
      expect(await store.read(`live/test/source/${uri}`)).toEqual(await get(uri));
    }
    for (const uri of before) expect(stored).not.toContain(uri);
  });
});

/** Two seconds. */
function segment(index: number): CompleteSegment {
  return {
    mediaSequence: index,
    index,
    init: { uri: 'init-0.mp4', bytes: Buffer.alloc(0), track: { timescale: 1000, trackId: 1 } as never },
    start: index * 2,
    end: index * 2 + 2,
    programDateTime: 0,
    discontinuity: false,
    discontinuityNumber: 0,
    keyFrameBytes: undefined,
    uri: segmentUri(index),
    duration: 2,
    parts: [],
    media: new SegmentMedia([new PartBody([Buffer.alloc(10)])]),
    run: { mediaSequence: 0, start: 0 },
    gap: false,
  };
}
