// A first segment that ends with its first part, because a viewer waits for it: the values in the playlists must stay true afterwards.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { Origin, type OriginAnswer } from '../../src/hls/origin/origin.js';
import type { CutScheduleOptions } from '../../src/hls/timeline/cut-policy.js';
import { CutSchedule } from '../../src/hls/timeline/cut-schedule.js';
import { BandwidthMeter } from '../../src/hls/window/bandwidth-meter.js';
import { type Recording, record } from '../support/ladder-recording.js';
import { PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { Replay } from '../support/presentation-replay.js';
import { observe, setUp } from './observed-presentation.js';
import { bodyOf, PIPES_PLAN, serveSamples, settle } from './origin-under-test.js';
import { recordInits } from './recorded-inits.js';

const FRAME = 40;
const PART = 480;
/** Tolerance: RFC 8216bis 4.4.3.1 compares the rounded EXTINF. */
const ROUNDING = 500;

function schedule(options: Partial<CutScheduleOptions> = {}, frame = FRAME): CutSchedule {
  return new CutSchedule(
    { segmentDuration: 2, isAwaited: () => true, ...options },
    { frame: frame / 1000, nominalPart: PART / 1000 },
  );
}

/** From 1000 ms on, without reordering. @param gops lengths, the last one repeated */
function feed(cuts: CutSchedule, gops: readonly number[], until: number, frame = FRAME): void {
  const rest = [...gops];
  let gop = rest.shift() ?? until;
  let key = 1000;
  for (let time = 1000; time <= until; time += frame) {
    const isKey = time === 1000 || time - key >= gop;
    if (isKey && time > 1000) {
      key = time;
      gop = rest.shift() ?? gop;
    }
    cuts.noteVideo(time, time, isKey);
  }
}

function times(cuts: CutSchedule): number[] {
  const found: number[] = [];
  for (let index = 0; cuts.timeOf(index) !== undefined; index += 1) found.push(cuts.timeOf(index) ?? 0);
  return found;
}

describe('a first segment that somebody waits for', () => {
  it('ends with its first part; the second one ends at the key frame', () => {
    const cuts = schedule();
    feed(cuts, [2000], 7500);
    expect(times(cuts)).toEqual([1000, 1480, 3000, 5000, 7000]);
    expect(cuts.targetDuration).toBe(2);
    expect(cuts.independence.isFrom(0)).toBe(false);
    expect(cuts.independence.isFrom(1)).toBe(false);
    expect(cuts.independence.isFrom(2)).toBe(true);
  });

  it('ends with the part in which somebody comes, but not in the last part before the expected key frame', () => {
    for (const [comes, second] of [
      [0, 1480],
      [1600, 1960],
      [2000, 2440],
      [2500, 3000],
      [2960, 3000],
    ]) {
      let now = 0;
      const cuts = schedule({ isAwaited: () => now >= (comes ?? 0) });
      for (now = 1000; now <= 5000; now += FRAME) cuts.noteVideo(now, now, (now - 1000) % 2000 === 0);
      expect(cuts.timeOf(1), `somebody comes at ${comes}`).toBe(second);
    }
  });

  it('ends at the key frame if nobody waits', () => {
    const cuts = schedule({ isAwaited: () => false });
    feed(cuts, [2000], 5500);
    expect(times(cuts)).toEqual([1000, 3000, 5000]);
    expect(cuts.independence.isFrom(0)).toBe(true);
  });

  it('keeps the target duration of a first GOP that is too long by cutting it', () => {
    const cuts = schedule();
    feed(cuts, [8000], 20_000);
    expect(cuts.targetDuration).toBe(2);
    const all = times(cuts);
    for (const [index, time] of all.entries()) expect(time - (all[index - 1] ?? time)).toBeLessThan(2000 + ROUNDING);
    expect(all).toContain(9000);
    expect(cuts.independence.isFrom(all.length)).toBe(false);
    expect(cuts.longestGop).toBe(8000);
  });

  it('takes the target duration from the GOPs of an earlier presentation, so that they need no extra cut', () => {
    const cuts = schedule({ knownGop: 8 });
    feed(cuts, [8000], 20_000);
    expect(cuts.targetDuration).toBe(8);
    expect(times(cuts)).toEqual([1000, 1480, 9000, 17_000]);
    expect(cuts.independence.isFrom(2)).toBe(true);
  });

  it('does not end early again when the publisher returns', () => {
    const cuts = schedule();
    feed(cuts, [2000], 4000);
    cuts.endRun(cuts.lastIndex, 4040);
    cuts.begin({ frame: FRAME / 1000, nominalPart: PART / 1000 });
    for (let time = 6000; time <= 8000; time += FRAME) cuts.noteVideo(time, time, time === 6000 || time === 8000);
    expect(times(cuts)).toEqual([1000, 1480, 3000, 6000, 8000]);
  });

  it('of sound alone ends with its first part', () => {
    const cuts = new CutSchedule(
      { segmentDuration: 2, isAwaited: () => true },
      { frame: undefined, nominalPart: PART / 1000 },
    );
    for (let time = 1000; time < 6000; time += 20) cuts.noteAudio(time);
    expect(times(cuts).slice(0, 4)).toEqual([1000, 1480, 3480, 5480]);
    expect(cuts.independence.isFrom(0)).toBe(true);
  });

  it('TARGETDURATION never changes, and no segment is longer, whatever the GOPs are and whenever somebody comes', () => {
    const gop = fc.integer({ min: 40, max: 12_000 });
    fc.assert(
      fc.property(
        fc.array(gop, { minLength: 1, maxLength: 8 }),
        fc.constantFrom(17, 33, 40, 100),
        fc.integer({ min: 0, max: 6_000 }),
        fc.constantFrom(undefined, 1, 4, 9),
        (gops, frame, comes, knownGop) => {
          let now = 0;
          const cuts = schedule({ isAwaited: () => now >= comes, knownGop, maxGop: 10_000 }, frame);
          let target: number | undefined;
          let key = 0;
          const rest = [...gops];
          let length = rest.shift() ?? 0;
          for (; now < 40_000; now += frame) {
            const isKey = now === 0 || now - key >= length;
            if (isKey && now > 0) {
              key = now;
              length = rest.shift() ?? length;
            }
            cuts.noteVideo(1000 + now, 1000 + now, isKey);
            const { targetDuration } = cuts;
            if (target !== targetDuration) expect(target, 'what the target duration was before').toBeUndefined();
            target = targetDuration;
          }
          const all = times(cuts);
          for (const [index, time] of all.entries()) {
            const segment = time - (all[index - 1] ?? time);
            if (segment >= (target ?? 0) * 1000 + ROUNDING)
              expect.fail(`a segment of ${segment} ms, target ${target} s`);
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('the playlists of a first segment that somebody waits for', () => {
  let recording: Recording;
  let inits: Awaited<ReturnType<typeof recordInits>>;
  beforeAll(async () => {
    recording = await record({ seconds: 9.4, gop: 50 }, { partFrames: 12, rungs: [] });
    inits = await recordInits();
  });

  it('B2.07 are there with the first part, obey every rule, and promise key frames as soon as the second segment has left', async () => {
    const { origin, presentation, stream } = serveSamples(inits, { endsFirstEarly: true });
    const waiting = origin.multivariant('live', 'test');
    await settle();
    const checker = new PlaylistChecker({ frame: 0.05, tolerant: true });
    stream.play(12);
    await settle();
    expect(origin.waiting).toBe(1);
    stream.play(3);
    const multivariant = bodyOf(await waiting);
    expect(multivariant).not.toContain('EXT-X-INDEPENDENT-SEGMENTS');
    observe(presentation, checker);
    const first = parsePlaylist(bodyOf(await origin.mediaPlaylist('live', 'test', 'source')));
    expect(first).toMatchObject({ targetDuration: 2, segments: [{ duration: 0.52, parts: [{ independent: true }] }] });
    for (let i = 0; i < 12; i += 1) {
      stream.play(50);
      observe(presentation, checker);
    }
    const later = parsePlaylist(bodyOf(await origin.mediaPlaylist('live', 'test', 'source')));
    expect(later.mediaSequence).toBeGreaterThan(first.mediaSequence + 1);
    expect(later.segments.every(({ parts }) => parts.length === 0 || parts[0]?.independent === true)).toBe(true);
    expect(bodyOf(await origin.multivariant('live', 'test'))).toContain('EXT-X-INDEPENDENT-SEGMENTS');
    checker.checkAlignment();
  });

  it('agree where FFmpeg makes the renditions', async () => {
    const { presentation, clock } = setUp({ name: 'a', plan: PIPES_PLAN, endsFirstEarly: true });
    const origin = new Origin({ clock });
    origin.attach(presentation);
    const answers: Promise<OriginAnswer>[] = ['source', 'audio'].map((name) => origin.mediaPlaylist('live', 'a', name));
    await settle();
    const checker = new PlaylistChecker({ frame: 0.05, tolerant: true });
    const run = new Replay(presentation, recording, { clock, onStep: async () => observe(presentation, checker) });
    await run.playUntil(2_200);
    for (const answer of await Promise.all(answers)) {
      const { segments } = parsePlaylist(bodyOf(answer));
      expect(segments).toHaveLength(1);
      expect(segments[0]?.duration).toBeCloseTo(0.52, 1);
    }
    await run.finish();
    expect(checker.segments('source').size).toBeGreaterThan(4);
    expect(checker.segments('source').size).toBe(checker.segments('audio').size);
  });

  it('are unchanged if nobody waits, or if the option is off', async () => {
    for (const endsFirstEarly of [true, false]) {
      const { origin, presentation, stream } = serveSamples(inits, { endsFirstEarly });
      const waiting = endsFirstEarly ? undefined : origin.multivariant('live', 'test');
      await settle();
      stream.play(45);
      await settle();
      expect(presentation.playable).toBe(false);
      stream.play(10);
      expect(bodyOf((await waiting) ?? (await origin.multivariant('live', 'test')))).toContain('INDEPENDENT-SEGMENTS');
    }
  });
});

describe('BANDWIDTH of a short first segment', () => {
  const segment = (duration: number, length: number) => ({ duration, media: { length }, keyFrameBytes: 100 });

  it('is its own rate until enough is measured, and is ignored from then on', () => {
    const meter = new BandwidthMeter();
    meter.add(segment(0.5, 100_000), 2);
    expect(meter.peak).toBe(1_600_000);
    meter.add(segment(1.5, 100_000), 2);
    expect(meter.peak).toBe(800_000);
    meter.add(segment(2, 400_000), 2);
    expect(meter.peak).toBe(1_600_000);
  });
});
