// Clocks of encoders wrap, jump, stutter and are wrong. Each known case has a test here.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type MediaKind, TIMELINE_ORIGIN, Timeline } from '../../src/live/timeline.js';

type Step = readonly [kind: 'v' | 'a', wire: number, dts: number, discontinuity?: true];

const cases: readonly { name: string; steps: readonly Step[] }[] = [
  {
    name: 'maps the first frame to the origin, whatever its time',
    steps: [
      ['v', 3_600_000, 1000],
      ['v', 3_600_040, 1040],
    ],
  },
  {
    name: 'keeps audio that starts a little earlier positive and in sync',
    steps: [
      ['v', 500, 1000],
      ['a', 480, 980],
      ['a', 501, 1001],
    ],
  },
  {
    name: 'A2.17 passes 2^24 ms',
    steps: [
      ['v', 0xff_fff0, 1000],
      ['v', 0x100_0010, 1032],
    ],
  },
  {
    name: 'A2.18 passes 2^32 ms on both tracks',
    steps: [
      ['v', 0xffff_ffe0, 1000],
      ['a', 0xffff_fff0, 1016],
      ['v', 8, 1040],
      ['a', 0xffff_fffa, 1026],
      ['a', 20, 1052],
    ],
  },
  {
    name: 'A2.18 passes 2^31 ms of an encoder that masks to 31 bits, twice',
    steps: [
      ['v', 0x7fff_fff0, 1000],
      ['v', 0x0000_0010, 1032],
      ['v', 0x0000_0030, 1064],
    ],
  },
  {
    name: 'A2.18 passes 2^31 ms of an encoder that does not mask',
    steps: [
      ['v', 0x7fff_fff0, 1000],
      ['v', 0x8000_0010, 1032],
    ],
  },
  {
    name: 'A2.19 takes a huge forward delta as the small step back that it is',
    steps: [
      ['v', 10_000, 1000],
      ['v', 10_040, 1040],
      ['a', 10_040 - 20, 1020],
      ['v', (10_040 + 0xffff_ffd8) % 2 ** 32, 1060],
      ['v', 10_080, 1080],
    ],
  },
  {
    name: 'A2.19 a few milliseconds below 0 are 2^32 less a few',
    steps: [
      ['v', 5, 1000],
      ['a', 2 ** 32 - 5, 990],
      ['a', 16, 1011],
    ],
  },
  {
    name: 'A7.13 tracks out of order by up to a second stay as they are',
    steps: [
      ['v', 2000, 1000],
      ['a', 1000, 0],
      ['v', 2040, 1040],
      ['a', 1021, 21],
    ],
  },
  {
    name: 'A7.13 equal and falling times go on at half the pace until the clock has caught up',
    steps: [
      ['v', 0, 1000],
      ['v', 40, 1040],
      ['v', 40, 1050],
      ['v', 20, 1053],
      ['v', 80, 1080],
    ],
  },
  {
    name: 'one odd timestamp is smoothed over, and the track comes back to its clock',
    steps: [
      ['v', 0, 1000],
      ['v', 40, 1040],
      ['v', 900_000, 1080],
      ['v', 120, 1120],
      ['a', 120, 1120],
    ],
  },
  {
    name: 'two odd timestamps that do not agree are two odd timestamps',
    steps: [
      ['v', 0, 1000],
      ['v', 40, 1040],
      ['v', 900_000, 1080],
      ['v', 400_000, 1120],
      ['v', 900_040, 1160],
      ['v', 200, 1200],
    ],
  },
  {
    name: 'A7.13 a jump of more than 5 s is believed at the third frame; the other track follows it in sync',
    steps: [
      ['v', 0, 1000],
      ['a', 0, 1000],
      ['v', 40, 1040],
      ['a', 21, 1021],
      ['v', 60_080, 1080],
      ['v', 60_120, 1120],
      ['v', 60_160, 1160, true],
      ['a', 60_150, 1150],
      ['v', 60_200, 1200],
      ['a', 60_171, 1171],
    ],
  },
  {
    name: 'A7.13 a reset to 0 is the same',
    steps: [
      ['v', 100_000, 1000],
      ['v', 100_040, 1040],
      ['v', 0, 1080],
      ['v', 40, 1120],
      ['v', 80, 1160, true],
      ['v', 120, 1200],
    ],
  },
  {
    name: 'A7.13 a jump back of less than 5 s goes on at the usual pace, with one discontinuity for both tracks',
    steps: [
      ['v', 10_000, 1000],
      ['a', 10_000, 1000],
      ['v', 10_040, 1040],
      ['a', 10_021, 1021],
      ['v', 7_080, 1080],
      ['a', 7_042, 1042],
      ['v', 7_120, 1120],
      ['a', 7_063, 1063],
      ['v', 7_160, 1160, true],
      ['a', 7_150, 1150],
      ['v', 7_200, 1200],
      ['a', 7_171, 1171],
    ],
  },
  {
    name: 'A7.13 one odd timestamp less than 5 s back is smoothed over',
    steps: [
      ['v', 10_000, 1000],
      ['v', 10_040, 1040],
      ['v', 7_080, 1080],
      ['v', 10_120, 1120],
    ],
  },
  {
    name: 'A7.13 one step of 4 s forward that is taken back moves both tracks: they stay in sync',
    steps: [
      ['v', 0, 1000],
      ['a', 0, 1000],
      ['v', 40, 1040],
      ['v', 4_080, 5080],
      ['a', 100, 1100],
      ['v', 120, 5120],
      ['v', 160, 5160],
      ['v', 200, 5200, true],
      ['a', 200, 5200],
      ['v', 240, 5240],
    ],
  },
  {
    name: 'A7.13 keeps frames in order whose times jitter by 300 ms',
    steps: [
      ['v', 1_000, 1000],
      ['v', 1_040, 1040],
      ['v', 1_380, 1380],
      ['v', 1_120, 1400],
      ['v', 860, 1420],
      ['v', 1_500, 1500],
      ['v', 1_240, 1520],
      ['v', 1_580, 1580],
    ],
  },
  {
    name: 'A7.13 equal times of two tracks stay equal',
    steps: [
      ['v', 500, 1000],
      ['a', 500, 1000],
      ['v', 540, 1040],
      ['a', 540, 1040],
    ],
  },
  {
    name: 'A2.18 A7.13 a jump of five hours, forward and back',
    steps: [
      ['v', 1_000, 1000],
      ['v', 1_040, 1040],
      ['v', 18_001_080, 1080],
      ['v', 18_001_120, 1120],
      ['v', 18_001_160, 1160, true],
      ['v', 1_200, 1200],
      ['v', 1_240, 1240],
      ['v', 1_280, 1280, true],
    ],
  },
  {
    name: 'A2.17 A2.19 passes 2^24 ms with a small step back on it',
    steps: [
      ['v', 0xff_fff0, 1000],
      ['a', 0xff_ffff, 1015],
      ['v', 0x100_0018, 1040],
      ['a', 0x100_0004, 1020],
      ['v', 0x100_0008, 1046],
      ['v', 0x100_0068, 1120],
    ],
  },
  {
    name: 'C4.12 a pause and a burst without a jump are neither repaired nor a discontinuity',
    steps: [
      ['v', 0, 1000],
      ['v', 4_900, 5900],
      ['v', 4_940, 5940],
    ],
  },
  {
    name: 'A7.12 video that starts long after the audio joins its clock',
    steps: [
      ['a', 0, 1000],
      ['a', 4_000, 5000],
      ['a', 8_000, 9000],
      ['v', 8_010, 9010],
    ],
  },
  {
    name: 'a track whose clock has nothing to do with the other one starts beside it, without a discontinuity',
    steps: [
      ['v', 0, 1000],
      ['a', 5_000_000, 1000],
      ['a', 5_000_021, 1021],
      ['a', 5_000_042, 1042],
      ['v', 40, 1040],
      ['a', 5_000_063, 1063],
    ],
  },
];

