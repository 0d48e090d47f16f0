// Overload is detected from FFmpeg's output compared with its input. A publisher that pauses or sends in bursts, or a stall of this process, must not
// count as overload.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LoadMeter, type TranscodeLoad } from '../../src/transcode/load-meter.js';

const FRAME = 40;

interface Scene {
  /** Media time that has been received at a moment, in milliseconds; undefined if nothing was received. */
  readonly received: (now: number) => number;
  /** Media time that FFmpeg has produced at a moment, by its own count. */
  readonly made: (now: number) => number;
  readonly seconds: number;
  /** Beginning and end of a time in which this process stands still; afterwards it finds everything that came meanwhile. */
  readonly stall?: readonly [from: number, to: number];
}

/** Received media is noted 25 times a second, and one report comes per second. Everything due during a stall comes at once at its end. */
function play({ received, made, seconds, stall = [0, 0] }: Scene): TranscodeLoad[] {
  const meter = new LoadMeter();
  const loads: TranscodeLoad[] = [];
  const [from, to] = stall;
  for (let time = 0; time <= seconds * 1_000; time += FRAME) {
    const now = time > from && time < to ? to : time;
    meter.noteReceived(received(time), now);
    if (time % 1_000 !== 0) continue;
    const load = meter.report({ ended: false, outputTime: made(time) }, time / 1_000, now);
    if (load !== undefined) loads.push(load);
  }
  return loads;
}

function overloadedAt(loads: readonly TranscodeLoad[]): number {
  return loads.findIndex(({ overloaded }) => overloaded);
}

/** An FFmpeg that produces what it was given at a multiple of real time, in whole frames. */
function encoder(received: (now: number) => number, speed: number): (now: number) => number {
  let made = received(0);
  let last = 0;
  return (now) => {
    for (; last < now; last += FRAME) made = Math.min(received(last), made + FRAME * speed);
    return made;
  };
}

