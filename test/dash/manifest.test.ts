// The DASH manifest, compared with golden files that a reviewer can read, and its changes while the window slides.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { ManifestOrigin } from '../../src/dash/manifest-origin.js';
import type { DashPresentation, DashRendition, DashSegment } from '../../src/dash/source.js';

const BEGIN = Date.UTC(2026, 5, 1, 12);

interface Change {
  readonly gaps?: readonly number[];
  readonly from?: number;
  readonly to?: number;
}

/** Segments of two seconds each. Segment 104 follows a discontinuity and a gap of ten seconds. */
function segments(init: { timescale: number; codecs: string; width?: number; height?: number }, change: Change) {
  const { gaps = [], from = 100, to = 106 } = change;
  const startOf = (number: number): number => 1 + (number - 100) * 2 + (number >= 104 ? 10 : 0);
  // Segments at which a new run of media begins: the first, the discontinuity, each gap, and the segment after each gap.
  const changes = [100, 104, ...gaps.flatMap((gap) => [gap, gap + 1])];
  return Array.from({ length: to - from }, (_, index): DashSegment => {
    const mediaSequence = from + index;
    const later = mediaSequence >= 104;
    const start = startOf(mediaSequence);
    const run = Math.max(...changes.filter((change) => change <= mediaSequence));
    return {
      mediaSequence,
      start,
      end: start + 2,
      discontinuityNumber: later ? 1 : 0,
      run: { mediaSequence: run, start: startOf(run) },
      gap: gaps.includes(mediaSequence),
      init: { uri: `init-${later ? 104 : 100}.mp4`, track: { ...init } },
    };
  });
}

function presentation(rung: Change = {}, all: Change = {}, endedAgo?: number): DashPresentation {
  const video = { codecs: 'avc1.64001f', timescale: 90_000, width: 1280, height: 720 };
  const small = { codecs: 'avc1.64000c', timescale: 16_000, width: 320, height: 180 };
  const sound = { codecs: 'mp4a.40.2', timescale: 48_000, sampleRate: 48_000, channels: 2 };
  const rendition = (name: string, kind: 'video' | 'audio', list: DashSegment[], rate: number): DashRendition => ({
    plan: { name, kind, bitrate: rate },
    active: true,
    frameRate: kind === 'video' ? 29.97 : undefined,
    bandwidth: { peak: rate },
    segments: list,
  });
  return {
    targetDuration: 2,
    endedAt: endedAgo === undefined ? undefined : BEGIN + 30_000 - endedAgo,
    mediaOrigin: BEGIN,
    mediaNow: BEGIN + 30_000,
    listings: [
      rendition('source', 'video', segments(video, all), 3_000_000),
      rendition('180p', 'video', segments(small, { ...all, ...rung }), 300_000),
      rendition('audio', 'audio', segments(sound, all), 128_000),
    ],
  };
}

async function text(shown: DashPresentation): Promise<string> {
  const origin = new ManifestOrigin<never>({ playable: async () => shown, presentation: () => shown });
  const answer = await origin.manifest('live', 'demo');
  return answer.body.toString();
}

const periodsOf = (mpd: string): string[][] =>
  mpd
    .split('<Period ')
    .slice(1)
    .map((period) => [
      /id="(\w+)"/.exec(period)?.[1] ?? '',
      /start="(\S+)"/.exec(period)?.[1] ?? '',
      [...period.matchAll(/Representation id="(\w+)"/g)].map(([, id]) => id).join(' '),
      [...period.matchAll(/startNumber="(\d+)"/g)].map(([, number]) => number).join(' '),
    ]);

