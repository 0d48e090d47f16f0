// Recordings on a real disk: how they are linked, listed, finished, found after a restart and removed.
import { cp, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CatalogueEntry } from '../../src/recording/catalogue.js';
import { Movies } from '../../src/recording/movies.js';
import { readPlaylist, vodPlaylist } from '../../src/recording/recorded-playlist.js';
import { gapsIn } from '../../src/recording/recording-progress.js';
import { scheduleOf } from '../../src/recording/split.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { runProgram } from '../support/processes.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { waitFor } from '../support/wait-for.js';
import { AUDIO, FakeStream, SOURCE } from './fake-stream.js';
import { finished, openRoom, type Room } from './open-room.js';

const ALL = { takes: () => true };

const soon = (check: () => void) => waitFor(check);

/** Makes a recording of one segment of each of these streams. */
async function finishedIds(room: Room, names: readonly string[]): Promise<string[]> {
  const ids: string[] = [];
  for (const name of names) {
    const stream = new FakeStream(name, room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100, { at: room.clock.wallClock() });
    stream.end();
    await finished(room, id);
    ids.push(id);
  }
  return ids;
}

const list = async (directory: string, rendition = 'source', file = 'index.m3u8') =>
  readPlaylist(await readFile(join(directory, rendition, file), 'utf8'));

