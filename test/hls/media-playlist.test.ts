// The text of playlists, in files that a reviewer can read.
import { readFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { LOWEST_VERSION, type MediaPlaylist, renderMediaPlaylist } from '../../src/hls/playlists/media-playlist.js';
import { parsePlaylist } from '../support/playlist-checker.js';

const BEGIN = Date.UTC(2026, 5, 1, 12, 0, 0, 40);

const live: MediaPlaylist = {
  version: 6,
  targetDuration: 2,
  lowLatency: { partTarget: 0.56, partHoldBack: 1.68, holdBack: 6 },
  mediaSequence: 76_300_000,
  discontinuitySequence: 0,
  segments: [
    {
      discontinuity: false,
      map: 'init-76300000.mp4',
      programDateTime: BEGIN,
      parts: [],
      gap: false,
      media: { duration: 2, uri: 'seg-76300000.m4s' },
    },
    {
      discontinuity: false,
      map: 'init-76300000.mp4',
      programDateTime: BEGIN + 2000,
      parts: [
        { uri: 'part-76300001.0.m4s', duration: 0.48, independent: true, gap: false },
        { uri: 'part-76300001.1.m4s', duration: 0.48, independent: false, gap: false },
        { uri: 'part-76300001.2.m4s', duration: 0.48, independent: false, gap: false },
        { uri: 'part-76300001.3.m4s', duration: 0.467133, independent: false, gap: false },
      ],
      gap: false,
      media: { duration: 1.907133, uri: 'seg-76300001.m4s' },
    },
    {
      discontinuity: true,
      map: 'init-76300002.mp4',
      programDateTime: BEGIN + 5000,
      parts: [{ uri: 'part-76300002.0.m4s', duration: 0.48, independent: true, gap: false }],
      gap: false,
    },
  ],
  preloadHint: 'part-76300002.1.m4s',
  renditionReports: [{ uri: '../720p/index.m3u8', lastMediaSequence: 76_300_002, lastPart: 0 }],
  ended: false,
};

/** The file is written by hand once, and compared in every run. */
async function golden(name: string): Promise<string> {
  return readFile(new URL(`golden/${name}`, import.meta.url), 'utf8');
}

describe('media playlist', () => {
  it('a live one with parts, a discontinuity and an open segment', async () => {
    expect(renderMediaPlaylist(live)).toBe(await golden('live.m3u8'));
  });

  it('B1.15 B1.16 a plain one with a gap, ended', async () => {
    const [first, second] = live.segments;
    if (first === undefined || second === undefined) throw new Error('the playlist above has three segments');
    const segments = [first, { ...second, parts: [], gap: true }];
    const { lowLatency, preloadHint, renditionReports, ...plain } = live;
    expect([lowLatency, preloadHint, renditionReports]).not.toContain(undefined);
    const playlist = { ...plain, version: LOWEST_VERSION.media, segments, ended: true };
    expect(renderMediaPlaylist(playlist)).toBe(await golden('ended-with-gap.m3u8'));
  });

  it('a reader that was written from the RFC alone reads it correctly', () => {
    const parsed = parsePlaylist(renderMediaPlaylist(live));
    expect(parsed).toMatchObject({ targetDuration: 2, partTarget: 0.56, mediaSequence: 76_300_000, ended: false });
    expect(parsed.segments.map(({ duration }) => duration)).toEqual([2, 1.907133]);
    expect(parsed.openParts).toEqual([{ uri: 'part-76300002.0.m4s', duration: 0.48, independent: true, gap: false }]);
  });
});
