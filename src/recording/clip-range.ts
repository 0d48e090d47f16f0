// Finds the segments of a clip, the first of which begins with a key frame, and how much of the first and the last one is hidden.

import type { EpochMilliseconds, Seconds } from '../protocols/units.js';
import { recordingError } from './errors.js';

/** Seconds from the beginning, negative from the end; or a date. */
export type ClipPoint = number | Date;

export interface ClipRange {
  /** Numbers of the first and the last segment. */
  readonly first: number;
  readonly last: number;
  /** The requested time range, limited to existing media. */
  readonly from: EpochMilliseconds;
  readonly to: EpochMilliseconds;
  /** Seconds of the first segments that come before `from`. */
  readonly skip: Seconds;
  /** Seconds of the last segment that come after `to`. */
  readonly cut: Seconds;
}

/** A segment of the rendition that determines the range. */
export interface ClipSegment {
  readonly number: number;
  readonly duration: Seconds;
  readonly programDateTime: EpochMilliseconds;
  /** Whether it begins with a key frame. Always true for audio. */
  readonly isIndependent: boolean;
  readonly gap: boolean;
}

/** A point in the list: a segment, and seconds from its beginning. */
interface Place {
  readonly index: number;
  readonly offset: Seconds;
}

/** Shortest clip; anything shorter may be less than a picture. */
const SHORTEST: Seconds = 0.1;

/**
 * @param segments in order, without holes in their numbers
 * @param to undefined: until the end
 * @throws {SluiceError} `recording.clip` if nothing is left between the two points
 */
export function clipRange(segments: readonly ClipSegment[], from: ClipPoint, to: ClipPoint | undefined): ClipRange {
  const total = segments.reduce((sum, { duration }) => sum + duration, 0);
  const last = segments.at(-1);
  if (last === undefined) throw recordingError('recording.clip', 'there is no media for a clip yet');
  const start = placeOf(segments, from, total, 'next');
  const end =
    to === undefined ? { index: segments.length - 1, offset: last.duration } : placeOf(segments, to, total, 'before');
  const isAfter = end.index > start.index || (end.index === start.index && end.offset > start.offset);
  const length = isAfter ? secondsBetween(segments, start, end) : 0;
  if (length < SHORTEST) {
    const there = `${new Date(segments[0]?.programDateTime ?? 0).toISOString()} to ${dateAt(last, last.duration).toISOString()}`;
    throw recordingError('recording.clip', `got no time between from and to, expected a part of ${there}`);
  }
  const range = segments.slice(start.index, end.index + 1);
  if (range.every(({ gap }) => gap)) {
    throw recordingError('recording.clip', 'got a time without media, expected one that was recorded');
  }
  let first = start.index;
  while (first > 0 && !(segments[first]?.isIndependent ?? false)) first -= 1;
  const before = segments.slice(first, start.index).reduce((sum, { duration }) => sum + duration, 0);
  const [firstShown, lastShown] = [segments[start.index] ?? last, segments[end.index] ?? last];
  return {
    first: segments[first]?.number ?? last.number,
    last: lastShown.number,
    from: dateAt(firstShown, start.offset).getTime(),
    to: dateAt(lastShown, end.offset).getTime(),
    skip: before + start.offset,
    cut: Math.max(0, lastShown.duration - end.offset),
  };
}

function dateAt({ programDateTime }: ClipSegment, offset: Seconds): Date {
  return new Date(Math.round(programDateTime + offset * 1000));
}

function secondsBetween(segments: readonly ClipSegment[], start: Place, end: Place): Seconds {
  return (
    segments.slice(start.index, end.index).reduce((sum, { duration }) => sum + duration, 0) + end.offset - start.offset
  );
}

/** @param beyond what a date without media means: the end of the media before it, or the beginning of the media after it */
function placeOf(segments: readonly ClipSegment[], point: ClipPoint, total: Seconds, beyond: 'before' | 'next'): Place {
  if (point instanceof Date) return placeOfDate(segments, point.getTime(), beyond);
  let left = Math.min(total, Math.max(0, point < 0 ? total + point : point));
  for (const [index, { duration }] of segments.entries()) {
    // The end of one segment is the beginning of the next: a clip that ends there needs no more of it.
    if (left < duration || (beyond === 'before' && left === duration)) return { index, offset: left };
    left -= duration;
  }
  return endOf(segments);
}

function placeOfDate(segments: readonly ClipSegment[], date: EpochMilliseconds, beyond: 'before' | 'next'): Place {
  const next = segments.findIndex(({ programDateTime, duration }) => date < programDateTime + duration * 1000);
  const segment = segments[next];
  if (segment === undefined) return endOf(segments);
  const offset = (date - segment.programDateTime) / 1000;
  const isAtStart = beyond === 'before' && offset <= 0;
  const before = isAtStart ? segments[next - 1] : undefined;
  if (before !== undefined) return { index: next - 1, offset: before.duration };
  return { index: next, offset: Math.max(0, offset) };
}

function endOf(segments: readonly ClipSegment[]): Place {
  return { index: Math.max(0, segments.length - 1), offset: segments.at(-1)?.duration ?? 0 };
}
