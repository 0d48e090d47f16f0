// A key frame cut out of its segment by EXT-X-BYTERANGE and decoded: it gives one picture, the first one of the segment.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Origin, type PlaylistDirectives } from '../../src/hls/origin/origin.js';
import type { PeriodPlan } from '../../src/hls/presentation.js';
import { type Recording, record, runFfmpeg } from '../support/ladder-recording.js';
import { attributes, type ParsedPlaylist, parsePlaylist } from '../support/playlist-checker.js';
import { initsOf, publish, Replay, replay } from '../support/presentation-replay.js';
import { AUDIO, LADDER, SOURCE, setUp } from './observed-presentation.js';

const PASSTHROUGH: PeriodPlan = {
  renditions: [
    { ...SOURCE, input: 'samples' },
    { ...AUDIO, input: 'samples' },
  ],
  frameRate: 25,
  cuts: 'key-frames',
};

let usual: Recording;
let directory: string;
beforeAll(async () => {
  usual = await record({ seconds: 11.4, gop: 50 }, { partFrames: 12, rungs: [120, 90] });
  directory = await mkdtemp(join(tmpdir(), 'sluice-i-frames-'));
});
afterAll(() => rm(directory, { recursive: true }));

/**
 * Checksums of the pictures in a file, in order.
 * @param frames maximum number of pictures
 */
async function pictures(bytes: Buffer, name: string, frames?: number): Promise<string[]> {
  const file = join(directory, name);
  await writeFile(file, bytes);
  const limit = frames === undefined ? [] : ['-frames:v', String(frames)];
  const { outputs } = await runFfmpeg([
    '-v',
    'error',
    '-i',
    file,
    ...limit,
    '-fps_mode',
    'passthrough',
    '-f',
    'framemd5',
    '-',
  ]);
  return Buffer.concat(outputs)
    .toString()
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)?.trim() ?? '');
}

async function checkIFrames(origin: Origin, rendition: string): Promise<ParsedPlaylist> {
  const get = async (file: string): Promise<Buffer> => {
    const answer = await origin.file('live', 'test', rendition, file);
    if (answer.status !== 200 || answer.body === undefined) throw new Error(`${file} ${answer.status}`);
    return answer.body;
  };
  const answer = await origin.file('live', 'test', rendition, 'iframes.m3u8');
  expect(answer).toMatchObject({ status: 200, kind: 'media-playlist', isFinal: false });
  const playlist = parsePlaylist((await get('iframes.m3u8')).toString());
  expect(playlist).toMatchObject({ iFramesOnly: true, version: 5, partTarget: undefined });
  for (const { uri, map, byteRange, mediaSequence, gap } of playlist.segments) {
    if (gap || byteRange === undefined) throw new Error(`${uri} has no key frame`);
    expect(byteRange.offset).toBe(0);
    const init = await get(map ?? '');
    const segment = await get(uri);
    const range = segment.subarray(0, byteRange.length);
    const name = `${rendition}-${mediaSequence}`;
    const alone = await pictures(Buffer.concat([init, range]), `${name}-i.mp4`);
    expect(alone, `${name} is one picture`).toHaveLength(1);
    const [first] = await pictures(Buffer.concat([init, segment]), `${name}.mp4`, 1);
    expect(alone[0], `${name} is the first picture of its segment`).toBe(first);
    // One byte less is not enough for the picture.
    const less = await pictures(Buffer.concat([init, range.subarray(0, -16)]), `${name}-less.mp4`);
    expect(less.length === 0 || less[0] !== first, `${name} is no longer than its picture`).toBe(true);
  }
  return playlist;
}

