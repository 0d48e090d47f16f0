// Clips on a real disk: their segments, the start position for players, and that they stay when their source is removed.
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { clipRange } from '../../src/recording/clip-range.js';
import type { RecordingFacts } from '../../src/recording/recording-facts.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { waitFor } from '../support/wait-for.js';
import { AUDIO, FakeStream, type SegmentOptions, SOURCE } from './fake-stream.js';
import { finished, openRoom, type Room } from './open-room.js';

const START = Date.parse('2026-11-28T12:00:00Z');
const OPERATOR = { by: 'operator' } as const;

/** A finished recording of segments of two seconds, the first of which has number 100. */
async function recorded(room: Room, segments: readonly SegmentOptions[]): Promise<RecordingFacts> {
  const stream = new FakeStream('cam', room.live);
  const { id } = room.recordings.start(stream, { takes: () => true });
  for (const [index, options] of segments.entries()) {
    stream.add(SOURCE, 100 + index, options);
    stream.add(AUDIO, 100 + index, options);
  }
  stream.end();
  return finished(room, id);
}

async function playlistOf(room: Room, id: string, rendition = 'source'): Promise<string> {
  return readFile(join(room.recordings.find(id)?.directory ?? '', rendition, 'index.m3u8'), 'utf8');
}

describe('a clip of a recording', () => {
  it('G1.16 links the segments around it, and gives players the start position', async () => {
    const room = await openRoom();
    const { id: of } = await recorded(room, Array(6).fill({}));
    const clip = await room.recordings.clip(of, { from: 3, to: 7.5, title: 'Goal', ...OPERATOR });
    expect(clip).toMatchObject({
      ...{ app: 'live', name: 'cam', title: 'Goal', state: 'finished', duration: 6, bytes: 600 },
      ...{ start: START + 2000, end: START + 8000 },
      clip: { of, from: START + 3000, to: START + 7500, skip: 1, cut: 0.5 },
    });
    expect(clip.id > of).toBe(true);
    for (const rendition of ['source', 'audio']) {
      const text = await playlistOf(room, clip.id, rendition);
      expect(text).toContain('#EXT-X-PLAYLIST-TYPE:VOD\n');
      expect(text).toContain('#EXT-X-START:TIME-OFFSET=1.000000,PRECISE=YES\n');
      expect(text).toContain('#EXT-X-MEDIA-SEQUENCE:101\n');
      expect(parsePlaylist(text).segments.map(({ uri }) => uri)).toEqual(['seg-101.m4s', 'seg-102.m4s', 'seg-103.m4s']);
      const [kept, source] = await Promise.all(
        [clip.id, of].map((id) => stat(join(room.recordings.find(id)?.directory ?? '', rendition, 'seg-102.m4s'))),
      );
      expect(kept?.ino).toBe(source?.ino);
    }
    const variants = await readFile(join(room.recordings.find(clip.id)?.directory ?? '', 'index.m3u8'), 'utf8');
    expect(variants).toContain('#EXT-X-START:TIME-OFFSET=1.000000,PRECISE=YES\n#EXT-X-STREAM-INF');
    expect(room.news.map(({ type }) => type)).toEqual(['recording.started', 'recording.finished', 'recording.clipped']);
    expect(await readdir(join(room.root, '.making'))).toEqual([]);
  });

  it('G1.17 plays when its source is removed, and another gateway finds it', async () => {
    const room = await openRoom();
    const { id: of } = await recorded(room, Array(3).fill({}));
    const { id } = await room.recordings.clip(of, { from: 0, to: 3, ...OPERATOR });
    await room.recordings.remove(of);
    const directory = room.recordings.find(id)?.directory ?? '';
    expect(await readFile(join(directory, 'source', 'seg-101.m4s'), 'utf8')).toContain('source 101');
    const next = await openRoom({ root: room.root });
    expect(next.recordings.find(id)?.facts).toEqual(room.recordings.find(id)?.facts);
    // A clip of a clip names its source.
    expect((await next.recordings.clip(id, { from: 1, ...OPERATOR })).clip).toMatchObject({ of: id, skip: 1 });
  });

  it('can be made during recording, from segments that all renditions have', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id: of } = room.recordings.start(stream, { takes: () => true });
    for (const number of [100, 101, 102]) for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
    stream.add(SOURCE, 103);
    await waitFor(() => expect(room.recordings.find(of)?.facts.bytes).toBe(700));
    const clip = await room.recordings.clip(of, { from: -3, ...OPERATOR });
    expect(clip).toMatchObject({ duration: 4, clip: { from: START + 3000, to: START + 6000 } });
  });

  it('leaves no files when it cannot be made', async () => {
    const room = await openRoom();
    const { id } = await recorded(room, [{}, { gap: true }]);
    for (const [from, to] of [
      [3, 3],
      [4, 2],
      [90, undefined],
      [2, undefined],
    ] as const) {
      const made = room.recordings.clip(id, { from, to, ...OPERATOR });
      await expect(made).rejects.toThrow(expect.objectContaining({ code: 'recording.clip' }));
    }
    const unknown = room.recordings.clip('00000000000000000000000000', { from: 0, ...OPERATOR });
    await expect(unknown).rejects.toThrow(expect.objectContaining({ code: 'recording.no-such-recording' }));
    expect(room.recordings.figures.totals().count).toBe(1);
    expect(await readdir(room.root)).toEqual(['live']);
  });

  it('waits for its turn, and is refused if too many wait', async () => {
    const room = await openRoom();
    const { id } = await recorded(room, Array(3).fill({}));
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, () => room.recordings.clip(id, { from: 0, ...OPERATOR })),
    );
    const made = results.filter(({ status }) => status === 'fulfilled');
    expect(made).toHaveLength(32);
    for (const result of results) {
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'recording.clip-limit' });
    }
    expect(room.recordings.figures.totals().count).toBe(33);
  });
});

