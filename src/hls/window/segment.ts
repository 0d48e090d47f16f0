// What the live window holds: segments with their parts, and the media of each in memory once.
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../../protocols/units.js';
import type { PartBody } from '../packaging/part-body.js';

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
  /** EXT-X-PART:GAP=YES: its media will never come; it has no bytes. */
  readonly gap: boolean;
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
  /** Of each part; none for a gap. */
  readonly bodies: PartBody[];
  /** Bytes from its beginning to the end of its first sample; undefined unless that is a key frame. */
  keyFrameBytes: number | undefined;
}

/** Where media without a discontinuity, a hole or a change of init segment begins: for the life of it, also when that is not listed any more. */
export interface RunStart {
  readonly mediaSequence: number;
  /** Media time. */
  readonly start: Seconds;
}

export interface CompleteSegment extends Readonly<Omit<OpenSegment, 'parts' | 'bodies'>> {
  readonly uri: string;
  readonly duration: Seconds;
  readonly parts: readonly Part[];
  /** Nothing for a gap. */
  readonly media: SegmentMedia;
  /** Of the run that it belongs to. */
  readonly run: RunStart;
  /** Its media, or some of it, never came: EXT-X-GAP. */
  readonly gap: boolean;
}

/** Bytes from `start` up to `end`, which is not of them. */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * The media of a complete segment, in memory once: as the parts it was made of, until somebody asks for the segment as a
 * whole; from then on as one buffer, of which the parts are views (docs/decisions/0006).
 */
export class SegmentMedia {
  #parts: readonly PartBody[];
  #whole: Buffer | undefined;
  /** Where each part begins in the segment, once they are not in memory any more. */
  #released: readonly ByteSpan[] | undefined;
  /** Bytes. */
  readonly length: number;
  /** It is in the store as well. */
  isStored = false;

  /** @param parts in their order */
  constructor(parts: readonly PartBody[]) {
    this.#parts = parts;
    this.length = parts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Their concatenation is the segment. None when it has left memory. */
  get pieces(): readonly Buffer[] {
    return this.#parts.flatMap(({ pieces }) => pieces);
  }

  /** One buffer, the same at each call; undefined when it has left memory, and when there is none. */
  part(index: number): Buffer | undefined {
    return this.#parts[index]?.whole();
  }

  /** It is in the store only. */
  get isReleased(): boolean {
    return this.#released !== undefined;
  }

  /** Where in the segment this part lies; undefined while it is in memory, and when there is none. */
  storedPart(index: number): ByteSpan | undefined {
    return this.#released?.[index];
  }

  /** Out of memory: from now on it is read from the store. Does nothing while it is not there. */
  release(): void {
    if (!this.isStored || this.#released !== undefined) return;
    let at = 0;
    this.#released = this.#parts.map(({ length }) => {
      at += length;
      return { start: at - length, end: at };
    });
    this.#parts = [];
    this.#whole = undefined;
  }

  /** One buffer; the same at each call. Call only when it is in memory. */
  whole(): Buffer {
    if (this.#whole !== undefined) return this.#whole;
    const whole = Buffer.concat(this.pieces, this.length);
    let at = 0;
    for (const part of this.#parts) {
      part.moveTo(whole.subarray(at, at + part.length));
      at += part.length;
    }
    this.#whole = whole;
    return whole;
  }
}

/** Out of the playlist, still fetchable until then (monotonic clock). */
export interface RetiredSegment {
  readonly segment: CompleteSegment;
  readonly until: Milliseconds;
}

/** Of a rendition, beside each other. */
export const PLAYLIST = 'index.m3u8';
export const I_FRAMES = 'iframes.m3u8';

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