describe('playlists of I-frames', () => {
  it('init and byte range decode to the first picture of the segment: source and rungs from FFmpeg, with and without B-frames', async () => {
    const { presentation, clock } = setUp({ plan: LADDER });
    const origin = new Origin({ clock });
    origin.attach(presentation);
    await replay(presentation, usual, { clock });
    const main = parsePlaylist(presentation.rendition('source')?.playlistBody().toString() ?? '');
    for (const name of ['source', '120p']) {
      const frames = await checkIFrames(origin, name);
      expect(frames.targetDuration).toBe(main.targetDuration);
      expect(frames.ended).toBe(true);
      // With the numbers, names, dates and durations of the segments.
      expect(frames.segments.map((segment) => ({ ...segment, byteRange: undefined, parts: [] }))).toEqual(
        main.segments.map((segment) => ({ ...segment, parts: [] })),
      );
    }
    expect(await origin.file('live', 'test', 'audio', 'iframes.m3u8')).toMatchObject({ status: 404 });
    expect(await origin.file('live', 'test', 'none', 'iframes.m3u8')).toMatchObject({ status: 404 });
  });

  it('also for segments that the gateway packages itself', async () => {
    const { presentation, clock } = setUp({ plan: PASSTHROUGH });
    const origin = new Origin({ clock });
    origin.attach(presentation);
    const inits = initsOf(usual);
    if (inits.video === undefined || inits.audio === undefined) throw new Error('an init segment is missing');
    presentation.setTrack('source', inits.video);
    presentation.setTrack('audio', inits.audio);
    publish(presentation, usual, { clock, video: 'source', audio: 'audio' });
    await presentation.end();
    expect((await checkIFrames(origin, 'source')).segments).toHaveLength(6);
  });

  it('B2.01 B2.02 EXT-X-I-FRAME-STREAM-INF for each video: its own codec, its size, and a rate that covers every key frame', async () => {
    const { presentation, clock } = setUp({ plan: LADDER });
    await replay(presentation, usual, { clock });
    const entries = presentation
      .multivariantBody()
      .toString()
      .split('\n')
      .filter((line) => line.startsWith('#EXT-X-I-FRAME-STREAM-INF:'))
      .map((line) => attributes(line.slice(26)));
    expect(entries.map((entry) => entry.get('URI'))).toEqual([
      'source/iframes.m3u8',
      '120p/iframes.m3u8',
      '90p/iframes.m3u8',
    ]);
    expect(entries.map((entry) => entry.get('RESOLUTION'))).toEqual(['320x180', '214x120', '160x90']);
    for (const entry of entries) {
      expect(entry.get('CODECS')).toMatch(/^avc1\.[0-9A-Fa-f]{6}$/);
      const rendition = presentation.rendition(entry.get('URI')?.split('/')[0] ?? '');
      const { segments } = parsePlaylist(rendition?.playlistBody('i-frames').toString() ?? '');
      const rates = segments.map(({ byteRange, duration }) => ((byteRange?.length ?? 0) * 8) / duration);
      expect(Number(entry.get('BANDWIDTH'))).toBeGreaterThanOrEqual(Math.max(...rates.slice(0, -1)));
      expect(Number(entry.get('AVERAGE-BANDWIDTH'))).toBeLessThanOrEqual(Number(entry.get('BANDWIDTH')));
    }
  });

  it('B3.03 B3.04 B3.05 B3.07 B3.11 wait for whole segments, with the SERVER-CONTROL of all playlists (6.2.4, 6.2.5.2)', async () => {
    const { presentation, clock } = setUp({ plan: LADDER });
    const origin = new Origin({ clock });
    origin.attach(presentation);
    const stream = new Replay(presentation, usual, { clock });
    await stream.playUntil(7_000);
    const ask = (directives: PlaylistDirectives, rendition = 'source') =>
      origin.file('live', 'test', rendition, 'iframes.m3u8', undefined, directives);
    const now = await ask({});
    if (now.status !== 200) throw new Error('no I-frames');
    const playlist = parsePlaylist(now.body?.toString() ?? '');
    const main = parsePlaylist(presentation.rendition('source')?.playlistBody().toString() ?? '');
    expect(playlist.serverControl?.get('CAN-BLOCK-RELOAD')).toBe('YES');
    expect(playlist.serverControl).toEqual(main.serverControl);
    const last = playlist.mediaSequence + playlist.segments.length - 1;

    expect(await ask({ msn: `${last}` })).toMatchObject({ status: 200, isFinal: true });
    // This playlist lists no parts: a request for a part does not wait for it.
    let answered = 0;
    const waiting = [ask({ msn: `${last + 1}` }), ask({ msn: `${last + 1}`, part: '0' }), ask({ msn: `${last + 2}` })];
    for (const answer of waiting) void answer.then(() => (answered += 1));
    await stream.playUntil(7_600);
    expect(answered).toBe(0);
    await stream.playUntil(9_000);
    for (const answer of await Promise.all(waiting.slice(0, 2))) {
      if (answer.status !== 200) throw new Error('no I-frames');
      const { segments } = parsePlaylist(answer.body?.toString() ?? '');
      expect(answer.isFinal).toBe(true);
      expect(segments.at(-1)?.mediaSequence).toBe(last + 1);
    }
    expect(answered).toBe(2);
    expect(await ask({ msn: `${last + 4}` })).toMatchObject({ status: 400, error: { code: 'hls.directive-too-far' } });
    expect(await ask({ part: '0' })).toMatchObject({ status: 400, error: { code: 'hls.directive' } });
    expect(await ask({ msn: 'x' })).toMatchObject({ status: 400, error: { code: 'hls.directive' } });
    expect(await ask({ msn: '0' }, 'audio')).toMatchObject({ status: 404 });
    await stream.finish();
    expect(await waiting[2]).toMatchObject({ status: 200 });
    expect(await ask({ msn: `${last + 400}`, part: 'x' })).toMatchObject({ status: 200, isFinal: false });
  });

  it('B3.13 every playlist has reports of all others; those of I-frame playlists have no parts (B.1)', async () => {
    const { presentation, clock } = setUp({ plan: LADDER });
    await new Replay(presentation, usual, { clock }).playUntil(9_000);
    const names = ['source', '120p', '90p', 'audio'];
    const all = [
      ...names.map((name) => `../${name}/index.m3u8`),
      ...names.slice(0, 3).map((name) => `../${name}/iframes.m3u8`),
    ];
    for (const name of names) {
      const rendition = presentation.rendition(name);
      for (const kind of ['media', 'i-frames'] as const) {
        if (kind === 'i-frames' && name === 'audio') continue;
        const { reports } = parsePlaylist(rendition?.playlistBody(kind).toString() ?? '');
        const own = `../${name}/${kind === 'media' ? 'index' : 'iframes'}.m3u8`;
        expect(reports.map((report) => report.get('URI'))).toEqual(all.filter((uri) => uri !== own));
        for (const report of reports) {
          const [, reported = '', file] = report.get('URI')?.split('/') ?? [];
          const position = presentation.rendition(reported)?.position;
          const behind = file === 'iframes.m3u8' || position?.openParts === 0 ? 0 : 1;
          expect(Number(report.get('LAST-MSN'))).toBe((position?.lastMediaSequence ?? 0) + behind);
        }
      }
    }
  });

  it('B1.16 a segment that does not begin with a key frame is a gap in it', async () => {
    const recording = await record({ seconds: 14, gop: [0, 2, 4, 11] }, { partFrames: 12, rungs: [] });
    const { presentation, clock } = setUp({ plan: { renditions: [SOURCE, AUDIO], cuts: 'key-frames' } });
    await replay(presentation, recording, { clock });
    const rendition = presentation.rendition('source');
    const { segments, version } = parsePlaylist(rendition?.playlistBody('i-frames').toString() ?? '');
    expect(version).toBe(5);
    expect(segments.some(({ gap }) => gap)).toBe(true);
    for (const { gap, byteRange } of segments) expect(byteRange === undefined).toBe(gap);
  });
});
