// The clock of one track stops, jumps or restarts at any place: no frame is lost, and the tracks are in sync again.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LiveStream } from '../../src/live/stream.js';
import type { LiveTag } from '../../src/live/tag.js';
import type { MediaKind } from '../../src/live/timeline.js';
import { audioHeader, videoFrame, videoHeader } from './media.js';

const SECONDS = 26;
const FRAME = 1024 / 48;
const HOUR = 3_600_000;

/** Numbered, so that each can be found again. */
interface Frame {
  readonly kind: MediaKind;
  /** Milliseconds since the first, by a true clock. */
  readonly time: number;
  readonly wire: number;
  readonly body: Buffer;
}

type Wire = (kind: MediaKind, time: number) => number | undefined;

function numbered(kind: MediaKind, index: number): Buffer {
  const body = kind === 'video' ? videoFrame(index % 50 === 0, 16) : Buffer.from('af0121000000000000', 'hex');
  body.writeUInt32BE(index, body.length - 4);
  return body;
}

/** @param wireOf undefined for a frame that is not sent */
function framesOf(wireOf: Wire, sentAt: (kind: MediaKind, time: number) => number = (_, time) => time): Frame[] {
  const track = (kind: MediaKind, interval: number): Frame[] =>
    Array.from({ length: Math.floor((SECONDS * 1000) / interval) }, (_, index) => {
      const time = Math.round(index * interval);
      return { kind, time, wire: wireOf(kind, time) ?? Number.NaN, body: numbered(kind, index) };
    }).filter(({ wire }) => !Number.isNaN(wire));
  const due = ({ kind, time }: Frame): number => sentAt(kind, time);
  return [...track('video', 40), ...track('audio', FRAME)].sort((a, b) => due(a) - due(b));
}

interface Taken {
  readonly tags: readonly LiveTag[];
  readonly stream: LiveStream;
  /** Frames and their tags, of one kind. */
  readonly of: (kind: MediaKind) => { readonly frame: Frame; readonly tag: LiveTag }[];
}

function publish(frames: readonly Frame[]): Taken {
  const clock = { now: 0 };
  const stream = new LiveStream({ app: 'live', name: 'a', startedAt: 0, clock: { now: () => clock.now } });
  const tags: LiveTag[] = [];
  stream.on({ onTag: (tag) => (tag.sequenceHeader ? undefined : tags.push(tag)) });
  stream.publish('video', 0, videoHeader());
  stream.publish('audio', 0, audioHeader());
  for (const { kind, time, wire, body } of frames) {
    clock.now = Math.max(clock.now, time);
    stream.publish(kind, wire >>> 0, body);
  }
  const of: Taken['of'] = (kind) => {
    const [sent, got] = [frames.filter((frame) => frame.kind === kind), tags.filter((tag) => tag.kind === kind)];
    expect(got.map(({ body }) => body)).toEqual(sent.map(({ body }) => body));
    return got.flatMap((tag, index) => {
      const frame = sent[index];
      return frame === undefined ? [] : [{ frame, tag }];
    });
  };
  return { tags, stream, of };
}

/** How much later than its pictures the sound is in the last seconds, in milliseconds. */
function soundLate(taken: Taken): number {
  const [video, audio] = (['video', 'audio'] as const).map((kind) => {
    const late = taken.of(kind).filter(({ frame }) => frame.time > (SECONDS - 3) * 1000);
    return late.reduce((sum, { frame, tag }) => sum + tag.dts - frame.time, 0) / late.length;
  });
  return (audio ?? 0) - (video ?? 0);
}

const anyKind = fc.constantFrom<MediaKind>('video', 'audio');
const jumps = fc.oneof(
  fc.integer({ min: 2_000, max: 20_000 }),
  fc.integer({ min: -20_000, max: -2_000 }),
  fc.integer({ min: -2 * HOUR, max: 2 * HOUR }).filter((jump) => Math.abs(jump) > 20_000),
);

describe('the clock of one track', () => {
  it('A7.19 may jump by seconds or hours, with or without a pause of the track: it is joined to the other track', () => {
    fc.assert(
      fc.property(
        anyKind,
        jumps,
        fc.integer({ min: 4_000, max: 8_000 }),
        fc.oneof(fc.constant(0), fc.integer({ min: 100, max: 12_000 })),
        (kind, jump, from, pause) => {
          const taken = publish(
            framesOf((of, time) => {
              if (of !== kind || time < from) return 7_000_000 + time;
              return time < from + pause ? undefined : 7_000_000 + time + jump;
            }),
          );
          // A pause too short to be noticed is closed.
          expect(Math.abs(soundLate(taken))).toBeLessThan(350);
          expect(taken.tags.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('A7.19 may stop while the track pauses, as in an encoder that counts samples: the tracks are joined again', () => {
    fc.assert(
      fc.property(
        anyKind,
        fc.integer({ min: 4_000, max: 8_000 }),
        fc.integer({ min: 2_000, max: 12_000 }),
        (kind, from, pause) => {
          const taken = publish(
            framesOf((of, time) => {
              if (of !== kind || time < from) return time;
              return time < from + pause ? undefined : time - pause;
            }),
          );
          expect(Math.abs(soundLate(taken))).toBeLessThan(100);
          expect(taken.tags.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
          expect(taken.stream.shortcomings).toEqual([expect.stringContaining('seconds apart')]);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('A7.19 may jump after the clock of the other track has jumped: the tracks are in sync again', () => {
    fc.assert(
      fc.property(jumps, fc.integer({ min: 40, max: 6_000 }), anyKind, (jump, later, first) => {
        const taken = publish(
          framesOf((kind, time) => 7_000_000 + time + (time >= (kind === first ? 8_000 : 8_000 + later) ? jump : 0)),
        );
        expect(Math.abs(soundLate(taken))).toBeLessThan(100);
        expect(taken.tags.filter(({ discontinuity }) => discontinuity).length).toBeLessThanOrEqual(2);
      }),
      { numRuns: 15 },
    );
  });
});

describe('clocks that are right', () => {
  it('keep their times while tracks pause, and however unevenly the tracks are sent', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(anyKind, fc.integer({ min: 2_000, max: 20_000 }), fc.integer({ min: 100, max: 4_500 })), {
          maxLength: 3,
        }),
        fc.integer({ min: 1, max: 4_000 }),
        fc.integer({ min: -3_000, max: 3_000 }),
        (pauses, chunk, soundLater) => {
          const isPaused = (kind: MediaKind, time: number): boolean =>
            pauses.some(([paused, from, length]) => paused === kind && time >= from && time < from + length);
          // If both tracks pause at the same time for so long, that is a jump.
          fc.pre(
            pauses.every(([kind, from, length]) =>
              pauses.every(([other, start, size]) => kind === other || start >= from + length || from >= start + size),
            ),
          );
          const frames = framesOf(
            (kind, time) => (isPaused(kind, time) ? undefined : time + 5_000),
            // The sound is sent in pieces of many frames, and later or earlier than the pictures.
            (kind, time) => (kind === 'audio' ? Math.ceil(time / chunk) * chunk + soundLater : time),
          );
          const { tags, stream, of } = publish(frames);
          expect(tags.filter(({ discontinuity }) => discontinuity)).toEqual([]);
          expect(stream.shortcomings).toEqual([]);
          const offsets = (['video', 'audio'] as const).flatMap((kind) =>
            of(kind).map(({ frame, tag }) => tag.dts - frame.time),
          );
          expect(Math.max(...offsets) - Math.min(...offsets)).toBeLessThanOrEqual(0);
        },
      ),
      { numRuns: 15 },
    );
  });
});