describe('a recording', () => {
  it('G1.02 has the live files under the same names, without copies, and plays as VOD', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    for (const number of [100, 101, 102]) for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
    stream.end();
    const facts = await finished(room, id);
    expect(facts).toMatchObject({ app: 'live', name: 'cam', duration: 6, bytes: 600, gaps: [] });
    const { directory } = room.recordings.find(id) ?? { directory: '' };
    expect(directory).toBe(join(room.root, 'live', 'cam', id));
    for (const rendition of ['source', 'audio']) {
      const [kept, live] = await Promise.all(
        [directory, room.live].map((tree) => stat(join(tree, rendition, 'seg-101.m4s'))),
      );
      expect(kept?.ino).toBe(live?.ino);
      const text = await readFile(join(directory, rendition, 'index.m3u8'), 'utf8');
      expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD\n');
      expect(text.endsWith('#EXT-X-ENDLIST\n')).toBe(true);
      expect(parsePlaylist(text).segments.map(({ uri }) => uri)).toEqual(['seg-100.m4s', 'seg-101.m4s', 'seg-102.m4s']);
      expect(await readFile(join(directory, rendition, 'init-100.mp4'), 'utf8')).toBe(`init of ${rendition}`);
    }
    expect((await list(directory, 'source', 'iframes.m3u8'))?.entries.map(({ byteRange }) => byteRange)).toEqual([
      10, 10, 10,
    ]);
    expect(await readFile(join(directory, 'index.m3u8'), 'utf8')).toContain('BANDWIDTH=2');
    expect(room.news.map(({ type }) => type)).toEqual(['recording.started', 'recording.finished']);
  });

  it.each([
    ['is written from memory where there is no live copy', { hasLive: false, unstored: false }],
    ['is written from memory where the live copy is behind', { hasLive: true, unstored: true }],
  ])('%s', async (_, { hasLive, unstored }) => {
    const room = await openRoom();
    const stream = new FakeStream('cam', hasLive ? room.live : undefined);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100, { unstored });
    stream.end();
    await finished(room, id);
    const kept = await readFile(join(room.recordings.find(id)?.directory ?? '', 'source', 'seg-100.m4s'), 'utf8');
    expect(kept).toBe('source 100'.padEnd(100, '.'));
  });

  it('G1.03 G1.14 has a growing playlist of type EVENT while it is in progress', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    const path = join(room.recordings.find(id)?.directory ?? '', 'source', 'index.m3u8');
    let before = '';
    for (const number of [100, 101, 102]) {
      stream.add(SOURCE, number);
      const text = await waitFor(async () => {
        const now = await readFile(path, 'utf8');
        expect(now).toContain(`seg-${number}.m4s`);
        return now;
      });
      expect(text).toContain('#EXT-X-PLAYLIST-TYPE:EVENT\n');
      expect(text).not.toContain('ENDLIST');
      expect(text.startsWith(before)).toBe(true);
      before = text;
    }
  });

  it('lists missing segments as gaps, with the same numbers in all renditions', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    stream.add(SOURCE, 101, { lost: true });
    stream.add(SOURCE, 102, { gap: true });
    stream.add(SOURCE, 103);
    // The rendition starts late, ends early, and lacks one segment in the middle.
    stream.add(AUDIO, 101);
    stream.add(AUDIO, 103);
    stream.add(SOURCE, 104);
    stream.end();
    const facts = await finished(room, id);
    const { directory } = room.recordings.find(id) ?? { directory: '' };
    const source = await list(directory);
    const audio = await list(directory, 'audio');
    expect(source?.first).toBe(100);
    expect(audio?.first).toBe(100);
    expect(source?.entries.map(({ gap }) => gap)).toEqual([false, true, true, false, false]);
    expect(audio?.entries.map(({ gap }) => gap)).toEqual([true, false, true, false, true]);
    expect(audio?.entries.map(({ programDateTime }) => programDateTime)).toEqual(
      source?.entries.map(({ programDateTime }) => programDateTime),
    );
    expect(facts.gaps).toHaveLength(1);
    expect((facts.gaps[0]?.to ?? 0) - (facts.gaps[0]?.from ?? 0)).toBe(4000);
  });

  it('G1.05 continues with one discontinuity when the publisher returns, and reports the time between', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    const at = Date.parse('2026-11-28T12:00:00Z');
    // The first segment of a recording must not have a discontinuity.
    stream.add(SOURCE, 100, { at, discontinuity: true });
    stream.add(SOURCE, 101, { at: at + 7000, discontinuity: true });
    stream.end();
    const facts = await finished(room, id);
    expect(facts.gaps).toEqual([{ from: at + 2000, to: at + 7000 }]);
    const text = await readFile(join(room.recordings.find(id)?.directory ?? '', 'source', 'index.m3u8'), 'utf8');
    expect(text.match(/#EXT-X-DISCONTINUITY\n/g)).toHaveLength(1);
    expect(text.indexOf('#EXT-X-DISCONTINUITY\n')).toBeGreaterThan(text.indexOf('seg-100'));
  });

  it('starts and stops at segment boundaries, at the same picture in all renditions', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, 100);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 101);
    stream.add(AUDIO, 101);
    stream.add(SOURCE, 102);
    // The audio segment 102 is not complete yet.
    room.recordings.stop(stream);
    stream.add(SOURCE, 103);
    stream.add(AUDIO, 102);
    stream.add(AUDIO, 103);
    await finished(room, id);
    const { directory } = room.recordings.find(id) ?? { directory: '' };
    for (const rendition of ['source', 'audio']) {
      expect((await list(directory, rendition))?.entries.map(({ uri }) => uri)).toEqual(['seg-101.m4s', 'seg-102.m4s']);
    }
    expect(room.recordings.of('live', 'cam')).toBeUndefined();
  });

  it('G1.07 is split when it is long enough, without losing or repeating a segment', async () => {
    const room = await openRoom({ split: { duration: 6 } });
    const stream = new FakeStream('cam', room.live);
    room.recordings.start(stream, ALL);
    for (let number = 100; number < 112; number += 1) {
      stream.add(SOURCE, number);
      await waitFor(() => expect(room.recordings.figures.totals().bytes).toBe((number - 99) * 100));
    }
    stream.end();
    const ids = room.recordings.list({ limit: 10 }).recordings.map(({ id }) => id);
    // The last part may be empty, and is then removed.
    const states = () => ids.map((id) => room.recordings.find(id)?.facts.state ?? 'finished');
    await waitFor(() => expect(new Set(states())).toEqual(new Set(['finished'])));
    const uris: string[] = [];
    for (const { directory } of ids
      .map((id) => room.recordings.find(id))
      .reverse()
      .filter((found) => found !== undefined)) {
      const playlist = await list(directory);
      expect(playlist?.entries.length).toBeLessThanOrEqual(4);
      uris.push(...(playlist?.entries ?? []).map(({ uri }) => uri));
    }
    expect(uris).toEqual(Array.from({ length: 12 }, (_, index) => `seg-${100 + index}.m4s`));
  });

  it('G1.07 is continued in a new one at the times of a schedule', async () => {
    // Every full hour, whatever the time zone.
    const room = await openRoom({ split: { next: scheduleOf('0 * * * *') } });
    const stream = new FakeStream('cam', room.live);
    room.clock.advance(3_600_000 - (room.clock.wallClock() % 3_600_000) + 60_000);
    room.recordings.start(stream, ALL);
    for (const [number, minutes] of [
      [100, 30],
      [101, 30],
      [102, 30],
      [103, 15],
    ] as const) {
      stream.add(SOURCE, number);
      await waitFor(() => expect(room.recordings.figures.totals().bytes).toBe((number - 99) * 100));
      room.clock.advance(minutes * 60_000);
    }
    stream.end();
    await waitFor(() => expect(room.news.filter(({ type }) => type === 'recording.finished')).toHaveLength(2));
    // The third segment was complete after the full hour, and is the last of the first recording.
    expect(room.recordings.list({ limit: 10 }).recordings.map(({ duration }) => duration)).toEqual([2, 6]);
  });

  it('G1.08 lies where the template says, and is found there by the next process, whatever its template is', async () => {
    const room = await openRoom({ path: '{name}/{year}-{month}-{day}/part{part}-{id}', split: { duration: 2 } });
    const stream = new FakeStream('cam', room.live);
    room.recordings.start(stream, ALL);
    for (const number of [100, 101]) {
      stream.add(SOURCE, number);
      await waitFor(() => expect(room.recordings.figures.totals().bytes).toBe((number - 99) * 100));
    }
    stream.end();
    await waitFor(() => expect(room.news.filter(({ type }) => type === 'recording.finished')).toHaveLength(2));
    // The third one is empty, and goes.
    await waitFor(() => expect(room.recordings.figures.totals().count).toBe(2));
    const day = new Date(room.clock.wallClock()).toISOString().slice(0, 10);
    const found = room.recordings.list({ limit: 10 }).recordings.map(({ id }) => room.recordings.find(id));
    expect(found.map((entry) => entry?.directory)).toEqual(
      found.map((entry, index) => join(room.root, 'cam', day, `part${2 - index}-${entry?.facts.id}`)),
    );
    const next = await openRoom({ root: room.root });
    expect(next.recordings.list({ limit: 10 })).toEqual(room.recordings.list({ limit: 10 }));
  });

  it('leaves no files if it was ended before its first segment', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.end();
    await waitFor(() => expect(room.recordings.find(id)).toBeUndefined());
    await waitFor(async () => expect(await readdir(room.root)).toEqual(['.leaving']));
  });

  it('keeps at most 64 MiB in memory while the disk hangs: later segments become gaps', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    let goOn = (): void => undefined;
    stream.disk = new Promise((resolve) => {
      goOn = resolve;
    });
    const { id } = room.recordings.start(stream, ALL);
    for (const number of [100, 101, 102]) stream.add(SOURCE, number, { length: 30 * 2 ** 20 });
    goOn();
    stream.end();
    await finished(room, id);
    const entries = (await list(room.recordings.find(id)?.directory ?? ''))?.entries;
    expect(entries?.map(({ gap }) => gap)).toEqual([false, false, true]);
  });

  it('loses no change that is made while it is being finished, and is announced once', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    stream.end();
    await Promise.all([
      room.recordings.change(id, { title: 'Talk' }),
      room.recordings.change(id, { pinned: true }),
      finished(room, id),
    ]);
    await Promise.all([
      room.recordings.change(id, { title: 'Talk, again' }),
      room.recordings.change(id, { pinned: false }),
    ]);
    const stored = JSON.parse(
      await readFile(join(room.recordings.find(id)?.directory ?? '', 'recording.json'), 'utf8'),
    );
    expect(stored).toMatchObject({ title: 'Talk, again', pinned: false, state: 'finished' });
    expect(room.news.filter(({ type }) => type === 'recording.finished')).toHaveLength(1);
  });

  it('loses no change that comes when the finished one is just written', async () => {
    for (let round = 0; round < 20; round += 1) {
      const room = await openRoom();
      const stream = new FakeStream('cam', room.live);
      const { id } = room.recordings.start(stream, ALL);
      stream.add(SOURCE, 100);
      stream.end();
      // One change waits for the end, others come as soon as it is known.
      const early = room.recordings.change(id, { title: 'Talk' });
      const late: Promise<unknown>[] = [];
      room.onNews = (news) => {
        if (news.type === 'recording.finished') late.push(room.recordings.change(id, { pinned: true }));
      };
      await Promise.all([early, finished(room, id)]);
      await Promise.all(late);
      expect(late).toHaveLength(1);
      const directory = room.recordings.find(id)?.directory ?? '';
      const stored = JSON.parse(await readFile(join(directory, 'recording.json'), 'utf8'));
      expect(stored).toMatchObject({ title: 'Talk', pinned: true, state: 'finished' });
    }
  });

  it('G1.11 pauses while the disk is full, reports it, and continues by itself with the gap listed', async () => {
    let free = 10;
    const room = await openRoom({ keepFree: 2 ** 21, freeBytes: async () => free });
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    await waitFor(() => expect(room.news.map(({ type }) => type)).toContain('recording.paused'));
    expect(room.recordings.find(id)?.facts).toMatchObject({ state: 'paused', reason: expect.stringContaining('MiB') });
    expect(room.warnings).toHaveLength(1);
    stream.add(SOURCE, 101);
    const lost = () => room.recordings.find(id)?.facts.gaps.map(({ from, to }) => to - from);
    await waitFor(() => expect(lost()).toEqual([4000]));
    free = 2 ** 22;
    await waitFor(() => {
      stream.add(SOURCE, stream.nextNumber);
      expect(room.news.map(({ type }) => type)).toContain('recording.resumed');
    });
    expect(room.recordings.find(id)?.facts.state).toBe('recording');
    stream.end();
    const { gaps } = await finished(room, id);
    expect(gaps).toHaveLength(1);
    const entries = (await list(room.recordings.find(id)?.directory ?? ''))?.entries ?? [];
    expect(entries.map(({ uri }) => uri)).toEqual(entries.map((_, index) => `seg-${100 + index}.m4s`));
    expect(entries.slice(0, 2).map(({ gap }) => gap)).toEqual([true, true]);
    expect(entries.at(-1)?.gap).toBe(false);
  });
});

