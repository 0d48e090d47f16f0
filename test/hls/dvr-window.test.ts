// Hours behind the live edge: which segments are listed, where they come from, what they cost, and what a full disk removes.
import { setImmediate as nextTurn } from 'node:timers/promises';
import { M3U8Parser, PlaylistLevelType } from 'hls.js';
import * as HLS from 'hls-parser';
// @ts-expect-error it has no types
import { Parser as M3u8Parser } from 'm3u8-parser';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Origin } from '../../src/hls/origin/origin.js';
import type { PresentationOptions } from '../../src/hls/presentation.js';
import { DiskStore } from '../../src/hls/store/disk-store.js';
import type { SegmentStore } from '../../src/hls/store/segment-store.js';
import { mergeDelta } from '../support/delta-update.js';
import { MemoryStore } from '../support/memory-store.js';
import { PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { serveSamples } from './origin-under-test.js';
import { recordInits } from './recorded-inits.js';

let inits: Awaited<ReturnType<typeof recordInits>>;
beforeAll(async () => {
  inits = await recordInits();
});

/** Counts reads, and lets writes fail on demand. */
class WatchedStore extends MemoryStore {
  reads = 0;
  failure: Error | undefined;

  override async write(path: string, bytes: Buffer | readonly Buffer[]): Promise<void> {
    if (this.failure !== undefined) throw this.failure;
    await super.write(path, bytes);
  }

  override async readInto(path: string, start: number, into: Buffer): Promise<number | undefined> {
    this.reads += 1;
    await nextTurn();
    return super.readInto(path, start, into);
  }
}

function scene(store: SegmentStore, options: Partial<PresentationOptions> = {}) {
  const served = serveSamples(inits, { store, dvrWindow: 60, ...options });
  const { presentation, stream, origin, source } = served;
  const checker = new PlaylistChecker({ frame: 0.04 });
  /** Plays for this long, with a store that keeps up. */
  const play = async (seconds: number, check = true, patient = false): Promise<void> => {
    for (let i = 0; i < seconds * 2; i += 1) {
      stream.play(i % 2 === 0 ? 13 : 12);
      for (let turn = 0; turn < 40; turn += 1) await nextTurn();
      while (patient && !source().window.listed.every(({ media }) => media.isStored)) await nextTurn();
      if (!check || !source().isServable('part')) continue;
      for (const name of ['source', 'audio']) {
        checker.add(name, presentation.rendition(name)?.playlistBody().toString() ?? '');
        checker.addDelta(name, presentation.rendition(name)?.deltaBody().toString() ?? '');
      }
      checker.checkAlignment();
    }
  };
  const file = (name: string): ReturnType<Origin['file']> => origin.file('live', 'test', 'source', name);
  const listed = () => parsePlaylist(source().playlistBody().toString());
  return { ...served, checker, play, file, listed };
}

describe('a DVR window', () => {
  it('B1.06 B1.08 B1.09 B3.10 lists and serves segments that are only in the store, and removes the oldest', async () => {
    const store = new WatchedStore();
    const { play, listed, source, file, clock, presentation } = scene(store);
    await play(40);
    const early = await file('seg-1000.m4s');
    await play(60);
    const { segments, mediaSequence } = listed();
    const duration = segments.reduce((sum, segment) => sum + segment.duration, 0);
    expect(duration).toBeGreaterThanOrEqual(60);
    expect(duration).toBeLessThan(63);
    expect(mediaSequence).toBeGreaterThan(1000);
    // In memory: the six of the live edge, and those that left it lately.
    expect([...source().window.available()].length).toBeLessThan(20);
    expect(source().archive?.count).toBeGreaterThan(20);
    for (const { uri, map } of segments) {
      expect((await file(uri)).status, uri).toBe(200);
      expect((await file(map ?? '')).status, uri).toBe(200);
    }
    expect(store.reads).toBeGreaterThan(10);
    // It has left the window, but stays for its retention time, with the same bytes from the store as from memory.
    const late = await file('seg-1000.m4s');
    expect(late.status === 200 && early.status === 200 && late.body?.equals(early.body ?? Buffer.of())).toBe(true);
    expect(presentation.windowDuration).toBeCloseTo(duration, 0);
    clock.advance(70_000);
    await play(4);
    expect((await file('seg-1001.m4s')).status).toBe(404);
    expect((await file('seg-5000.m4s')).status).toBe(404);
  });

  it('C4.05 concurrent readers of a segment in the store share one read, and one Buffer', async () => {
    const store = new WatchedStore();
    const { play, file } = scene(store);
    await play(50, false);
    const before = store.reads;
    const answers = await Promise.all(Array.from({ length: 100 }, () => file('seg-1001.m4s')));
    const bodies = new Set(answers.map((answer) => (answer.status === 200 ? answer.body : undefined)));
    expect([bodies.size, bodies.has(undefined), store.reads - before]).toEqual([1, false, 1]);
  });

  it('hls.store-read: a disk that cannot be read gives 503, and does not affect the live edge', async () => {
    const store = new WatchedStore();
    const { play, file, listed } = scene(store);
    await play(50, false);
    store.readInto = async () => {
      throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    };
    expect(await file('seg-1001.m4s')).toMatchObject({ status: 503, error: { code: 'hls.store-read' } });
    expect((await file(listed().segments.at(-1)?.uri ?? '')).status).toBe(200);
  });

  it('B1.06 the tree on disk also lists the window, with every file of it', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    const { play, presentation } = scene(store, { dvrWindow: 30 });
    await play(50, false, true);
    await presentation.end();
    const playlist = parsePlaylist((await store.read('live/test/source/index.m3u8'))?.toString() ?? '');
    expect(playlist.segments.length).toBeGreaterThanOrEqual(15);
    for (const { uri, map } of playlist.segments) {
      expect(await store.read(`live/test/source/${uri}`)).toBeDefined();
      expect(await store.read(`live/test/source/${map}`)).toBeDefined();
    }
    const frames = parsePlaylist((await store.read('live/test/source/iframes.m3u8'))?.toString() ?? '');
    expect(frames.segments.map(({ uri }) => uri)).toEqual(playlist.segments.map(({ uri }) => uri));
    await presentation.dispose();
    expect(await store.list('')).toEqual([]);
  });

  it('C4.03 a full disk shortens the window, and live viewing continues', async () => {
    const store = new WatchedStore();
    const { play, listed, warnings, checker, presentation, clock } = scene(store, {
      dvrWindow: Number.POSITIVE_INFINITY,
    });
    await play(60);
    const before = listed();
    expect(before.mediaSequence).toBe(1000);
    store.failure = Object.assign(new Error('ENOSPC: no space left'), { code: 'ENOSPC' });
    await play(4);
    store.failure = undefined;
    clock.advance(0);
    await play(20);
    const after = listed();
    expect(after.mediaSequence).toBeGreaterThan(1000);
    expect(after.segments.length).toBeGreaterThan(15);
    expect(warnings.map(({ code }) => code)).toEqual(['hls.store', 'hls.dvr-dropped']);
    for (const { uri } of after.segments) {
      expect(await presentation.readStored('source', uri)).toBeDefined();
    }
    expect(checker.versions('source')).toBeGreaterThan(100);
  });

  it.each([{ dvrWindow: Number.POSITIVE_INFINITY }, { dvrWindow: undefined, event: true }])(
    'C4.03 the index of $dvrWindow seconds, event $event, stays below its limit: the oldest segments go',
    async (window) => {
      const maxIndexBytes = 30_000;
      const { play, listed, source, presentation, warnings, file } = scene(new WatchedStore(), {
        ...window,
        maxIndexBytes,
      });
      const held = () => ['source', 'audio'].map((name) => presentation.rendition(name)?.archive);
      for (let played = 0; played < 120; played += 2) {
        // The checker accepts EVENT playlists only without removals.
        await play(2, window.event !== true, true);
        // A pass begins with this. Until the next pass every rendition archives one more segment.
        expect(held().reduce((sum, archive) => sum + (archive?.bytes ?? 0), 0)).toBeLessThan(maxIndexBytes + 4_000);
      }
      const { mediaSequence, segments } = listed();
      expect(mediaSequence).toBeGreaterThan(1000);
      expect(held().map((archive) => archive?.first.mediaSequence)).toEqual([mediaSequence, mediaSequence]);
      expect(source().archive?.count).toBeGreaterThan(5);
      for (const { uri } of segments) expect((await file(uri)).status, uri).toBe(200);
      // Players with an older list can still load the removed segments.
      expect((await file(`seg-${mediaSequence - 1}.m4s`)).status).toBe(200);
      expect(warnings.map(({ code }) => code)).toContain('hls.dvr-dropped');
    },
  );

  it('C4.03 if the disk never comes back, the list begins with the segments in memory, which stay bounded', async () => {
    const store = new WatchedStore();
    const { play, listed, source } = scene(store, { dvrWindow: Number.POSITIVE_INFINITY });
    await play(30);
    store.failure = Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
    await play(60);
    expect(source().archive?.count).toBe(0);
    expect(listed().segments.length).toBeLessThanOrEqual(12);
    expect(source().window.listed.length).toBeLessThanOrEqual(12);
  });

  it('B1.10 EXT-X-PLAYLIST-TYPE:EVENT: nothing is ever removed, updates skip segments, and the last playlist lists all of them', async () => {
    const { play, listed, source, presentation } = scene(new MemoryStore(), { event: true, dvrWindow: undefined });
    await play(90);
    const { playlistType, mediaSequence, segments, serverControl } = listed();
    expect({ playlistType, mediaSequence }).toEqual({ playlistType: 'EVENT', mediaSequence: 1000 });
    expect(segments.length).toBeGreaterThan(42);
    expect(serverControl?.get('CAN-SKIP-UNTIL')).toBe('12');
    const before = source().playlistBody().toString();
    await play(2, false);
    expect(mergeDelta(before, source().deltaBody().toString())).toBe(source().playlistBody().toString());
    await presentation.end();
    expect(listed()).toMatchObject({ ended: true, mediaSequence: 1000, playlistType: 'EVENT' });
  });

  it('three parsers, that of hls.js among them, agree on full, merged, EVENT and I-frame playlists', async () => {
    const { play, source } = scene(new MemoryStore(), { event: true });
    await play(50, false);
    const before = source().playlistBody().toString();
    await play(2, false);
    const merged = mergeDelta(before, source().deltaBody().toString());
    const update = source().deltaBody().toString();
    const delta = M3U8Parser.parseLevelPlaylist(update, 'http://h/index.m3u8', 0, PlaylistLevelType.MAIN, 0, null);
    const { skippedSegments, segments } = parsePlaylist(update);
    expect(delta).toMatchObject({ skippedSegments, canSkipUntil: 12, version: 9, playlistParsingError: null });
    expect(delta.fragments.slice(skippedSegments).map(({ sn }) => sn)).toEqual(
      segments.map(({ mediaSequence }) => mediaSequence),
    );
    for (const text of [source().playlistBody().toString(), merged, source().playlistBody('i-frames').toString()]) {
      const own = parsePlaylist(text);
      const level = M3U8Parser.parseLevelPlaylist(
        text,
        'http://h/source/index.m3u8',
        0,
        PlaylistLevelType.MAIN,
        0,
        null,
      );
      expect(level.playlistParsingError).toBeNull();
      expect(level.fragments.map(({ relurl }) => relurl)).toEqual(own.segments.map(({ uri }) => uri));
      expect(level.fragments.map(({ sn, cc }) => [sn, cc])).toEqual(
        own.segments.map(({ mediaSequence: sn, discontinuityNumber: cc }) => [sn, cc]),
      );
      expect(level.fragments.map(({ duration }) => duration)).toEqual(own.segments.map(({ duration }) => duration));
      expect(level).toMatchObject({ type: 'EVENT', live: true, skippedSegments: 0 });
      const parser = new M3u8Parser();
      parser.push(text);
      parser.end();
      const second = HLS.parse(text) as InstanceType<typeof HLS.types.MediaPlaylist>;
      const uris = own.segments.map(({ uri }) => uri);
      expect(uris.length).toBeGreaterThan(20);
      const complete = second.segments.filter(({ uri }) => uri !== '');
      expect(complete.map(({ uri }) => uri)).toEqual(uris);
      expect(parser.manifest.segments.map(({ uri }: { uri?: string }) => uri).filter(Boolean)).toEqual(uris);
      expect(parser.manifest.playlistType).toBe('EVENT');
      expect(second.playlistType).toBe('EVENT');
      expect(second.isIFrame ?? false).toBe(own.iFramesOnly);
      expect(second.mediaSequenceBase).toBe(own.mediaSequence);
      if (own.iFramesOnly)
        expect(complete.map(({ byterange }) => byterange)).toEqual(own.segments.map(({ byteRange }) => byteRange));
    }
  });

  it('B3.10 a reload with a window of six hours costs as much as with one of a minute', async () => {
    const { play, source, listed, presentation } = scene(new MemoryStore(), { dvrWindow: Number.POSITIVE_INFINITY });
    await play(40, false);
    const archive = source().archive;
    const oldest = source().window.listed[0];
    if (archive === undefined || oldest === undefined) throw new Error('no archive');
    const looked = { segments: 0, playlists: 0 };
    const { newestFirst, rendered } = archive;
    archive.newestFirst = function* (this: typeof archive) {
      for (const segment of newestFirst.call(this)) {
        looked.segments += 1;
        yield segment;
      }
    };
    archive.rendered = (kind) => {
      looked.playlists += 1;
      return rendered.call(archive, kind);
    };
    const sizes: number[] = [];
    for (const seconds of [2, 400]) {
      await play(seconds, false);
      sizes.push(source().deltaBody().length);
    }
    expect(listed().segments.length).toBeGreaterThan(200);
    // It reads the segments within the boundary, and renders none of those before it. The copy for the disk is rendered completely.
    looked.segments = 0;
    looked.playlists = 0;
    source().invalidate();
    expect(source().deltaBody().toString()).toContain('#EXT-X-SKIP');
    expect(looked).toEqual({ segments: expect.any(Number), playlists: 0 });
    expect(looked.segments).toBeLessThan(4);
    expect(Math.abs((sizes[1] ?? 0) - (sizes[0] ?? 0))).toBeLessThan(600);
    await presentation.dispose();
  });
});

describe('a DVR window whose files somebody removes', () => {
  it('C4.03 no longer lists, in any rendition, a segment that a player requested in vain, nor those before it', async () => {
    const store = new WatchedStore();
    const { play, listed, file, presentation, source } = scene(store, { dvrWindow: 400 });
    // More files than are checked with each segment.
    await play(160, false);
    const before = listed().segments;
    const lost = before[20];
    if (lost === undefined) throw new Error('too few segments');
    await store.remove(`live/test/source/${lost.uri}`);
    expect((await file(lost.uri)).status).toBe(404);
    for (const name of ['source', 'audio']) {
      const { segments } = parsePlaylist(presentation.rendition(name)?.playlistBody().toString() ?? '');
      expect(segments[0]?.mediaSequence, name).toBe(lost.mediaSequence + 1);
    }
    for (const { uri } of listed().segments) expect((await file(uri)).status, uri).toBe(200);
    // Players may still be loading segments that were listed before it.
    expect((await file(before[19]?.uri ?? '')).status).toBe(200);
    await play(4);
    expect(parsePlaylist((await store.read('live/test/source/index.m3u8'))?.toString() ?? '').mediaSequence).toBe(
      source().archive?.first.mediaSequence,
    );
  });
});
