// Which parts FFmpeg's fragments become, and when: FFmpeg ends a fragment at every key frame, whether a segment begins there or not.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { MadePart } from '../../src/hls/packaging/part.js';
import { VideoFragments } from '../../src/hls/packaging/video-fragments.js';
import { CutSchedule } from '../../src/hls/timeline/cut-schedule.js';
import { partTiming, SHORTEST_PART_SHARE } from '../../src/hls/timeline/part-timing.js';
import { evenFramesPerPart } from '../../src/protocols/frames-per-part.js';
import type { Fragment } from '../../src/protocols/mp4/fragment.js';
import { writeFragment } from '../../src/protocols/mp4/fragment-writer.js';
import { parseFragment } from '../../src/protocols/mp4/movie-fragment.js';

const TIMESCALE = 90_000;

const DEFAULTS = { trackId: 1, defaultSampleDuration: 0, defaultSampleSize: 0, defaultSampleFlags: 0 };

/** A part, and the frame whose arrival made FFmpeg emit it. */
interface TimedPart extends MadePart {
  readonly at: number;
}

/** Ten seconds of a stream with key frames every `gop` frames, 2 s segments and 0.5 s parts. */
function run(frameRate: number, gop: number): { parts: TimedPart[]; partTarget: number; frame: number } {
  const plan = { renditions: [{ name: 'source', kind: 'video', input: 'pipe', frameRate }] } as const;
  const { partTarget, renditions } = partTiming(plan, { partDuration: 0.5, segmentDuration: 2 });
  const frame = 1 / frameRate;
  const nominal = renditions[0]?.nominal ?? 0;
  const schedule = new CutSchedule({ segmentDuration: 2 }, { frame, nominalPart: nominal });
  const ticks = Math.round(TIMESCALE / frameRate);
  const parts: TimedPart[] = [];
  let at = 0;
  const maker = new VideoFragments({
    schedule,
    sink: { accept: (part) => parts.push({ ...part, at }), complete: () => undefined, needsSync: false },
    trackId: 1,
    timescale: TIMESCALE,
    partTarget,
    nominal,
    frame,
  });
  const length = evenFramesPerPart({ partDuration: 0.5, segmentDuration: 2 }, frameRate);
  let first = 0;
  for (; at < 10 * frameRate; at += 1) {
    const keyFrame = at % gop === 0;
    const time = ((at * ticks) / TIMESCALE) * 1000;
    schedule.noteVideo(time, time, keyFrame);
    if (at > first && (keyFrame || at - first === length)) {
      maker.push(fragment(first, at - first, first % gop === 0, ticks));
      first = at;
    }
  }
  return { parts, partTarget, frame };
}

function fragment(first: number, count: number, startsWithSync: boolean, ticks: number): Fragment {
  const samples = Array.from({ length: count }, (_, i) => ({
    duration: ticks,
    size: 1,
    cts: 0,
    sync: i === 0 && startsWithSync,
    data: Buffer.alloc(1),
  }));
  const baseMediaDecodeTime = first * ticks;
  return {
    bytes: Buffer.alloc(count),
    baseMediaDecodeTime,
    duration: count * ticks,
    presentationStart: baseMediaDecodeTime,
    startsWithSync,
    samples,
  };
}

/** The largest number of frames between the listing of one part and the next. */
function longestWait(parts: readonly TimedPart[]): number {
  return Math.max(...parts.slice(1).map((part, i) => part.at - (parts[i]?.at ?? 0)));
}

