// Lists the segments of a rendition as playlists: which tags they keep, and what the header says.
import type { Seconds } from '../../protocols/units.js';
import {
  type ListedSegment,
  LOWEST_VERSION,
  type MediaPlaylist,
  type RenderedSegments,
  type RenditionReport,
} from '../playlists/media-playlist.js';
import type { CompleteSegment, OpenSegment } from './segment.js';

/** The properties of a segment that a playlist needs. It has no media, so that it may also come from the index of segments on disk. */
export type ListableSegment = Omit<CompleteSegment, 'init' | 'media'> & { readonly init: { readonly uri: string } };
export type ListableOpenSegment = Omit<OpenSegment, 'init' | 'bodies'> & { readonly init: { readonly uri: string } };

/** RFC 8216bis 4.4.4.9: segments further than this many target durations from the end are listed without their parts. */
const PARTS_LISTED = 3;

/** RFC 8216bis 4.4.3.8: HOLD-BACK in target durations, PART-HOLD-BACK in part targets. */
const HOLD_BACK = 3;

/** RFC 8216bis 4.4.3.8: the Skip Boundary in target durations. */
const SKIP_BOUNDARY = 6;

/** The segments before those in `complete`. There may be so many that they must not be visited one by one. */
export interface EarlierSegments {
  readonly first: ListableSegment;
  readonly count: number;
  /** From the newest to the oldest. */
  newestFirst(): Iterable<ListableSegment>;
  /** Their playlist lines, rendered once, as `listedAlone` or `listedIFrame` gives them. */
  rendered(kind: 'media' | 'i-frames'): RenderedSegments;
}

export interface Listing {
  readonly targetDuration: Seconds;
  readonly event: boolean;
  readonly earlier: EarlierSegments | undefined;
  readonly complete: readonly ListableSegment[];
  readonly open: ListableOpenSegment | undefined;
  /** Media sequence number of the first segment with part tags: at least `firstWithParts`, and never decreasing. */
  readonly partsFrom: number;
  /** Media sequence number of the first segment after those with part tags. */
  readonly partsUntil: number;
  readonly ended: boolean;
}

/**
 * Pure. The first segment that may still list its parts. The end of a playlist may move back by a fraction of a frame, if a segment turns
 * out shorter than the expected duration of its last frame. Part tags that were removed must not return then.
 */
export function firstWithParts({ targetDuration, complete, open }: Omit<Listing, 'partsFrom' | 'partsUntil'>): number {
  // Counts durations as listed, because the dates of segments may differ from them by a frame.
  const limit = PARTS_LISTED * targetDuration + 1e-4;
  let fromEnd = open === undefined ? 0 : open.end - open.start;
  let first: Pick<ListableSegment, 'mediaSequence'> | undefined = open;
  for (const segment of complete.toReversed()) {
    fromEnd += segment.duration;
    if (fromEnd > limit) break;
    first = segment;
  }
  return first?.mediaSequence ?? 0;
}

export interface LowLatencyListing {
  readonly partTarget: Seconds;
  /** Whether delta updates are advertised. */
  readonly skips: boolean;
  /** URI of the next part. */
  readonly nextPart: string | undefined;
  readonly reports: readonly RenditionReport[];
}

/** Pure. The playlist that the HTTP server answers with. */
export function lowLatencyPlaylist(listing: Listing, lowLatency: LowLatencyListing): MediaPlaylist {
  return {
    ...header(listing),
    ...around(listing, lowLatency),
    ...(listing.earlier && { earlier: listing.earlier.rendered('media') }),
    segments: listedWithParts(listing, listing.complete),
  };
}

/**
 * Pure. RFC 8216bis 6.2.5.1: the same playlist without the segments beyond the Skip Boundary.
 * @returns undefined if there are none, if delta updates are not advertised, or after the end, when the directive must be ignored
 */
export function deltaPlaylist(listing: Listing, lowLatency: LowLatencyListing): MediaPlaylist | undefined {
  const unskipped = unskippedSegments(listing, lowLatency);
  return (
    unskipped && {
      ...header(listing),
      ...around(listing, lowLatency),
      ...skipping(listing, unskipped),
      // The first unskipped segment is listed with its EXT-X-MAP, like the first segment of any playlist.
      segments: listedWithParts(listing, unskipped),
    }
  );
}

/** Pure. The playlist that is written to disk, for any web server to serve. */
export function plainPlaylist(listing: Listing): MediaPlaylist {
  return {
    ...header(listing),
    ...(listing.earlier && { earlier: listing.earlier.rendered('media') }),
    segments: listing.complete.map((segment) => listed(segment, false)),
  };
}

/**
 * Pure. Lists the key frames at the start of segments, one per segment, with the sequence numbers of the segments.
 * @param lowLatency what all playlists of a presentation must announce alike (6.2.4); undefined for the playlist on disk
 */
