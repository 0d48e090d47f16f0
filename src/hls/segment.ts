// What the live window holds: segments with their parts, all media bytes of a complete segment in one buffer.
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../protocols/units.js';

export interface InitSegment {
  /** `init-{msn of the first segment that needs it}.mp4` */
  readonly uri: string;
  readonly bytes: Buffer;
  readonly track: InitTrack;
}

export interface Part {
  readonly uri: string;
  readonly duration: Seconds;
  readonly independent: boolean;
  /** A view of the segment's body once that is complete. */
  body: Buffer;
}

/** A segment being made: it is listed by its parts only. */
export interface OpenSegment {
  readonly mediaSequence: number;
  /** Of the cut schedule. */
  readonly index: number;
  readonly init: InitSegment;
  /** Media time of its first sample. */
  readonly start: Seconds;
  /** Media time of the end of its last part. */
  end: Seconds;
  readonly programDateTime: EpochMilliseconds;
  readonly discontinuity: boolean;
  /** EXT-X-DISCONTINUITY tags up to and with this segment since the stream began. */
  readonly discontinuityNumber: number;
  readonly parts: Part[];
}

export interface CompleteSegment extends Readonly<Omit<OpenSegment, 'parts' | 'end'>> {
  readonly uri: string;
  readonly duration: Seconds;
  readonly end: Seconds;
  readonly parts: readonly Part[];
  /** All parts; empty for a gap. */
  readonly body: Buffer;
  /** No media came for it: EXT-X-GAP. */
  readonly gap: boolean;
}

/** Out of the playlist, still fetchable until then (monotonic clock). */
export interface RetiredSegment {
  readonly segment: CompleteSegment;
  readonly until: Milliseconds;
}

export function segmentUri(mediaSequence: number): string {
  return `seg-${mediaSequence}.m4s`;
}

export function partUri(mediaSequence: number, index: number): string {
  return `part-${mediaSequence}.${index}.m4s`;
}

export function initUri(mediaSequence: number): string {
  return `init-${mediaSequence}.mp4`;
}

export type MediaFileName =
  | { readonly kind: 'init' | 'segment'; readonly mediaSequence: number }
  | { readonly kind: 'part'; readonly mediaSequence: number; readonly index: number };

const NUMBER = '(0|[1-9][0-9]{0,15})';
const INIT = new RegExp(`^init-${NUMBER}\\.mp4$`);
const SEGMENT = new RegExp(`^seg-${NUMBER}\\.m4s$`);
const PART = new RegExp(`^part-${NUMBER}\\.${NUMBER}\\.m4s$`);

/** Only the names this program makes; anything else is undefined, so no name from outside ever reaches a path. */
export function parseMediaFileName(name: string): MediaFileName | undefined {
  const segment = SEGMENT.exec(name);
  if (segment !== null) return { kind: 'segment', mediaSequence: Number(segment[1]) };
  const part = PART.exec(name);
  if (part !== null) return { kind: 'part', mediaSequence: Number(part[1]), index: Number(part[2]) };
  const init = INIT.exec(name);
  if (init !== null) return { kind: 'init', mediaSequence: Number(init[1]) };
  return undefined;
}

/** Joins the parts into one buffer and makes them views of it, so that the media is in memory once. */
export function joinParts(parts: readonly Part[]): Buffer {
  const body = Buffer.concat(parts.map((part) => part.body));
  let at = 0;
  for (const part of parts) {
    const end = at + part.body.length;
    part.body = body.subarray(at, end);
    at = end;
  }
  return body;
}
