// A gateway died and another one replaced it: what players of the first one get, whether the publisher returns or not.
import { beforeAll, describe, expect, it } from 'vitest';
import { Origin, type OriginAnswer } from '../../src/hls/origin/origin.js';
import type { Presentation } from '../../src/hls/presentation.js';
import { isAwaited, LeftStream } from '../../src/hls/store/left-stream.js';
import { SequenceNumbers } from '../../src/hls/store/sequence-numbers.js';
import { recoverStreams } from '../../src/hls/store/stream-recovery.js';
import { strictDomain } from '../support/failure-domain.js';
import { type Recording, record } from '../support/ladder-recording.js';
import { ManualClock } from '../support/manual-clock.js';
import { MemoryStore } from '../support/memory-store.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { Replay } from '../support/presentation-replay.js';
import { setUp } from './observed-presentation.js';
import { bodyOf, PIPES_PLAN, settle } from './origin-under-test.js';

/** Seconds. */
const WINDOW = 15;

let recording: Recording;
beforeAll(async () => {
  recording = await record({ seconds: 9.4, gop: 50 }, { partFrames: 12, rungs: [] });
});

function present(store: MemoryStore, clock: ManualClock, numbers: SequenceNumbers): Presentation {
  const options = { app: 'live/room', name: 'a', plan: PIPES_PLAN, ...numbers.next('live/room', 'a') };
  return setUp({ ...options, clock, store }).presentation;
}

/** A first gateway serves nine seconds and dies; a second one starts with the files that it left. */
async function restart(pause = 1_000) {
  const clock = new ManualClock();
  const store = new MemoryStore();
  const first = present(store, clock, new SequenceNumbers({ clock }));
  await new Replay(first, recording, { clock }).playUntil(9_000);
  await settle();
  const died = parsePlaylist(first.rendition('source')?.playlistBody().toString() ?? '');
  clock.advance(pause);
  const { sequences, left } = await recoverStreams({ store, clock, resumeWindow: WINDOW });
  const failures: unknown[] = [];
  const origin = new Origin({ clock });
  for (const files of left) {
    const stream = new LeftStream({
      ...files,
      store,
      domain: strictDomain(),
      onFailure: (error) => failures.push(error),
    });
    origin.awaitPublisher(stream, WINDOW * 1000);
  }
  const numbers = new SequenceNumbers({ clock, recovered: sequences });
  const playlist = (msn?: string): Promise<OriginAnswer> => origin.mediaPlaylist('live/room', 'a', 'source', { msn });
  return { clock, store, origin, numbers, left, died, playlist, failures };
}

