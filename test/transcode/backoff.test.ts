// Restart delays as arithmetic: growth, jitter, forgiveness, and giving up.
import { describe, expect, it } from 'vitest';
import { Backoff, DEFAULT_RESTART_POLICY, type Failure } from '../../src/transcode/backoff.js';

const PATIENT = { ...DEFAULT_RESTART_POLICY, maxFailures: 100 };
const FUTILE: Failure = { ranFor: 0, delivered: false, faulty: false };
const KILLED: Failure = { ranFor: 3_000, delivered: true, faulty: false };
const HUNG: Failure = { ranFor: 3_000, delivered: true, faulty: true };

describe('Backoff', () => {
  it('doubles up to the longest delay', () => {
    const backoff = new Backoff(PATIENT, () => 1);
    const delays = Array.from({ length: 8 }, () => backoff.fail(FUTILE));
    expect(delays).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
  });

  it('randomizes half of the delay', () => {
    expect(new Backoff(PATIENT, () => 0).fail(FUTILE)).toBe(125);
    expect(new Backoff(PATIENT, () => 0.5).fail(FUTILE)).toBe(187.5);
  });

  it('starts over after a stable run', () => {
    const backoff = new Backoff(PATIENT, () => 1);
    backoff.fail(FUTILE);
    backoff.fail({ ...FUTILE, ranFor: 29_999 });
    backoff.fail({ ...HUNG, ranFor: 29_999 });
    expect(backoff.fail({ ...HUNG, ranFor: 30_000 })).toBe(250);
  });

  it('C4.01 keeps restarting a process that delivers before it dies, however often', () => {
    const backoff = new Backoff(DEFAULT_RESTART_POLICY, () => 1);
    for (let failure = 0; failure < 50; failure += 1) expect(backoff.fail(KILLED)).toBe(250);
    expect([50, 51, 52].map(() => backoff.fail(FUTILE))).toEqual([500, 1_000, 2_000]);
    expect(backoff.fail(FUTILE)).toBeUndefined();
  });

  it('C4.01 gives up a process that repeatedly delivers and then hangs, even if others are killed in between', () => {
    const backoff = new Backoff(DEFAULT_RESTART_POLICY, () => 1);
    for (let failure = 0; failure < 4; failure += 1) {
      expect(backoff.fail(HUNG)).toBeDefined();
      expect(backoff.fail(KILLED)).toBeDefined();
    }
    expect(backoff.fail(HUNG)).toBeUndefined();
    const stable = new Backoff(DEFAULT_RESTART_POLICY, () => 1);
    for (let failure = 0; failure < 50; failure += 1) expect(stable.fail({ ...HUNG, ranFor: 30_000 })).toBe(250);
  });

  it('gives up at the fifth failure in a row', () => {
    const backoff = new Backoff(DEFAULT_RESTART_POLICY, () => 1);
    expect([0, 1, 2, 3, 4].map(() => backoff.fail(FUTILE))).toEqual([250, 500, 1_000, 2_000, undefined]);
  });
});
