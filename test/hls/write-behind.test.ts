// The disk has a valid HLS tree at every instant, and a failing disk disturbs nobody.
import { readdir } from 'node:fs/promises';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { beforeAll, describe, expect, it } from 'vitest';
import { DiskStore } from '../../src/hls/store/disk-store.js';
import type { SegmentStore } from '../../src/hls/store/segment-store.js';
import type { SluiceError } from '../../src/protocols/errors.js';
import { type Recording, record } from '../support/ladder-recording.js';
import { ManualClock } from '../support/manual-clock.js';
import { MemoryStore } from '../support/memory-store.js';
import { PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { Replay, replay } from '../support/presentation-replay.js';
import { temporaryDirectory } from '../support/temp-dir.js';
import { waitFor } from '../support/wait-for.js';
import { setUp } from './observed-presentation.js';
import { PIPES_PLAN } from './origin-under-test.js';

/** A store whose disk can be broken and repaired. */
class FailingStore implements SegmentStore {
  readonly #inner: SegmentStore;
  /** The error of each write. */
  failure: Error | undefined;
  /** The error of each removal. */
  removalFailure: Error | undefined;
  /** Writes wait for this. */
  gate: Promise<void> | undefined;
  writes = 0;

  constructor(inner: SegmentStore) {
    this.#inner = inner;
  }

  async write(path: string, bytes: Buffer | readonly Buffer[]): Promise<void> {
    this.writes += 1;
    await this.gate;
    if (this.failure !== undefined) throw this.failure;
    await this.#inner.write(path, bytes);
  }

  read(path: string): Promise<Buffer | undefined> {
    return this.#inner.read(path);
  }

  readInto(path: string, start: number, into: Buffer): Promise<number | undefined> {
    return this.#inner.readInto(path, start, into);
  }

  size(path: string): Promise<number | undefined> {
    return this.#inner.size(path);
  }

  async remove(path: string): Promise<void> {
    if (this.removalFailure !== undefined) throw this.removalFailure;
    await this.#inner.remove(path);
  }

  removeDirectory(path: string): Promise<void> {
    return this.#inner.removeDirectory(path);
  }

  list(directory: string): Promise<string[]> {
    return this.#inner.list(directory);
  }
}

function present(store: SegmentStore, clock: ManualClock, first = 100, onWarning?: (warning: SluiceError) => void) {
  const plan = PIPES_PLAN;
  return setUp({ name: 'disk', plan, firstMediaSequence: first, clock, store, onWarning }).presentation;
}

/** Reads the tree as a web server would: everything that is listed must exist. */
async function checkTree(store: SegmentStore, checker: PlaylistChecker): Promise<void> {
  for (const rendition of ['source', 'audio']) {
    const playlist = await store.read(`live/disk/${rendition}/index.m3u8`);
    if (playlist === undefined) continue;
    const parsed = checker.add(rendition, playlist.toString());
    expect(parsed.serverControl, 'a plain playlist').toBeUndefined();
    const listed = new Set<string>(await store.list(`live/disk/${rendition}`));
    const missing = parsed.segments
      .flatMap(({ uri, map }) => [uri, map])
      .filter((file) => !listed.has(`live/disk/${rendition}/${file}`));
    expect(missing, `files of ${rendition} that are not there`).toEqual([]);
  }
  const multivariant = await store.read('live/disk/index.m3u8');
  if (multivariant === undefined) return;
  for (const [, uri] of multivariant.toString().matchAll(/^([^#\n]+)$/gm)) {
    expect(await store.read(`live/disk/${uri}`), `${uri} is there`).toBeDefined();
  }
}

describe('WriteBehind', () => {
  let recording: Recording;

  beforeAll(async () => {
    recording = await record({ seconds: 30.4, gop: 50 }, { partFrames: 12, rungs: [] });
  });

  it('B1.06 B1.08 B1.09 the tree on disk is valid at every instant, slides, and ends with ENDLIST', async () => {
    const root = await temporaryDirectory();
    const store = new DiskStore(root);
    const clock = new ManualClock();
    const presentation = present(store, clock);
    const checker = new PlaylistChecker({ frame: 0.04 });
    await replay(presentation, recording, { clock, onStep: () => checkTree(store, checker) });
    await checkTree(store, checker);
    // The last pass removes files after it has written.
    const files = await waitFor(async () => {
      const listed = await store.list('live/disk/source');
      expect(listed).not.toContain('live/disk/source/seg-100.m4s');
      return listed;
    });
    expect(files).toContain('live/disk/source/init-100.mp4');
    expect(files).toContain('live/disk/source/seg-115.m4s');
    // Listed from 110 on. 100 left long ago; players with an old playlist may still request 108.
    expect(files).toContain('live/disk/source/seg-108.m4s');
    expect(files.filter((file) => file.endsWith('.tmp'))).toEqual([]);
    const final = parsePlaylist((await store.read('live/disk/source/index.m3u8'))?.toString() ?? '');
    expect(final).toMatchObject({ ended: true, mediaSequence: 110 });
    expect((await store.read('live/disk/index.m3u8'))?.toString()).toContain('source/index.m3u8');

    await presentation.dispose();
    expect(await readdir(root)).toEqual([]);
  });

  it('logs once that files cannot be removed after a stream has ended', async () => {
    const store = new FailingStore(new MemoryStore());
    const clock = new ManualClock();
    const warnings: SluiceError[] = [];
    const presentation = present(store, clock, 100, (warning) => warnings.push(warning));
    await replay(presentation, recording, { clock });
    const left = await store.list('live/disk');
    store.removalFailure = Object.assign(new Error('EROFS: read-only file system'), { code: 'EROFS' });
    await presentation.dispose();
    expect(await store.list('live/disk')).toEqual(left);
    // The marker stays with them, and does not count as one of them.
    expect(warnings.filter(({ code }) => code === 'hls.store').map(({ message }) => message)).toEqual([
      `${left.length - 1} files of live/disk could not be removed: EROFS: read-only file system`,
    ]);
  });

  it('the files on disk are byte for byte what is served', async () => {
    const store = new MemoryStore();
    const clock = new ManualClock();
    const presentation = present(store, clock);
    await new Replay(presentation, recording, { clock }).playUntil(9_000);
    const found = presentation.rendition('source')?.find('seg-101.m4s');
    expect(found).toMatchObject({ kind: 'segment' });
    await presentation.end();
    expect(await store.read('live/disk/source/seg-101.m4s')).toEqual(
      typeof found === 'object' ? found.body : undefined,
    );
    expect(await store.read('live/disk/index.m3u8')).toEqual(presentation.multivariantBody());
  });

  it.each(['ENOSPC', 'EROFS', 'EIO', 'EMFILE'])(
    'C4.03 %s never affects live viewers, is reported and counted, and writing recovers',
    async (code) => {
      const store = new FailingStore(new MemoryStore());
      const clock = new ManualClock();
      const warnings: SluiceError[] = [];
      const presentation = present(store, clock, 100, (warning) => warnings.push(warning));
      const checker = new PlaylistChecker({ frame: 0.04 });
      const live = new PlaylistChecker({ frame: 0.04 });
      await replay(presentation, recording, {
        clock,
        onStep: async () => {
          const broken = clock.now() > 6_000 && clock.now() < 22_000;
          store.failure = broken ? Object.assign(new Error(`${code}: no way`), { code }) : undefined;
          const rendition = presentation.rendition('source');
          if (rendition?.isServable('part') === true) live.add('source', rendition.playlistBody().toString());
          await nextTurn();
          await checkTree(store, checker);
        },
      });
      await checkTree(store, checker);
      expect(live.segments('source').size).toBe(16);
      expect(presentation.counters.storeFailures).toBeGreaterThan(0);
      // Retries back off.
      expect(presentation.counters.storeFailures).toBeLessThan(10);
      expect(warnings.map((warning) => warning.code)).toEqual(['hls.store']);
      const final = parsePlaylist((await store.read('live/disk/source/index.m3u8'))?.toString() ?? '');
      expect(final).toMatchObject({ ended: true, mediaSequence: 110 });
    },
  );

  it('C4.03 if the disk is slower than the stream, old segments are missing on disk, and memory does not grow', async () => {
    const store = new FailingStore(new MemoryStore());
    const clock = new ManualClock();
    const presentation = present(store, clock);
    let open: () => void = () => undefined;
    await replay(presentation, recording, {
      clock,
      onStep: () => {
        if (store.writes === 3 && store.gate === undefined) {
          store.gate = new Promise((resolve) => {
            open = resolve;
          });
        }
        if (clock.now() > 28_000) open();
      },
    });
    expect(store.writes).toBeLessThan(40);
    const files = await store.list('live/disk/source');
    expect(files).toContain('live/disk/source/seg-115.m4s');
    expect(files).not.toContain('live/disk/source/seg-105.m4s');
  });

  it('removing an ended stream leaves the playlists of its successor alone', async () => {
    const store = new MemoryStore();
    const clock = new ManualClock();
    const first = present(store, clock);
    await new Replay(first, recording, { clock }).playUntil(7_000);
    await first.end();
    const second = present(store, clock, 200);
    await new Replay(second, recording, { clock }).playUntil(7_000);
    await second.end();
    await first.dispose();
    expect(await store.list('live/disk/source')).not.toContain('live/disk/source/seg-101.m4s');
    await checkTree(store, new PlaylistChecker({ frame: 0.04 }));
    expect((await store.read('live/disk/source/index.m3u8'))?.toString()).toContain('seg-200.m4s');
    await second.dispose();
    expect(await store.list('')).toEqual([]);
  });
});
