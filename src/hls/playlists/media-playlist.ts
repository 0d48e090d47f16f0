// A media playlist as data, with each field named after its tag, and its text as a pure function of that data.
import type { EpochMilliseconds, Seconds } from '../../protocols/units.js';

/** RFC 8216bis section numbers beside each tag. */
export interface MediaPlaylist {
  /** EXT-X-VERSION 4.4.1.2: the lowest version that covers the tags used. */
  readonly version: number;
  /** EXT-X-TARGETDURATION 4.4.3.1 */
  readonly targetDuration: Seconds;
  /** EXT-X-PLAYLIST-TYPE 4.4.3.5: EVENT means that nothing is ever removed. */
  readonly playlistType?: 'EVENT';
  /** EXT-X-I-FRAMES-ONLY 4.4.3.6 */
  readonly iFramesOnly?: boolean;
  /** EXT-X-SERVER-CONTROL 4.4.3.8, and EXT-X-PART-INF 4.4.3.7 if there are parts; undefined in a plain playlist. */
  readonly lowLatency?: LowLatencyHeader;
  /** EXT-X-MEDIA-SEQUENCE 4.4.3.2 */
  readonly mediaSequence: number;
  /** EXT-X-DISCONTINUITY-SEQUENCE 4.4.3.3 */
  readonly discontinuitySequence: number;
  /** EXT-X-SKIP 4.4.5.2: number of segments skipped before `segments`; never 0. Undefined in a full playlist. */
  readonly skippedSegments?: number;
  /** The segments before `segments`, already rendered. */
  readonly earlier?: RenderedSegments;
  readonly segments: readonly ListedSegment[];
  /** EXT-X-PRELOAD-HINT:TYPE=PART 4.4.5.3, for the next part. */
  readonly preloadHint?: string;
  /** EXT-X-RENDITION-REPORT 4.4.5.4 */
  readonly renditionReports?: readonly RenditionReport[];
  /** EXT-X-ENDLIST 4.4.3.4 */
  readonly ended: boolean;
}

export interface LowLatencyHeader {
  /** HOLD-BACK */
  readonly holdBack: Seconds;
  /** PART-HOLD-BACK */
  readonly partHoldBack: Seconds;
  /** PART-TARGET */
  readonly partTarget: Seconds;
  /** CAN-SKIP-UNTIL, the Skip Boundary; undefined without delta updates. */
  readonly canSkipUntil?: Seconds;
}

/** Lines of segments as written by `renderSegments`. */
export interface RenderedSegments {
  readonly blocks: readonly Buffer[];
  /** URI of the EXT-X-MAP in force after them. */
  readonly map: string;
}

export interface ListedSegment {
  /** EXT-X-DISCONTINUITY 4.4.4.3 */
  readonly discontinuity: boolean;
  /** URI of EXT-X-MAP 4.4.4.5; written if it differs from that of the previous segment. */
  readonly map: string;
  /** EXT-X-PROGRAM-DATE-TIME 4.4.4.6 */
  readonly programDateTime: EpochMilliseconds;
  /** EXT-X-PART 4.4.4.9; empty when the part tags were removed. */
  readonly parts: readonly ListedPart[];
  /** EXT-X-GAP 4.4.4.7 */
  readonly gap: boolean;
  /** EXTINF 4.4.4.1 and the URI line; undefined for the open segment, which is the last one and lists parts only. */
  readonly media?: { readonly duration: Seconds; readonly uri: string };
  /** Length in EXT-X-BYTERANGE 4.4.4.2, from the start of the resource; undefined if the whole resource is meant. */
  readonly byteRange?: number;
}

export interface ListedPart {
  readonly uri: string;
  readonly duration: Seconds;
  /** INDEPENDENT=YES */
  readonly independent: boolean;
  /** GAP=YES */
  readonly gap: boolean;
}

export interface RenditionReport {
  readonly uri: string;
  readonly lastMediaSequence: number;
  /** Undefined for an I-frame playlist, which has no parts. */
  readonly lastPart: number | undefined;
}

/**
 * RFC 8216bis section 8: EXT-X-MAP needs version 5 in an I-frame playlist and 6 in others, EXT-X-SKIP needs 9; EXT-X-GAP and the
 * low-latency tags need none. So EXT-X-VERSION, which must not change (6.2.1), does not depend on what a playlist lists at the moment.
 */