describe('VideoFragments', () => {
  it.each([
    { frameRate: 15, gop: 15 },
    { frameRate: 24, gop: 24 },
    { frameRate: 25, gop: 25 },
    { frameRate: 30_000 / 1001, gop: 30 },
    { frameRate: 30, gop: 30 },
    { frameRate: 50, gop: 50 },
    { frameRate: 60, gop: 60 },
    // The segment is one GOP, and its last part is shorter.
    { frameRate: 25, gop: 50 },
    { frameRate: 30, gop: 75 },
  ])('B3.01 $gop frames a GOP at $frameRate: each part is listed within PART-TARGET of the last', (stream) => {
    const { parts, partTarget, frame } = run(stream.frameRate, stream.gop);
    expect(parts.length).toBeGreaterThan(15);
    for (const part of parts) {
      expect(part.duration).toBeLessThanOrEqual(partTarget + 1e-9);
      if (!part.independent && !part.completes) {
        expect(part.duration).toBeGreaterThanOrEqual(SHORTEST_PART_SHARE * partTarget - 1e-9);
      }
    }
    expect(longestWait(parts) * frame).toBeLessThanOrEqual(partTarget + 1e-4);
  });

  it('a longer remainder of a GOP waits for the next fragment: for less than a part, once per GOP', () => {
    const { parts, partTarget } = run(25, 30);
    for (const part of parts) expect(part.duration).toBeLessThanOrEqual(partTarget);
    // 13, 13 and 4 frames; the 4 and the next 13 come together.
    expect(longestWait(parts)).toBe(17);
  });

  it('B1.13 a segment begins with its key frame although FFmpeg shows pictures at other times than the source', () => {
    // FFmpeg does so where presentation times contradict the order of the pictures: it then uses decode times.
    const rate = 25;
    const frameMs = 1000 / rate;
    const shifts = fc.array(fc.integer({ min: -28, max: 120 }), { minLength: 11, maxLength: 11 });
    fc.assert(
      fc.property(shifts, fc.constantFrom(1000, 2000), (shiftOfSecond, gop) => {
        const plan = { renditions: [{ name: '480p', kind: 'video', input: 'pipe', frameRate: rate }] } as const;
        const { partTarget, renditions } = partTiming(plan, { partDuration: 0.5, segmentDuration: 2 });
        const nominal = renditions[0]?.nominal ?? 0;
        const schedule = new CutSchedule({ segmentDuration: 2 }, { frame: 1 / rate, nominalPart: nominal });
        const parts: MadePart[] = [];
        const maker = new VideoFragments({
          schedule,
          sink: { accept: (part) => parts.push(part), complete: () => undefined, needsSync: false },
          ...{ trackId: 1, timescale: 1000, partTarget, nominal, frame: 1 / rate },
        });
        const pictures = Array.from({ length: 10 * rate + 1 }, (_, i) => {
          const time = 1000 + i * frameMs;
          const second = Math.floor(i / rate);
          const share = (i % rate) / rate;
          const shift = (shiftOfSecond[second] ?? 0) * (1 - share) + (shiftOfSecond[second + 1] ?? 0) * share;
          // The first picture of an encoder is at the time that the source gives it.
          return { time, at: Math.round(time + (i === 0 ? 0 : shift)), key: (i * frameMs) % gop === 0 };
        });
        let first = 0;
        for (const [i, picture] of pictures.entries()) {
          const start = pictures[first]?.at ?? 0;
          schedule.noteVideo(picture.time, picture.time, picture.key);
          if (i === first || (!picture.key && picture.at - start < 460)) continue;
          const samples = pictures.slice(first, i).map(({ at, key }, k) => ({
            ...{ duration: (pictures[first + k + 1]?.at ?? 0) - at, size: 1, cts: 0, sync: key, data: Buffer.alloc(1) },
          }));
          maker.push({
            bytes: Buffer.alloc(1),
            baseMediaDecodeTime: start,
            duration: picture.at - start,
            presentationStart: start,
            startsWithSync: samples[0]?.sync === true,
            samples,
          });
          first = i;
        }
        maker.flush();
        const segments = new Map<number, MadePart[]>();
        for (const part of parts) segments.set(part.segmentIndex, [...(segments.get(part.segmentIndex) ?? []), part]);
        expect([...segments.keys()]).toEqual([0, 1, 2, 3, 4]);
        let end = 1;
        for (const [index, made] of segments) {
          expect(made[0]?.independent, `segment ${index}`).toBe(true);
          for (const [i, part] of made.entries()) {
            expect(part.start).toBeCloseTo(end, 5);
            expect(part.duration).toBeLessThanOrEqual(partTarget + 1e-9);
            end = part.start + part.duration;
            if (i === made.length - 1)
              expect(part.continues && index < 4, 'more of the segment was promised').toBe(false);
            else expect(part.completes, 'parts after the last').toBe(false);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it('passes on every picture once, at its time and without a gap, however long pictures last', () => {
    const rate = 25;
    const plan = { renditions: [{ name: '480p', kind: 'video', input: 'pipe', frameRate: rate }] } as const;
    const { partTarget, renditions } = partTiming(plan, { partDuration: 0.5, segmentDuration: 2 });
    const nominal = renditions[0]?.nominal ?? 0;
    // In frames: usually one, sometimes a pause.
    const length = fc.oneof(
      { weight: 20, arbitrary: fc.constant(1) },
      { weight: 1, arbitrary: fc.integer({ max: 30, min: 2 }) },
    );
    const lengths = fc.array(length, { minLength: 100, maxLength: 200 });
    fc.assert(
      fc.property(lengths, fc.constantFrom(17, 25, 50), (frames, gop) => {
        const schedule = new CutSchedule({ segmentDuration: 2 }, { frame: 1 / rate, nominalPart: nominal });
        const parts: MadePart[] = [];
        const maker = new VideoFragments({
          schedule,
          sink: { accept: (part) => parts.push(part), complete: () => undefined, needsSync: false },
          ...{ trackId: 1, timescale: 1000, partTarget, nominal, frame: 1 / rate },
        });
        const pictures: { at: number; sync: boolean }[] = [];
        let at = 1000;
        for (const [i, count] of frames.entries()) {
          pictures.push({ at, sync: i % gop === 0 });
          at += count * 40;
        }
        let first = 0;
        for (const [i, picture] of pictures.entries()) {
          schedule.noteVideo(picture.at, picture.at, picture.sync);
          const start = pictures[first]?.at ?? 0;
          if (i === first || (!picture.sync && picture.at - start < 460)) continue;
          const samples = pictures.slice(first, i).map(({ at: begin, sync }, k) => ({
            ...{
              duration: (pictures[first + k + 1]?.at ?? 0) - begin,
              size: 1,
              cts: 0,
              sync,
              data: Buffer.of(first + k),
            },
          }));
          const bytes = writeFragment({ sequenceNumber: i, trackId: 1, baseMediaDecodeTime: start, samples });
          maker.push(parseFragment(bytes, DEFAULTS));
          first = i;
        }
        maker.flush();
        const shown: number[] = [];
        let end = 1000;
        for (const { body, duration } of parts) {
          expect(duration).toBeLessThanOrEqual(partTarget + 1e-9);
          const made = parseFragment(body.whole(), DEFAULTS);
          expect(made.baseMediaDecodeTime).toBe(end);
          for (const { duration: ticks, cts, data } of made.samples) {
            expect(data[0]).toBe(shown.length);
            shown.push(end + cts);
            end += ticks;
          }
        }
        expect(shown).toEqual(pictures.slice(0, first).map((picture) => picture.at));
      }),
      { numRuns: 200 },
    );
  });
});
