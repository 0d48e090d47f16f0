// Some encoders send the same timestamp for all frames, or count frames instead of milliseconds. Their times are then taken from the arrival.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import { type MediaKind, Timeline } from '../../src/live/timeline.js';
import { audioFrame, audioHeader, videoFrame, videoHeader } from './media.js';

interface Frame {
  readonly kind: MediaKind;
  /** When it was made, in milliseconds from the first. */
  readonly time: number;
  readonly wire: number;
}

const AUDIO_INTERVAL = 1024 / 48;

/** Frames of both tracks in the order of their times, with the timestamps that the encoder gives them. */
function framesOf(
  seconds: number,
  frameRate: number,
  wireOf: (kind: MediaKind, time: number, index: number) => number,
): Frame[] {
  const track = (kind: MediaKind, interval: number): Frame[] =>
    Array.from({ length: Math.floor((seconds * 1000) / interval) }, (_, index) => {
      const time = Math.round(index * interval);
      return { kind, time, wire: wireOf(kind, time, index) };
    });
  return [...track('video', 1000 / frameRate), ...track('audio', AUDIO_INTERVAL)].sort((a, b) => a.time - b.time);
}

interface Placed extends Frame {
  readonly dts: number;
  readonly discontinuity: boolean;
}

/** @param delays network delays, used in turn for one frame after the other; frames do not overtake each other */
function place(frames: readonly Frame[], delays: readonly number[]): { placed: Placed[]; stuck: number } {
  let now = 0;
  let stuck = 0;
  const timeline = new Timeline({ origin: 1_000, now: () => now, repair: () => (stuck += 1) });
  const placed = frames.flatMap((frame, index): Placed[] => {
    now = Math.max(now, frame.time + (delays[index % delays.length] ?? 0));
    const point = timeline.map(frame.kind, frame.wire);
    return point === undefined ? [] : [{ ...frame, ...point }];
  });
  return { placed, stuck };
}

const STUCK: Readonly<Record<string, (kind: MediaKind, time: number, index: number) => number>> = {
  'all of both tracks are 0': () => 0,
  'all of both tracks are the same': () => 3_600_000,
  'each is the distance to the frame before': (kind, _, index) => (kind === 'video' ? 33 : 21) + (index % 2),
  'those of the pictures are 0': (kind, time) => (kind === 'video' ? 0 : time + 7_000),
  'those of the sound are 0': (kind, time) => (kind === 'audio' ? 0 : time + 7_000),
  'those of the video count pictures': (kind, time, index) => (kind === 'video' ? index : time),
  'all stand still after 6 s': (_, time) => Math.min(time, 6_000),
};

describe.each(Object.entries(STUCK))('timestamps that do not advance: %s', (_, wireOf) => {
  it.each([5, 25, 60])(
    'A7.18 places frames by their arrival, evenly and in sync, at %i pictures a second',
    (frameRate) => {
      fc.assert(
        fc.property(fc.array(fc.nat(60), { minLength: 1, maxLength: 50 }), (delays) => {
          const frames = framesOf(14, frameRate, wireOf);
          const { placed, stuck } = place(frames, delays);
          expect(stuck).toBeGreaterThan(0);
          expect(placed.filter(({ discontinuity }) => discontinuity).length).toBeLessThanOrEqual(1);
          for (const kind of ['video', 'audio'] as const) {
            const track = placed.filter((frame) => frame.kind === kind);
            const interval = kind === 'video' ? 1000 / frameRate : AUDIO_INTERVAL;
            const settled = track.filter(({ time }) => time > 10_000);
            expect(settled.length).toBe(frames.filter((frame) => frame.kind === kind && frame.time > 10_000).length);
            const differences = settled.map(({ dts, time }) => dts - time);
            expect(Math.max(...differences) - Math.min(...differences)).toBeLessThan(Math.max(60, interval));
            for (const [index, { dts }] of track.entries()) expect(dts).toBeGreaterThan(track[index - 1]?.dts ?? 0);
          }
          const offsets = (['video', 'audio'] as const).map((kind) => {
            const track = placed.filter((frame) => frame.kind === kind && frame.time > 10_000);
            return track.reduce((sum, { dts, time }) => sum + dts - time, 0) / track.length;
          });
          expect(Math.abs((offsets[0] ?? 0) - (offsets[1] ?? 0))).toBeLessThan(120);
        }),
        { numRuns: 10 },
      );
    },
  );
});

describe('timestamps that advance', () => {
  const HONEST: Readonly<Record<string, (kind: MediaKind, time: number, index: number) => number>> = {
    'of each frame': (_, time) => time + 5_000,
    'of bundles of ten frames': (kind, time, index) =>
      kind === 'video' ? Math.round((index - (index % 10)) * 40) : time,
    'of pictures in whole seconds': (kind, time) => (kind === 'video' ? Math.floor(time / 1000) * 1000 : time),
  };

  it.each(Object.entries(HONEST))('%s are believed, however the network delays them', (_, wireOf) => {
    fc.assert(
      fc.property(fc.array(fc.nat(400), { minLength: 1, maxLength: 200 }), (delays) => {
        const frames = framesOf(10, 25, wireOf);
        const { placed, stuck } = place(frames, delays);
        expect(stuck).toBe(0);
        expect(placed.filter(({ discontinuity }) => discontinuity)).toEqual([]);
        // The first frame of a bundle has its true time, except for the rounding of those before it; the others follow it.
        for (const kind of ['video', 'audio'] as const) {
          const track = placed.filter((frame) => frame.kind === kind);
          for (const [index, { wire, dts, time }] of track.entries()) {
            const expected = 1_000 + wire - (frames[0]?.wire ?? 0);
            const isFirst = wire !== track[index - 1]?.wire;
            if (time > 3_000) expect(dts - expected).toBeLessThan(isFirst ? 500 : 2_000);
            expect(dts).toBeGreaterThanOrEqual(expected);
          }
        }
      }),
      { numRuns: 20 },
    );
  });

  it('are believed again after they have stood still', () => {
    const { placed, stuck } = place(
      framesOf(14, 25, (_, time) => (time < 5_000 ? 0 : time)),
      [0],
    );
    expect(stuck).toBeGreaterThan(0);
    for (const { dts, time } of placed.filter((frame) => frame.time > 10_000)) expect(dts).toBe(time + 1_000);
  });
});

it('reports once that the timestamps of a publisher do not advance, and counts it', () => {
  const clock = { now: 0 };
  const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: { now: () => clock.now } });
  const warnings: string[] = [];
  stream.on({ onWarning: ({ code, message }) => warnings.push(`${code}: ${message}`) });
  stream.publish('video', 0, videoHeader());
  stream.publish('audio', 0, audioHeader());
  for (let frame = 0; frame < 100; frame += 1) {
    clock.now += 40;
    stream.publish('video', 0, videoFrame(frame % 50 === 0));
    stream.publish('audio', 0, audioFrame());
  }
  expect(warnings).toHaveLength(1);
  expect(warnings[0]).toContain('live.repaired: the timestamps do not advance');
  expect(stream.shortcomings).toHaveLength(1);
  expect(stream.statistics.repairs.get('stuck-timestamps')).toBeGreaterThan(0);
  expect(stream.position).toBeGreaterThan(1_000 + 3_800);
});
