// Which parts come of FFmpeg's fragments, and when: FFmpeg ends a fragment at every key frame, whether a segment begins there or not.
import { describe, expect, it } from 'vitest';
import { CutSchedule } from '../../src/hls/cut-schedule.js';
import type { MadePart } from '../../src/hls/part-sink.js';
import { framesPerPart, partTiming, SHORTEST_PART_SHARE } from '../../src/hls/part-timing.js';
import { VideoParts } from '../../src/hls/video-parts.js';
import type { Fragment } from '../../src/protocols/mp4/fragment.js';

const TIMESCALE = 90_000;

/** A part and the frame whose arrival made FFmpeg let it go. */
interface TimedPart extends MadePart {
  readonly at: number;
}

/** Ten seconds of a stream with key frames every `gop` frames, 2 s segments and 0.5 s parts. */
function run(frameRate: number, gop: number): { parts: TimedPart[]; partTarget: number; frame: number } {
  const plan = { renditions: [{ name: 'source', kind: 'video', input: 'pipe', frameRate }] } as const;
  const { partTarget, renditions } = partTiming(plan, 0.5);
  const frame = 1 / frameRate;
  const nominal = renditions[0]?.nominal ?? 0;
  const schedule = new CutSchedule({ segmentDuration: 2 }, { frame, nominalPart: nominal });
  const ticks = Math.round(TIMESCALE / frameRate);
  const parts: TimedPart[] = [];
  let at = 0;
  const maker = new VideoParts({
    schedule,
    sink: { accept: (part) => parts.push({ ...part, at }), complete: () => undefined, needsSync: false },
    trackId: 1,
    timescale: TIMESCALE,
    partTarget,
    nominal,
    frame,
  });
  const length = framesPerPart(0.5, frameRate);
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

/** Frames between the listing of one part and of the next, at most. */
function longestWait(parts: readonly TimedPart[]): number {
  return Math.max(...parts.slice(1).map((part, i) => part.at - (parts[i]?.at ?? 0)));
}

describe('VideoParts', () => {
  it.each([
    { frameRate: 15, gop: 15 },
    { frameRate: 24, gop: 24 },
    { frameRate: 25, gop: 25 },
    { frameRate: 30_000 / 1001, gop: 30 },
    { frameRate: 30, gop: 30 },
    { frameRate: 50, gop: 50 },
    { frameRate: 60, gop: 60 },
    // The segment is one GOP: what is left over is its last part.
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

  it('where a longer rest of a GOP is left over, its part waits for the next fragment: less than a part, once a GOP', () => {
    const { parts, partTarget } = run(25, 30);
    for (const part of parts) expect(part.duration).toBeLessThanOrEqual(partTarget);
    // 12, 12 and 6 frames; the 6 and the 12 after them come together.
    expect(longestWait(parts)).toBe(18);
  });
});