const kinds: Readonly<Record<'v' | 'a', MediaKind>> = { v: 'video', a: 'audio' };

describe('Timeline', () => {
  it.each(cases)('$name', ({ steps }) => {
    const timeline = new Timeline();
    const seen = steps.map(([kind, wire]) => timeline.map(kinds[kind], wire));
    expect(seen).toEqual(steps.map(([, , dts, discontinuity = false]) => ({ dts, discontinuity })));
  });

  it('has no time for frames long before the first one', () => {
    const timeline = new Timeline();
    expect(timeline.map('video', 10_000)).toEqual({ dts: 1000, discontinuity: false });
    expect(timeline.map('audio', 8_990)).toBeUndefined();
    expect(timeline.map('audio', 9_000)).toEqual({ dts: 0, discontinuity: false });
  });

  it('begins at the origin it is given, in whole milliseconds, and goes at most a second before it', () => {
    const timeline = new Timeline({ origin: 60_000.5 });
    expect(timeline.map('video', 77)).toEqual({ dts: 60_001, discontinuity: false });
    expect(timeline.map('audio', 2 ** 32 - 1_000)).toBeUndefined();
    expect(timeline.map('audio', 57)).toEqual({ dts: 59_981, discontinuity: false });
    expect(timeline.at('video', 97)).toBe(60_021);
    expect(timeline.at('video', 97_000_000)).toBeUndefined();
    expect(timeline.position('video')).toBe(60_001);
  });

  it('A7.13 accepts timestamps that jitter by up to 300 ms, at up to 60 frames per second', () => {
    const interval = fc.integer({ min: 16, max: 200 });
    const shakes = fc.array(fc.integer({ min: -300, max: 300 }), { minLength: 50, maxLength: 300 });
    fc.assert(
      fc.property(interval, shakes, (step, shaken) => {
        const timeline = new Timeline();
        for (const [index, shake] of shaken.entries()) {
          const wire = 1_000 + index * step + shake;
          const point = timeline.map('video', wire);
          expect(point?.discontinuity).toBe(false);
          // Never far from the timestamp of the frame.
          const first = 1_000 + (shaken[0] ?? 0);
          expect(Math.abs((point?.dts ?? 0) - (TIMELINE_ORIGIN + wire - first))).toBeLessThanOrEqual(2_200);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('A7.13 never squeezes the frames after a jump back into a few milliseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 10, max: 60 }), (back, step) => {
        const timeline = new Timeline();
        const times: number[] = [];
        for (let index = 0; index < 400; index += 1) {
          const wire = 100_000 + index * step - (index < 100 ? 0 : back);
          times.push(timeline.map('video', wire)?.dts ?? Number.NaN);
        }
        const gaps = times.slice(1).map((time, index) => time - (times[index] ?? 0));
        // Until the average frame interval no longer contains the step back.
        const short = gaps.filter((gap) => gap < Math.floor(step / 3)).length;
        expect(short).toBeLessThanOrEqual(16);
        expect(timeline.discontinuities).toBeLessThanOrEqual(1);
      }),
      { numRuns: 200 },
    );
  });

  it('returns its position without changing it', () => {
    const timeline = new Timeline();
    expect(timeline.position('video')).toBe(0);
    timeline.map('audio', 77);
    expect(timeline.position('video')).toBe(0);
    expect(timeline.position('audio')).toBe(TIMELINE_ORIGIN);
    expect(timeline.position()).toBe(TIMELINE_ORIGIN);
  });

  it('A2.18 keeps a stream of 100 days in order, with wire times of 32 or of 31 bits', () => {
    for (const modulus of [2 ** 32, 2 ** 31]) {
      const timeline = new Timeline();
      const wrong: number[] = [];
      for (let time = 0; time < 100 * 86_400_000; time += 4_000) {
        if (timeline.map('video', time % modulus)?.dts !== TIMELINE_ORIGIN + time) wrong.push(time);
      }
      expect(wrong).toEqual([]);
      expect(timeline.repaired).toBe(0);
    }
  });

  it('increases strictly per kind for any input, and counts its discontinuities', () => {
    const wire = fc.oneof(
      fc.nat(0xffff_ffff),
      fc.constantFrom(0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff),
      fc.nat(10_000),
    );
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.constantFrom<MediaKind>('video', 'audio'), wire), { maxLength: 200 }),
        (frames) => {
          const timeline = new Timeline();
          const last = { video: -1, audio: -1 };
          let discontinuities = 0;
          for (const [kind, time] of frames) {
            const point = timeline.map(kind, time);
            if (point === undefined) continue;
            expect(point.dts).toBeGreaterThan(last[kind]);
            expect(Number.isSafeInteger(point.dts)).toBe(true);
            last[kind] = point.dts;
            if (point.discontinuity) discontinuities += 1;
          }
          expect(timeline.discontinuities).toBe(discontinuities);
          // C2.15: a clock that jumps with every frame cannot run away with the stream.
          expect(discontinuities).toBeLessThanOrEqual(frames.length / 3);
        },
      ),
      { numRuns: 500 },
    );
  });

  it('does not change a clock that is in order', () => {
    fc.assert(
      fc.property(
        fc.nat(0xffff_ffff),
        fc.array(fc.tuple(fc.constantFrom<MediaKind>('video', 'audio'), fc.integer({ min: 1, max: 900 })), {
          maxLength: 100,
        }),
        (start, frames) => {
          const timeline = new Timeline();
          timeline.map('video', start);
          let time = 0;
          for (const [kind, step] of frames) {
            time += step;
            expect(timeline.map(kind, (start + time) % 2 ** 32)).toEqual({
              dts: TIMELINE_ORIGIN + time,
              discontinuity: false,
            });
          }
          expect(timeline.repaired).toBe(0);
        },
      ),
    );
  });

  it('keeps the times of tracks that are sent seconds apart: neither has jumped', () => {
    for (const apart of [-9_000, -6_000, 6_000, 9_000]) {
      const timeline = new Timeline();
      const base = 20_000;
      for (let i = 0; i < 500; i += 1) {
        const video = timeline.map('video', base + i * 40);
        expect(video).toEqual({ dts: 1_000 + i * 40, discontinuity: false });
        // The first audio frames find their clock because they agree with each other, or because they are near.
        if (i >= 4) timeline.map('audio', base + i * 40 + apart);
      }
      expect(timeline.discontinuities).toBe(0);
    }
  });

  it('joins a track whose clock restarted to the other track, which continued meanwhile', () => {
    const timeline = new Timeline();
    for (let i = 0; i < 100; i += 1) {
      timeline.map('video', i * 40);
      timeline.map('audio', i * 40 + 10);
    }
    // The audio is away for 3 s, and comes back with a clock of its own.
    for (let i = 100; i < 175; i += 1) timeline.map('video', i * 40);
    const found = [];
    for (let i = 175; i < 200; i += 1) {
      const video = timeline.map('video', i * 40)?.dts ?? 0;
      const audio = timeline.map('audio', 500_000 + (i - 175) * 40)?.dts ?? 0;
      found.push(video - audio);
    }
    expect(timeline.discontinuities).toBe(1);
    for (const apart of found.slice(3)) expect(Math.abs(apart)).toBeLessThanOrEqual(300);
  });

  it('accepts one picture in ten seconds if it takes that long to come, and detects a jump', () => {
    let now = 0;
    const timeline = new Timeline({ now: () => now });
    for (let i = 0; i < 20; i += 1, now += 10_000 + (i % 2 === 0 ? 300 : -300)) {
      expect(timeline.map('video', i * 10_000)).toEqual({ dts: 1_000 + i * 10_000, discontinuity: false });
    }
    // An encoder sends its first two pictures together; the third one shows its pace.
    const held = new Timeline({ now: () => now });
    held.map('video', 0);
    held.map('video', 10_000);
    for (let i = 2; i < 9; i += 1) {
      now += 10_000;
      expect(held.map('video', i * 10_000)).toEqual({ dts: 1_000 + i * 10_000, discontinuity: false });
    }
    now = 200_000;
    // The clock steps although no time has passed.
    now += 40;
    expect(timeline.map('video', 210_000)?.dts).toBeLessThan(192_000);
    const fast = new Timeline({ now: () => now });
    for (let i = 0; i < 50; i += 1, now += 40) fast.map('video', i * 40);
    // A source of 25 pictures a second that was away for eight seconds is joined as usual.
    now += 8_000;
    expect(fast.map('video', 10_000)?.dts).toBeLessThan(3_200);
  });
});