describe('LeftStream', () => {
  it('C4.02 B1.03 playlist requests wait until the publisher is back, and continue at higher numbers', async () => {
    const { clock, store, origin, numbers, died, playlist, failures } = await restart();
    const waiting = [
      origin.multivariant('live/room', 'a'),
      playlist(),
      origin.file('live/room', 'a', 'source', 'iframes.m3u8'),
      playlist(String((died.segments.at(-1)?.mediaSequence ?? 0) + 1)),
    ];
    const answers: OriginAnswer[] = [];
    for (const each of waiting) void each.then((answer) => answers.push(answer));
    const [listed] = died.segments;
    const old = await origin.file('live/room', 'a', 'source', listed?.uri ?? '');
    expect(old).toMatchObject({ status: 200, kind: 'segment' });
    await settle();
    expect(answers).toEqual([]);

    clock.advance(2_000);
    const second = present(store, clock, numbers);
    origin.attach(second);
    const run = new Replay(second, recording, { clock });
    await run.playUntil(5_000);
    const [multivariant, plain] = await Promise.all(waiting);
    expect(multivariant).toMatchObject({ status: 200, kind: 'multivariant' });
    const now = parsePlaylist(bodyOf(plain ?? (await playlist())));
    expect(now.segments[0]?.mediaSequence).toBeGreaterThan(died.segments.at(-1)?.mediaSequence ?? Number.NaN);
    expect(now.segments[0]?.discontinuity).toBe(true);
    expect((await origin.file('live/room', 'a', 'source', listed?.uri ?? '')).status).toBe(200);

    clock.advance(20_000);
    await settle();
    expect((await origin.file('live/room', 'a', 'source', listed?.uri ?? '')).status).toBe(404);
    const listedNow = parsePlaylist(second.rendition('source')?.playlistBody().toString() ?? '').segments;
    const stored = (await store.list('')).filter((path) => path.startsWith('live/room/a/source/seg-'));
    expect(stored.length).toBeGreaterThan(0);
    expect(listedNow.map(({ uri }) => `live/room/a/source/${uri}`)).toEqual(expect.arrayContaining(stored));
    expect(await store.list('')).toContain('live/room/a/source/index.m3u8');
    expect(failures).toEqual([]);
  });

  it('C4.02 a stream whose publisher does not return ends where its copy on disk ends, and is removed', async () => {
    const { clock, store, origin, playlist, died, failures } = await restart();
    const waiting = playlist();
    clock.advance(WINDOW * 1000);
    const ended = parsePlaylist(bodyOf(await waiting));
    expect(ended.ended).toBe(true);
    expect(ended.segments.map(({ uri }) => uri)).toEqual(
      died.segments.map(({ uri }) => uri).slice(0, ended.segments.length),
    );
    expect(bodyOf(await origin.multivariant('live/room', 'a'))).toContain('#EXT-X-STREAM-INF');
    expect(bodyOf(await origin.file('live/room', 'a', 'source', 'iframes.m3u8'))).toContain('#EXT-X-ENDLIST');
    await settle();
    for (const file of ['source/index.m3u8', 'source/iframes.m3u8', 'audio/index.m3u8']) {
      expect(String(await store.read(`live/room/a/${file}`))).toMatch(/#EXT-X-ENDLIST\n$/);
    }

    // RFC 8216bis 6.2.1: its playlists are removed first, and its media when the last viewers have had time to play it.
    const durations = ended.segments.map(({ duration }) => duration).reduce((sum, duration) => sum + duration, 0);
    clock.advance(durations * 1000 + 3_000 * ended.targetDuration + 500);
    await settle();
    expect((await playlist()).status).toBe(404);
    expect((await store.list('')).filter((path) => path.endsWith('.m3u8'))).toEqual([]);
    clock.advance(durations * 1000 - 1_000);
    for (const { uri } of ended.segments) {
      expect((await origin.file('live/room', 'a', 'source', uri)).status).toBe(200);
    }
    clock.advance(1_500);
    await settle();
    expect(await playlist()).toMatchObject({ status: 404, error: { code: 'hls.no-such-stream' } });
    expect(await store.list('')).toEqual([]);
    expect(failures).toEqual([]);
  });

  it('a publisher that comes and goes without media changes nothing', async () => {
    const { clock, origin, playlist } = await restart();
    const waiting = playlist();
    origin.starting('live/room', 'a')();
    await settle();
    clock.advance(WINDOW * 1000);
    expect(bodyOf(await waiting)).toContain('#EXT-X-ENDLIST');
  });

  it('a request that has waited for the maximum time gets "try again"', async () => {
    const { clock, store, origin } = await restart();
    const patient = new Origin({ clock, startingLimit: 5_000 });
    expect(origin.waiting).toBe(0);
    const { left } = await recoverStreams({ store, clock, resumeWindow: WINDOW });
    for (const files of left) {
      patient.awaitPublisher(
        new LeftStream({ ...files, store, domain: strictDomain(), onFailure: () => expect.unreachable() }),
        WINDOW * 1000,
      );
    }
    const waiting = patient.multivariant('live/room', 'a');
    clock.advance(5_000);
    expect(await waiting).toMatchObject({ status: 503, error: { code: 'hls.publisher-awaited' } });
  });

  it('requests do not wait for a stream that ended or stopped long ago, nor without a resume window', async () => {
    expect((await restart()).left).toHaveLength(1);
    expect((await restart(120_000)).left).toEqual([]);
    const { left, clock } = await restart();
    const [files] = left;
    if (files === undefined) throw new Error('nothing was left');
    expect(isAwaited(files, clock, 0)).toBe(false);
    const ended = new Map([...files.playlists].map(([path, text]) => [path, `${text}#EXT-X-ENDLIST\n`]));
    expect(isAwaited({ ...files, playlists: ended }, clock, WINDOW)).toBe(false);
  });
});
