// Real FFmpeg output, cut at random places, checked against every rule for playlists from start to end.
import * as HLS from 'hls-parser';
// @ts-expect-error it has no types
import { Parser as M3u8Parser } from 'm3u8-parser';
import { beforeAll, describe, expect, it } from 'vitest';
import { type Recording, record } from '../support/ladder-recording.js';
import { ManualClock } from '../support/manual-clock.js';
import { PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { withoutLastPart } from '../support/playlist-parsers.js';
import { Replay, replay } from '../support/presentation-replay.js';
import { AUDIO, checkMedia, FRAME, observe, RUNG_120, type Setup, SOURCE, setUp } from './observed-presentation.js';

async function run(
  recording: Recording,
  setup: Setup,
  tolerant = false,
): Promise<[PlaylistChecker, Map<string, Buffer>]> {
  const checker = new PlaylistChecker({ frame: FRAME, tolerant });
  const media = new Map<string, Buffer>();
  await replay(setup.presentation, recording, {
    clock: setup.clock,
    onStep: () => observe(setup.presentation, checker, media),
  });
  return [checker, media];
}

describe('Presentation', () => {
  let usual: Recording;

  beforeAll(async () => {
    usual = await record({ seconds: 19.4, gop: 50 }, { partFrames: 12, rungs: [120, 90] });
  });

  it('B1.01-B1.07 B1.12-B1.18 B2.04 B3.01-B3.03 B3.12 B3.14 B3.15 B1.09 obeys the rules for a ladder with B-frames', async () => {
    const setup = setUp();
    const [checker, media] = await run(usual, setup);
    for (const { name } of setup.presentation.renditions) {
      expect([...checker.segments(name).keys()], name).toEqual([
        1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009,
      ]);
      expect(checker.versions(name)).toBeGreaterThan(35);
      await checkMedia(checker, media, name);
    }
    expect(setup.warnings).toEqual([]);
    expect(setup.presentation.counters).toEqual({ forcedCuts: 0, gaps: 0, discontinuities: 0, storeFailures: 0 });
  });

  it('B1.18 EXTINF is exact to the frame, also of the last segment', async () => {
    const setup = setUp();
    const [checker] = await run(usual, setup);
    const durations = [...checker.segments('source').values()].map(({ duration }) => duration);
    expect(durations.slice(0, -1)).toEqual(Array(9).fill(2));
    expect(durations.at(-1)).toBeCloseTo(1.4, 3);
    const audio = [...checker.segments('audio').values()];
    for (const [i, segment] of audio.entries()) {
      const video = checker.segments('source').get(segment.mediaSequence);
      const apart = Math.abs((segment.programDateTime ?? 0) - (video?.programDateTime ?? 0));
      expect(apart, `B2.04 audio segment ${i} begins at the nearest AAC frame`).toBeLessThanOrEqual(1024 / 48 / 2 + 1);
    }
  });

  it('gives the same playlists however its bytes are cut', async () => {
    const texts = new Set<string>();
    for (const seed of [1, 2, 3]) {
      const { presentation, clock } = setUp();
      await replay(presentation, usual, { clock, seed });
      texts.add(presentation.renditions.map(({ name }) => presentation.rendition(name)?.playlistBody()).join());
    }
    expect(texts.size).toBe(1);
  });

  it('B1.08 a segment that left the playlist stays for its own duration and that of the longest playlist', async () => {
    const { presentation, clock } = setUp();
    await new Replay(presentation, usual, { clock }).playUntil(17_500);
    const rendition = presentation.rendition('source');
    const playlist = parsePlaylist(rendition?.playlistBody().toString() ?? '');
    expect(playlist.mediaSequence).toBe(1002);
    expect(rendition?.find('seg-1001.m4s')).toMatchObject({ kind: 'segment' });
    expect(rendition?.find('part-1001.0.m4s')).toMatchObject({ kind: 'part' });
    clock.advance(13_000);
    expect(rendition?.find('seg-1001.m4s')).toMatchObject({ kind: 'segment' });
    clock.advance(5_000);
    expect(rendition?.find('seg-1001.m4s')).toBeUndefined();
    expect(rendition?.find('part-1001.0.m4s')).toBeUndefined();
  });

  /** Small buffers share Node's pool, whose size depends on its version. */
  const POOL = Buffer.allocUnsafe(1).buffer.byteLength;

  it('holds media once: parts are views of their segment, and nothing keeps a chunk of a pipe in memory', async () => {
    const { presentation, clock } = setUp();
    await new Replay(presentation, usual, { clock }).playUntil(17_500);
    for (const { name } of presentation.renditions) {
      const segments = [...(presentation.rendition(name)?.window.available() ?? [])];
      expect(segments.length).toBeGreaterThan(6);
      for (const {
        media: { pieces },
        init,
      } of segments) {
        const [body = Buffer.alloc(0)] = pieces;
        const bytes = pieces.reduce((sum, { length }) => sum + length, 0);
        expect(body.buffer.byteLength).toBeLessThanOrEqual(Math.max(bytes, POOL));
        if (name !== 'audio') expect(pieces.every(({ buffer }) => buffer === body.buffer)).toBe(true);
        expect(init.bytes.buffer.byteLength).toBeLessThanOrEqual(POOL);
        const sets = [...(init.track.avc?.sps ?? []), ...(init.track.avc?.pps ?? [])];
        expect(sets.every((set) => set.buffer === init.bytes.buffer)).toBe(true);
      }
    }
    await presentation.end();
    await presentation.dispose();
    for (const { name } of presentation.renditions) {
      expect([...(presentation.rendition(name)?.window.available() ?? [])]).toEqual([]);
    }
  });

  it('B1.12 C4.08 dates begin at the wall clock of the first sample, and do not jump when that clock is set', async () => {
    const { presentation, clock } = setUp();
    const begin = clock.wallClock();
    const checker = new PlaylistChecker({ frame: FRAME });
    await replay(presentation, usual, {
      clock,
      onStep: () => {
        if (clock.now() > 6000) clock.wallClockOffset = begin - 3_600_000;
        observe(presentation, checker);
      },
    });
    const dates = [...checker.segments('source').values()].map(({ programDateTime }) => programDateTime ?? 0);
    expect(Math.abs((dates[0] ?? 0) - begin)).toBeLessThan(1000);
    expect((dates.at(-1) ?? 0) - (dates[0] ?? 0)).toBe(18_000);
  });

  it('B1.12 dates count from the arrival of the first sample, even if it is noted later', async () => {
    const clock = new ManualClock();
    const began = clock.wallClock();
    const firstArrival = clock.now();
    clock.advance(990);
    const { presentation } = setUp({ clock, firstArrival });
    await new Replay(presentation, usual, { clock }).playUntil(4_000);
    const playlist = parsePlaylist(presentation.rendition('audio')?.playlistBody().toString() ?? '');
    expect(Math.abs((playlist.segments[0]?.programDateTime ?? 0) - began)).toBeLessThan(100);
  });

  it('B2.01 B2.02 B2.08 announces the exact codecs, sizes and rates', async () => {
    const { presentation, clock } = setUp();
    await replay(presentation, usual, { clock });
    const lines = presentation.multivariantBody().toString().split('\n');
    expect(lines.filter((line) => !line.startsWith('#') && line !== '')).toEqual([
      'source/index.m3u8',
      '120p/index.m3u8',
      '90p/index.m3u8',
    ]);
    expect(lines[3]).toBe(
      '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="Audio",DEFAULT=YES,AUTOSELECT=YES,CHANNELS="2",URI="audio/index.m3u8"',
    );
    expect(lines[4]).toMatch(
      /^#EXT-X-STREAM-INF:BANDWIDTH=\d+,AVERAGE-BANDWIDTH=\d+,CODECS="avc1\.[0-9a-fA-F]{6},mp4a\.40\.2",RESOLUTION=320x180,FRAME-RATE=25\.000,AUDIO="audio"$/,
    );
    const bandwidth = (line = ''): number => Number(/:BANDWIDTH=(\d+)/.exec(line)?.[1]);
    const source = presentation.renditions[0];
    const audio = presentation.renditions[3];
    expect(bandwidth(lines[4])).toBeGreaterThanOrEqual((source?.peakBandwidth ?? 0) + (audio?.peakBandwidth ?? 0));
  });

  it('parsers of players accept every version', async () => {
    const { presentation, clock } = setUp();
    const seen = new Set<string>();
    await replay(presentation, usual, {
      clock,
      onStep: () => {
        for (const { name } of presentation.renditions) {
          const rendition = presentation.rendition(name);
          if (rendition?.isServable('part') === true) seen.add(rendition.playlistBody().toString());
        }
      },
    });
    seen.add(presentation.multivariantBody().toString());
    expect(seen.size).toBeGreaterThan(100);
    for (const text of seen) {
      const parser = new M3u8Parser();
      const problems: string[] = [];
      parser.on('warn', ({ message }: { message: string }) => problems.push(message));
      parser.on('info', ({ message }: { message: string }) => {
        // It has an additional rule, which it reports for every first segment.
        if (!message.includes('defaulting')) problems.push(message);
      });
      parser.push(text);
      parser.end();
      expect(withoutLastPart(text, problems), text).toEqual([]);
      expect(() => HLS.parse(text), text).not.toThrow();
    }
  });

  it('B1.16 B1.14 C4.01 a restart of FFmpeg with the same init segment is no discontinuity: the media that it missed is a gap', async () => {
    const { presentation, clock, warnings } = setUp();
    const checker = new PlaylistChecker({ frame: FRAME });
    const media = new Map<string, Buffer>();
    const onStep = (): void => observe(presentation, checker, media);
    // FFmpeg dies in the middle of a segment. The rungs are behind the source, and the media that FFmpeg held is lost.
    await new Replay(presentation, usual, { clock, onStep }).playUntil(8_200);
    checker.expectBrokenHint();
    presentation.pipesRestarted(
      presentation.renditions.map(({ name }) => name),
      Number.POSITIVE_INFINITY,
    );
    onStep();
    // Its successor gets the last GOP again, which must not be listed twice, and continues.
    await new Replay(presentation, usual, { clock, onStep, from: 7_000, notedUntil: 8_200 }).finish();
    for (const { name } of presentation.renditions) {
      const segments = [...checker.segments(name).values()];
      const numbers = segments.map(({ mediaSequence }) => mediaSequence);
      expect(numbers, name).toEqual(numbers.map((_, i) => 1000 + i));
      expect(
        segments.filter(({ discontinuity }) => discontinuity),
        name,
      ).toEqual([]);
      const gaps = segments.filter(({ gap }) => gap).map(({ mediaSequence }) => mediaSequence);
      expect(gaps, name).toEqual([1003]);
      await checkMedia(checker, media, name);
    }
    expect(presentation.counters).toMatchObject({ discontinuities: 0, gaps: 4 });
    expect(warnings.map(({ code }) => code)).toEqual(['hls.missing-media']);
  });

  it('a republished name continues after the numbers of its earlier presentation', async () => {
    const { presentation, clock } = setUp({
      firstMediaSequence: 77,
      firstDiscontinuitySequence: 3,
      continuesEarlier: true,
    });
    await new Replay(presentation, usual, { clock }).playUntil(4_000);
    const playlist = parsePlaylist(presentation.rendition('source')?.playlistBody().toString() ?? '');
    expect(playlist).toMatchObject({ mediaSequence: 77, discontinuitySequence: 3 });
    expect(playlist.segments[0]).toMatchObject({ discontinuity: true, discontinuityNumber: 4 });
    expect(presentation.discontinuityNumber).toBe(4);
  });
});

describe('Presentation of unusual sources', () => {
  it('B3.01 key frames that are not cuts make no short parts', async () => {
    const recording = await record({ seconds: 9, gop: 25 }, { partFrames: 12, rungs: [120] });
    const setup = setUp({ plan: { renditions: [SOURCE, RUNG_120, AUDIO], cuts: 'key-frames' } });
    const [checker, media] = await run(recording, setup);
    expect([...checker.segments('source').values()].map(({ duration }) => duration)).toEqual([2, 2, 2, 2, 1]);
    for (const name of ['source', '120p', 'audio']) await checkMedia(checker, media, name);
  });

  it('B3.01 a stream of key frames only makes whole parts', async () => {
    const recording = await record({ seconds: 5, gop: 1, bFrames: 0 }, { partFrames: 12, rungs: [] });
    const setup = setUp({ plan: { renditions: [SOURCE, AUDIO], cuts: 'key-frames' } });
    const [checker, media] = await run(recording, setup);
    expect(checker.versions('source')).toBeLessThan(20);
    await checkMedia(checker, media, 'source');
  });

  it('B1.01 irregular key frames never make a segment longer than the target', async () => {
    const times = [0, 2, 3.2, 3.6, 5.6, 6.8, 8.6, 9.4, 11.4, 12];
    const recording = await record({ seconds: 14, gop: times }, { partFrames: 12, rungs: [120] });
    const setup = setUp({ plan: { renditions: [SOURCE, RUNG_120, AUDIO], cuts: 'key-frames' } });
    const [checker, media] = await run(recording, setup);
    for (const name of ['source', '120p', 'audio']) await checkMedia(checker, media, name);
  });

  it('B1.01 a GOP longer than the target duration is cut at a part boundary, and each such cut is counted and reported', async () => {
    const recording = await record({ seconds: 14, gop: [0, 2, 4, 11] }, { partFrames: 12, rungs: [120] });
    const setup = setUp({ plan: { renditions: [SOURCE, RUNG_120, AUDIO], cuts: 'key-frames' } });
    const [checker] = await run(recording, setup, true);
    expect(checker.segments('source').size).toBe(checker.segments('120p').size);
    const { forcedCuts } = setup.presentation.counters;
    expect(forcedCuts).toBeGreaterThan(1);
    expect(setup.faults).toEqual(Array(forcedCuts).fill('forced-cuts'));
    expect(setup.warnings).toEqual([]);
  });

  it('TARGETDURATION covers the first GOP of an encoder with rare key frames', async () => {
    const recording = await record({ seconds: 16, gop: 125 }, { partFrames: 12, rungs: [] });
    const setup = setUp({ plan: { renditions: [SOURCE, AUDIO], cuts: 'key-frames' } });
    const [checker, media] = await run(recording, setup);
    expect(setup.presentation.targetDuration).toBe(5);
    await checkMedia(checker, media, 'audio');
  });

  it('B1.13 a stream without a second key frame is served without announcing independent segments', async () => {
    const recording = await record({ seconds: 24, gop: 10_000 }, { partFrames: 12, rungs: [] });
    const setup = setUp({ plan: { renditions: [SOURCE, AUDIO], cuts: 'key-frames' } });
    const [checker] = await run(recording, setup, true);
    expect(setup.presentation.targetDuration).toBe(10);
    expect(checker.segments('source').size).toBeGreaterThan(1);
    expect(setup.presentation.multivariantBody().toString()).not.toContain('EXT-X-INDEPENDENT-SEGMENTS');
  });

  it('B2.05 audio only: a cut in every segment duration, one variant without RESOLUTION', async () => {
    const recording = await record(
      { seconds: 9, gop: 50, video: false, sampleRate: 44_100 },
      { partFrames: 12, rungs: [] },
    );
    const setup = setUp({ plan: { renditions: [AUDIO], cuts: 'key-frames' } });
    const [checker, media] = await run(recording, setup);
    const durations = [...checker.segments('audio').values()].map(({ duration }) => duration);
    for (const duration of durations.slice(0, -1)) expect(Math.abs(duration - 2)).toBeLessThan(1024 / 44_100);
    expect(durations.length).toBe(5);
    await checkMedia(checker, media, 'audio');
    const text = setup.presentation.multivariantBody().toString();
    expect(text).toMatch(/CODECS="mp4a\.40\.2"\naudio\/index\.m3u8/);
    expect(text).not.toMatch(/RESOLUTION|EXT-X-MEDIA/);
  });

  it('B2.05 video only: no audio group', async () => {
    const recording = await record({ seconds: 7, gop: 50, audio: false }, { partFrames: 12, rungs: [] });
    const setup = setUp({ plan: { renditions: [SOURCE], cuts: 'key-frames' } });
    const [checker, media] = await run(recording, setup);
    expect(checker.segments('source').size).toBe(4);
    await checkMedia(checker, media, 'source');
    expect(setup.presentation.multivariantBody().toString()).not.toMatch(/AUDIO|EXT-X-MEDIA|mp4a/);
  });

  it('audio that begins later and ends earlier has the same numbers as the video', async () => {
    const recording = await record(
      { seconds: 13, gop: 50, audioDelay: 2.7, audioSeconds: 6 },
      { partFrames: 12, rungs: [] },
    );
    const setup = setUp({ plan: { renditions: [SOURCE, AUDIO], cuts: 'key-frames' } });
    const [checker, media] = await run(recording, setup);
    const [first] = checker.segments('audio').values();
    expect(first?.mediaSequence).toBe(1001);
    await checkMedia(checker, media, 'audio');
  });

  it('0.2 s parts', async () => {
    const recording = await record({ seconds: 7, gop: 50 }, { partFrames: 5, rungs: [120] });
    const setup = setUp({ plan: { renditions: [SOURCE, RUNG_120, AUDIO], cuts: 'key-frames' }, partDuration: 0.2 });
    const [checker, media] = await run(recording, setup);
    for (const name of ['source', '120p', 'audio']) await checkMedia(checker, media, name);
  });

  it('29.97 fps and 44.1 kHz', async () => {
    const frameRate = 30_000 / 1001;
    const recording = await record(
      { seconds: 9, gop: 60, frameRate, sampleRate: 44_100 },
      { partFrames: 14, rungs: [120] },
    );
    const setup = setUp({
      plan: { renditions: [{ ...SOURCE, frameRate }, { ...RUNG_120, frameRate }, AUDIO], cuts: 'key-frames' },
    });
    const [checker, media] = await run(recording, setup);
    expect(setup.presentation.targetDuration).toBe(2);
    for (const name of ['source', '120p', 'audio']) await checkMedia(checker, media, name);
  });
});
