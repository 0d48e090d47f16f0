// Renditions that the gateway packages itself from real encoder output, checked against the rules of playlists and against the input bytes.
import { beforeAll, describe, expect, it } from 'vitest';
import type { PeriodPlan } from '../../src/hls/presentation.js';
import { FragmentReader } from '../../src/protocols/mp4/fragment-reader.js';
import { type NotedTag, type Recording, record } from '../support/ladder-recording.js';
import { PlaylistChecker, parsePlaylist } from '../support/playlist-checker.js';
import { initsOf, publish } from '../support/presentation-replay.js';
import { checkMedia, FRAME, observe, type Setup, setUp } from './observed-presentation.js';

const SOURCE = { name: 'source', kind: 'video', input: 'samples', width: 320, height: 180, frameRate: 25 } as const;
const AUDIO = { name: 'audio', kind: 'audio', input: 'samples', channels: 2 } as const;
const PASSTHROUGH: PeriodPlan = { renditions: [SOURCE, AUDIO], frameRate: 25, cuts: 'key-frames' };

interface Run extends Setup {
  readonly checker: PlaylistChecker;
  readonly media: Map<string, Buffer>;
}

async function run(
  recording: Recording,
  options: Parameters<typeof setUp>[0] & { tolerant?: boolean; lost?: (tag: NotedTag) => boolean } = {},
): Promise<Run> {
  const { tolerant, lost, ...presentationOptions } = options;
  const setup = setUp({ plan: PASSTHROUGH, ...presentationOptions });
  const { presentation, clock } = setup;
  const checker = new PlaylistChecker({ frame: FRAME, ...(tolerant !== undefined && { tolerant }) });
  const media = new Map<string, Buffer>();
  const inits = initsOf(recording);
  if (inits.video !== undefined) presentation.setTrack('source', inits.video);
  if (inits.audio !== undefined) presentation.setTrack('audio', inits.audio);
  const names = { ...(inits.video && { video: 'source' }), ...(inits.audio && { audio: 'audio' }) };
  const onStep = (): void => observe(presentation, checker, media);
  publish(presentation, recording, { clock, ...names, onStep, ...(lost !== undefined && { lost }) });
  await presentation.end();
  onStep();
  return { ...setup, checker, media };
}

interface Timed {
  readonly dts: number;
  readonly pts: number;
  readonly data: Buffer;
  readonly duration: number;
}

/** Every sample of a rendition, as players get it, with times in milliseconds. */
function samplesOf({ checker, media }: Run, rendition: string): Timed[] {
  const samples: Timed[] = [];
  for (const { uri, map, gap } of checker.segments(rendition).values()) {
    if (gap) continue;
    const reader = new FragmentReader();
    reader.push(
      Buffer.concat([`${rendition}/${map}`, `${rendition}/${uri}`].map((key) => media.get(key) ?? Buffer.alloc(0))),
    );
    let timescale = 1;
    for (let event = reader.next(); event !== undefined; event = reader.next()) {
      if (event.type === 'init') {
        timescale = event.track.timescale / 1000;
        continue;
      }
      let dts = event.fragment.baseMediaDecodeTime;
      for (const { duration, cts, data } of event.fragment.samples) {
        samples.push({
          dts: dts / timescale,
          pts: (dts + cts) / timescale,
          data: Buffer.from(data),
          duration: duration / timescale,
        });
        dts += duration;
      }
    }
  }
  return samples;
}