export const LOWEST_VERSION = { media: 6, 'i-frames': 5, delta: 9 } as const;

/** Pure; LF line ends, ASCII only: every URI is one of our own file names. */
export function renderMediaPlaylist(playlist: MediaPlaylist): string {
  const earlier = playlist.earlier?.blocks.map((block) => block.toString('latin1')).join('') ?? '';
  return header(playlist) + earlier + renderSegments(playlist.segments, playlist.earlier?.map) + trailer(playlist);
}

/** The same as bytes. Text that was rendered earlier is copied as it is. */
export function encodeMediaPlaylist(playlist: MediaPlaylist): Buffer {
  if (playlist.earlier === undefined) return Buffer.from(renderMediaPlaylist(playlist), 'latin1');
  const { blocks, map } = playlist.earlier;
  const rest = renderSegments(playlist.segments, map) + trailer(playlist);
  return Buffer.concat([Buffer.from(header(playlist), 'latin1'), ...blocks, Buffer.from(rest, 'latin1')]);
}

function header(playlist: MediaPlaylist): string {
  const lines: string[] = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`];
  lines.push(`#EXT-X-TARGETDURATION:${playlist.targetDuration}`);
  if (playlist.playlistType !== undefined) lines.push(`#EXT-X-PLAYLIST-TYPE:${playlist.playlistType}`);
  if (playlist.iFramesOnly === true) lines.push('#EXT-X-I-FRAMES-ONLY');
  if (playlist.lowLatency !== undefined) {
    const { holdBack, partHoldBack, partTarget, canSkipUntil } = playlist.lowLatency;
    const skip = canSkipUntil === undefined ? '' : `CAN-SKIP-UNTIL=${decimal(canSkipUntil)},`;
    const holds = `PART-HOLD-BACK=${decimal(partHoldBack)},HOLD-BACK=${decimal(holdBack)}`;
    lines.push(`#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,${skip}${holds}`);
    if (playlist.iFramesOnly !== true) lines.push(`#EXT-X-PART-INF:PART-TARGET=${decimal(partTarget)}`);
  }
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`);
  lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);
  if (playlist.skippedSegments !== undefined) {
    lines.push(`#EXT-X-SKIP:SKIPPED-SEGMENTS=${playlist.skippedSegments}`);
  }
  return text(lines);
}

/**
 * Pure. Renders the lines of some segments.
 * @param mapBefore URI of the EXT-X-MAP in force before them in the playlist
 */
export function renderSegments(segments: readonly ListedSegment[], mapBefore?: string): string {
  const lines: string[] = [];
  let map = mapBefore;
  for (const segment of segments) {
    if (segment.discontinuity) lines.push('#EXT-X-DISCONTINUITY');
    if (segment.map !== map) lines.push(`#EXT-X-MAP:URI="${segment.map}"`);
    map = segment.map;
    lines.push(`#EXT-X-PROGRAM-DATE-TIME:${new Date(segment.programDateTime).toISOString()}`);
    for (const part of segment.parts) {
      const independent = part.independent ? ',INDEPENDENT=YES' : '';
      const gap = part.gap ? ',GAP=YES' : '';
      lines.push(`#EXT-X-PART:DURATION=${decimal(part.duration)},URI="${part.uri}"${independent}${gap}`);
    }
    if (segment.media === undefined) continue;
    if (segment.gap) lines.push('#EXT-X-GAP');
    lines.push(`#EXTINF:${segment.media.duration.toFixed(6)},`);
    if (segment.byteRange !== undefined) lines.push(`#EXT-X-BYTERANGE:${segment.byteRange}@0`);
    lines.push(segment.media.uri);
  }
  return text(lines);
}

function trailer(playlist: MediaPlaylist): string {
  const lines: string[] = [];
  if (playlist.preloadHint !== undefined) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.preloadHint}"`);
  for (const report of playlist.renditionReports ?? []) {
    const lastPart = report.lastPart === undefined ? '' : `,LAST-PART=${report.lastPart}`;
    lines.push(`#EXT-X-RENDITION-REPORT:URI="${report.uri}",LAST-MSN=${report.lastMediaSequence}${lastPart}`);
  }
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  return text(lines);
}

function text(lines: readonly string[]): string {
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** A decimal-floating-point number without trailing zeros; 10 µs is finer than any frame. */
function decimal(value: Seconds): string {
  return String(Number(value.toFixed(5)));
}
