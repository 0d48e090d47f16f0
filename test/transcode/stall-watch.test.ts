// A hung FFmpeg and a silent publisher look alike from the outside: these are the cases that tell them apart.
import { describe, expect, it } from 'vitest';
import { StallWatch } from '../../src/transcode/stall-watch.js';

describe('StallWatch', () => {
  it('reports input without output, after the limit and not before', () => {
    const watch = new StallWatch(3_000);
    const tick = (): boolean => {
      watch.noteInput();
      return watch.tick(0);
    };
    expect([tick(), tick(), tick()]).toEqual([false, false, true]);
  });

  it('counts time in which input waits to be taken', () => {
    const watch = new StallWatch(2_000);
    expect([watch.tick(1), watch.tick(1)]).toEqual([false, true]);
  });

  it('does not count silence, and does not add up what output separates', () => {
    const watch = new StallWatch(2_000);
    for (let second = 0; second < 100; second += 1) expect(watch.tick(0)).toBe(false);
    for (let second = 0; second < 100; second += 1) {
      watch.noteInput();
      if (second % 2 === 0) watch.noteOutput();
      expect(watch.tick(0)).toBe(false);
    }
  });
});
