// The cuts that all renditions share, made from key frames at ingest.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CutSchedule } from '../../src/hls/timeline/cut-schedule.js';
import { heapInUse } from '../support/collect-garbage.js';

const FRAME = 40;

function schedule(segmentDuration = 2): CutSchedule {
  return new CutSchedule({ segmentDuration }, { frame: FRAME / 1000, nominalPart: 0.48 });
}

/** Feeds 25 fps from 1000 ms on, without reordering. */
function feed(cuts: CutSchedule, keyFrames: readonly number[], until: number): void {
  for (let time = 1000; time <= until; time += FRAME) cuts.noteVideo(time, time, keyFrames.includes(time));
}

function times(cuts: CutSchedule): number[] {
  const found: number[] = [];
  for (let index = 0; cuts.timeOf(index) !== undefined; index += 1) found.push(cuts.timeOf(index) ?? 0);
  return found;
}

describe('CutSchedule', () => {
  it('cuts at the key frames of a regular source', () => {
    const cuts = schedule();
    feed(cuts, [1000, 3000, 5000, 7000], 7500);
    expect(times(cuts)).toEqual([1000, 3000, 5000, 7000]);
    expect(cuts.targetDuration).toBe(2);
    expect(cuts.independence.isFrom(0)).toBe(true);
  });

  it('the target duration is fixed at the second key frame', () => {
    const cuts = schedule();
    feed(cuts, [1000], 4000);
    expect(cuts.targetDuration).toBeUndefined();
    const rare = schedule();
    feed(rare, [1000, 5000, 12_000], 13_000);
    expect(rare.targetDuration).toBe(4);
  });

  it('remembers only a few key frames if every picture is one', () => {
    const cuts = schedule();
    const before = heapInUse();
    // Eleven hours of key frames only, each of which would be remembered as a number.
    for (let time = 1000; time < 1000 + 1_000_000 * FRAME; time += FRAME) cuts.noteVideo(time, time, true);
    expect(heapInUse() - before).toBeLessThan(2_000_000);
    expect(cuts.timeOf(cuts.lastIndex)).toBeGreaterThan(0);
  });

  it('drops the oldest cuts without changing the numbers of the others', () => {
    const cuts = schedule();
    for (let time = 1000; time < 1000 + 5_000 * 2_000; time += 2_000) cuts.noteVideo(time, time, true);
    expect([cuts.lastIndex, cuts.timeOf(4_998), cuts.timeOf(0)]).toEqual([4_999, 1000 + 4_998 * 2_000, undefined]);
  });

  it('a GOP of 2.002 s counts as 2 s', () => {
    const cuts = new CutSchedule({ segmentDuration: 2 }, { frame: 1001 / 30_000, nominalPart: (14 * 1001) / 30_000 });
    for (let i = 0; i < 400; i += 1) {
      const time = Math.round(1000 + (i * 1001) / 30);
      cuts.noteVideo(time, time, i % 60 === 0);
    }
    expect(cuts.targetDuration).toBe(2);
    expect(times(cuts)).toHaveLength(7);
  });

  it('B1.13 waits for the first key frame of a returning publisher until after the last possible part boundary', () => {
    const cuts = schedule(1);
    feed(cuts, [1000, 2000, 3000], 3400);
    cuts.endRun(cuts.lastIndex, 3440);
    cuts.begin({ frame: FRAME / 1000, nominalPart: 0.48 });
    for (let time = 5000; time <= 7000; time += FRAME) cuts.noteVideo(time, time, (time - 5000) % 1000 === 0);
    expect(times(cuts)).toEqual([1000, 2000, 3000, 5000, 6000, 7000]);
    // A publisher that sends no key frame any more is cut too, within the limit.
    cuts.endRun(cuts.lastIndex, 7040);
    cuts.begin({ frame: FRAME / 1000, nominalPart: 0.48 });
    for (let time = 9000; time <= 11_000; time += FRAME) cuts.noteVideo(time, time, time === 9000);
    expect(times(cuts).slice(6)).toEqual([9000, 10_440]);
  });

  it('joins short GOPs, but does not wait for one that would end too late', () => {
    const short = schedule();
    feed(short, [1000, 1600, 2200, 2800, 3400, 4000], 4040);
    // 2.4 s rounds to the target of 2 s.
    expect(times(short)).toEqual([1000, 3400]);
    const awkward = schedule();
    feed(awkward, [1000, 2280, 3560, 4840], 5000);
    expect(times(awkward)).toEqual([1000, 2280, 3560, 4840]);
  });

  it('cuts without a key frame as late as possible, and then at part boundaries', () => {
    const forced: number[] = [];
    const cuts = new CutSchedule(
      { segmentDuration: 2, onForcedCut: (time) => forced.push(time) },
      { frame: 0.04, nominalPart: 0.48 },
    );
    feed(cuts, [1000, 3000], 10_000);
    expect(forced).toEqual([5440, 7800]);
    expect(times(cuts)).toEqual([1000, 3000, 5440, 7800]);
    expect(cuts.independence.isFrom(0)).toBe(false);
  });

  it('uses its limit if a second key frame never comes, and does not announce independent segments', () => {
    const cuts = schedule();
    feed(cuts, [1000], 12_000);
    expect(cuts.targetDuration).toBe(10);
    expect(cuts.independence.isFrom(0)).toBe(false);
  });

  it('assigns frames and fragments to segments: rounded timestamps, audio, time before the first cut', () => {
    const cuts = schedule();
    feed(cuts, [1000, 3000, 5000], 5200);
    expect(cuts.indexAt(2980)).toBe(1);
    expect(cuts.indexAt(2960)).toBe(0);
    expect(cuts.indexAt(2990, 10.6)).toBe(1);
    expect(cuts.indexAt(2989, 10.6)).toBe(0);
    expect(cuts.indexAt(900)).toBe(-1);
  });

  it('never adds a cut at or before the horizon', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 30 }), (gops) => {
        const cuts = schedule();
        const keys = new Set<number>();
        let at = 1000;
        for (const gop of gops) {
          keys.add(at);
          at += gop * FRAME;
        }
        let known = 0;
        let horizon = Number.NEGATIVE_INFINITY;
        for (let time = 1000; time < at; time += FRAME) {
          cuts.noteVideo(time, time + 80, keys.has(time));
          const all = times(cuts);
          for (const cut of all.slice(known)) expect(cut).toBeGreaterThan(horizon);
          known = all.length;
          horizon = Math.max(horizon, cuts.horizon);
          const most = (cuts.targetDuration ?? 0) * 1000 + 500;
          const lengths = all.slice(1).map((cut, i) => cut - (all[i] ?? 0));
          expect(lengths.filter((length) => !(length > 0 && length < most))).toEqual([]);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('cuts audio alone at multiples of the segment duration, known in advance', () => {
    const cuts = new CutSchedule({ segmentDuration: 2 }, { frame: undefined, nominalPart: 0.5 });
    expect(cuts.targetDuration).toBe(2);
    for (let time = 1000; time < 8000; time += 21) cuts.noteAudio(time);
    expect(times(cuts).slice(0, 4)).toEqual([1000, 3000, 5000, 7000]);
    expect(cuts.horizon).toBeGreaterThan(8000);
  });

  it('a camera that sends no pictures does not stop the cuts: the audio clock makes them', () => {
    const cuts = schedule();
    feed(cuts, [1000, 3000], 4000);
    for (let time = 4000; time < 12_000; time += 21) cuts.noteAudio(time);
    expect(cuts.horizon).toBeGreaterThan(7_000);
    expect(times(cuts).length).toBeGreaterThan(3);
  });

  it('A7.16 regular cuts are at multiples of the segment duration after the first key frame, whatever the source does', () => {
    const cuts = new CutSchedule({ segmentDuration: 2 }, { frame: FRAME / 1000, nominalPart: 0.48, regular: true });
    feed(cuts, [1400], 8000);
    expect(times(cuts).slice(0, 4)).toEqual([1400, 2000, 4000, 6000]);
    expect(cuts.targetDuration).toBe(2);
    expect(cuts.independence.isFrom(0)).toBe(true);
    expect(cuts.horizon).toBeGreaterThan(8000);
  });

  it('the gap between two runs belongs to neither: numbers continue, no cut is forced, and the target duration stays', () => {
    const forced: number[] = [];
    const rules = { frame: FRAME / 1000, nominalPart: 0.48 };
    const cuts = new CutSchedule({ segmentDuration: 2, onForcedCut: (time) => forced.push(time) }, rules);
    feed(cuts, [1000, 3000, 5000], 5400);
    cuts.endRun(2, 5440);
    cuts.noteAudio(9000);
    expect(cuts.runStart).toBeUndefined();
    cuts.begin(rules);
    cuts.noteAudio(29_000);
    for (let time = 30_000; time < 33_000; time += FRAME) cuts.noteVideo(time, time, time % 2000 === 0);
    expect(times(cuts)).toEqual([1000, 3000, 5000, 30_000, 32_000]);
    expect(cuts.runStart).toBe(3);
    expect([cuts.endOf(1), cuts.endOf(2), cuts.endOf(3), cuts.endOf(4)]).toEqual([5000, 5440, 32_000, undefined]);
    expect(forced).toEqual([]);
    expect(cuts.targetDuration).toBe(2);
  });
});
