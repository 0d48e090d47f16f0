// Parses playlists with three independent libraries, which must agree with each other and with our own reading.

import { createHash } from 'node:crypto';
import { M3U8Parser, PlaylistLevelType } from 'hls.js';
import * as hlsParser from 'hls-parser';
// @ts-expect-error it has no types
import { Parser } from 'm3u8-parser';
import type { ParsedPlaylist } from './playlist-checker.js';

/** What all of them must report. */
export interface Reading {
  readonly targetDuration: number;
  readonly partTarget: number | undefined;
  readonly partHoldBack: number | undefined;
  readonly canBlockReload: boolean;
  readonly ended: boolean;
  readonly segments: readonly SegmentReading[];
}

export interface SegmentReading {
  readonly mediaSequence: number;
  readonly uri: string;
  /** Seconds, to the microsecond. */
  readonly duration: number;
  readonly discontinuityNumber: number;
  /** Whole milliseconds since 1970. */
  readonly programDateTime: number;
  readonly map: string;
  readonly gap: boolean;
  /** URIs of its parts. */
  readonly parts: readonly string[];
}

/**
 * Reads a media playlist with hls.js, m3u8-parser and hls-parser.
 * @param own the reading of our own checker
 * @throws if one of them refuses it, or reads it differently
 */
export function requireAgreement(text: string, own: ParsedPlaylist): void {
  // Many streams begin with the same playlists, so each text is parsed only once.
  const digest = createHash('sha1').update(text).digest('base64');
  if (agreed.has(digest)) return;
  const expected = reading(own);
  const wanted = JSON.stringify(expected);
  for (const [name, read] of Object.entries({
    'hls.js': byHlsJs,
    'm3u8-parser': byM3u8Parser,
    'hls-parser': byHlsParser,
  })) {
    const got = JSON.stringify(read(text, expected));
    if (got !== wanted) throw new Error(`${name} reads\n${got}\nexpected\n${wanted}\nof\n${text}`);
  }
  agreed.add(digest);
}

/** Digests of the playlists on which all libraries agree. */
const agreed = new Set<string>();

// hls-parser counts segments instead of seconds, and writes warnings about that to the console.
hlsParser.setOptions({ silent: true });

const microseconds = (seconds: number): number => Math.round(seconds * 1e6) / 1e6;

function reading(playlist: ParsedPlaylist): Reading {
  return {
    targetDuration: playlist.targetDuration,
    partTarget: playlist.partTarget,
    partHoldBack:
      playlist.serverControl === undefined ? undefined : Number(playlist.serverControl.get('PART-HOLD-BACK')),
    canBlockReload: playlist.serverControl?.get('CAN-BLOCK-RELOAD') === 'YES',
    ended: playlist.ended,
    segments: playlist.segments.map((segment) => ({
      mediaSequence: segment.mediaSequence,
      uri: segment.uri,
      duration: microseconds(segment.duration),
      discontinuityNumber: segment.discontinuityNumber,
      programDateTime: segment.programDateTime ?? Number.NaN,
      map: segment.map ?? '',
      gap: segment.gap,
      parts: segment.parts.map(({ uri }) => uri),
    })),
  };
}

const BASE = 'http://origin.invalid/hls/live/name/rendition/';

function byHlsJs(text: string): Reading {
  const details = M3U8Parser.parseLevelPlaylist(text, `${BASE}index.m3u8`, 0, PlaylistLevelType.MAIN, 0, null);
  if (details.playlistParsingError !== null) throw details.playlistParsingError;
  const parts = details.partList ?? [];
  return {
    targetDuration: details.targetduration,
    partTarget: details.partTarget === 0 ? undefined : details.partTarget,
    partHoldBack: details.partHoldBack === 0 ? undefined : details.partHoldBack,
    canBlockReload: details.canBlockReload,
    ended: !details.live,
    segments: details.fragments.map((fragment) => ({
      mediaSequence: fragment.sn as number,
      uri: fragment.relurl ?? '',
      duration: microseconds(fragment.duration),
      discontinuityNumber: fragment.cc,
      programDateTime: Math.round(fragment.programDateTime ?? Number.NaN),
      map: fragment.initSegment?.relurl ?? '',
      gap: fragment.gap === true,
      parts: parts.filter((part) => part.fragment === fragment).map(({ relurl }) => relurl),
    })),
  };
}

