// The answer to each request at each moment from the start to the end of a stream.
import { beforeAll, describe, expect, it } from 'vitest';
import { Origin, type OriginAnswer } from '../../src/hls/origin/origin.js';
import { type Recording, record } from '../support/ladder-recording.js';
import { ManualClock } from '../support/manual-clock.js';
import { MemoryStore } from '../support/memory-store.js';
import { parsePlaylist } from '../support/playlist-checker.js';
import { Replay } from '../support/presentation-replay.js';
import { setUp } from './observed-presentation.js';
import { bodyOf, PIPES_PLAN, settle } from './origin-under-test.js';

let recording: Recording;
beforeAll(async () => {
  recording = await record({ seconds: 9.4, gop: 50 }, { partFrames: 12, rungs: [] });
});

function serve(first = 500, clock = new ManualClock(), origin = new Origin({ clock })) {
  const store = new MemoryStore();
  const { presentation } = setUp({ name: 'a', plan: PIPES_PLAN, firstMediaSequence: first, clock, store });
  const run = new Replay(presentation, recording, { clock });
  const play = (until: number): Promise<void> => run.playUntil(until);
  const playlist = (msn?: string, part?: string, signal?: AbortSignal): Promise<OriginAnswer> =>
    origin.mediaPlaylist('live', 'a', 'source', { msn, part }, signal);
  return { clock, origin, presentation, store, run, play, playlist };
}

