// The numbers that name files: never the same twice.
import { describe, expect, it } from 'vitest';
import { MemoryStore } from '../../src/hls/store/memory-store.js';
import { recoverStreams, SequenceNumbers } from '../../src/hls/store/sequence-recovery.js';
import { ManualClock } from '../support/manual-clock.js';

const SINCE_2024 = (Date.UTC(2026, 0, 2, 3, 4, 5) - Date.UTC(2024, 0, 1)) / 1000;
const EMPTY = Buffer.alloc(0);

describe('SequenceNumbers', () => {
  it('B1.03 a first life begins at the seconds since 2024', () => {
    const numbers = new SequenceNumbers({ clock: new ManualClock() });
    expect(numbers.next('live', 'a')).toEqual({
      firstMediaSequence: SINCE_2024,
      firstDiscontinuitySequence: 0,
      continuesEarlier: false,
    });
  });

  it('B1.03 a next life goes on after the last, with a discontinuity', () => {
    const numbers = new SequenceNumbers({ clock: new ManualClock() });
    numbers.used('live', 'a', SINCE_2024 + 5000, 2);
    expect(numbers.next('live', 'a')).toEqual({
      firstMediaSequence: SINCE_2024 + 5000,
      firstDiscontinuitySequence: 2,
      continuesEarlier: true,
    });
    expect(numbers.next('live', 'b').continuesEarlier).toBe(false);
  });

  it('B1.03 C4.02 a gateway started anew goes beyond what the disk knows, even when its clock is wrong', async () => {
    const store = new MemoryStore();
    const ahead = SINCE_2024 + 1_000_000;
    await store.write(`live/room/a/source/seg-${ahead}.m4s`, EMPTY);
    await store.write('live/room/a/source/seg-5.m4s', EMPTY);
    const playlist = '#EXTM3U\n#EXT-X-DISCONTINUITY-SEQUENCE:4\n#EXT-X-DISCONTINUITY\n#EXTINF:2,\nseg-5.m4s\n';
    await store.write('live/room/a/source/index.m3u8', Buffer.from(playlist));
    const { sequences: recovered } = await recoverStreams(store, () => false);
    const next = new SequenceNumbers({ clock: new ManualClock(), recovered }).next('live/room', 'a');
    expect(next.firstMediaSequence).toBeGreaterThan(ahead);
    // What players saw last may not have reached the disk, of discontinuities no more than of segments.
    expect(next.firstDiscontinuitySequence).toBeGreaterThan(5);
    expect(next.continuesEarlier).toBe(true);
  });

  it('C4.02 cleans what an earlier process left, and nothing that is not ours', async () => {
    const store = new MemoryStore();
    const ours = [
      'live/a/index.m3u8',
      'live/a/source/index.m3u8',
      'live/a/source/init-7.mp4',
      'live/a/source/seg-7.m4s',
      'live/a/source/seg-8.m4s.4711-12.tmp',
    ];
    for (const path of [...ours, '.gitkeep', 'live/a/notes.txt', 'holiday.mp4']) await store.write(path, EMPTY);
    const { sequences: recovered } = await recoverStreams(store, () => false);
    expect(await store.list('')).toEqual(['.gitkeep', 'holiday.mp4', 'live/a/notes.txt']);
    expect([...recovered.keys()]).toEqual(['live/a']);
    expect(recovered.get('live/a')?.next).toBeGreaterThan(9);
    expect(await recoverStreams(new MemoryStore(), () => true)).toEqual({ sequences: new Map(), left: [] });
  });

  it('C4.08 a wall clock set back does not take the numbers with it', () => {
    const clock = new ManualClock();
    const numbers = new SequenceNumbers({ clock });
    clock.advance(10_000);
    clock.wallClockOffset -= 3_600_000;
    expect(numbers.next('live', 'a').firstMediaSequence).toBe(SINCE_2024 + 10);
  });

  it('forgets the oldest names, which the clock covers, and keeps those that run ahead of it', () => {
    const clock = new ManualClock();
    const numbers = new SequenceNumbers({ clock });
    numbers.used('live', 'ahead', SINCE_2024 + 1_000_000, 0);
    numbers.used('live', 'old', SINCE_2024 - 1, 0);
    for (let i = 0; i < 10_000; i += 1) numbers.used('live', `n${i}`, SINCE_2024 - 1, 0);
    expect(numbers.next('live', 'ahead').firstMediaSequence).toBe(SINCE_2024 + 1_000_000);
    expect(numbers.next('live', 'old')).toMatchObject({ continuesEarlier: false, firstMediaSequence: SINCE_2024 });
  });
});
