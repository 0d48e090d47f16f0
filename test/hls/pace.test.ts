// Every playlist of publishers at any pace: from one picture in ten seconds to 240 a second, GOPs of any length, all kinds of ends.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { PeriodPlan, Presentation } from '../../src/hls/presentation.js';
import { FragmentReader } from '../../src/protocols/mp4/fragment-reader.js';
import { PlaylistChecker } from '../support/playlist-checker.js';
import { observe, setUp } from './observed-presentation.js';
import { eventsOf, type Pace, publishPaced } from './paced-stream.js';
import { recordInits } from './recorded-inits.js';
import type { SyntheticOptions } from './synthetic-stream.js';

let inits: SyntheticOptions['inits'];
beforeAll(async () => {
  inits = await recordInits(120);
});

const LOOK_EVERY = 31;
/** Duration of an AAC frame at 48 kHz, in milliseconds. */
const FRAME = 1024 / 48;

const timeOf = (data: string): number => Number(data.split(' ')[1]);
const isAt = (data: string, from: number, to: number): boolean => timeOf(data) >= from && timeOf(data) < to;

interface Played {
  readonly presentation: Presentation;
  readonly checker: PlaylistChecker;
  readonly media: Map<string, Buffer>;
}

interface Kind {
  readonly tolerant?: boolean;
  readonly irregular?: boolean;
  /** Whether FFmpeg encodes the sound. */
  readonly encodedSound?: boolean;
}

async function play(pace: Pace, kind: Kind = {}): Promise<Played> {
  const { encodedSound = false, ...checked } = kind;
  const frameRate = pace.fps;
  const plan: PeriodPlan = {
    renditions: [
      { name: 'source', kind: 'video', input: 'samples', frameRate },
      { name: '120p', kind: 'video', input: 'pipe', frameRate },
      ...(pace.length.audio > 0
        ? [{ name: 'audio', kind: 'audio', input: encodedSound ? 'pipe' : 'samples' } as const]
        : []),
    ],
    frameRate,
    cuts: 'key-frames',
  };
  const { presentation, clock } = setUp({ plan, dvrWindow: undefined, windowSegments: 1_000 });
  const checker = new PlaylistChecker({ frame: 1 / Math.min(pace.fps, 25), ...checked });
  const media = new Map<string, Buffer>();
  // Each check renders and reads every playlist. A check every few steps sees all that matters.
  let steps = 0;
  const lookEvery = Math.max(1, Math.min(LOOK_EVERY, Math.floor(eventsOf(pace).length / 100)));
  const onStep = (): void => {
    steps += 1;
    if (steps % lookEvery === 0) observe(presentation, checker, media);
  };
  publishPaced(pace, { presentation, clock, inits, encodedSound, onStep });
  await presentation.end();
  observe(presentation, checker, media);
  return { presentation, checker, media };
}

/** The input of the samples, in decode order. */
function served({ checker, media }: Played, rendition: string): string[] {
  const found: string[] = [];
  for (const { uri, map, gap } of checker.segments(rendition).values()) {
    if (gap) continue;
    const reader = new FragmentReader();
    const bytes = [map, uri].map((file) => media.get(`${rendition}/${file}`) ?? Buffer.alloc(0));
    reader.push(Buffer.concat(bytes));
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'init') continue;
      found.push(...event.fragment.samples.map(({ data }) => data.toString()));
    }
  }
  return found;
}

function sent(pace: Pace, kind: 'video' | 'audio'): string[] {
  const events = eventsOf(pace).filter((event) => event.kind === kind);
  return events.map(({ pts }) => `${kind === 'video' ? 'picture' : 'sound'} ${pts}`);
}

/** All in order, except the few frames of a track that came alone after the last cut. */
function expectWhole(played: Played, rendition: string, expected: readonly string[]): void {
  const found = served(played, rendition);
  expect(found.length, rendition).toBeGreaterThan(expected.length - 6);
  expect(found, rendition).toEqual(expected.slice(0, found.length));
}

