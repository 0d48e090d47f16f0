// From the segments a rendition holds to the playlist that lists them: which tags they keep, and what the header says.
import type { Seconds } from '../protocols/units.js';
import { type ListedSegment, lowestVersion, type MediaPlaylist, type RenditionReport } from './media-playlist.js';
import type { CompleteSegment, OpenSegment } from './segment.js';

/** What listing needs of a segment: no media, so that it may as well come from an index of what is on disk. */
export type ListableSegment = Omit<CompleteSegment, 'init' | 'media'> & { readonly init: { readonly uri: string } };
export type ListableOpenSegment = Omit<OpenSegment, 'init' | 'bodies'> & { readonly init: { readonly uri: string } };

/** RFC 8216bis 4.4.4.9: parts further from the end than this many target durations lose their tags. */
const PARTS_LISTED = 3;

/** RFC 8216bis 4.4.3.8: HOLD-BACK in target durations, PART-HOLD-BACK in part targets. */
const HOLD_BACK = 3;

export interface Listing {
  readonly targetDuration: Seconds;
  readonly independentSegments: boolean;
  readonly complete: readonly ListableSegment[];
  readonly open: ListableOpenSegment | undefined;
  readonly ended: boolean;
}

export interface LowLatencyListing {
  readonly partTarget: Seconds;
  /** URI of the part that comes next. */
  readonly nextPart: string | undefined;
  readonly reports: readonly RenditionReport[];
}

/** Pure. What the HTTP server answers. */
export function lowLatencyPlaylist(listing: Listing, lowLatency: LowLatencyListing): MediaPlaylist {
  const { targetDuration, complete, open, ended } = listing;
  const { partTarget, nextPart, reports } = lowLatency;
  // Where segments are whole seconds, both sides are equal but for their rounding, and tags that went must not come back.
  const limit = PARTS_LISTED * targetDuration + 1e-4;
  // By what the playlist says they last: dates of segments may differ from that by a frame.
  let fromEnd = open === undefined ? 0 : open.end - open.start;
  const segments: ListedSegment[] = [];
  for (const segment of complete.toReversed()) {
    fromEnd += segment.duration;
    // All parts of a segment at once: players count them from the first one listed.
    segments.unshift(listed(segment, fromEnd <= limit));
  }
  if (open !== undefined) segments.push(listed(open, true));
  return {
    ...header(listing, segments),
    lowLatency: { partTarget, partHoldBack: HOLD_BACK * partTarget, holdBack: HOLD_BACK * targetDuration },
    segments,
    ...(ended || nextPart === undefined ? {} : { preloadHint: nextPart }),
    ...(ended ? {} : { renditionReports: reports }),
  };
}

/** Pure. What is written to disk, for any web server to hand out. */
export function plainPlaylist(listing: Listing): MediaPlaylist {
  const segments = listing.complete.map((segment) => listed(segment, false));
  return { ...header(listing, segments), segments };
}

function header(listing: Listing, segments: readonly ListedSegment[]): Omit<MediaPlaylist, 'segments'> {
  const first = listing.complete[0] ?? listing.open;
  return {
    version: lowestVersion(segments),
    independentSegments: listing.independentSegments,
    targetDuration: listing.targetDuration,
    mediaSequence: first?.mediaSequence ?? 0,
    // The tag of the first segment itself has not been removed yet.
    discontinuitySequence: (first?.discontinuityNumber ?? 0) - (first?.discontinuity === true ? 1 : 0),
    ended: listing.ended,
  };
}

function listed(segment: ListableOpenSegment | ListableSegment, withParts: boolean): ListedSegment {
  return {
    discontinuity: segment.discontinuity,
    map: segment.init.uri,
    programDateTime: segment.programDateTime,
    parts: withParts ? segment.parts : [],
    gap: 'gap' in segment && segment.gap,
    ...('uri' in segment ? { media: { duration: segment.duration, uri: segment.uri } } : {}),
  };
}