describe('recordings of an earlier process', () => {
  /** A recording with three segments, as a killed process leaves it. */
  async function killed(): Promise<{ readonly root: string; readonly id: string; readonly directory: string }> {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    const directory = join(room.root, 'live', 'cam', id);
    for (const number of [100, 101, 102]) for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
    await waitFor(async () => expect((await list(directory, 'audio'))?.entries).toHaveLength(3));
    await waitFor(async () => expect((await list(directory))?.entries).toHaveLength(3));
    const root = join(await temporaryDirectory(), 'copy');
    await cp(room.root, root, { recursive: true });
    return { root, id, directory: join(root, 'live', 'cam', id) };
  }

  it('G1.04 are found beside directories that cannot be read', async () => {
    const { root, id } = await killed();
    // Too deep for any path, so that not even the administrator can list it: each level is made from the one above it.
    const script = `process.chdir(${JSON.stringify(root)}); for (let i = 0; i < 20; i++) { fs.mkdirSync('d'.repeat(255)); process.chdir('d'.repeat(255)); }`;
    await runProgram(process.execPath, ['-e', script]);
    onTestFinished(async () => void (await runProgram('rm', ['-rf', root])));
    const { recordings, warnings } = await openRoom({ root });
    expect(recordings.find(id)?.facts.state).toBe('interrupted');
    expect(warnings).toEqual(['a recording cannot be used and is left as it is']);
  });

  it('G1.04 are finished, no matter where the writing of the playlists stopped', async () => {
    const { root, id } = await killed();
    await fc.assert(
      fc.asyncProperty(
        fc.nat(2000),
        fc.constantFrom('source', 'audio'),
        fc.boolean(),
        async (cut, rendition, loses) => {
          const copy = join(await temporaryDirectory(), 'cut');
          await cp(root, copy, { recursive: true });
          const directory = join(copy, 'live', 'cam', id);
          const path = join(directory, rendition, 'index.m3u8');
          const whole = await readFile(path, 'utf8');
          await truncate(path, Math.min(cut, whole.length));
          // A power cut may lose the bytes that were written last.
          if (loses) await writeFile(join(directory, rendition, 'seg-102.m4s'), '');
          const { recordings } = await openRoom({ root: copy });
          const found = recordings.find(id);
          expect(found?.facts.state).toBe('interrupted');
          // The gaps are those of its playlist, also those that the killed process had not written down.
          const made = (await list(directory, found?.facts.renditions[0]?.name ?? ''))?.entries ?? [];
          expect(found?.facts.gaps).toEqual(gapsIn(made));
          if (made.at(-1)?.gap) expect(found?.facts.gaps).toHaveLength(1);
          for (const { name } of found?.facts.renditions ?? []) {
            const playlist = await list(directory, name);
            expect(playlist?.ended).toBe(true);
            for (const { uri, gap, map } of playlist?.entries ?? []) {
              if (gap) continue;
              expect((await stat(join(directory, name, uri))).size).toBeGreaterThan(0);
              expect((await stat(join(directory, name, map))).size).toBeGreaterThan(0);
            }
          }
          const listed = (await readFile(join(directory, 'index.m3u8'), 'utf8')).match(/^\w+(?=\/index.m3u8$)/gm);
          expect([...(listed ?? [])].sort()).toEqual(found?.facts.renditions.map(({ name }) => name).sort());
        },
      ),
      { numRuns: 60 },
    );
  });

  it('G1.04 G1.13 are found beside a damaged or foreign directory, which is left as it is', async () => {
    const { root, id } = await killed();
    const foreign = join(root, 'holiday');
    await mkdir(foreign);
    await writeFile(join(foreign, 'beach.mp4'), 'mine');
    const torn = join(root, 'live', 'cam', '01m8hgbrkf8jfx3hh4kj75bk6k');
    await mkdir(torn);
    await writeFile(join(torn, 'recording.json'), '{"version":1,');
    const { recordings, warnings } = await openRoom({ root });
    expect(recordings.list({ limit: 10 }).recordings.map((facts) => facts.id)).toEqual([id]);
    expect(warnings).toHaveLength(1);
    expect(await readFile(join(foreign, 'beach.mp4'), 'utf8')).toBe('mine');
    expect(await readFile(join(torn, 'recording.json'), 'utf8')).toBe('{"version":1,');
  });

  it('G1.10 whose removal had begun are removed', async () => {
    const { root, directory } = await killed();
    await mkdir(join(root, '.leaving'));
    await cp(directory, join(root, '.leaving', 'x'), { recursive: true });
    await openRoom({ root });
    await expect(readdir(join(root, '.leaving'))).rejects.toThrow('ENOENT');
  });
});