describe('clips of viewers', () => {
  // Two renditions of a segment have 200 bytes; each clip counts 64 KiB more.
  const CLIP = 65_536 + 200;

  it('leave places for those of operators', async () => {
    const room = await openRoom();
    const { id } = await recorded(room, Array(3).fill({}));
    const asked = Array.from({ length: 40 }, () => room.recordings.clipForViewer(id, { from: 2, to: 4 }, 100 * CLIP));
    const results = Promise.allSettled(asked);
    await expect(room.recordings.clip(id, { from: 0, ...OPERATOR })).resolves.toMatchObject({ bytes: 600 });
    expect((await results).filter(({ status }) => status === 'fulfilled')).toHaveLength(16);
  });

  it('have no more bytes together than is allowed, and leave no files beyond', async () => {
    const room = await openRoom();
    const { id } = await recorded(room, Array(3).fill({}));
    const make = () => room.recordings.clipForViewer(id, { from: 2, to: 4 }, 2 * CLIP);
    const made = [await make(), await make()];
    expect(made.map(({ clip }) => clip?.by)).toEqual(['viewer', 'viewer']);
    // Those of operators do not count.
    await room.recordings.clip(id, { from: 0, ...OPERATOR });
    await expect(make()).rejects.toThrow(expect.objectContaining({ code: 'recording.clip-limit' }));
    expect(room.recordings.figures.totals().count).toBe(4);
    expect(await readdir(join(room.root, '.making'))).toEqual([]);
    await room.recordings.remove(made[0]?.id ?? '');
    await make();
  });

  it('last ten minutes at most', async () => {
    const room = await openRoom();
    const { id } = await recorded(room, [{ duration: 400 }, { duration: 400, at: START + 400_000 }]);
    await room.recordings.clipForViewer(id, { from: 0, to: 600 }, 10 * CLIP);
    const longer = room.recordings.clipForViewer(id, { from: 0, to: 601 }, 10 * CLIP);
    await expect(longer).rejects.toThrow(expect.objectContaining({ code: 'recording.clip' }));
  });
});

describe('G1.16 a clip of a live stream', () => {
  it('has its newest seconds, from memory if the live copy is behind', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    for (const number of [100, 101, 102, 103]) {
      stream.add(SOURCE, number, { unstored: number === 103 });
      stream.add(AUDIO, number);
    }
    const clip = await room.recordings.clipStream(stream, { from: -3, ...OPERATOR });
    expect(clip).toMatchObject({ duration: 4, clip: { from: START + 5000, to: START + 8000, skip: 1, cut: 0 } });
    expect(clip.clip?.of).toBeUndefined();
    const { directory } = room.recordings.find(clip.id) ?? { directory: '' };
    expect(await readFile(join(directory, 'source', 'seg-103.m4s'), 'utf8')).toContain('source 103');
    stream.end();
  });

  it('is cut out of the recording if that reaches further back', async () => {
    const room = await openRoom();
    const stream = new FakeStream('cam', room.live);
    const { id } = room.recordings.start(stream, { takes: () => true });
    for (const number of [100, 101, 102, 103]) for (const rendition of [SOURCE, AUDIO]) stream.add(rendition, number);
    await waitFor(() => expect(room.recordings.find(id)?.facts.bytes).toBe(800));
    stream.forget(2);
    const clip = await room.recordings.clipStream(stream, { from: -7, ...OPERATOR });
    expect(clip).toMatchObject({ duration: 8, clip: { of: id, skip: 1 } });
  });
});

describe('the segments of a clip', () => {
  const segments = (kinds: string) => {
    let programDateTime = START;
    return [...kinds].map((kind, index) => {
      // The publisher was away.
      if (kind === '|') programDateTime += 10_000;
      const segment = {
        ...{ number: 100 + index, duration: 2, programDateTime },
        ...{ isIndependent: kind !== '.', gap: kind === '_' },
      };
      programDateTime += 2000;
      return segment;
    });
  };
  const at = (seconds: number): Date => new Date(START + seconds * 1000);

  it.each([
    ['from the beginning to the end', 'kkk', 0, undefined, { first: 100, last: 102, skip: 0, cut: 0 }],
    ['a part of one', 'kkk', 2.5, 3.5, { first: 101, last: 101, skip: 0.5, cut: 0.5 }],
    ['up to a border, without the next one', 'kkk', 1, 4, { first: 100, last: 101, skip: 1, cut: 0 }],
    ['from a border, without the one before', 'kkk', 2, 4, { first: 101, last: 101, skip: 0, cut: 0 }],
    ['counted from the end', 'kkkk', -3, -1, { first: 102, last: 103, skip: 1, cut: 1 }],
    ['as much as there is', 'kk', -60, 60, { first: 100, last: 101, skip: 0, cut: 0 }],
    ['from the key frame before', 'k..k', 5, 7, { first: 100, last: 103, skip: 5, cut: 1 }],
    ['by dates', 'kkk', at(1), at(5), { first: 100, last: 102, skip: 1, cut: 1 }],
    ['by dates at which nobody published', 'k|k', at(5), at(13), { first: 101, last: 101, skip: 0, cut: 1 }],
    ['up to a date at which nobody published', 'k|k', at(1), at(5), { first: 100, last: 100, skip: 1, cut: 0 }],
    ['over a gap', 'k_k', 1, 5, { first: 100, last: 102, skip: 1, cut: 1 }],
  ] as const)('%s', (_, kinds, from, to, expected) => {
    expect(clipRange(segments(kinds), from, to)).toMatchObject(expected);
  });
});
