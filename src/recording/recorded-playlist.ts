// The media playlists of a recording. During recording, lines are only appended (EXT-X-PLAYLIST-TYPE:EVENT), so a killed process loses at most the
// last segment. At the end, a VOD playlist with EXT-X-ENDLIST replaces each of them (RFC 8216bis 4.4.3.4, 4.4.3.5).

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';

/** The same file names as in the media directory of live streams. */
export const PLAYLIST = 'index.m3u8';
export const I_FRAMES = 'iframes.m3u8';

/** RFC 8216bis section 8: EXT-X-MAP needs version 5 in an I-frame playlist and 6 in others. */
const VERSION = { media: 6, 'i-frames': 5 } as const;

export type PlaylistKind = keyof typeof VERSION;

export interface PlaylistEntry {
  readonly uri: string;
  readonly duration: Seconds;
  readonly programDateTime: EpochMilliseconds;
  readonly discontinuity: boolean;
  readonly gap: boolean;
  /** URI of EXT-X-MAP. The tag is written only where it differs from the previous entry's. */
  readonly map: string;
  /** Length of EXT-X-BYTERANGE, which starts at byte 0; undefined for the whole file. */
  readonly byteRange?: number | undefined;
}

/**
 * @param first media sequence number of the first segment
 * @param start where players begin, from the beginning of the playlist (EXT-X-START, RFC 8216bis 4.4.2.2); undefined: at its beginning
 */
export function playlistHeader(kind: PlaylistKind, targetDuration: Seconds, first: number, start?: Seconds): string {
  const lines = [
    '#EXTM3U',
    `#EXT-X-VERSION:${VERSION[kind]}`,
    `#EXT-X-TARGETDURATION:${targetDuration}`,
    '#EXT-X-PLAYLIST-TYPE:EVENT',
    ...(kind === 'i-frames' ? ['#EXT-X-I-FRAMES-ONLY'] : []),
    `#EXT-X-MEDIA-SEQUENCE:${first}`,
    ...(start === undefined ? [] : [startTag(start)]),
  ];
  return `${lines.join('\n')}\n`;
}

/** EXT-X-START: players show this moment first, and no picture before it. */
export function startTag(start: Seconds): string {
  return `#EXT-X-START:TIME-OFFSET=${start.toFixed(6)},PRECISE=YES`;
}

/** @param mapBefore URI of the EXT-X-MAP of the previous entry */
export function entryLines(entry: PlaylistEntry, mapBefore: string | undefined): string {
  const lines: string[] = [];
  if (entry.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
  if (entry.map !== mapBefore) lines.push(`#EXT-X-MAP:URI="${entry.map}"`);
  lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(entry.programDateTime).toISOString()}`);
  if (entry.gap) lines.push('#EXT-X-GAP');
  lines.push(`#EXTINF:${entry.duration.toFixed(6)},`);
  if (entry.byteRange !== undefined) lines.push(`#EXT-X-BYTERANGE:${entry.byteRange}@0`);
  lines.push(entry.uri);
  return `${lines.join('\n')}\n`;
}

/** An entry as read from a playlist. */
export interface ReadEntry extends PlaylistEntry {
  /** The lines of the entry. */
  readonly text: string;
}

export interface ReadPlaylist {
  readonly header: string;
  readonly first: number;
  readonly targetDuration: Seconds;
  readonly entries: readonly ReadEntry[];
  readonly ended: boolean;
}

/** Parses a playlist that the functions above wrote. Ignores a last entry that is incomplete. */
export function readPlaylist(text: string): ReadPlaylist | undefined {
  const header =
    /^#EXTM3U\n(?:#EXT-X-(?:VERSION|TARGETDURATION|PLAYLIST-TYPE|MEDIA-SEQUENCE|START):.*\n|#EXT-X-I-FRAMES-ONLY\n)+/.exec(
      text,
    )?.[0];
  const first = Number(/#EXT-X-MEDIA-SEQUENCE:(\d+)\n/.exec(header ?? '')?.[1]);
  const targetDuration = Number(/#EXT-X-TARGETDURATION:(\d+)\n/.exec(header ?? '')?.[1]);
  if (header === undefined || !Number.isSafeInteger(first) || !Number.isSafeInteger(targetDuration)) return undefined;
  const entries: ReadEntry[] = [];
  let map = '';
  for (const [lines, tags = '', uri = ''] of text.slice(header.length).matchAll(/((?:^#EXT.*\n)*)^([^#\n].*)\n/gm)) {
    map = /^#EXT-X-MAP:URI="([^"]+)"$/m.exec(tags)?.[1] ?? map;
    const byteRange = /^#EXT-X-BYTERANGE:(\d+)@0$/m.exec(tags)?.[1];
    entries.push({
      text: lines,
      uri,
      map,
      duration: Number(/^#EXTINF:([\d.]+),$/m.exec(tags)?.[1] ?? 0),
      programDateTime: Date.parse(/^#EXT-X-PROGRAM-DATE-TIME:(.+)$/m.exec(tags)?.[1] ?? '1970-01-01T00:00:00Z'),
      discontinuity: tags.includes('#EXT-X-DISCONTINUITY\n'),
      gap: tags.includes('#EXT-X-GAP\n'),
      byteRange: byteRange === undefined ? undefined : Number(byteRange),
    });
  }
  return { header, first, targetDuration, entries, ended: text.endsWith('#EXT-X-ENDLIST\n') };
}

/** The entry without its media (EXT-X-GAP, RFC 8216bis 4.4.4.7). */
export function asGap(entry: ReadEntry): ReadEntry {
  return entry.gap ? entry : { ...entry, gap: true, text: entry.text.replace('#EXTINF:', '#EXT-X-GAP\n#EXTINF:') };
}

/** The playlist of a finished recording. TARGETDURATION is computed from the listed segments. */
export function vodPlaylist({ header, entries }: Pick<ReadPlaylist, 'header' | 'entries'>): string {
  // A recording of some days has more entries than a call may have arguments.
  const longest = entries.reduce((most, { duration }) => Math.max(most, Math.round(duration)), 1);
  const vod = header
    .replace('PLAYLIST-TYPE:EVENT', 'PLAYLIST-TYPE:VOD')
    .replace(/TARGETDURATION:\d+/, `TARGETDURATION:${longest}`);
  return `${vod}${entries.map(({ text }) => text).join('')}#EXT-X-ENDLIST\n`;
}
