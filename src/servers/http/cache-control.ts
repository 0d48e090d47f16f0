// How long a shared cache may keep each answer, in one pure function, because one wrong figure stops a stream behind a CDN.

import { assertNever } from '../../protocols/errors.js';
import type { Seconds } from '../../protocols/units.js';
import type { OriginAnswerKind } from './dependencies.js';

export interface CacheQuestion {
  readonly status: number;
  /** What was asked for; for a failure, what would have been answered. */
  readonly kind: OriginAnswerKind;
  /** The request named delivery directives, and the answer is the only one that it can ever have. */
  readonly blocking: boolean;
  /** Undefined when nothing is published under that name: a stream may start at any moment. */
  readonly targetDuration: Seconds | undefined;
}

/** Names of media files are never used twice, so a year is safe. */
const IMMUTABLE = 'public, max-age=31536000, immutable';
const NO_STORE = 'no-store';

/**
 * The `Cache-Control` value, after RFC 8216bis appendix B.1: a successful blocking playlist 6 x TARGETDURATION, its 404
 * 4 x, a plain playlist half of one (rounded down to whole seconds), a missing file 1 x, anything else not at all.
 * The 404 of a hinted part that was waited for and never came counts as the first kind of 404: nothing else is ever sent for it.
 * A missing multivariant playlist or MPD is not stored, nor is anything of a stream that is not there: it may be about to start.
 */
export function cacheControl({ status, kind, blocking, targetDuration }: CacheQuestion): string {
  if (status === 200 || status === 206 || status === 304) return lifetimeOfSuccess(kind, blocking, targetDuration ?? 0);
  if (status !== 404 || kind === 'multivariant' || kind === 'manifest' || targetDuration === undefined) return NO_STORE;
  return maxAge((blocking ? 4 : 1) * targetDuration);
}

function lifetimeOfSuccess(kind: OriginAnswerKind, blocking: boolean, targetDuration: Seconds): string {
  switch (kind) {
    case 'multivariant':
    case 'media-playlist':
    case 'manifest':
      return maxAge((blocking ? 6 : 0.5) * targetDuration);
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
