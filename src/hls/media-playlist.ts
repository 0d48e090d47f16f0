// A media playlist as data, each field under the name of its tag, and its text as a pure function of that data.
import type { EpochMilliseconds, Seconds } from '../protocols/units.js';

/** RFC 8216bis section numbers beside each tag. */
export interface MediaPlaylist {
  /** EXT-X-VERSION 4.4.1.2: the lowest that covers what is used. */
  readonly version: number;
  /** EXT-X-INDEPENDENT-SEGMENTS 4.4.2.1 */
  readonly independentSegments: boolean;
  /** EXT-X-TARGETDURATION 4.4.3.1 */
  readonly targetDuration: Seconds;
  /** EXT-X-SERVER-CONTROL 4.4.3.8 and EXT-X-PART-INF 4.4.3.7; undefined in a plain playlist. */
  readonly lowLatency?: LowLatencyHeader;
  /** EXT-X-MEDIA-SEQUENCE 4.4.3.2 */
  readonly mediaSequence: number;
  /** EXT-X-DISCONTINUITY-SEQUENCE 4.4.3.3 */
  readonly discontinuitySequence: number;
  readonly segments: readonly ListedSegment[];
  /** EXT-X-PRELOAD-HINT:TYPE=PART 4.4.5.3, of the next part. */
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
}

export interface ListedSegment {
  /** EXT-X-DISCONTINUITY 4.4.4.3 */
  readonly discontinuity: boolean;
  /** URI of EXT-X-MAP 4.4.4.5; written where it differs from the segment before. */
  readonly map: string;
  /** EXT-X-PROGRAM-DATE-TIME 4.4.4.6 */
  readonly programDateTime: EpochMilliseconds;
  /** EXT-X-PART 4.4.4.9; empty when the tags were dropped. */
  readonly parts: readonly ListedPart[];
  /** EXT-X-GAP 4.4.4.7 */
  readonly gap: boolean;
  /** EXTINF 4.4.4.1 and the URI line; undefined for the segment still being made, which is the last and lists parts only. */
  readonly media?: { readonly duration: Seconds; readonly uri: string };
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
  /** Undefined for a plain playlist. */
  readonly lastPart: number | undefined;
}

/** EXT-X-MAP in a playlist that is not I-frames only needs 6, EXT-X-GAP needs 8 (RFC 8216bis section 8). */
export function lowestVersion(segments: readonly ListedSegment[]): number {
  return segments.some((segment) => segment.gap) ? 8 : 6;
}

/** Pure; LF line ends, ASCII only: every URI is one of our own file names. */
export function renderMediaPlaylist(playlist: MediaPlaylist): string {
  const lines: string[] = ['#EXTM3U', `#EXT-X-VERSION:${playlist.version}`];
  if (playlist.independentSegments) lines.push('#EXT-X-INDEPENDENT-SEGMENTS');
  lines.push(`#EXT-X-TARGETDURATION:${playlist.targetDuration}`);
  if (playlist.lowLatency !== undefined) {
    const { holdBack, partHoldBack, partTarget } = playlist.lowLatency;
    const holds = `PART-HOLD-BACK=${decimal(partHoldBack)},HOLD-BACK=${decimal(holdBack)}`;
    lines.push(`#EXT-X-SERVER-CONTROL:CAN-BLOCK-RELOAD=YES,${holds}`);
    lines.push(`#EXT-X-PART-INF:PART-TARGET=${decimal(partTarget)}`);
  }
  lines.push(`#EXT-X-MEDIA-SEQUENCE:${playlist.mediaSequence}`);
  lines.push(`#EXT-X-DISCONTINUITY-SEQUENCE:${playlist.discontinuitySequence}`);

  let map: string | undefined;
  for (const segment of playlist.segments) {
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
    lines.push(`#EXTINF:${segment.media.duration.toFixed(6)},`, segment.media.uri);
  }
  if (playlist.preloadHint !== undefined) lines.push(`#EXT-X-PRELOAD-HINT:TYPE=PART,URI="${playlist.preloadHint}"`);
  for (const report of playlist.renditionReports ?? []) {
    const lastPart = report.lastPart === undefined ? '' : `,LAST-PART=${report.lastPart}`;
    lines.push(`#EXT-X-RENDITION-REPORT:URI="${report.uri}",LAST-MSN=${report.lastMediaSequence}${lastPart}`);
  }
  if (playlist.ended) lines.push('#EXT-X-ENDLIST');
  return `${lines.join('\n')}\n`;
}

/** A decimal-floating-point without needless zeros: 10 µs are finer than any frame. */
function decimal(value: Seconds): string {
  return String(Number(value.toFixed(5)));
}
