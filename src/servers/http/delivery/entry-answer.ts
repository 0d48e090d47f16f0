// Leads a viewer from an entry (the multivariant playlist or the MPD) to the path with its ticket. All URIs below are relative, so the
// media playlists and media of a stream are the same bytes for all viewers.

import type { StreamName } from '../../../contracts/access.js';
import type { OriginAnswerKind } from '../dependencies.js';
import type { Exchange } from './exchange.js';
import { cappedManifest, cappedPlaylist } from './picture-cap.js';
import { ticketOf } from './target.js';

/** URIs in a playlist: lines that are not tags, and values of the attribute URI (RFC 8216 section 4.2). */
const PLAYLIST_URI = /^(?!#)(?=\S)|(?<=[:,]URI=")/gm;

/** For the playlist at `/hls/APP/NAME/index.m3u8`. */
export function ticketedPlaylist(text: string, ticket: string, { app, name }: StreamName): string {
  return text.replace(PLAYLIST_URI, `../../${ticket}/${app}/${name}/`);
}

/** For the playlist of a recording at `/vod/ID/index.m3u8`. */
export function ticketedRecording(text: string, ticket: string, id: string): string {
  return text.replace(PLAYLIST_URI, `../${ticket}/${id}/`);
}

/** The clock, as a URI relative to the MPD. */
const CLOCK = /^ *<UTCTiming [^>]*value="time"[^>]*\/>\n/m;

/** BaseURL of each Period: the path of the stream below `/hls/`. */
const BASE_URL = /<BaseURL>((?:\.\.\/)+hls\/)/g;

/**
 * For the MPD at `/dash/APP/NAME/manifest.mpd`, to which a player returns with its token for each version; with `isBelow`, for the MPD
 * below a ticket. It has no Location (ISO/IEC 23009-1 section 5.3.9.2), because players differ in whether BaseURL is relative to it.
 */
export function ticketedManifest(text: string, ticket: string, { app, name }: StreamName, isBelow: boolean): string {
  // Below a ticket, the MPD is one directory deeper.
  const based = text.replace(BASE_URL, (_, up: string) => `<BaseURL>${isBelow ? '../' : ''}${up}${ticket}/`);
  if (isBelow) return based;
  return based.replace(CLOCK, (clock) => clock.replace('value="time"', `value="../../${ticket}/${app}/${name}/time"`));
}

/** The multivariant playlist or MPD for one viewer, of the one that is for all. */
export function entryText(
  kind: OriginAnswerKind,
  text: string,
  { request, ticket, maxHeight }: Pick<Exchange, 'request' | 'ticket' | 'maxHeight'>,
  stream: StreamName,
): string {
  const isManifest = kind === 'manifest';
  const cap = isManifest ? cappedManifest : cappedPlaylist;
  const allowed = maxHeight === undefined ? text : cap(text, maxHeight);
  if (ticket === undefined) return allowed;
  if (!isManifest) return ticketedPlaylist(allowed, ticket, stream);
  return ticketedManifest(allowed, ticket, stream, ticketOf(request) !== undefined);
}
