// Streams in which audio or video ends before the other: what the playlists list, and what players learn from them.
import fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { FoundFile } from '../../src/hls/window/media-files.js';
import { type ParsedPlaylist, PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { FRAME, observe, setUp } from './observed-presentation.js';
import { recordInits, SAMPLES_PLAN } from './recorded-inits.js';
import { SyntheticStream } from './synthetic-stream.js';

let inits: Awaited<ReturnType<typeof recordInits>>;
beforeAll(async () => {
  inits = await recordInits();
});

const NAMES = ['source', 'audio'] as const;

/** Seconds: one frame of AAC. */
const SOUND = 1024 / 48_000;

interface Listed {
  readonly name: string;
  /** Seconds of media, counted by its samples. */
  readonly end: number;
  readonly playlist: ParsedPlaylist;
}

function scene(): {
  played: ReturnType<typeof setUp>;
  stream: SyntheticStream;
  listed: () => Listed[];
  step: () => void;
  /** The segments that were listed before they were complete. */
  begun: ReadonlySet<string>;
} {
  const played = setUp({ plan: SAMPLES_PLAN });
  const { presentation, clock } = played;
  const checker = new PlaylistChecker({ frame: FRAME, irregular: true, tolerant: true });
  const begun = new Set<string>();
  const step = (): void => {
    observe(presentation, checker);
    for (const name of NAMES) {
      const rendition = presentation.rendition(name);
      if (rendition?.isServable('part') !== true) continue;
      const { mediaSequence, segments, openParts } = parsePlaylist(rendition.playlistBody().toString());
      if (openParts.length > 0) begun.add(`${name} ${mediaSequence + segments.length}`);
    }
  };
  const onLeave = (): void => checker.expectBrokenHint();
  const stream = new SyntheticStream({ presentation, clock, inits, audio: true, onStep: step, onLeave });
  stream.rung = false;
  const listed = (): Listed[] =>
    NAMES.map((name) => {
      const rendition = presentation.rendition(name);
      const playlist = parsePlaylist((rendition?.playlistBody() ?? Buffer.alloc(0)).toString());
      const media = playlist.segments.filter(({ gap }) => !gap).map(({ uri }) => bodyOf(rendition?.find(uri)));
      const [sample, duration] = name === 'source' ? ['frame', FRAME] : ['sound', SOUND];
      const samples = Buffer.concat(media).toString('latin1').split(sample).length - 1;
      return { name, playlist, end: samples * duration };
    });
  return { played, stream, listed, step, begun };
}

function bodyOf(found: FoundFile | undefined): Buffer {
  if (found === undefined || found === 'hinted' || found.body === undefined)
    throw new Error('a listed segment is missing');
  return found.body;
}

/** Seconds. An end that is shorter than a part, and that no playlist has listed, is dropped. */
const LEFT_OUT = 0.56;

/** Largest difference between audio and video that were sent for the same time. */
const ROUNDING = 0.1;

describe('sound or pictures that continue alone at the end', () => {
  it('no listed media is lost, and after ENDLIST the last listed part of each rendition has media of the other at its middle', async () => {
    await fc.assert(
      fc.asyncProperty(
        // A segment begins with frame 150.
        fc.oneof(fc.constant(150), fc.integer({ min: 130, max: 160 })),
        fc.integer({ min: 1, max: 48 }),
        fc.constantFrom('silent' as const, 'alone' as const),
        fc.boolean(),
        async (frames, more, kind, suspends) => {
          const { played, stream, listed, step, begun } = scene();
          stream.play(frames);
          stream.play(more, kind);
          if (suspends) {
            stream.suspend();
            const shorter = Math.min(...listed().map(({ end }) => end));
            for (const { name, playlist } of listed()) {
              const last = playlist.segments.at(-1);
              const start = playlist.segments.slice(0, -1).reduce((sum, { duration }) => sum + duration, 0);
              if (last === undefined || last.gap) continue;
              // A player that has read some of its parts must find the others; of parts that nobody has read, hls.js would lose some.
              if (begun.has(`${name} ${last.mediaSequence}`)) expect(last.parts.length).toBeGreaterThan(0);
              else if (start > shorter - FRAME / 2) expect(last.parts).toEqual([]);
            }
          }
          await played.presentation.end();
          step();
          const ends = listed();
          const shorter = Math.min(...ends.map(({ end }) => end));
          for (const { name, end } of ends) {
            const isLonger = (name === 'source') === (kind === 'silent');
            expect(end, name).toBeGreaterThan((frames + (isLonger ? more : 0)) * FRAME - LEFT_OUT - SOUND);
          }
          for (const { playlist, end } of ends) {
            expect(playlist.ended).toBe(true);
            const part = playlist.segments.flatMap(({ parts }) => parts).at(-1);
            const last = playlist.segments.findLast(({ gap }) => !gap);
            if (part !== undefined && (last?.parts.length ?? 0) > 0)
              expect(end - part.duration / 2).toBeLessThan(shorter + ROUNDING / 2);
            // A rendition that lists no part must end with media, which players wait for.
            if (part === undefined) expect(playlist.segments.at(-1)?.gap).toBe(false);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('a publisher that returns after such an end brings no part tag back', () => {
    for (const kind of ['silent', 'alone'] as const) {
      const { played, stream, listed } = scene();
      stream.play(200);
      stream.play(22, kind);
      stream.suspend();
      played.clock.advance(2_000);
      const origin = played.presentation.resumeTime;
      played.presentation.startPeriod(SAMPLES_PLAN);
      stream.resume(origin);
      // The checker sees every version.
      stream.play(120);
      for (const { playlist } of listed())
        expect(playlist.segments.some(({ discontinuity }) => discontinuity)).toBe(true);
    }
  });
});