/** All of it, except sound before the first picture is shown, or a frame that came alone after the last cut. */
function expectSound(played: Played, pace: Pace): void {
  const first = Math.min(...eventsOf(pace).flatMap(({ kind, pts }) => (kind === 'video' ? [pts] : [])));
  const isSeen = (sound: string): boolean => Number(sound.split(' ')[1]) >= first;
  const [found, expected] = [served(played, 'audio').filter(isSeen), sent(pace, 'audio').filter(isSeen)];
  expect(found.length).toBeGreaterThan(expected.length - 6);
  expect(found).toEqual(expected.slice(0, found.length));
}

function durations({ checker }: Played, rendition: string): number[] {
  return [...checker.segments(rendition).values()].map(({ duration }) => Number(duration.toFixed(2)));
}

describe('the pace of a publisher', () => {
  const RATES = [0.1, 0.2, 0.25, 0.5, 1, 2, 3, 5, 7.5, 10, 12, 15, 20, 23.976, 25, 29.97, 30, 50, 60, 120, 240];

  it('any frame rate with timely key frames gives whole segments at key frames, without a gap, and loses nothing', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...RATES),
        fc.integer({ min: 1, max: 8 }),
        fc.boolean(),
        fc.boolean(),
        async (fps, seconds, bFrames, audio) => {
          const gop = Math.max(1, Math.min(Math.round(seconds * fps), fps < 1 ? 2 : 1_000));
          const length = Math.min(Math.max((7 * gop * 1000) / fps, 12_000), 16_000 + 4_000 / fps);
          const pace: Pace = {
            fps,
            gops: [gop],
            bFrames: bFrames && gop > 2,
            length: { video: length, audio: audio ? length : 0 },
          };
          const played = await play(pace);
          const { counters, targetDuration = 0 } = played.presentation;
          expect(counters).toMatchObject({ gaps: 0, forcedCuts: 0, discontinuities: 0 });
          expect(targetDuration).toBeLessThanOrEqual(Math.max(2, Math.ceil(gop / fps)));
          expect(played.presentation.multivariantBody().toString()).toContain('#EXT-X-INDEPENDENT-SEGMENTS\n');
          for (const name of ['source', '120p']) {
            const whole = durations(played, name).slice(0, -1);
            expect(new Set(whole.map((duration) => duration.toFixed(1))).size, `${name}: ${whole}`).toBeLessThanOrEqual(
              1,
            );
          }
          expect(served(played, 'source')).toEqual(sent(pace, 'video'));
          expect(served(played, '120p').sort()).toEqual(sent(pace, 'video').sort());
          if (audio) expectSound(played, pace);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('GOPs of 7.4 s and then 8.333 s fit a target of 8 s unchanged: no cut is made without a key frame', async () => {
    const pace: Pace = { fps: 30, gops: [222, 250], length: { video: 34_000, audio: 34_000 } };
    const played = await play(pace);
    expect(played.presentation.targetDuration).toBe(8);
    expect(played.presentation.counters).toMatchObject({ gaps: 0, forcedCuts: 0 });
    for (const name of ['source', '120p']) {
      expect(durations(played, name)).toEqual([7.4, 8.33, 8.33, 8.33, 1.6]);
      expect(served(played, name)).toEqual(sent(pace, 'video'));
    }
    expectSound(played, pace);
    expect(played.presentation.multivariantBody().toString()).toContain('#EXT-X-INDEPENDENT-SEGMENTS\n');
  });

  it('GOPs of any length lose nothing, whatever is cut without a key frame, and the source and its rung have the same cuts', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 2, 5, 10, 25, 30, 60),
        fc.array(fc.integer({ min: 1, max: 9_000 }), { minLength: 2, maxLength: 8 }),
        async (fps, milliseconds) => {
          const gops = milliseconds.map((length) => Math.max(1, Math.round((length * fps) / 1000)));
          const pace: Pace = { fps, gops, length: { video: 24_000, audio: 24_000 } };
          const played = await play(pace, { tolerant: true, irregular: true });
          expect(played.presentation.counters.gaps).toBe(0);
          for (const name of ['source', '120p']) expectWhole(played, name, sent(pace, 'video'));
          expect(durations(played, '120p')).toEqual(durations(played, 'source'));
          expectSound(played, pace);
          const independent = [...played.checker.segments('source').values()].every(
            ({ parts: [first] }) => first === undefined || first.independent,
          );
          const promised = played.presentation.multivariantBody().toString().includes('#EXT-X-INDEPENDENT-SEGMENTS');
          expect(!promised || independent).toBe(true);
        },
      ),
      { numRuns: 15 },
    );
  });

  it('an end at which one track is longer loses nothing, and no segment is too long', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(5, 25, 30),
        fc.integer({ min: 8_000, max: 14_000 }),
        fc.integer({ min: -1_900, max: 1_900 }),
        async (fps, video, more) => {
          const pace: Pace = { fps, gops: [2 * fps], length: { video, audio: video + more } };
          const played = await play(pace, { tolerant: true, irregular: true });
          for (const name of ['source', '120p']) expectWhole(played, name, sent(pace, 'video'));
          expectSound(played, pace);
          expect(played.presentation.targetDuration).toBe(2);
        },
      ),
      { numRuns: 12 },
    );
  });

  it('tracks that are seconds apart are also cut at key frames, and only sound for which nobody waits at the start is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 25, 30),
        fc.integer({ min: -9_000, max: 5_000 }),
        async (fps, soundEarlier) => {
          // Between slow pictures, silence grows by seconds at once, and this test would miss parts that were listed in between.
          fc.pre(fps > 1 || soundEarlier >= -3_000);
          const pace: Pace = { fps, gops: [2 * fps], length: { video: 20_000, audio: 20_000 }, soundEarlier };
          const played = await play(pace);
          expect(played.presentation.counters).toMatchObject({ gaps: 0, forcedCuts: 0 });
          for (const name of ['source', '120p']) expectWhole(played, name, sent(pace, 'video'));
          if (soundEarlier >= -3_000) {
            expectSound(played, pace);
            return;
          }
          // Nobody waits that long for the first sound, so silence replaces its beginning.
          const came = served(played, 'audio').filter((data) => data.startsWith('sound'));
          const expected = sent(pace, 'audio');
          expect(came.length).toBeGreaterThan(expected.length - 6 + Math.floor(soundEarlier / FRAME));
          const first = expected.indexOf(came[0] ?? '');
          expect(came).toEqual(expected.slice(first, first + came.length));
          expect(first + came.length).toBeGreaterThan(expected.length - 6);
        },
      ),
      { numRuns: 8, examples: [[25, -8_000]] },
    );
  });

  it('sound continues while the pictures pause, and both the pictures and their rung come back', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3_000, max: 9_000 }),
        fc.integer({ min: 500, max: 12_000 }),
        async (from, pause) => {
          const pauses = { video: [[from, from + pause]] as const };
          const pace: Pace = { fps: 25, gops: [50], length: { video: 26_000, audio: 26_000 }, pauses };
          const played = await play(pace, { tolerant: true, irregular: true });
          expectSound(played, pace);
          const resumed = 1_000 + Math.ceil((from + pause) / 2_000) * 2_000;
          for (const name of ['source', '120p']) {
            const since = (pictures: string[]): string[] => pictures.filter((p) => Number(p.split(' ')[1]) >= resumed);
            expect(since(served(played, name)), name).toEqual(since(sent(pace, 'video')));
          }
          const before = sent(pace, 'video').filter((p) => Number(p.split(' ')[1]) < 1_000 + from);
          expect(served(played, 'source').slice(0, before.length)).toEqual(before);
        },
      ),
      // The next picture is just beyond the longest segment, so its cut is in the middle of the pause.
      {
        numRuns: 8,
        examples: [
          [5_469, 1_012],
          [5_600, 1_500],
          [4_000, 600],
          // The cut is at most one frame before the next picture.
          [3_969, 512],
        ],
      },
    );
  });

  it('pictures continue at once while the sound pauses: silence replaces it, and no sound that comes is lost', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3_000, max: 9_000 }),
        fc.integer({ min: 1_200, max: 30_000 }),
        async (from, pause) => {
          const pauses = { audio: [[from, from + pause]] as const };
          const pace: Pace = { fps: 25, gops: [50], length: { video: 20_000, audio: 20_000 }, pauses };
          const played = await play(pace);
          expect(played.presentation.counters).toMatchObject({ gaps: 0, forcedCuts: 0 });
          for (const name of ['source', '120p']) expectWhole(played, name, sent(pace, 'video'));
          const isSound = (data: string): boolean => data.startsWith('sound');
          expect(served(played, 'audio').filter(isSound)).toEqual(sent(pace, 'audio'));
          const ends = from + pause >= 20_000;
          // Up to the end, except the second after which missing sound counts as a pause.
          const silent = Math.max(0, (ends ? 20_000 - from : pause) - (ends ? 1_100 : 0));
          const frames = served(played, 'audio').length;
          if (silent > 1_200)
            expect(frames).toBeGreaterThan(sent(pace, 'audio').length + Math.floor(silent / 21.34) - 3);
        },
      ),
      { numRuns: 10 },
    );
  });

  it('encoded sound may pause too: silence replaces it at once, and each frame after the pause is at its time', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 3_000, max: 9_000 }),
        fc.integer({ min: 1_500, max: 30_000 }),
        async (from, pause) => {
          const pauses = { audio: [[from, from + pause]] as const };
          const pace: Pace = { fps: 25, gops: [50], length: { video: 20_000, audio: 20_000 }, pauses };
          const played = await play(pace, { encodedSound: true });
          expect(played.presentation.counters).toMatchObject({ gaps: 0, forcedCuts: 0, discontinuities: 0 });
          for (const name of ['source', '120p']) expectWhole(played, name, sent(pace, 'video'));
          const frames = served(played, 'audio');
          expect(frames.length).toBeGreaterThan(Math.floor(20_000 / FRAME) - 6);
          // Sound that FFmpeg still held when the sound stopped comes too late.
          const isHeld = (sound: string): boolean => isAt(sound, 1_000 + from - 200, 1_000 + from);
          const came = frames.filter((data) => data.startsWith('sound')).filter((sound) => !isHeld(sound));
          const expected = sent(pace, 'audio').filter((sound) => !isHeld(sound));
          expect(came.slice(0, expected.length)).toEqual(expected.slice(0, came.length));
          expect(came.length).toBeGreaterThan(expected.length - 6);
          for (const [index, data] of frames.entries()) {
            if (data.startsWith('sound')) expect(Math.abs(timeOf(data) - 1_000 - index * FRAME)).toBeLessThan(120);
          }
        },
      ),
      { numRuns: 8 },
    );
  });

  it('sound whose header comes first, and whose frames come seconds later or never, does not delay the pictures', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1_000, max: 22_000 }), async (late) => {
        const pauses = { audio: [[0, late]] as const };
        const pace: Pace = { fps: 25, gops: [50], length: { video: 20_000, audio: 20_000 }, pauses };
        const played = await play(pace);
        expect(played.presentation.counters).toMatchObject({ gaps: 0, forcedCuts: 0, discontinuities: 0 });
        for (const name of ['source', '120p']) expect(served(played, name)).toHaveLength(sent(pace, 'video').length);
        const frames = served(played, 'audio');
        expect(frames.filter((data) => data.startsWith('sound'))).toEqual(sent(pace, 'audio'));
        if (late > 6_000) expect(frames.length).toBeGreaterThan(Math.floor(20_000 / FRAME) - 6);
      }),
      { numRuns: 8 },
    );
  });

  it('sound that begins with the pictures and then comes in late bursts is complete if nobody plays yet', async () => {
    const bursts: Pace = {
      ...{ fps: 1, gops: [2], length: { video: 20_000, audio: 20_000 } },
      soundBursts: [[700, 8_000]],
    };
    const played = await play(bursts);
    expect(played.presentation.counters).toMatchObject({ gaps: 0, forcedCuts: 0, discontinuities: 0 });
    expectSound(played, bursts);
    expect(served(played, 'audio').every((data) => data.startsWith('sound'))).toBe(true);
  });

  it('sound that is too late while viewers play is replaced by silence, never by a gap', async () => {
    const bursts: Pace = {
      ...{ fps: 25, gops: [50], length: { video: 30_000, audio: 30_000 } },
      soundBursts: [9_000, 14_000, 19_000].map((from) => [from, from + 4_900] as const),
    };
    const played = await play(bursts);
    expect(played.presentation.counters).toMatchObject({ gaps: 0, forcedCuts: 0, discontinuities: 0 });
    expect(served(played, 'audio').length).toBeGreaterThan(Math.floor(30_000 / FRAME) - 6);
  });
});