describe('Origin', () => {
  it('B4.03 answers an unknown name with 404 at once, without a cache lifetime', async () => {
    const { origin, playlist } = serve();
    expect(await origin.multivariant('live', 'a')).toMatchObject({
      status: 404,
      error: { code: 'hls.no-such-stream' },
      targetDuration: undefined,
    });
    for (const answer of [await playlist(), await origin.file('live', 'a', 'source', 'seg-500.m4s')]) {
      expect(answer).toMatchObject({ status: 404, targetDuration: undefined });
    }
  });

  it('B2.07 requests of a starting stream wait for the first complete segment of every rendition', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.starting('live', 'a');
    const answers = [origin.multivariant('live', 'a'), playlist()];
    let answered = 0;
    for (const answer of answers) void answer.then(() => (answered += 1));
    await settle();
    origin.attach(presentation);
    await play(2_500);
    await settle();
    expect(answered).toBe(0);
    expect(origin.waiting).toBe(2);
    await play(3_300);
    const [multivariant, media] = await Promise.all(answers);
    expect(bodyOf(multivariant as OriginAnswer)).toContain('source/index.m3u8');
    expect(parsePlaylist(bodyOf(media as OriginAnswer)).segments).toHaveLength(1);
    expect(origin.waiting).toBe(0);
  });

  it('B2.07 ends a wait with 404 after the limit, and when the publisher gives up', async () => {
    const { origin, clock, playlist } = serve();
    const abandon = origin.starting('live', 'a');
    const bounded = [origin.multivariant('live', 'a'), playlist('1', '0')];
    clock.advance(15_000);
    for (const answer of await Promise.all(bounded)) {
      expect(answer).toMatchObject({ status: 404, error: { code: 'hls.not-playable-yet' }, targetDuration: undefined });
    }
    const abandoned = origin.multivariant('live', 'a');
    abandon();
    expect((await abandoned).status).toBe(404);
  });

  it('B3.04 B3.05 malformed directives, and those too far ahead, give 400 at once', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(6_100);
    const { mediaSequence, segments } = parsePlaylist(bodyOf(await playlist()));
    const open = mediaSequence + segments.length;
    for (const [msn, part] of [
      [undefined, '0'],
      ['x', undefined],
      ['-1', undefined],
      [String(open + 2), undefined],
      [String(open), '99'],
    ]) {
      expect(await playlist(msn, part), `${msn} ${part}`).toMatchObject({ status: 400, isFinal: true });
    }
    expect(origin.waiting).toBe(0);
  });

  it('B3.06 directives for present or past media are answered at once with the full playlist', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(6_100);
    const now = bodyOf(await playlist());
    expect(bodyOf(await playlist('500'))).toBe(now);
    expect(bodyOf(await playlist('3', '7'))).toBe(now);
    expect(bodyOf(await playlist('500', '0'))).toBe(now);
  });

  it('B3.07 C4.05 holds a request for a future part until the playlist lists it; a thousand viewers get the same Buffer', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(5_600);
    const before = parsePlaylist(bodyOf(await playlist()));
    const msn = before.mediaSequence + before.segments.length;
    const part = before.openParts.length;
    const held = Array.from({ length: 1000 }, () => playlist(String(msn), String(part)));
    await settle();
    expect(origin.waiting).toBe(1000);
    await play(6_200);
    const answers = await Promise.all(held);
    const [first] = answers;
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 200, kind: 'media-playlist', isFinal: true, targetDuration: 2 });
      if (answer.status === 200 && first?.status === 200) expect(answer.body).toBe(first.body);
    }
    expect(bodyOf(first as OriginAnswer)).toContain(`URI="part-${msn}.${part}.m4s"`);
  });

  it('lets only the first version with the requested part be cached for long, because later ones contain more', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(6_300);
    const { mediaSequence, segments, openParts } = parsePlaylist(bodyOf(await playlist()));
    const open = mediaSequence + segments.length;
    const last = open - 1;
    const newest = openParts.length - 1;
    expect(newest).toBeGreaterThan(0);
    const cachedForLong = async (msn: number, part?: number) => {
      const answer = await playlist(String(msn), part === undefined ? undefined : String(part));
      return answer.status === 200 && answer.isFinal;
    };
    expect(await cachedForLong(open, newest)).toBe(true);
    expect(await cachedForLong(open, newest - 1)).toBe(false);
    // video.js requests the last whole segment with a part when parts of the next one exist.
    expect(await cachedForLong(last, 0)).toBe(false);
    expect(await cachedForLong(last, 3)).toBe(false);
    expect(await cachedForLong(last)).toBe(false);
    expect(await cachedForLong(mediaSequence)).toBe(false);
  });

  it('B3.07 holds a request for a whole segment until it is complete', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(5_600);
    const held = playlist('502');
    let answered = false;
    void held.then(() => {
      answered = true;
    });
    await play(6_900);
    await settle();
    expect(answered).toBe(false);
    await play(7_200);
    expect(bodyOf(await held)).toContain('\nseg-502.m4s\n');
  });

  it('B3.08 answers a request with the unchanged playlist and the usual lifetime after three target durations', async () => {
    const { origin, presentation, clock, play, playlist } = serve();
    origin.attach(presentation);
    await play(6_100);
    const unchanged = bodyOf(await playlist());
    const held = playlist('503');
    await settle();
    clock.advance(5_999);
    await settle();
    expect(origin.waiting).toBe(1);
    clock.advance(1);
    const answer = await held;
    expect(answer).toMatchObject({ status: 200, isFinal: false });
    expect(bodyOf(answer)).toBe(unchanged);
    expect(origin.waiting).toBe(0);
  });

  it('B3.08 B3.12 the end wakes every waiting request with ENDLIST; then directives are ignored, and a hint gives 404', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(6_100);
    const hint = parsePlaylist(bodyOf(await playlist())).preloadHint ?? '';
    const held = playlist('503');
    const hinted = origin.file('live', 'a', 'source', hint);
    await settle();
    expect(origin.waiting).toBe(2);
    await presentation.end();
    expect(bodyOf(await held)).toContain('#EXT-X-ENDLIST');
    expect(await hinted).toMatchObject({ status: 404, isFinal: true, targetDuration: 2 });
    expect(bodyOf(await playlist('999999', '5'))).toContain('#EXT-X-ENDLIST');
    expect(bodyOf(await playlist('nonsense'))).toContain('#EXT-X-ENDLIST');
  });

  it('B3.12 holds a request for a hinted part until it exists, with the bytes that are listed; any other part gives 404', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(5_600);
    const hint = parsePlaylist(bodyOf(await playlist())).preloadHint ?? '';
    const held = origin.file('live', 'a', 'source', hint);
    await settle();
    expect(origin.waiting).toBe(1);
    const [, msn, index] = /part-(\d+)\.(\d+)/.exec(hint) ?? [];
    const unhinted = await origin.file('live', 'a', 'source', `part-${msn}.${Number(index) + 1}.m4s`);
    expect(unhinted).toMatchObject({ status: 404, error: { code: 'hls.no-such-file' }, isFinal: false });
    await play(6_200);
    const answer = await held;
    expect(answer).toMatchObject({ status: 200, kind: 'part', isFinal: true });
    expect(bodyOf(await playlist())).toContain(`URI="${hint}"`);
    const again = await origin.file('live', 'a', 'source', hint);
    expect(again).toMatchObject({ status: 200, kind: 'part', isFinal: false });
    expect(again.status === 200 && answer.status === 200 && again.body?.equals(answer.body ?? Buffer.of())).toBe(true);
  });

  it('C4.06 frees the waiter of a client that leaves', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(6_100);
    const client = new AbortController();
    const held = [playlist('503', undefined, client.signal), playlist('503', '0')];
    await settle();
    expect(origin.waiting).toBe(2);
    client.abort();
    expect(origin.waiting).toBe(1);
    expect((await held[0])?.status).toBe(503);
  });

  it('B4.10 C3.03 accepts only existing file names', async () => {
    const { origin, presentation, play } = serve();
    origin.attach(presentation);
    await play(6_100);
    expect((await origin.file('live', 'a', 'source', 'init-500.mp4')).status).toBe(200);
    expect((await origin.file('live', 'a', 'source', 'seg-500.m4s')).status).toBe(200);
    for (const file of [
      'seg-0500.m4s',
      'seg-500.m4s ',
      '../seg-500.m4s',
      'SEG-500.m4s',
      'init-501.mp4',
      '',
      'seg-.m4s',
    ]) {
      expect((await origin.file('live', 'a', 'source', file)).status, file).toBe(404);
    }
    expect(await origin.mediaPlaylist('live', 'a', 'none')).toMatchObject({
      status: 404,
      error: { code: 'hls.no-such-rendition' },
    });
  });

  it('B1.08 B1.10 keeps an ended stream for its window; then removes its playlists, and later its media', async () => {
    const { origin, presentation, clock, store, play, playlist } = serve();
    origin.attach(presentation);
    await play(10_500);
    await presentation.end();
    const final = bodyOf(await playlist());
    expect(final).toContain('#EXT-X-ENDLIST');
    clock.advance(9_000);
    expect(bodyOf(await playlist())).toBe(final);
    expect((await origin.file('live', 'a', 'source', 'seg-500.m4s')).status).toBe(200);
    expect(await store.list('')).not.toEqual([]);
    const { segments } = parsePlaylist(final);
    const duration = segments.reduce((sum, segment) => sum + segment.duration, 0);
    clock.advance(duration * 1000 + 6_000 - 9_000 - 1);
    expect(bodyOf(await playlist())).toBe(final);
    clock.advance(1);
    expect((await playlist()).status).toBe(404);
    expect((await origin.multivariant('live', 'a')).status).toBe(404);
    expect((await origin.file('live', 'a', 'source', 'iframes.m3u8')).status).toBe(404);
    expect(origin.presentation('live', 'a')).toBeUndefined();
    // RFC 8216bis 6.2.1: a player that loaded the playlist just before still gets all of it, from here and from the disk.
    clock.advance(duration * 1000 - 1);
    await settle();
    for (const { uri, map = '' } of segments) {
      for (const file of [uri, map]) {
        expect((await origin.file('live', 'a', 'source', file)).status).toBe(200);
        expect(await store.read(`live/a/source/${file}`)).toBeDefined();
      }
    }
    expect((await store.list('')).filter((path) => path.endsWith('.m3u8'))).toEqual([]);
    clock.advance(1);
    expect((await origin.file('live', 'a', 'source', 'seg-500.m4s')).status).toBe(404);
    await settle();
    expect(await store.list('')).toEqual([]);
  });

  it('B1.03 a republished stream continues at higher numbers, and the media of the ended one is still available', async () => {
    const first = serve();
    const { origin, clock } = first;
    origin.attach(first.presentation);
    await first.play(6_100);
    await first.presentation.end();
    origin.starting('live', 'a');
    const waiting = first.playlist();
    const second = serve(first.presentation.nextMediaSequence, clock, origin);
    origin.attach(second.presentation);
    await second.play(6_100);
    const { mediaSequence } = parsePlaylist(bodyOf(await waiting));
    expect(mediaSequence).toBe(first.presentation.nextMediaSequence);
    expect((await origin.file('live', 'a', 'source', 'seg-501.m4s')).status).toBe(200);
    clock.advance(60_000);
    expect((await origin.file('live', 'a', 'source', 'seg-501.m4s')).status).toBe(404);
    expect((await second.playlist()).status).toBe(200);
  });

  it('a stream that ended without media gives 404', async () => {
    const { origin, presentation, playlist } = serve();
    origin.attach(presentation);
    const held = [origin.multivariant('live', 'a'), playlist()];
    await settle();
    await presentation.end();
    for (const answer of await Promise.all(held)) expect(answer.status).toBe(404);
  });

  it('B1.10 B3.08 B3.12 while the publisher is away playlists stay, requests wait, and nothing gives 404', async () => {
    const { origin, presentation, clock, play, playlist } = serve();
    origin.attach(presentation);
    await play(7_900);
    const before = parsePlaylist(bodyOf(await playlist()));
    const hint = before.preloadHint ?? '';
    presentation.suspend();
    const now = parsePlaylist(bodyOf(await playlist()));
    expect(now).toMatchObject({ ended: false, openParts: [] });
    expect(now.segments.length).toBe(before.segments.length + 1);
    expect((await origin.multivariant('live', 'a')).status).toBe(200);
    const next = String(now.mediaSequence + now.segments.length);
    const held = [playlist(next), playlist(next, '0')];
    // It is unknown whether another part comes, so there is no hint. Requests for an earlier hinted part wait, and so do requests for the first part
    // after a return.
    expect(now.preloadHint).toBeUndefined();
    const first = `part-${next}.0.m4s`;
    const hinted = [hint, first].map((file) => origin.file('live', 'a', 'source', file));
    await settle();
    expect(origin.waiting).toBe(4);
    clock.advance(6_000);
    for (const answer of await Promise.all(held)) expect(answer).toMatchObject({ status: 200, isFinal: false });
    for (const answer of await Promise.all(hinted)) expect(answer.status).toBe(503);
    // A repeated request also finds them, until the end.
    const again = [playlist(next), origin.file('live', 'a', 'source', first)];
    await settle();
    await presentation.end();
    const [reload, file] = await Promise.all(again);
    expect(parsePlaylist(bodyOf(reload as OriginAnswer)).ended).toBe(true);
    expect(file?.status).toBe(404);
  });

  it('answers waiting requests when the publisher returns', async () => {
    const { origin, presentation, clock, play, playlist } = serve();
    origin.attach(presentation);
    await play(7_300);
    presentation.suspend();
    const { mediaSequence, segments } = parsePlaylist(bodyOf(await playlist()));
    const reload = playlist(String(mediaSequence + segments.length), '0');
    const hinted = origin.file('live', 'a', 'source', `part-${mediaSequence + segments.length}.0.m4s`);
    clock.advance(3_000);
    const offset = presentation.resumeTime;
    presentation.startPeriod(PIPES_PLAN);
    const again = new Replay(
      presentation,
      await record({ seconds: 3, gop: 50, offset: offset / 1000 }, { partFrames: 12, rungs: [] }),
      { clock },
    );
    await again.playUntil(offset + 1_500);
    expect(bodyOf(await reload)).toContain('#EXT-X-DISCONTINUITY\n');
    expect((await hinted).status).toBe(200);
    expect(parsePlaylist(bodyOf(await playlist())).preloadHint).toBeDefined();
  });

  it('repeats the request in no refusal, because it may contain a key in the wrong place', async () => {
    const { origin, presentation, play } = serve();
    origin.attach(presentation);
    await play(7_300);
    const refusals = await Promise.all([
      origin.multivariant('live', 's3cret'),
      origin.mediaPlaylist('live', 's3cret', 'source'),
      origin.mediaPlaylist('live', 'a', 's3cret'),
      origin.file('live', 's3cret', 'source', 'seg-1.m4s'),
      origin.file('live', 'a', 's3cret', 'seg-1.m4s'),
      origin.file('live', 'a', 'source', 's3cret'),
    ]);
    for (const answer of refusals) {
      expect(answer.status).toBe(404);
      expect('error' in answer && answer.error.message).not.toContain('s3cret');
    }
  });

  it('answers 404 for a withdrawn rendition at once, also to waiting requests; its media is still served', async () => {
    const { origin, presentation, play, playlist } = serve();
    origin.attach(presentation);
    await play(7_300);
    const { mediaSequence, segments } = parsePlaylist(bodyOf(await playlist()));
    const waiting = playlist(String(mediaSequence + segments.length));
    await settle();
    presentation.withdraw('source');
    expect(await waiting).toMatchObject({ status: 404, error: { code: 'hls.no-such-rendition' } });
    expect((await playlist()).status).toBe(404);
    expect((await origin.file('live', 'a', 'source', segments[0]?.uri ?? '')).status).toBe(200);
  });

  it('inMemory returns what the other methods would answer, at every moment of a stream', async () => {
    const { origin, presentation, play } = serve();
    const asked = [
      ['', ''],
      ...['source', 'audio', 'none'].map((rendition) => [rendition, '']),
      ...['init-500.mp4', 'seg-500.m4s', 'part-501.1.m4s', 'part-503.2.m4s', 'iframes.m3u8', 'no.m4s'].map((file) => [
        'source',
        file,
      ]),
    ] as const;
    let inMemory = 0;
    const compare = async (): Promise<void> => {
      for (const [rendition = '', file = ''] of asked) {
        const now = origin.inMemory('live', 'a', rendition, file);
        if (now === undefined) continue;
        inMemory += 1;
        const answer =
          rendition === ''
            ? await origin.multivariant('live', 'a')
            : await (file === ''
                ? origin.mediaPlaylist('live', 'a', rendition)
                : origin.file('live', 'a', rendition, file));
        expect('body' in now && 'body' in answer && now.body === answer.body, `${rendition}/${file}`).toBe(true);
        expect({ ...now, body: undefined }).toEqual({ ...answer, body: undefined });
      }
    };
    await compare();
    origin.starting('live', 'a');
    await compare();
    expect(inMemory).toBe(0);
    origin.attach(presentation);
    for (let time = 1_000; time <= 9_500; time += 250) {
      await play(time);
      await compare();
    }
    const live = inMemory;
    expect(live).toBeGreaterThan(100);
    await presentation.end();
    await compare();
    expect(inMemory).toBeGreaterThan(live);
  });
});