describe('a recording whose disk fails', () => {
  it('is finished by a later round if its end could not be written', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    await soon(() => expect(room.recordings.find(id)?.facts.bytes).toBe(100));
    const obstacle = join(room.recordings.find(id)?.directory ?? '', 'recording.json.new');
    await mkdir(obstacle);
    stream.end();
    await soon(() => expect(room.news.at(-1)?.type).toBe('recording.paused'));
    await rm(obstacle, { recursive: true });
    await soon(() => {
      room.clock.advance(60_000);
      expect(room.recordings.find(id)?.facts.state).toBe('finished');
    });
    await room.recordings.remove(id);
  });

  it('is not listed any more if nothing of it could be stored', async () => {
    const room = await openRoom();
    await mkdir(room.root);
    await writeFile(join(room.root, 'live'), 'in the way');
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    stream.end();
    await soon(() => expect(room.recordings.find(id)).toBeUndefined());
  });

  it('has the duration of what was stored', async () => {
    let free = 1;
    const room = await openRoom({ keepFree: 1, freeBytes: async () => free });
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, 100);
    await soon(() => expect(room.recordings.find(id)?.facts.bytes).toBe(200));
    free = 0;
    for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, 101);
    await soon(() => expect(room.recordings.find(id)?.facts.gaps).toHaveLength(1));
    expect(room.recordings.find(id)?.facts).toMatchObject({ state: 'paused', duration: 2 });
  });
});

