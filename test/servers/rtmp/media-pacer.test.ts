// How far a publisher is ahead of the clock, whatever its timestamps do.
import { describe, expect, it } from 'vitest';
import { MediaPacer } from '../../../src/servers/rtmp/publishing-peer.js';

/** The last answer after feeding [timestamp, now] pairs. */
function ahead(pairs: readonly (readonly [number, number])[]): number {
  const pacer = new MediaPacer();
  return pairs.map(([timestamp, now]) => pacer.note(timestamp, now)).at(-1) ?? 0;
}

const frames = (count: number, step: number, clock: number, first = 0): [number, number][] =>
  Array.from({ length: count }, (_, i) => [(first + i * step) % 2 ** 32, i * clock]);

describe('media pacer', () => {
  it('a publisher in real time is neither ahead nor behind', () => {
    expect(ahead(frames(1000, 40, 40))).toBe(0);
  });

  it('C2.14 measures how far a fast publisher is ahead', () => {
    expect(ahead(frames(301, 40, 0))).toBe(12_000);
    expect(ahead(frames(301, 40, 4))).toBe(10_800);
  });

  it('counts interleaved audio and video once', () => {
    expect(ahead([...frames(2, 0, 0), [40, 40], [21, 40], [80, 80], [64, 80], [43, 80]])).toBe(0);
  });

  it('A2.18 is not disturbed by the wrap at 2^32', () => {
    expect(ahead(frames(301, 40, 0, 2 ** 32 - 1000))).toBe(12_000);
  });

  it('A2.17 does not count a jump of the timestamps as media', () => {
    expect(
      ahead([
        [0, 0],
        [3_600_000, 1],
        [3_600_040, 41],
      ]),
    ).toBeCloseTo(-1);
    expect(
      ahead([
        [3_600_000, 0],
        [0, 1],
        [40, 41],
      ]),
    ).toBeCloseTo(-1);
  });

  it('lets a publisher catch up after an interruption, but not save up hours', () => {
    expect(ahead([[0, 0], [40, 8_000], ...frames(200, 40, 0, 80).map(([t]) => [t, 8_000] as const)])).toBeLessThan(100);
    expect(
      ahead([
        [0, 0],
        [40, 3_600_000],
      ]),
    ).toBe(-20_000);
  });
});
