// The numbers in file names are never used twice.
import { describe, expect, it } from 'vitest';
import { renderStreamMark } from '../../src/hls/store/own-files.js';
import { SequenceNumbers } from '../../src/hls/store/sequence-numbers.js';
import { recoverStreams } from '../../src/hls/store/stream-recovery.js';
import { ManualClock } from '../support/manual-clock.js';
import { MemoryStore } from '../support/memory-store.js';

const SINCE_2024 = (Date.UTC(2026, 0, 2, 3, 4, 5) - Date.UTC(2024, 0, 1)) / 1000;
const EMPTY = Buffer.alloc(0);
const MULTIVARIANT = Buffer.from('#EXTM3U\n#EXT-X-STREAM-INF:BANDWIDTH=1\nsource/index.m3u8\n');

function recover(store: MemoryStore) {
  return recoverStreams({ store, clock: new ManualClock(), resumeWindow: 0 });
}

describe('SequenceNumbers', () => {
  it('B1.03 the first presentation of a name begins at the seconds since 2024', () => {
    const numbers = new SequenceNumbers({ clock: new ManualClock() });
    expect(numbers.next('live', 'a')).toEqual({
      firstMediaSequence: SINCE_2024,
      firstDiscontinuitySequence: 0,
      continuesEarlier: false,
    });
  });

  it('B1.03 the next presentation of a name continues after the last, with a discontinuity', () => {
    const numbers = new SequenceNumbers({ clock: new ManualClock() });
    numbers.remember('live', 'a', { next: SINCE_2024 + 5000, discontinuityNumber: 2 });
    expect(numbers.next('live', 'a')).toEqual({
      firstMediaSequence: SINCE_2024 + 5000,
      firstDiscontinuitySequence: 2,
      continuesEarlier: true,
    });
    expect(numbers.next('live', 'b').continuesEarlier).toBe(false);
  });

  it('B1.03 without files, numbers grow faster than any stream uses them, also after many names', () => {
    const clock = new ManualClock();
    const first = new SequenceNumbers({ clock, earlierUnknown: true }).next('live', 'a').firstMediaSequence;
    // An hour of the shortest segments, 0.42 s.
    clock.advance(3_600_000);
    const again = new SequenceNumbers({ clock, earlierUnknown: true });
    expect(again.next('live', 'a').firstMediaSequence).toBeGreaterThan(first + 3_600 / 0.42);
    // A publisher that begins with ten seconds of media, and a gateway that is killed and back within a second.
    const burst = again.next('live', 'a').firstMediaSequence + 10 / 2 + 1;
    clock.advance(1_000);
    expect(new SequenceNumbers({ clock, earlierUnknown: true }).next('live', 'a').firstMediaSequence).toBeGreaterThan(
      burst,
    );
    expect(first + 8 * 3_600 * 24 * 365 * 10).toBeLessThan(2 ** 32);
  });

  it('B1.03 C4.02 a restarted gateway continues above the numbers on disk, even if its clock is wrong', async () => {
    const store = new MemoryStore();
    const ahead = SINCE_2024 + 1_000_000;
    await store.write(`live/room/a/source/seg-${ahead}.m4s`, EMPTY);
    await store.write('live/room/a/source/seg-5.m4s', EMPTY);
    const playlist = '#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:4\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nseg-5.m4s\n';
    await store.write('live/room/a/source/index.m3u8', Buffer.from(playlist));
    const { sequences: recovered } = await recover(store);
    const next = new SequenceNumbers({ clock: new ManualClock(), recovered }).next('live/room', 'a');
    expect(next.firstMediaSequence).toBeGreaterThan(ahead);
    // The last segments and discontinuities that players saw may not have reached the disk.
    expect(next.firstDiscontinuitySequence).toBeGreaterThan(5);
    expect(next.continuesEarlier).toBe(true);
  });

  it('C4.08 dates begin after those that players may have seen, whatever the clock shows now, unless the earlier presentation had ended', async () => {
    const store = new MemoryStore();
    const clock = new ManualClock();
    const tomorrow = clock.wallClock() + 86_400_000;
    const date = `#EXT-X-PROGRAM-DATE-TIME:${new Date(tomorrow).toISOString()}`;
    const playlist = `#EXTM3U\n#EXT-X-TARGETDURATION:2\n${date}\n#EXTINF:1.5,\nseg-5.m4s\n`;
    for (const name of ['died', 'ended']) {
      await store.write(`live/${name}/source/seg-5.m4s`, EMPTY);
      const text = name === 'died' ? playlist : `${playlist}#EXT-X-ENDLIST\n`;
      await store.write(`live/${name}/source/index.m3u8`, Buffer.from(text));
    }
    const { sequences: recovered } = await recover(store);
    const numbers = new SequenceNumbers({ clock, recovered });
    expect(numbers.next('live', 'died').earliestDate).toBe(tomorrow + 1_500 + 2 * 2_000);
    expect(numbers.next('live', 'ended').earliestDate).toBeUndefined();
  });

  it('C4.02 removes the files of an earlier process, and no file that may not be ours', async () => {
    const store = new MemoryStore();
    const mark = renderStreamMark({ directory: 'live/a', from: 7 });
    const ours = new Map([
      ['live/a/.sluice-stream', mark],
      ['live/a/index.m3u8', MULTIVARIANT],
      ['live/a/source/index.m3u8', Buffer.from('#EXTM3U\n#EXTINF:2,\nseg-7.m4s\n')],
      // Truncated by a power cut.
      ['live/a/source/iframes.m3u8', EMPTY],
      ['live/a/source/init-7.mp4', EMPTY],
      ['live/a/source/seg-7.m4s', EMPTY],
      ['live/a/source/seg-8.m4s.4711-12.tmp', EMPTY],
      ['live/a/source/index.m3u8.4711-13.tmp', EMPTY],
    ]);
    const theirs = new Map([
      ['.gitkeep', EMPTY],
      ['holiday.mp4', EMPTY],
      ['thesis.tmp', EMPTY],
      ['live/a/notes.txt', EMPTY],
      ['live/a/source/thesis.tmp', EMPTY],
      // It was there before the stream.
      ['live/a/source/seg-6.m4s', EMPTY],
      ['live/a/other/index.m3u8', Buffer.from('#EXTM3U\n#EXTINF:2,\nhttps://example.net/1.ts\n')],
      // A copy contains the marker of another directory.
      ['archive/live/a/.sluice-stream', mark],
      ['archive/live/a/source/seg-7.m4s', EMPTY],
      ['archive/live/a/index.m3u8', MULTIVARIANT],
      // Without a marker.
      ['live/b/index.m3u8', MULTIVARIANT],
      ['live/b/source/seg-7.m4s', EMPTY],
      // Not a marker.
      ['live/c/.sluice-stream', Buffer.from('live/c')],
      ['live/c/source/seg-7.m4s', EMPTY],
    ]);
    for (const [path, bytes] of [...ours, ...theirs]) await store.write(path, bytes);
    const { sequences, removed, strange } = await recover(store);
    expect(await store.list('')).toEqual([...theirs.keys()].sort());
    expect(removed).toEqual({ streams: ['live/a'], files: ours.size });
    expect([...strange].sort()).toEqual(['archive/live/a', 'live/b', 'live/c']);
    // Numbers are learned from all of them.
    expect(sequences.get('live/a')?.next).toBeGreaterThan(9);
    expect(sequences.get('live/b')?.next).toBeGreaterThan(8);
  });

  it('C4.02 leaves files of another owner alone', async () => {
    const store = new MemoryStore();
    await store.write('live/a/.sluice-stream', renderStreamMark({ directory: 'live/a', from: 7 }));
    for (const number of [7, 8]) await store.write(`live/a/source/seg-${number}.m4s`, EMPTY);
    const options = { store, clock: new ManualClock(), resumeWindow: 0 };
    await recoverStreams({ ...options, hasOurOwner: async (path) => !path.endsWith('8.m4s') });
    expect(await store.list('')).toEqual(['live/a/source/seg-8.m4s']);
    await store.write('live/a/.sluice-stream', renderStreamMark({ directory: 'live/a', from: 7 }));
    const { strange } = await recoverStreams({ ...options, hasOurOwner: async (path) => !path.endsWith('-stream') });
    expect(strange).toEqual(['live/a']);
    expect(await store.list('live/a/source')).toHaveLength(1);
  });

  it('C4.08 numbers do not go back with the wall clock', () => {
    const clock = new ManualClock();
    const numbers = new SequenceNumbers({ clock });
    clock.advance(10_000);
    clock.wallClockOffset -= 3_600_000;
    expect(numbers.next('live', 'a').firstMediaSequence).toBe(SINCE_2024 + 10);
  });

  it('drops the oldest names, whose numbers are below the clock, and keeps those that are ahead of it', () => {
    const clock = new ManualClock();
    const numbers = new SequenceNumbers({ clock });
    numbers.remember('live', 'ahead', { next: SINCE_2024 + 1_000_000, discontinuityNumber: 0 });
    numbers.remember('live', 'old', { next: SINCE_2024 - 1, discontinuityNumber: 0 });
    for (let i = 0; i < 10_000; i += 1)
      numbers.remember('live', `n${i}`, { next: SINCE_2024 - 1, discontinuityNumber: 0 });
    expect(numbers.next('live', 'ahead').firstMediaSequence).toBe(SINCE_2024 + 1_000_000);
    expect(numbers.next('live', 'old')).toMatchObject({ continuesEarlier: false, firstMediaSequence: SINCE_2024 });
  });
});
