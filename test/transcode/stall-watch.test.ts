// A hung FFmpeg is detected quickly; a silent publisher, a busy machine and a long sleep do not count as one.
import { describe, expect, it } from 'vitest';
import { parseProcessStat, readProcessActivity } from '../../src/transcode/process-activity.js';
import { STALL_TICK, StallWatch } from '../../src/transcode/stall-watch.js';

const LIMITS = { idle: 1_500, busy: 8_000 };
const IDLE = () => ({ stopped: false, sleeping: true, cpuTime: 500 });
const UNKNOWN = () => undefined;

/** Milliseconds until it counts as hung; undefined if it does not within 20 s. */
function hangsAfter(each: (watch: StallWatch, elapsed: number) => boolean, limits = LIMITS): number | undefined {
  const watch = new StallWatch(limits);
  for (let elapsed = STALL_TICK; elapsed <= 20_000; elapsed += STALL_TICK) if (each(watch, elapsed)) return elapsed;
  return undefined;
}

describe('StallWatch', () => {
  it('C4.01 detects within a target duration that an FFmpeg which has delivered does nothing any more', () => {
    const found = hangsAfter((watch, elapsed) => {
      watch.noteInput();
      if (elapsed === STALL_TICK) watch.noteOutput();
      return watch.tick(0, IDLE);
    });
    expect(found).toBe(STALL_TICK + LIMITS.idle);
  });

  it('waits longer for one that computes, has not begun, or cannot be inspected', () => {
    let cpuTime = 0;
    const computing = () => {
      cpuTime += 100;
      return { stopped: false, sleeping: true, cpuTime };
    };
    const found = (activity: Parameters<StallWatch['tick']>[1], begun: boolean) =>
      hangsAfter((watch, elapsed) => {
        watch.noteInput();
        if (begun && elapsed === STALL_TICK) watch.noteOutput();
        return watch.tick(0, activity);
      });
    expect(found(computing, true)).toBe(STALL_TICK + LIMITS.busy);
    expect(found(UNKNOWN, true)).toBe(STALL_TICK + LIMITS.busy);
    expect(found(IDLE, false)).toBe(LIMITS.busy);
  });

  it('C4.01 detects a stopped process even sooner, also before it has begun', () => {
    const found = hangsAfter((watch) => {
      watch.noteInput();
      return watch.tick(0, () => ({ stopped: true, sleeping: false, cpuTime: 0 }));
    });
    expect(found).toBe(LIMITS.idle / 2);
  });

  it('C4.01 detects one that never reads as fast as one that has begun, unless its program is still loading', () => {
    const found = (activity: Parameters<StallWatch['tick']>[1]) => hangsAfter((watch) => watch.tick(1, activity));
    expect(found(IDLE)).toBe(LIMITS.idle);
    expect(found(() => ({ ...IDLE(), sleeping: false }))).toBe(LIMITS.busy);
  });

  it('counts queued bytes as input', () => {
    expect(hangsAfter((watch) => watch.tick(1, UNKNOWN))).toBe(LIMITS.busy);
  });

  it('reports nothing without input, or while FFmpeg reports progress', () => {
    expect(hangsAfter((watch) => watch.tick(0, IDLE))).toBeUndefined();
    const progressing = hangsAfter((watch, elapsed) => {
      watch.noteInput();
      watch.noteOutput();
      if (elapsed % 1_000 === 0) watch.noteProgress();
      return watch.tick(0, IDLE);
    });
    expect(progressing).toBeUndefined();
  });

  it('reports nothing at the end of a stream', () => {
    const found = hangsAfter((watch, elapsed) => {
      if (elapsed <= 1_000) {
        watch.noteInput();
        watch.noteOutput();
      }
      return watch.tick(0, IDLE);
    });
    expect(found).toBeUndefined();
  });
});

describe('readProcessActivity', () => {
  it('reads state and time after a process name that looks like the rest of the line', () => {
    const line = '17 (a) T (x)) T 1 17 17 0 -1 4194560 1 0 0 0 123 45 0 0 20 0 1 0 5 6 7';
    expect(parseProcessStat(line)).toEqual({ stopped: true, sleeping: false, cpuTime: 1_680 });
    expect(parseProcessStat('nonsense')).toBeUndefined();
  });

  it.runIf(process.platform === 'linux')('sees that this process runs', () => {
    expect(readProcessActivity(process.pid)).toMatchObject({ stopped: false, cpuTime: expect.any(Number) });
    expect(readProcessActivity(2 ** 22 + 1)).toBeUndefined();
  });
});