describe('a presentation of samples', () => {
  let usual: Recording;
  beforeAll(async () => {
    usual = await record({ seconds: 15.4, gop: 50 }, { partFrames: 12, rungs: [] });
  });

  it('B1.01-B1.18 B3.01 B3.02 B3.12 obeys the rules, and every sample keeps its bytes and its presentation time', async () => {
    const played = await run(usual);
    for (const [name, kind] of [
      ['source', 'video'],
      ['audio', 'audio'],
    ] as const) {
      await checkMedia(played.checker, played.media, name);
      const tags = usual.tags.filter((tag) => tag.kind === kind);
      const samples = samplesOf(played, name);
      // This includes the audio that comes with the first picture, and is heard before that picture is shown.
      expect(samples.length).toBe(tags.length);
      for (const [i, sample] of samples.entries()) {
        const tag = tags[i];
        expect(sample.data.equals(tag?.data ?? Buffer.alloc(0)), `${name} ${i}`).toBe(true);
        expect(Math.abs(sample.pts - (tag?.pts ?? 0)), `${name} ${i}`).toBeLessThan(kind === 'video' ? 0.1 : 1.1);
      }
    }
    expect(played.warnings).toEqual([]);
    expect(played.checker.segments('source').size).toBe(8);
  });

  it('B3.01 lists a part with its last frame, not with the frame after it', async () => {
    const { presentation, clock } = setUp({ plan: PASSTHROUGH });
    const { video, audio } = initsOf(usual);
    presentation.setTrack('source', video ?? Buffer.alloc(0));
    presentation.setTrack('audio', audio ?? Buffer.alloc(0));
    const listedAt = new Map<string, number>();
    publish(presentation, usual, {
      clock,
      video: 'source',
      audio: 'audio',
      until: 7_000,
      onStep: () => {
        const rendition = presentation.rendition('source');
        if (rendition?.isServable('part') !== true) return;
        for (const part of parsePlaylist(rendition.playlistBody().toString()).openParts) {
          if (!listedAt.has(part.uri)) listedAt.set(part.uri, clock.now());
        }
      },
    });
    const first = usual.tags[0]?.dts ?? 0;
    const frames = usual.tags.filter(({ kind }) => kind === 'video').map(({ dts }) => dts - first);
    // Frame 12 is the last of the first part of a segment; GOPs are 50 frames.
    for (const [part, frame] of [
      ['part-1002.0.m4s', 112],
      ['part-1002.1.m4s', 125],
      ['part-1002.2.m4s', 138],
    ] as const) {
      expect(listedAt.get(part), part).toBe(frames[frame]);
    }
  });

  it('B3.12 hints at the first part of the next segment at the end of a regular GOP', async () => {
    const recording = await record({ seconds: 9, gop: 48 }, { partFrames: 12, rungs: [] });
    const { checker } = await run(recording);
    // Four whole parts: the fourth is listed before it is known that its segment ends, and a fifth is never hinted at.
    for (const segment of [...checker.segments('source').values()].slice(0, -1)) expect(segment.duration).toBe(1.92);
  });

  it.each([
    { frameRate: 30, gop: 60, sampleRate: 48_000 },
    { frameRate: 30_000 / 1001, gop: 60, sampleRate: 44_100 },
    { frameRate: 24_000 / 1001, gop: 48, sampleRate: 32_000 },
    { frameRate: 60, gop: 60, sampleRate: 22_050 },
  ])(
    'B1.14 B1.18 $frameRate fps, GOP $gop, $sampleRate Hz: millisecond timestamps leave no hole and no drift',
    async (source) => {
      const recording = await record({ seconds: 9, ...source }, { partFrames: 12, rungs: [] });
      const plan: PeriodPlan = { ...PASSTHROUGH, renditions: [{ ...SOURCE, frameRate: source.frameRate }, AUDIO] };
      const played = await run(recording, { plan });
      await checkMedia(played.checker, played.media, 'source');
      await checkMedia(played.checker, played.media, 'audio');
      const tags = recording.tags.filter(({ kind }) => kind === 'video');
      for (const [i, { pts, dts }] of samplesOf(played, 'source').entries()) {
        expect(Math.abs(pts - (tags[i]?.pts ?? 0))).toBeLessThan(0.1);
        expect(Math.abs(dts - (tags[i]?.dts ?? 0))).toBeLessThan(1.1);
      }
      const audio = samplesOf(played, 'audio');
      const frame = (1024 / source.sampleRate) * 1000;
      for (const { duration } of audio) expect(Math.abs(duration - frame)).toBeLessThan(0.001);
    },
  );

  it('late or missing frames leave no gap in the decode times, and pictures keep their times', async () => {
    // Every 40th frame is lost, and half a second in a row. With and without B-frames, the decoder gets all other frames.
    const recording = await record({ seconds: 11, gop: 50, bFrames: 0 }, { partFrames: 12, rungs: [] });
    const videos = recording.tags.filter(({ kind }) => kind === 'video');
    const lost = (tag: NotedTag): boolean => {
      const i = videos.indexOf(tag);
      return i % 50 !== 0 && (i % 40 === 7 || (i > 131 && i < 144));
    };
    const played = await run(recording, { lost, tolerant: true });
    const sent = videos.filter((tag) => !lost(tag));
    const samples = samplesOf(played, 'source');
    expect(samples).toHaveLength(sent.length);
    let end: number | undefined;
    for (const [i, { dts, pts, duration }] of samples.entries()) {
      expect(Math.abs(pts - (sent[i]?.pts ?? 0))).toBeLessThan(0.1);
      if (end !== undefined) expect(Math.abs(dts - end), `sample ${i}`).toBeLessThan(0.02);
      expect(duration).toBeGreaterThan(0);
      end = dts + duration;
    }
  });

  it('keeps media in memory once, and joins a segment only if it is requested as a whole', async () => {
    const { presentation, media, checker } = await run(usual);
    const rendition = presentation.rendition('source');
    for (const { media: held } of rendition?.window.listed ?? []) {
      const { buffer } = held.whole();
      expect(held.pieces.every((piece) => piece.buffer === buffer)).toBe(true);
      expect(held.whole()).toBe(held.whole());
    }
    expect([...checker.segments('source').values()].every(({ uri }) => media.has(`source/${uri}`))).toBe(true);
  });

  it('B2.05 audio alone', async () => {
    const recording = await record({ seconds: 9, gop: 50, video: false }, { partFrames: 12, rungs: [] });
    const played = await run(recording, { plan: { renditions: [AUDIO], cuts: 'key-frames' } });
    expect(played.checker.segments('audio').size).toBe(5);
    await checkMedia(played.checker, played.media, 'audio');
  });
});
