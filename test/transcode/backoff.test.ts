// Restart delays as arithmetic: growth, jitter, forgiveness and the end of patience.
import { describe, expect, it } from 'vitest';
import { Backoff, DEFAULT_RESTART_POLICY } from '../../src/transcode/backoff.js';

const PATIENT = { ...DEFAULT_RESTART_POLICY, maxFailures: 100 };

describe('Backoff', () => {
  it('doubles up to the longest delay', () => {
    const backoff = new Backoff(PATIENT, () => 1);
    const delays = Array.from({ length: 8 }, () => backoff.fail(0, 0));
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('lets chance decide half of the delay', () => {
    expect(new Backoff(PATIENT, () => 0).fail(0, 0)).toBe(125);
    expect(new Backoff(PATIENT, () => 0.5).fail(0, 0)).toBe(187.5);
  });

  it('starts over after a stable run', () => {
    const backoff = new Backoff(PATIENT, () => 1);
    backoff.fail(0, 0);
    backoff.fail(0, 29_999);
    expect(backoff.fail(0, 30_000)).toBe(250);
  });

  it('C4.01 takes what ends a process that delivered for an accident, however often', () => {
    const backoff = new Backoff(DEFAULT_RESTART_POLICY, () => 1);
    for (let failure = 0; failure < 50; failure += 1) expect(backoff.fail(failure * 1_000, 3_000, true)).toBe(250);
    expect([50, 51, 52].map((second) => backoff.fail(second * 1_000, 0))).toEqual([500, 1_000, 2_000]);
    expect(backoff.fail(53_000, 0)).toBeUndefined();
  });

  it('gives up at the fifth failure in a minute, and not when they are further apart', () => {
    const quick = new Backoff(DEFAULT_RESTART_POLICY, () => 1);
    expect([0, 1, 2, 3, 4].map((now) => quick.fail(now, 0))).toEqual([250, 500, 1_000, 2_000, undefined]);
    const rare = new Backoff(DEFAULT_RESTART_POLICY, () => 1);
    for (let failure = 0; failure < 50; failure += 1) expect(rare.fail(failure * 15_000, 0)).toBeDefined();
  });
});
