// The headers of answers below /hls/ and /dash/: the common ones, the content type, and how long caches may keep an answer.

import { assertNever } from '../../../protocols/errors.js';
import type { Seconds } from '../../../protocols/units.js';
import type { OriginAnswerKind } from '../dependencies.js';
import { CORS_HEADERS } from '../plugins/cors.js';
import { STRICT_HEADERS } from '../plugins/security-headers.js';

/** Headers of every answer; names and values alternate. Policies for pages do not apply to media, so `nosniff` is enough. */
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

/** Whether this is text that changes while its URL stays the same. */
export function isPlaylist(kind: OriginAnswerKind): boolean {
  return kind === 'multivariant' || kind === 'media-playlist' || kind === 'manifest';
}

export interface CacheQuestion {
  readonly status: number;
  /** What was requested, even if the answer is an error. */
  readonly kind: OriginAnswerKind;
  /** Whether the answer to this request will never change. */
  readonly isFinal: boolean;
  /** Undefined if nothing is published under that name: a stream may start at any moment. */
  readonly targetDuration: Seconds | undefined;
}

/** One year, because names of media files are never reused. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
const NO_STORE = 'no-store';

/**
 * Pure. The `Cache-Control` value, by RFC 8216bis appendix B.1. Lifetimes in target durations: 6 for a blocking playlist that was found (in
 * shared caches), 4
 * for its 404, 0.5 for other playlists (rounded down to whole seconds), 1 for a missing file. The 404 for a hinted part that never came is
 * also kept for 4, because that request never gets another answer. Nothing else is stored; neither is a missing multivariant playlist or
 * MPD, nor any answer for a missing stream, because that stream may be about to start.
 */
export function cacheControl({ status, kind, isFinal, targetDuration }: CacheQuestion): string {
  if (status === 200 || status === 206 || status === 304) return lifetimeOfSuccess(kind, isFinal, targetDuration ?? 0);
  if (status !== 404 || kind === 'multivariant' || kind === 'manifest' || targetDuration === undefined) return NO_STORE;
  return maxAge((isFinal ? 4 : 1) * targetDuration);
}

function lifetimeOfSuccess(kind: OriginAnswerKind, isFinal: boolean, targetDuration: Seconds): string {
  switch (kind) {
    case 'multivariant':
    case 'media-playlist':
    case 'manifest':
      return isFinal ? sharedAge(6 * targetDuration) : maxAge(0.5 * targetDuration);
    case 'init':
    case 'segment':
    case 'part':
      return IMMUTABLE;
    default:
      return assertNever(kind);
  }
}

function maxAge(seconds: Seconds): string {
  return `public, max-age=${Math.floor(seconds)}`;
}

/**
 * For caches that many viewers share. One viewer has no use for it, and video.js (VHS 3.17) asks again for a position that it has: its
 * browser gave it the old text until it expired.
 */
function sharedAge(seconds: Seconds): string {
  return `public, max-age=0, s-maxage=${Math.floor(seconds)}`;
}