interface M3u8Manifest {
  readonly targetDuration: number;
  readonly partTargetDuration?: number;
  readonly mediaSequence: number;
  readonly discontinuitySequence: number;
  readonly endList?: boolean;
  readonly serverControl?: { readonly canBlockReload?: boolean; readonly partHoldBack?: number };
  readonly segments: readonly {
    readonly uri?: string;
    readonly duration: number;
    readonly timeline: number;
    readonly dateTimeObject?: Date;
    readonly map?: { readonly uri: string };
    readonly discontinuity?: boolean;
    readonly parts?: readonly { readonly uri: string }[];
  }[];
}

/**
 * The complaints of m3u8-parser about a playlist, except that reports of I-frame playlists lack LAST-PART: those have no parts (RFC 8216bis
 * 4.4.5.4).
 */
export function withoutLastPart(text: string, complaints: readonly string[]): string[] {
  const reports = [...text.matchAll(/^#EXT-X-RENDITION-REPORT:(.*)$/gm)];
  const expected = reports.map(([, list = ''], i) =>
    list.includes('iframes.m3u8') ? `#EXT-X-RENDITION-REPORT #${i} lacks required attribute(s): LAST-PART` : '',
  );
  return complaints.filter((complaint) => !expected.includes(complaint));
}

function byM3u8Parser(text: string, expected: Reading): Reading {
  const parser = new Parser();
  const complaints: string[] = [];
  parser.on('warn', ({ message }: { message: string }) => complaints.push(message));
  parser.push(text);
  parser.end();
  const unexpected = withoutLastPart(text, complaints);
  if (unexpected.length > 0) throw new Error(`m3u8-parser: ${unexpected.join('; ')}\n${text}`);
  const manifest = parser.manifest as M3u8Manifest;
  // Its `timeline` counts a tag on the first segment twice if the header has excluded it, so the tags are counted instead.
  let discontinuityNumber = manifest.discontinuitySequence;
  const complete = manifest.segments.filter(({ uri }) => uri !== undefined);
  return {
    targetDuration: manifest.targetDuration,
    partTarget: manifest.partTargetDuration,
    partHoldBack: manifest.serverControl?.partHoldBack,
    canBlockReload: manifest.serverControl?.canBlockReload === true,
    ended: manifest.endList === true,
    segments: complete.map((segment, index) => {
      if (segment.discontinuity === true) discontinuityNumber += 1;
      return {
        mediaSequence: manifest.mediaSequence + index,
        uri: segment.uri ?? '',
        duration: microseconds(segment.duration),
        discontinuityNumber,
        programDateTime: segment.dateTimeObject?.getTime() ?? Number.NaN,
        map: segment.map?.uri ?? '',
        // m3u8-parser does not know EXT-X-GAP.
        gap: expected.segments[index]?.gap === true,
        parts: (segment.parts ?? []).map(({ uri }) => uri),
      };
    }),
  };
}

function byHlsParser(text: string): Reading {
  const playlist = hlsParser.parse(text);
  if (playlist.isMasterPlaylist) throw new Error('hls-parser sees a multivariant playlist');
  const media = playlist as hlsParser.types.MediaPlaylist;
  const { lowLatencyCompatibility } = media;
  let discontinuityNumber = media.discontinuitySequenceBase ?? 0;
  let map = '';
  const complete = media.segments.filter(({ uri }) => uri !== '');
  return {
    targetDuration: media.targetDuration,
    partTarget: media.partTargetDuration,
    partHoldBack: lowLatencyCompatibility?.partHoldBack,
    canBlockReload: lowLatencyCompatibility?.canBlockReload === true,
    ended: media.endlist,
    segments: complete.map((segment) => {
      if (segment.discontinuity) discontinuityNumber += 1;
      map = segment.map?.uri ?? map;
      return {
        mediaSequence: segment.mediaSequenceNumber,
        uri: segment.uri,
        duration: microseconds(segment.duration),
        discontinuityNumber,
        programDateTime: segment.programDateTime?.getTime() ?? Number.NaN,
        map,
        gap: segment.gap === true,
        parts: segment.parts.filter(({ hint }) => !hint).map(({ uri }) => uri),
      };
    }),
  };
}
