// The headers with which objects are stored in the bucket. They equal those of the gateway's own answers (docs/cdn.md), because CDNs and players may
// read from the bucket.

import type { Seconds } from '../../protocols/units.js';

export interface ObjectHeaders {
  readonly contentType: string;
  readonly cacheControl: string;
}

/** One year: names of media files are never used twice. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

/** A finished playlist never changes, except if media is lost. */
const DAY: Seconds = 86_400;

export function mediaHeaders(name: string): ObjectHeaders {
  const contentType = name.startsWith('init-') ? 'video/mp4' : 'video/iso.segment';
  return { contentType, cacheControl: IMMUTABLE };
}

/** @param targetDuration of a playlist that may still change; undefined if it is final */
export function playlistHeaders(targetDuration: Seconds | undefined): ObjectHeaders {
  const age = targetDuration === undefined ? DAY : Math.floor(targetDuration / 2);
  return { contentType: 'application/vnd.apple.mpegurl', cacheControl: `public, max-age=${age}` };
}