describe('LoadMeter', () => {
  it.each([0.25, 0.5, 0.8, 0.9])('C4.11 notices a speed of %d within 5 s', (speed) => {
    const loads = play({ received: (now) => 3_600_000 + now, made: (now) => now * speed, seconds: 10 });
    expect(overloadedAt(loads)).toBeGreaterThan(0);
    expect(overloadedAt(loads)).toBeLessThanOrEqual(5);
    expect(loads.at(-1)?.speed).toBeCloseTo(speed, 5);
    // Nothing of the newest picture is due yet.
    expect(loads.at(-1)?.lag).toBeCloseTo(10_000 * (1 - speed) - FRAME, 5);
    expect(loads.at(-1)?.queuedBytes).toBe(10);
  });

  it('reports no overload for an FFmpeg that keeps up with jitter, whatever its first timestamp', () => {
    const loads = play({
      received: (now) => 1_000 + now,
      made: (now) => now - 5_000 - ((now / 1_000) % 3) * 60,
      seconds: 60,
    });
    expect(overloadedAt(loads)).toBe(-1);
    expect(loads.at(-1)?.lag).toBeLessThan(200);
  });

  it('reports no overload if the publisher pauses, or sends half as much', () => {
    const half = (now: number): number => now / 2;
    expect(overloadedAt(play({ received: half, made: half, seconds: 60 }))).toBe(-1);
    const paused = (now: number): number => Math.min(now, 10_000);
    const loads = play({ received: paused, made: paused, seconds: 60 });
    expect(overloadedAt(loads)).toBe(-1);
    expect(loads.at(-1)).toMatchObject({ speed: 1, lag: 0 });
  });

  it('reports no lag right after a pause or a burst of input', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 20_000 }),
        fc.integer({ min: 3_000, max: 9_000 }),
        fc.boolean(),
        (pause, at, keepsTime) => {
          // The timestamps contain the pause, or held media comes at once after it.
          const received = (now: number): number => {
            if (now <= at) return now;
            return keepsTime || now > at + pause ? now - (now > at + pause ? 0 : now - at) : at;
          };
          const loads = play({ received, made: encoder(received, 2), seconds: 40 });
          expect(overloadedAt(loads)).toBe(-1);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('reports no lag for a slide show with one picture in ten seconds', () => {
    const received = (now: number): number => Math.floor(now / 10_000) * 10_000;
    // FFmpeg needs a second for each.
    const made = (now: number): number => received(Math.max(0, now - 1_000));
    expect(overloadedAt(play({ received, made, seconds: 100 }))).toBe(-1);
  });

  it('does not mistake a stall of this process for one of FFmpeg', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 0, max: 24 }), (seconds, frames) => {
        const from = 6_000 + frames * FRAME;
        const to = from + seconds * 1_000;
        // FFmpeg had nothing to do meanwhile. Its reports of that time are read together, before it gets the media that came.
        const given = (now: number): number => (now > from && now < to ? from : now);
        const loads = play({ received: (now) => now, made: encoder(given, 1.5), seconds: 40, stall: [from, to] });
        expect(overloadedAt(loads)).toBe(-1);
      }),
      { numRuns: 100 },
    );
  });

  it('does not mistake a machine that was suspended for a slow FFmpeg', () => {
    const meter = new LoadMeter();
    meter.noteReceived(0, 0);
    meter.report({ ended: false, outputTime: 0 }, 0, 0);
    // A burst of ten seconds, and then the machine sleeps for a minute before the next report.
    meter.noteReceived(10_000, 40);
    const load = meter.report({ ended: false, outputTime: 40 }, 0, 60_000);
    expect(load?.overloaded).toBe(false);
    expect(load?.lag).toBeLessThan(2_000);
  });

  it('treats a start with queued input as catching up, not as lag', () => {
    const loads = play({
      received: (now) => 2_000 + now,
      made: (now) => Math.min(now * 1.5, 2_000 + now),
      seconds: 30,
    });
    expect(overloadedAt(loads)).toBe(-1);
  });

  it('stays overloaded until the lag is gone', () => {
    const made = (now: number): number => (now < 10_000 ? now / 2 : Math.min(now, 5_000 + (now - 10_000) * 2));
    const loads = play({ received: (now) => now, made, seconds: 30 });
    expect(loads[12]?.overloaded).toBe(true);
    expect(loads[12]?.speed).toBeGreaterThan(0.95);
    expect(loads.at(-1)).toMatchObject({ overloaded: false, lag: 0 });
  });

  it('reports nothing before it can compare', () => {
    const meter = new LoadMeter();
    expect(meter.report({ ended: false, outputTime: 5 }, 0, 0)).toBeUndefined();
    meter.noteReceived(5, 0);
    expect(meter.report({ ended: false }, 0, 0)).toBeUndefined();
  });

  // FFmpeg 7 reports the time of the track that is behind, FFmpeg 5 the time of the track that is ahead.
  it.each([
    ['audio', Math.min],
    ['audio', Math.max],
    ['video', Math.min],
    ['video', Math.max],
  ] as const)(
    'does not mistake a pause of the %s for overload, whichever of the two times FFmpeg reports (%s)',
    (paused, ofBoth) => {
      fc.assert(
        fc.property(
          fc.integer({ min: 1_000, max: 9_000 }),
          fc.integer({ min: 100, max: 20_000 }),
          fc.integer({ min: 0, max: 400 }),
          (from, pause, pictureDelay) => {
            const meter = new LoadMeter();
            const last = { audio: 0, video: 0 };
            for (let now = 0; now <= 40_000; now += 20) {
              for (const track of ['audio', 'video'] as const) {
                if (track === 'video' && now % 40 !== 0) continue;
                if (track === paused && now >= from && now < from + pause) continue;
                last[track] = now;
                meter.noteReceived(now, now, track);
              }
              if (now % 1_000 !== 0) continue;
              const outputTime = ofBoth(last.audio, last.video - pictureDelay);
              expect(meter.report({ ended: false, outputTime }, 0, now)?.overloaded ?? false).toBe(false);
            }
          },
        ),
        { numRuns: 100 },
      );
    },
  );

  it('notices overload again some seconds after a pause of the sound', () => {
    const meter = new LoadMeter();
    const overloaded: number[] = [];
    for (let now = 0; now <= 30_000; now += 20) {
      if (now % 40 === 0) meter.noteReceived(now, now, 'video');
      if (now < 5_000 || now > 10_000) meter.noteReceived(now, now, 'audio');
      const outputTime = now < 12_000 ? now : 12_000 + (now - 12_000) / 2;
      if (now % 1_000 === 0 && meter.report({ ended: false, outputTime }, 0, now)?.overloaded) overloaded.push(now);
    }
    expect(overloaded[0]).toBeLessThanOrEqual(18_000);
    expect(overloaded).toContain(30_000);
  });
});