describe('the MP4 of a recording', () => {
  const entry = (id: string, duration: number): CatalogueEntry => ({
    directory: `/nowhere/${id}`,
    facts: {
      ...{ version: 1, id, app: 'live', name: 'cam', state: 'finished', pinned: false, start: 0, bytes: 1, duration },
      ...{ renditions: [{ name: 'source', video: true }], gaps: [] },
    },
  });

  it('is refused beyond 12 hours, before anything is read', () => {
    const movies = new Movies();
    expect(() => movies.get(entry('long', 12 * 3600 + 1))).toThrow(expect.objectContaining({ code: 'recording.mp4' }));
  });

  it('is prepared for at most eight at a time', async () => {
    const movies = new Movies();
    const made = Array.from({ length: 8 }, (_, index) => movies.get(entry(`r${index}`, 1)));
    const results = Promise.allSettled(made);
    expect(() => movies.get(entry('r8', 1))).toThrow(expect.objectContaining({ code: 'recording.mp4-limit' }));
    expect((await results).map(({ status }) => status)).toEqual(Array(8).fill('rejected'));
    await expect(movies.get(entry('r8', 1))).rejects.toThrow('ENOENT');
  });
});

describe('a short recording', () => {
  it('has all renditions, also if it is stopped before the first segment is complete', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.nextNumber = 101;
    room.recordings.stop(stream);
    stream.add(SOURCE, 100);
    await soon(() => expect(room.recordings.find(id)?.facts.bytes).toBe(100));
    stream.add(AUDIO, 100);
    const { renditions, duration } = await finished(room, id);
    expect(renditions.map(({ name }) => name)).toEqual(['source', 'audio']);
    expect(duration).toBe(2);
  });
});

