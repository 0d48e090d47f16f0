// How audio is timed: by counting its samples, compared with timestamps that are rounded, jitter, drift, or jump.
import { describe, expect, it } from 'vitest';
import { AudioSamples, DRIFT_LIMIT, LEAD_LIMIT } from '../../src/hls/packaging/audio-samples.js';
import type { MadePart } from '../../src/hls/packaging/part.js';
import { CutSchedule } from '../../src/hls/timeline/cut-schedule.js';

const RATE = 48_000;
const FRAME_MS = (1024 / RATE) * 1000;

function makerInto(parts: MadePart[], schedule: CutSchedule): AudioSamples {
  return new AudioSamples({
    schedule,
    sink: { accept: (part) => parts.push(part), complete: () => undefined, needsSync: false },
    trackId: 1,
    timescale: RATE,
    partTarget: 0.585,
    nominal: 0.5,
    frameDuration: 1024,
  });
}

/** @param timestampOf the publisher's timestamp of frame `i`, which is also given its true time */
function run(frames: number, timestampOf: (i: number, time: number) => number): MadePart[] {
  const schedule = new CutSchedule({ segmentDuration: 2 }, { frame: undefined, nominalPart: 0.5 });
  const parts: MadePart[] = [];
  const maker = makerInto(parts, schedule);
  for (let i = 0; i < frames; i += 1) {
    const dts = Math.round(timestampOf(i, 1000 + i * FRAME_MS));
    schedule.noteAudio(dts);
    maker.push({ dts, cts: 0, sync: true, data: Buffer.alloc(8), sampleCount: 1024 });
  }
  maker.flush();
  return parts;
}

const end = ({ start, duration }: MadePart): number => start + duration;

/** Longest gap between the end of a part and the start of the next, in seconds. */
function largestHole(parts: readonly MadePart[]): number {
  return Math.max(...parts.slice(1).map(({ start }, i) => Math.abs(start - end(parts[i] as MadePart))));
}

describe('AudioSamples', () => {
  it('B1.18 rounding to milliseconds does not add up in an hour', () => {
    const parts = run(168_750, (_, time) => time);
    expect(largestHole(parts)).toBeLessThan(1e-6);
    expect(Math.abs((parts.at(-1)?.start ?? 0) + (parts.at(-1)?.duration ?? 0) - 3601)).toBeLessThan(0.001);
  });

  it.each([10, 45, 120, 300])('ignores timestamps that jitter by %i ms', (jitter) => {
    const parts = run(5_000, (i, time) => time + (i === 0 ? 0 : ((i * 7919) % (2 * jitter)) - jitter));
    expect(largestHole(parts)).toBeLessThan(1e-6);
    expect(Math.abs(end(parts.at(-1) as MadePart) - (1 + (5_000 * FRAME_MS) / 1000))).toBeLessThan(
      (jitter + DRIFT_LIMIT) / 1000,
    );
  });

  it.each([1.001, 0.999, 1.02, 0.97])(
    'a clock that runs %f times as fast is followed within the limit, without holes',
    (rate) => {
      const parts = run(5_000, (_, time) => 1000 + (time - 1000) * rate);
      expect(largestHole(parts)).toBeLessThan(1e-6);
      const off = end(parts.at(-1) as MadePart) - (1 + ((5_000 * FRAME_MS) / 1000) * rate);
      expect(Math.abs(off)).toBeLessThan((2 * DRIFT_LIMIT) / 1000);
    },
  );

  it('leaves a gap for lost audio at once', () => {
    const parts = run(400, (i, time) => time + (i >= 200 ? 900 : 0));
    expect(Math.abs(end(parts.at(-1) as MadePart) - (1 + (400 * FRAME_MS) / 1000 + 0.9))).toBeLessThan(0.002);
    for (const { duration } of parts) expect(duration).toBeLessThanOrEqual(0.585);
  });

  it('keeps audio before the first picture only as far as its segment may be longer', () => {
    const picture = 2_000;
    const schedule = new CutSchedule({ segmentDuration: 2 }, { frame: 0.04, nominalPart: 0.5 });
    schedule.noteVideo(picture - 80, picture, true);
    for (let dts = picture - 40; dts < picture + 1_000; dts += 40) schedule.noteVideo(dts, dts + 80, false);
    const parts: MadePart[] = [];
    const maker = makerInto(parts, schedule);
    for (let time = picture - 1_000; time < picture + 500; time += FRAME_MS) {
      maker.push({ dts: Math.round(time), cts: 0, sync: true, data: Buffer.alloc(8), sampleCount: 1024 });
    }
    maker.flush();
    const lead = picture / 1000 - (parts[0]?.start ?? 0);
    expect(lead).toBeLessThanOrEqual(LEAD_LIMIT / 1000);
    expect(lead).toBeGreaterThan((LEAD_LIMIT - 2 * FRAME_MS) / 1000);
    expect(new Set(parts.map(({ segmentIndex }) => segmentIndex))).toEqual(new Set([0]));
    expect(largestHole(parts)).toBeLessThan(1e-6);
  });
});
