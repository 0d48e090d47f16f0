// The content of the live window: segments with their parts, whose media is in memory only once.
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import type { EpochMilliseconds, Milliseconds, Seconds } from '../../protocols/units.js';
import type { PartBody } from '../packaging/part.js';

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
  /** EXT-X-PART:GAP=YES: its media will never come, and it has no bytes. */
  readonly gap: boolean;
}

/** A segment that is still being made. Playlists list only its parts. */
export interface OpenSegment {
  readonly mediaSequence: number;
  /** Index in the cut schedule. */
  readonly index: number;
  readonly init: InitSegment;
  /** Media time at which its first sample begins. */
  readonly start: Seconds;
  /** Media time at which its last part ends. */
  end: Seconds;
  readonly programDateTime: EpochMilliseconds;
  readonly discontinuity: boolean;
  /** Number of EXT-X-DISCONTINUITY tags up to and including this segment, since the stream began. */
  readonly discontinuityNumber: number;
  readonly parts: Part[];
  /** The body of each part; empty for a gap. */
  readonly bodies: PartBody[];
  /** Number of bytes up to the end of its first sample; undefined if that is not a key frame. */
  keyFrameBytes: number | undefined;
}

/**
 * Where a run begins: media without a discontinuity, a gap or a change of init segment. It stays the same after that segment has left the
 * playlist.
 */
export interface RunStart {
  readonly mediaSequence: number;
  /** Media time. */
  readonly start: Seconds;
}

export interface CompleteSegment extends Readonly<Omit<OpenSegment, 'parts' | 'bodies'>> {
  readonly uri: string;
  readonly duration: Seconds;
  readonly parts: readonly Part[];
  /** Empty for a gap. */
  readonly media: SegmentMedia;
  /** The start of the run that it belongs to. */
  readonly run: RunStart;
  /** Whether all or some of its media never came: EXT-X-GAP. */
  readonly gap: boolean;
}

/** Bytes from `start` to `end` (exclusive). */
export interface ByteSpan {
  readonly start: number;
  readonly end: number;
}

/**
 * The media of a complete segment, in memory only once: as parts until somebody requests the whole segment, then as one buffer, of which
 * the parts are views (docs/decisions/0006).
 */
export class SegmentMedia {
  #parts: readonly PartBody[];
  #whole: Buffer | undefined;
  /** Byte range of each part in the segment, after its media has left memory. */
  #released: readonly ByteSpan[] | undefined;
  /** Bytes. */
  readonly length: number;
  /** Whether it is in the store as well. */
  isStored = false;

  /** @param parts in order */
  constructor(parts: readonly PartBody[]) {
    this.#parts = parts;
    this.length = parts.reduce((sum, { length }) => sum + length, 0);
  }

  /** Their concatenation is the segment. Empty if it has left memory. */
  get pieces(): readonly Buffer[] {
    return this.#parts.flatMap(({ pieces }) => pieces);
  }

  /** One buffer, the same at each call; undefined if it has left memory or does not exist. */
  part(index: number): Buffer | undefined {
    return this.#parts[index]?.whole();
  }

  /** Whether its media is only in the store. */
  get isReleased(): boolean {
    return this.#released !== undefined;
  }

  /** Byte range of this part in the segment; undefined while it is in memory, or if it does not exist. */
  storedPart(index: number): ByteSpan | undefined {
    return this.#released?.[index];
  }

  /** Releases the memory; from now on the media is read from the store. Does nothing while it is not stored. */
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

  /** One buffer; the same at each call. Call only while it is in memory. */
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

/** A segment that has left the playlist, but is available until the given time (monotonic clock). */
export interface RetiredSegment {
  readonly segment: CompleteSegment;
  readonly until: Milliseconds;
}

/** File names in the directory of a rendition. */
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

/** Parses the file names that this program makes. Any other name gives undefined, so that no name from outside ever reaches a path. */
export function parseMediaFileName(name: string): MediaFileName | undefined {
  const segment = SEGMENT.exec(name);
  if (segment !== null) return { kind: 'segment', mediaSequence: Number(segment[1]) };
  const part = PART.exec(name);
  if (part !== null) return { kind: 'part', mediaSequence: Number(part[1]), index: Number(part[2]) };
  const init = INIT.exec(name);
  if (init !== null) return { kind: 'init', mediaSequence: Number(init[1]) };
  return undefined;
}