export function iFramePlaylist(listing: Listing, lowLatency?: LowLatencyListing): MediaPlaylist {
  return {
    ...header(listing),
    ...(lowLatency && withoutHint(around(listing, lowLatency))),
    ...I_FRAMES_ONLY,
    ...(listing.earlier && { earlier: listing.earlier.rendered('i-frames') }),
    segments: listing.complete.map(listedIFrame),
  };
}

/** Pure. Like `deltaPlaylist`. */
export function iFrameDeltaPlaylist(listing: Listing, lowLatency: LowLatencyListing): MediaPlaylist | undefined {
  const unskipped = unskippedSegments(listing, lowLatency);
  return (
    unskipped && {
      ...header(listing),
      ...withoutHint(around(listing, lowLatency)),
      ...I_FRAMES_ONLY,
      ...skipping(listing, unskipped),
      segments: unskipped.map(listedIFrame),
    }
  );
}

const I_FRAMES_ONLY = { iFramesOnly: true, version: LOWEST_VERSION['i-frames'] } as const;

/** Pure. A segment as it is listed when it no longer changes. */
export function listedAlone(segment: ListableSegment): ListedSegment {
  return listed(segment, false);
}

/** Pure. Players of I-frames load the range of a fragment up to the end of its first sample (4.4.3.6). */
export function listedIFrame(segment: ListableSegment): ListedSegment {
  const plain = listed(segment, false);
  if (plain.gap || segment.keyFrameBytes === undefined) return { ...plain, gap: true };
  return { ...plain, byteRange: segment.keyFrameBytes };
}

/** The segments listed in a delta update; undefined if there is nothing to skip, or delta updates are not possible. */
function unskippedSegments(listing: Listing, { skips }: LowLatencyListing): ListableSegment[] | undefined {
  if (!skips || listing.ended) return undefined;
  const unskipped = newest(listing, SKIP_BOUNDARY * listing.targetDuration);
  return unskipped.length === 0 || unskipped.length === countOf(listing) ? undefined : unskipped;
}

function skipping(
  listing: Listing,
  unskipped: readonly ListableSegment[],
): Pick<MediaPlaylist, 'version' | 'skippedSegments'> {
  return { version: LOWEST_VERSION.delta, skippedSegments: countOf(listing) - unskipped.length };
}

function countOf({ earlier, complete }: Listing): number {
  return (earlier?.count ?? 0) + complete.length;
}

/** The last complete segments that together last at least this long, in order. */
function newest({ earlier, complete }: Listing, least: Seconds): ListableSegment[] {
  const found: ListableSegment[] = [];
  let total = 0;
  const take = (segments: Iterable<ListableSegment>): void => {
    for (const segment of segments) {
      // A segment that ends exactly at the boundary is skipped, despite rounding.
      if (total >= least - 1e-6) return;
      found.push(segment);
      total += segment.duration;
    }
  };
  take([...complete].reverse());
  if (earlier !== undefined) take(earlier.newestFirst());
  return found.reverse();
}

type Around = Pick<MediaPlaylist, 'lowLatency' | 'preloadHint' | 'renditionReports'>;

/** I-frame playlists have no parts to hint at. */
function withoutHint({ lowLatency, renditionReports }: Around): Around {
  return { ...(lowLatency && { lowLatency }), ...(renditionReports && { renditionReports }) };
}

/** Header and trailer of playlists that support delivery directives. */
function around(
  { targetDuration, ended }: Listing,
  { partTarget, skips, nextPart, reports }: LowLatencyListing,
): Around {
  return {
    lowLatency: {
      partTarget,
      partHoldBack: HOLD_BACK * partTarget,
      holdBack: HOLD_BACK * targetDuration,
      ...(skips && { canSkipUntil: SKIP_BOUNDARY * targetDuration }),
    },
    ...(ended || nextPart === undefined ? {} : { preloadHint: nextPart }),
    ...(ended ? {} : { renditionReports: reports }),
  };
}

/** A segment lists all its parts or none, because players count parts from the first. */
function listedWithParts(listing: Listing, complete: readonly ListableSegment[]): ListedSegment[] {
  const { open, partsFrom, partsUntil } = listing;
  const segments = complete.map((segment) =>
    listed(segment, segment.mediaSequence >= partsFrom && segment.mediaSequence < partsUntil),
  );
  if (open !== undefined) segments.push(listed(open, true));
  return segments;
}

function header(listing: Listing): Omit<MediaPlaylist, 'segments'> {
  const first = listing.earlier?.first ?? listing.complete[0] ?? listing.open;
  return {
    version: LOWEST_VERSION.media,
    targetDuration: listing.targetDuration,
    ...(listing.event && { playlistType: 'EVENT' }),
    mediaSequence: first?.mediaSequence ?? 0,
    // The tag of the first segment itself is still listed, so it does not count as removed.
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