describe('the playlist of a recording of many days', () => {
  it('is finished', () => {
    const entry = { text: '#EXTINF:2.000000,\nseg.m4s\n', uri: 'seg.m4s', duration: 2, programDateTime: 0, map: '' };
    const entries = new Array(300_000).fill({ ...entry, discontinuity: false, gap: false });
    const text = vodPlaylist({ header: '#EXTM3U\n#EXT-X-TARGETDURATION:9\n', entries });
    expect(text).toMatch(/^#EXTM3U\n#EXT-X-TARGETDURATION:2\n/);
    expect(text.endsWith('#EXT-X-ENDLIST\n')).toBe(true);
  });
});

describe('removal', () => {
  it('and a change at the same time leave no entry behind', async () => {
    const room = await openRoom();
    for (const isRemovedFirst of [false, true]) {
      const [id = ''] = await finishedIds(room, ['cam']);
      const remove = () => room.recordings.remove(id);
      const change = () => room.recordings.change(id, { title: 'Late' }).catch(({ code }) => code);
      const work = isRemovedFirst ? [remove(), change()] : [change(), remove()];
      const results = await Promise.all(work);
      if (isRemovedFirst) expect(results[1]).toBe('recording.no-such-recording');
      else expect(results[0]).toMatchObject({ title: 'Late' });
      expect(room.recordings.find(id)).toBeUndefined();
      expect(room.recordings.figures.totals()).toEqual({ count: 0, bytes: 0 });
    }
  });

  it('spares a recording that is pinned during a round of retention', async () => {
    const room = await openRoom({ keepFor: 3600 });
    const [first, second = ''] = await finishedIds(room, ['one', 'two']);
    let pinned: Promise<unknown> | undefined;
    room.onNews = ({ type }) => {
      if (type === 'recording.removed') pinned = room.recordings.change(second, { pinned: true });
    };
    room.clock.advance(3_700_000);
    await soon(() => expect(pinned).toBeDefined());
    await pinned;
    await room.recordings.close();
    expect(room.recordings.find(first ?? '')).toBeUndefined();
    expect(room.recordings.find(second)?.facts.pinned).toBe(true);
  });

  it('removes others instead of recordings that cannot be removed, and says so in one line', async () => {
    const room = await openRoom({ keepFree: 1000, freeBytes: async () => free });
    let free = 1000;
    const [first = '', second = '', third = '', newest = ''] = await finishedIds(room, ['one', 'two', 'three', 'four']);
    await mkdir(join(room.root, '.leaving'));
    for (const id of [first, second]) await writeFile(join(room.root, '.leaving', id), 'in the way');
    free = 850;
    room.clock.advance(60_000);
    await soon(() => expect(room.warnings).toHaveLength(1));
    expect(room.warnings).toEqual([expect.stringContaining('2 recordings cannot be removed')]);
    expect(room.recordings.find(third)).toBeUndefined();
    expect(room.recordings.find(newest)).toBeUndefined();
    expect(room.recordings.figures.totals().count).toBe(2);
  });

  it('G1.10 removes the whole directory and empty parents, and refuses a recording in progress', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, ALL);
    stream.add(SOURCE, 100);
    await expect(room.recordings.remove(id)).rejects.toThrow(expect.objectContaining({ code: 'recording.being-made' }));
    stream.end();
    await finished(room, id);
    await room.recordings.remove(id);
    expect(room.recordings.find(id)).toBeUndefined();
    expect(await readdir(room.root)).toEqual(['.leaving']);
    expect(await readdir(join(room.root, '.leaving'))).toEqual([]);
    await expect(room.recordings.remove(id)).rejects.toThrow(
      expect.objectContaining({ code: 'recording.no-such-recording' }),
    );
    // The live copy is not affected.
    expect(await readFile(join(room.live, 'source', 'seg-100.m4s'), 'utf8')).toContain('source 100');
  });

  it('removes old recordings that are not pinned', async () => {
    const room = await openRoom({ keepFor: 3600 });
    const ids: string[] = [];
    for (const name of ['one', 'two']) {
      const stream = new FakeStream(name, room.live);
      const { id } = room.recordings.start(stream, ALL);
      stream.add(SOURCE, 100, { at: room.clock.wallClock() });
      stream.end();
      await finished(room, id);
      ids.push(id);
    }
    const [pinned = '', other = ''] = ids;
    await room.recordings.change(pinned, { pinned: true, title: 'Kept' });
    room.clock.advance(3_700_000);
    await waitFor(() => expect(room.recordings.find(other)).toBeUndefined());
    expect(room.recordings.find(pinned)?.facts).toMatchObject({ pinned: true, title: 'Kept' });
    await rm(join(room.root, '.leaving'), { recursive: true, force: true });
    const again = await openRoom({ root: room.root });
    expect(again.recordings.list({ limit: 5 }).recordings).toMatchObject([{ id: pinned, title: 'Kept', pinned: true }]);
  });
});
