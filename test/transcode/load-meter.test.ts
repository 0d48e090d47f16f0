// Overload is told from what FFmpeg makes of what it is given, never from a publisher that pauses or bursts.
import { describe, expect, it } from 'vitest';
import { LoadMeter, type TranscodeLoad } from '../../src/transcode/load-meter.js';

/** One report a second: media received and made until then, milliseconds. */
function reports(received: (second: number) => number, made: (second: number) => number, seconds: number) {
  const meter = new LoadMeter();
  const loads: TranscodeLoad[] = [];
  for (let second = 0; second <= seconds; second += 1) {
    meter.noteReceived(received(second));
    const load = meter.report({ ended: false, outputTime: made(second) }, second);
    if (load !== undefined) loads.push(load);
  }
  return loads;
}

function overloadedAt(loads: readonly TranscodeLoad[]): number {
  return loads.findIndex(({ overloaded }) => overloaded);
}

describe('LoadMeter', () => {
  it.each([0.25, 0.5, 0.8, 0.9])('C4.11 notices a speed of %d within 5 s', (speed) => {
    const loads = reports(
      (second) => 3_600_000 + second * 1_000,
      (second) => second * 1_000 * speed,
      10,
    );
    expect(overloadedAt(loads)).toBeGreaterThan(0);
    expect(overloadedAt(loads)).toBeLessThanOrEqual(5);
    expect(loads.at(-1)?.speed).toBeCloseTo(speed, 5);
    expect(loads.at(-1)?.lag).toBeCloseTo(10_000 * (1 - speed), 5);
    expect(loads.at(-1)?.queuedBytes).toBe(10);
  });

  it('takes nothing for overload that keeps up with jitter, whatever FFmpeg counts from', () => {
    const loads = reports(
      (second) => 1_000 + second * 1_000,
      (second) => second * 1_000 - 5_000 - (second % 3) * 60,
      60,
    );
    expect(overloadedAt(loads)).toBe(-1);
    expect(loads.at(-1)?.lag).toBeLessThan(200);
  });

  it('takes a publisher that pauses or sends half as much for what it is', () => {
    const half = (second: number): number => second * 500;
    expect(overloadedAt(reports(half, half, 60))).toBe(-1);
    const paused = (second: number): number => Math.min(second, 10) * 1_000;
    const loads = reports(paused, paused, 60);
    expect(overloadedAt(loads)).toBe(-1);
    expect(loads.at(-1)).toMatchObject({ speed: 1, lag: 0 });
  });

  it('takes a start with a queue for catching up, not for lag', () => {
    const loads = reports(
      (second) => 2_000 + second * 1_000,
      (second) => Math.min(second * 1_500, 2_000 + second * 1_000),
      30,
    );
    expect(overloadedAt(loads)).toBe(-1);
  });

  it('stays overloaded until the lag is gone', () => {
    const made = (second: number): number =>
      second < 10 ? second * 500 : Math.min(second * 1_000, 5_000 + (second - 10) * 2_000);
    const loads = reports((second) => second * 1_000, made, 30);
    expect(loads[12]?.overloaded).toBe(true);
    expect(loads[12]?.speed).toBeGreaterThan(0.95);
    expect(loads.at(-1)).toMatchObject({ overloaded: false, lag: 0 });
  });

  it('says nothing before there is something to compare', () => {
    const meter = new LoadMeter();
    expect(meter.report({ ended: false, outputTime: 5 }, 0)).toBeUndefined();
    meter.noteReceived(5);
    expect(meter.report({ ended: false }, 0)).toBeUndefined();
  });
});
