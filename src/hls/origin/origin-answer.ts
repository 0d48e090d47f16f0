// All answers of the origin, with their status and cache properties.
import type { StoredBody } from '../../contracts/stored-body.js';
import type { SluiceError } from '../../protocols/errors.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import { hlsError } from '../errors.js';
import type { Presentation } from '../presentation.js';
import type { LeftStream } from '../store/left-stream.js';
import type { WaitOutcome } from '../window/blocking-reload.js';
import { parseMediaFileName } from '../window/segment.js';

/** A blocking request ends after this many target durations (RFC 8216bis 6.2.5.2). */
const BLOCKING_LIMIT = 3;

type MediaKind = 'init' | 'segment' | 'part';

export interface FoundAnswer {
  readonly status: 200;
  readonly kind: 'multivariant' | 'media-playlist' | MediaKind;
  readonly stored?: undefined;
  /** The same Buffer for all viewers of one version: compare by identity to cache an ETag or a compressed form. */
  readonly body: Buffer;
  /**
   * Whether the answer at this address will never change: it is a hinted part that was waited for, or the first version of a playlist that
   * contains what a delivery directive asked for. RFC 8216bis B.1 allows caching such an answer longer.
   */
  readonly isFinal: boolean;
  /** TARGETDURATION, for Cache-Control. */
  readonly targetDuration: Seconds;
}

/** Like `FoundAnswer`, for media on disk that is too large to be read into memory before it is sent. */
export interface StoredAnswer extends Omit<FoundAnswer, 'kind' | 'body' | 'stored'> {
  readonly kind: MediaKind;
  readonly stored: StoredBody;
  readonly body?: undefined;
}

export interface RefusedAnswer {
  readonly status: 400 | 404 | 503;
  readonly error: SluiceError;
  /** The request had a delivery directive, or waited for a hinted part that never came. */
  readonly isFinal: boolean;
  /** Undefined if the stream is unknown (so far): such an answer must not be cached. */
  readonly targetDuration: Seconds | undefined;
}

export type OriginAnswer = FoundAnswer | StoredAnswer | RefusedAnswer;

export function blockingLimit(presentation: Presentation): Milliseconds {
  return secondsToMilliseconds(BLOCKING_LIMIT * (presentation.targetDuration ?? 0));
}

/**
 * How long playlists and media are kept after the end of a stream: a player that loaded a playlist at the last moment still has the
 * duration of that playlist to load the media (RFC 8216bis 6.2.1).
 */
export function expiryTimes({
  windowDuration,
  targetDuration = 0,
}: Pick<Presentation, 'windowDuration' | 'targetDuration'>): {
  readonly unlist: Milliseconds;
  readonly remove: Milliseconds;
} {
  const unlist = windowDuration + BLOCKING_LIMIT * targetDuration;
  return { unlist: secondsToMilliseconds(unlist), remove: secondsToMilliseconds(unlist + windowDuration) };
}

export function found(
  kind: FoundAnswer['kind'],
  body: Buffer,
  isFinal: boolean,
  presentation: Presentation,
): FoundAnswer {
  return { status: 200, kind, body, isFinal, targetDuration: presentation.targetDuration ?? 0 };
}

export function foundInStore(
  kind: MediaKind,
  body: Buffer | StoredBody,
  targetDuration: Seconds = 0,
): FoundAnswer | StoredAnswer {
  const answer = { status: 200, kind, isFinal: false, targetDuration } as const;
  return Buffer.isBuffer(body) ? { ...answer, body } : { ...answer, stored: body };
}

export function refused(
  status: RefusedAnswer['status'],
  error: SluiceError,
  isFinal: boolean,
  presentation: Presentation | undefined,
): RefusedAnswer {
  return { status, error, isFinal, targetDuration: presentation?.targetDuration };
}

// None of these texts repeats the request: people sometimes enter a stream key as the name, and the text is shown in players and kept in
// caches.

export function noStream(): RefusedAnswer {
  return refused(404, hlsError('hls.no-such-stream', 'no such stream is live'), false, undefined);
}

export function noRendition(presentation: Presentation): RefusedAnswer {
  const error = hlsError('hls.no-such-rendition', 'the stream has no such rendition');
  return refused(404, error, false, presentation);
}

export function noFile(isFinal: boolean, presentation: Presentation | undefined): RefusedAnswer {
  return refused(404, hlsError('hls.no-such-file', 'the stream has no such file'), isFinal, presentation);
}

export function notPlayable(outcome: WaitOutcome): RefusedAnswer {
  if (outcome === 'refused' || outcome === 'abandoned') return notReady(outcome, undefined);
  const error = hlsError('hls.not-playable-yet', 'the stream has no complete segment');
  return refused(404, error, false, undefined);
}

/** The publisher of a stream that an earlier process left open may still come: clients should ask again. */
export function publisherAwaited(): RefusedAnswer {
  return refused(503, hlsError('hls.publisher-awaited', 'the stream waits for its publisher'), true, undefined);
}

/** A playlist, with ENDLIST, of a stream whose publisher did not come back; the multivariant playlist if no rendition is given. */
export function leftPlaylist(left: LeftStream, rendition?: string, file?: string): OriginAnswer {
  const body = left.playlist(rendition, file);
  const { targetDuration } = left;
  if (body === undefined) return noFile(false, undefined);
  return {
    status: 200,
    kind: rendition === undefined ? 'multivariant' : 'media-playlist',
    body,
    isFinal: false,
    targetDuration,
  };
}

/** Media that an earlier process made; undefined if there is none. Never rejects. */
export async function leftFile(
  left: LeftStream | undefined,
  rendition: string,
  file: string,
): Promise<OriginAnswer | undefined> {
  const kind = parseMediaFileName(file)?.kind;
  if (left === undefined || kind === undefined) return undefined;
  try {
    const body = await left.read(rendition, file);
    return body && foundInStore(kind, body, left.targetDuration);
  } catch (cause) {
    const error = hlsError('hls.store-read', 'a segment could not be read from disk', { cause });
    return refused(503, error, false, undefined);
  }
}

export function notReady(
  outcome: Exclude<WaitOutcome, 'ready'>,
  presentation: Presentation | undefined,
): RefusedAnswer {
  switch (outcome) {
    case 'timeout': {
      const waited = BLOCKING_LIMIT * (presentation?.targetDuration ?? 0);
      return refused(503, hlsError('hls.reload-timeout', `nothing new in ${waited} s`), true, presentation);
    }
    case 'abandoned':
      return refused(503, hlsError('hls.reload-abandoned', 'the client went away'), true, presentation);
    case 'refused':
      return refused(503, hlsError('hls.too-many-waiting', 'too many requests wait'), true, presentation);
  }
}
