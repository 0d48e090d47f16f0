// The headers that every answer below /hls/ has, as one list, so that the fast way and the router's way cannot differ.

import { assertNever } from '../../../protocols/errors.js';
import type { OriginAnswerKind } from '../dependencies.js';
import { CORS_HEADERS } from '../plugins/cors.js';
import { STRICT_HEADERS } from '../plugins/security-headers.js';

/** Flat names and values. Policies for pages say nothing about media; that it is none is what counts. */
export const MEDIA_HEADERS: readonly string[] = Object.entries({
  'x-content-type-options': STRICT_HEADERS['x-content-type-options'],
  ...CORS_HEADERS,
}).flat();

/** RFC 8216 section 4 for playlists, ISO/IEC 23000-19 and RFC 9317 practice for CMAF. */
export function contentType(kind: OriginAnswerKind): string {
  switch (kind) {
    case 'multivariant':
    case 'media-playlist':
      return 'application/vnd.apple.mpegurl';
    case 'manifest':
      return 'application/dash+xml';
    case 'init':
      return 'video/mp4';
    case 'segment':
    case 'part':
      return 'video/iso.segment';
    default:
      return assertNever(kind);
  }
}

/** Text that changes while its URL stays. */
export function isPlaylist(kind: OriginAnswerKind): boolean {
  return kind === 'multivariant' || kind === 'media-playlist' || kind === 'manifest';
}
