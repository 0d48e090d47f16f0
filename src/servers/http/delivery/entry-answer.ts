// Leads a viewer from an entry (the multivariant playlist or the MPD) to the path with its ticket. Everything below uses relative URIs, so
// the media playlists and media of a stream are the same bytes for all viewers.

import type { StreamName } from '../../../contracts/access.js';

/** URIs of a playlist: lines that are no tags, and the attribute URI (RFC 8216 section 4.2). */
const PLAYLIST_URI = /^(?!#)(?=\S)|(?<=[:,]URI=")/gm;

/** From `/hls/APP/NAME/index.m3u8`. */
export function ticketedPlaylist(text: string, ticket: string, { app, name }: StreamName): string {
  return text.replace(PLAYLIST_URI, `../../${ticket}/${app}/${name}/`);
}

/** The clock, relative to the MPD. */
const CLOCK = /^ *<UTCTiming [^>]*value="time"[^>]*\/>\n/m;

/** BaseURL of every Period: the stream below `/hls/`. */
const BASE_URL = /<BaseURL>((?:\.\.\/)+hls\/)/g;

/**
 * From `/dash/APP/NAME/manifest.mpd`, to which a player returns with its token for each version; with `isBelow`, from there below a ticket.
 * Without Location (ISO/IEC 23009-1 section 5.3.9.2): players differ in whether BaseURL is relative to it.
 */
export function ticketedManifest(text: string, ticket: string, { app, name }: StreamName, isBelow: boolean): string {
  // One directory deeper.
  const based = text.replace(BASE_URL, (_, up: string) => `<BaseURL>${isBelow ? '../' : ''}${up}${ticket}/`);
  if (isBelow) return based;
  return based.replace(CLOCK, (clock) => clock.replace('value="time"', `value="../../${ticket}/${app}/${name}/time"`));
}