describe('DASH manifest', () => {
  it('live, with a discontinuity', async () => {
    const golden = await readFile(new URL('golden/live.mpd', import.meta.url), 'utf8');
    expect(await text(presentation())).toBe(golden);
  });

  it('a rendition that lacks a segment is omitted in a separate Period', async () => {
    expect(periodsOf(await text(presentation({ gaps: [102] })))).toEqual([
      ['p100', 'PT1780315201S', 'source 180p audio', '100 100 100'],
      ['p102', 'PT1780315205S', 'source audio', '102 102'],
      ['p103', 'PT1780315207S', 'source 180p audio', '103 103 103'],
      ['p104', 'PT1780315219S', 'source 180p audio', '104 104 104'],
    ]);
  });

  it('there is no Period while all audio is missing: players skip a gap, but not a missing kind of track', async () => {
    const shown = presentation();
    const [source, rung, audio] = shown.listings;
    if (!source || !rung || !audio) throw new Error('three renditions');
    const silent = { ...audio, segments: audio.segments.map((one) => ({ ...one, gap: one.mediaSequence === 102 })) };
    const ids = periodsOf(await text({ ...shown, listings: [source, rung, silent] })).map(([id]) => id);
    expect(ids).toEqual(['p100', 'p103', 'p104']);
  });

  it('a Period keeps its id and start when its beginning has left the window', async () => {
    let shown = presentation({}, { from: 100, to: 103 });
    // One presentation whose window slides.
    const live: DashPresentation = {
      get targetDuration() {
        return shown.targetDuration;
      },
      get endedAt() {
        return shown.endedAt;
      },
      get mediaOrigin() {
        return shown.mediaOrigin;
      },
      get mediaNow() {
        return shown.mediaNow;
      },
      get listings() {
        return shown.listings;
      },
    };
    const origin = new ManifestOrigin<never>({ playable: async () => live, presentation: () => live });
    const first = await origin.manifest('live', 'demo');
    // Rendered once for each version.
    expect((await origin.manifest('live', 'demo')).body).toBe(first.body);
    shown = presentation({}, { from: 102, to: 106 });
    const second = await origin.manifest('live', 'demo');
    expect(periodsOf(second.body.toString())).toEqual([
      ['p100', 'PT1780315201S', 'source 180p audio', '102 102 102'],
      ['p104', 'PT1780315219S', 'source 180p audio', '104 104 104'],
    ]);
    expect(second.body.toString()).toContain('presentationTimeOffset="90000" startNumber="102"');
    expect(second.body.toString()).toContain('<S t="450000" d="180000" r="1"/>');
    // The first request to another origin gives the same result.
    const late = new ManifestOrigin<never>({ playable: async () => live, presentation: () => live });
    expect((await late.manifest('live', 'demo')).body).toEqual(second.body);
  });

  it('a segment is listed when every rendition has it, except renditions that are far behind', async () => {
    const newest = (mpd: string): string[] =>
      [...mpd.matchAll(/<S [^>]*r="(\d+)"/g)].map(([, repeats = '']) => repeats);
    // 180p has 104, not 105 yet.
    expect(newest(await text(presentation({ to: 105 })))).toEqual(['3', '3', '3']);
    expect(newest(await text(presentation({ to: 103 })))).toEqual(['3', '2', '3', '1', '1']);
  });

  it('becomes static at the end, with all its media and its duration', async () => {
    const mpd = await text(presentation({ to: 105 }, {}, 4_000));
    expect(mpd).toContain('type="static"');
    expect(mpd).toContain('mediaPresentationDuration="PT1780315222.999999S"');
    expect(mpd).not.toMatch(/minimumUpdatePeriod|UTCTiming|timeShiftBufferDepth/);
    expect(periodsOf(mpd).at(-1)).toEqual(['p104', 'PT1780315219S', 'source 180p audio', '104 104 104']);
  });

  it('tells players its length while they still reload it, before it becomes static', async () => {
    const mpd = await text(presentation({ to: 105 }, {}, 3_999));
    expect(mpd).toContain('type="dynamic"');
    expect(mpd).toContain('mediaPresentationDuration="PT1780315222.999999S"');
    expect(mpd).toContain('minimumUpdatePeriod="PT1S"');
  });
});
