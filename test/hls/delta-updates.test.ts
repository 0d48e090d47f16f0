// Playlist Delta Updates, compared byte for byte with the playlists that they replace, whatever happens to the stream.
import { setImmediate as nextTurn } from 'node:timers/promises';
import fc from 'fast-check';
import * as HLS from 'hls-parser';
import { beforeAll, describe, expect, it } from 'vitest';
import { Origin } from '../../src/hls/origin/origin.js';
import type { PeriodPlan, PresentationOptions } from '../../src/hls/presentation.js';
import { mergeDelta } from '../support/delta-update.js';
import { PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { FRAME, observe, setUp } from './observed-presentation.js';
import { recordInits } from './recorded-inits.js';
import { SyntheticStream } from './synthetic-stream.js';

const PLAN: PeriodPlan = {
  renditions: [
    { name: 'source', kind: 'video', input: 'samples', frameRate: 25 },
    { name: '120p', kind: 'video', input: 'pipe', frameRate: 25 },
    { name: 'audio', kind: 'audio', input: 'samples' },
  ],
  frameRate: 25,
  cuts: 'key-frames',
};

let inits: Awaited<ReturnType<typeof recordInits>>;
beforeAll(async () => {
  inits = await recordInits(120);
});

function scene(options: Partial<PresentationOptions> = {}, onStep: () => void = () => undefined) {
  const { presentation, clock } = setUp({ plan: PLAN, windowSegments: 10, ...options });
  const checker = new PlaylistChecker({ frame: FRAME, irregular: true });
  let last = Number.NEGATIVE_INFINITY;
  const stream = new SyntheticStream({
    presentation,
    clock,
    inits,
    onStep: () => {
      onStep();
      // As often as a part is made. Every frame would give the same text again.
      if (clock.now() - last < 400) return;
      last = clock.now();
      observe(presentation, checker);
    },
    onLeave: () => checker.expectBrokenHint(),
  });
  const bodies = (rendition = 'source'): { full: Buffer; delta: Buffer } => {
    const found = presentation.rendition(rendition);
    if (found === undefined) throw new Error(`no ${rendition}`);
    return { full: found.playlistBody(), delta: found.deltaBody() };
  };
  const reconnect = (away: number): void => {
    stream.suspend();
    clock.advance(away);
    const origin = presentation.resumeTime;
    checker.expectBrokenHint();
    presentation.startPeriod(PLAN);
    stream.resume(origin);
  };
  return { presentation, clock, checker, stream, bodies, reconnect };
}

describe('Playlist Delta Updates', () => {
  it('B3.10 skip segments beyond six target durations, with version 9, and change nothing else', () => {
    const { stream, bodies } = scene();
    stream.play(560);
    const { full, delta } = bodies();
    const [whole, update] = [parsePlaylist(full.toString()), parsePlaylist(delta.toString())];
    expect(whole.serverControl?.get('CAN-SKIP-UNTIL')).toBe('12');
    expect(whole).toMatchObject({ version: 6, skippedSegments: undefined });
    // Ten segments of 2 s are listed. The six up to the boundary stay.
    expect(update).toMatchObject({ version: 9, skippedSegments: 4, mediaSequence: whole.mediaSequence });
    expect(update.segments).toEqual(whole.segments.slice(4));
    expect(update.openParts).toEqual(whole.openParts);
    expect(update.preloadHint).toBe(whole.preloadHint);
    expect(delta.toString()).toMatch(/#EXT-X-SKIP:SKIPPED-SEGMENTS=4\n#EXT-X-MAP:URI="init-1000\.mp4"\n/);
    expect(mergeDelta(full.toString(), delta.toString())).toBe(full.toString());
  });

  it('B3.10 exist also for I-frame playlists, which announce them like all others', () => {
    const { stream, presentation } = scene();
    stream.play(560);
    const rendition = presentation.rendition('source');
    const [full = '', delta = ''] = [rendition?.playlistBody('i-frames'), rendition?.deltaBody('i-frames')].map(String);
    const [whole, update] = [parsePlaylist(full), parsePlaylist(delta)];
    expect(whole).toMatchObject({ version: 5, iFramesOnly: true, skippedSegments: undefined });
    expect(update).toMatchObject({ version: 9, iFramesOnly: true, skippedSegments: 4 });
    expect(update.segments).toEqual(whole.segments.slice(4));
    expect(mergeDelta(full, delta)).toBe(full);
  });

  it('B3.10 never have SKIPPED-SEGMENTS=0: if nothing is beyond the boundary, the full playlist is sent', () => {
    const { stream, bodies } = scene();
    stream.play(320);
    const { full, delta } = bodies();
    expect(full.toString()).toContain('CAN-SKIP-UNTIL=12');
    expect(delta).toBe(full);
    stream.play(50);
    expect(bodies().delta.toString()).toContain('SKIPPED-SEGMENTS=1\n');
  });

  it('B3.10 are neither announced nor sent if the window is too short', () => {
    const { stream, bodies } = scene({ windowSegments: 7 });
    stream.play(560);
    const { full, delta } = bodies();
    expect(full.toString()).not.toContain('CAN-SKIP-UNTIL');
    expect(delta).toBe(full);
  });

  it('B3.10 C4.05 are rendered once per version for all requests', () => {
    const { stream, bodies } = scene();
    stream.play(560);
    const before = bodies();
    expect(bodies().delta).toBe(before.delta);
    expect(bodies().full).toBe(before.full);
    stream.play(12);
    expect(bodies().delta).not.toBe(before.delta);
  });

  it('B3.07 B3.10 _HLS_skip can be combined with a blocking reload; YES and v2 mean the same, other values are ignored', async () => {
    const { presentation, clock, stream, bodies } = scene();
    const origin = new Origin({ clock });
    origin.attach(presentation);
    stream.play(560);
    const { mediaSequence, segments, openParts } = parsePlaylist(bodies().full.toString());
    const msn = String(mediaSequence + segments.length);
    const part = String(openParts.length);
    const ask = (skip: string): ReturnType<Origin['mediaPlaylist']> =>
      origin.mediaPlaylist('live', 'test', 'source', { msn, part, skip });
    const answers = ['YES', 'YES', 'v2', 'NO', ''].map(ask);
    await nextTurn();
    expect(presentation.waiting).toBe(5);
    stream.play(12);
    const done = (await Promise.all(answers)).map((answer) => (answer.status === 200 ? answer : undefined));
    const { full, delta } = bodies();
    expect(done.map((answer) => answer?.isFinal)).toEqual([true, true, true, true, true]);
    expect(done.map((answer) => answer?.body === delta)).toEqual([true, true, true, false, false]);
    expect(done.map((answer) => answer?.body === full)).toEqual([false, false, false, true, true]);
    expect(delta.toString()).toContain(`part-${msn}.${part}.m4s`);
  });

  it('B3.10 B1.11 keep the numbers, MAP and tags of the full playlist with a discontinuity before and after the boundary', () => {
    const { stream, bodies, reconnect, checker } = scene({ windowSegments: 14 });
    stream.play(210);
    reconnect(3_000);
    stream.play(210);
    reconnect(1_000);
    stream.play(160);
    const { full, delta } = bodies();
    const whole = parsePlaylist(full.toString());
    const update = parsePlaylist(delta.toString());
    expect(whole.segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(2);
    expect(update.segments.filter(({ discontinuity }) => discontinuity)).toHaveLength(1);
    expect(update.discontinuitySequence).toBe(whole.discontinuitySequence);
    expect(checker.versions('source')).toBeGreaterThan(40);
  });

  it('B3.10 are not sent after the end', async () => {
    const { stream, bodies, presentation } = scene();
    stream.play(560);
    expect(bodies().delta).not.toBe(bodies().full);
    await presentation.end();
    expect(bodies().full.toString()).toContain('#EXT-X-ENDLIST');
    expect(bodies().delta).toBe(bodies().full);
  });

  it('B3.10 are understood by an independent reader', () => {
    const { stream, bodies } = scene();
    stream.play(560);
    const parsed = HLS.parse(bodies().delta.toString());
    if (parsed.isMasterPlaylist) throw new Error('not a media playlist');
    const media = parsed as InstanceType<typeof HLS.types.MediaPlaylist>;
    expect(media).toMatchObject({ version: 9, skip: 4, lowLatencyCompatibility: { canSkipUntil: 12 } });
    expect(media.segments[0]?.map?.uri).toBe('init-1000.mp4');
  });

  it('B3.10 give the full playlist byte for byte when applied, after all kinds of reconnects, failures and stalls', async () => {
    const event = fc.oneof(
      {
        weight: 5,
        arbitrary: fc.record({ type: fc.constant('play' as const), frames: fc.integer({ min: 20, max: 400 }) }),
      },
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constant('reconnect' as const), frames: fc.integer({ min: 1, max: 200 }) }),
      },
      { weight: 1, arbitrary: fc.record({ type: fc.constant('kill' as const), frames: fc.constant(60) }) },
      {
        weight: 1,
        arbitrary: fc.record({ type: fc.constant('stall' as const), frames: fc.integer({ min: 50, max: 250 }) }),
      },
    );
    let updates = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(event, { minLength: 2, maxLength: 8 }),
        fc.integer({ min: 8, max: 16 }),
        async (events, windowSegments) => {
          const { stream, reconnect, presentation, bodies } = scene({ windowSegments });
          stream.play(200);
          for (const { type, frames } of events) {
            if (type === 'reconnect') reconnect(frames * 40);
            if (type === 'kill') stream.killEncoder();
            stream.stalled = type === 'stall';
            stream.play(frames);
            stream.stalled = false;
            if (bodies().delta !== bodies().full) updates += 1;
          }
          await presentation.end();
        },
      ),
      { numRuns: 8 },
    );
    expect(updates).toBeGreaterThan(5);
  });
});
