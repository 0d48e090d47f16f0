// Puts a track's parts into segments numbered without a hole, whatever FFmpeg's runs leave out or deliver late.
import type { InitTrack } from '../protocols/mp4/init-segment.js';
import { type EpochMilliseconds, millisecondsToSeconds, type Seconds } from '../protocols/units.js';
import type { CutSchedule } from './cut-schedule.js';
import type { Generation } from './generations.js';
import type { MadePart } from './part-sink.js';
import {
  type CompleteSegment,
  type InitSegment,
  initUri,
  joinParts,
  type OpenSegment,
  partUri,
  segmentUri,
} from './segment.js';

export interface SegmenterOptions {
  readonly schedule: CutSchedule;
  readonly programDateTime: (mediaTime: Seconds) => EpochMilliseconds;
  /** Complete, or a gap; in the order of media sequence numbers. */
  readonly onSegment: (segment: CompleteSegment) => void;
}

/** A part boundary this far from a cut is at another time, not a rounding of the same. */
const SAME_TIME: Seconds = 0.1;

export class Segmenter {
  readonly #options: SegmenterOptions;
  #generation: Generation | undefined;
  #init: { readonly bytes: Buffer; readonly track: InitTrack } | undefined;
  /** `#init` as the newest segment names it. */
  #namedInit: InitSegment | undefined;
  #needsSync = true;
  #open: OpenSegment | undefined;
  #lastMediaSequence: number | undefined;
  #end: Seconds | undefined;

  constructor(options: SegmenterOptions) {
    this.#options = options;
  }

  /** Of the newest init segment. */
  get track(): InitTrack | undefined {
    return this.#init?.track;
  }

  /** The segment being made. */
  get open(): OpenSegment | undefined {
    return this.#open;
  }

  /** Of the newest complete segment or gap. */
  get lastMediaSequence(): number | undefined {
    return this.#lastMediaSequence;
  }

  /** Media time at which the media ends so far. */
  get end(): Seconds | undefined {
    return this.#open?.end ?? this.#end;
  }

  /** An FFmpeg run begins for this track. @param bytes kept as they are, with what they are a view of */
  setInit(bytes: Buffer, track: InitTrack): void {
    this.#init = { bytes, track };
    this.#needsSync = track.kind === 'video';
  }

  begin(generation: Generation): void {
    this.#generation = generation;
  }

  /** @returns false when the part has no place: before the run's beginning, or before a key frame */
  accept(part: MadePart): boolean {
    const generation = this.#generation;
    if (generation === undefined || this.#init === undefined || part.segmentIndex < generation.startIndex) return false;
    if (this.#needsSync && !part.independent) return false;
    this.#needsSync = false;
    const wanted = generation.firstMediaSequence + part.segmentIndex - generation.startIndex;
    // Media that comes for a segment already complete (a timestamp that stepped back) is not lost: it goes into the next.
    const earliest = this.#open?.mediaSequence ?? (this.#lastMediaSequence ?? -1) + 1;
    const mediaSequence = Math.max(wanted, earliest);
    if (this.#open !== undefined && mediaSequence > this.#open.mediaSequence) this.#close(true);
    if (this.#open === undefined) {
      this.#fillGaps(generation, mediaSequence);
      this.#open = this.#newSegment(generation, mediaSequence, part.start);
    }
    const open = this.#open;
    const uri = partUri(open.mediaSequence, open.parts.length);
    open.parts.push({ uri, duration: part.duration, independent: part.independent, body: part.bytes });
    open.end = part.start + part.duration;
    if (part.completes) this.#close(true);
    return true;
  }

  /**
   * The run is over. What is open ends here; a track that lags behind the others gets gaps up to `upTo`, so that the
   * next run begins at the same number everywhere.
   */
  finishGeneration(upTo: number): void {
    const generation = this.#generation;
    this.#generation = undefined;
    if (this.#open !== undefined) this.#close(this.#open.mediaSequence < upTo);
    if (generation !== undefined && this.#lastMediaSequence !== undefined) this.#fillGaps(generation, upTo + 1);
  }

  /** Nothing more will come. */
  finish(): void {
    this.#close(false);
  }

  /** @param byCut the schedule ended it; otherwise its media did, and it lasts as long as that */
  #close(byCut: boolean): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const cut = byCut ? this.#cutTime(open.index + 1) : undefined;
    // Where media is missing up to the cut, the next segment's date tells the truth, and EXTINF must agree with it.
    const end = cut !== undefined && Math.abs(cut - open.end) > SAME_TIME && cut > open.start ? cut : open.end;
    this.#add({ ...open, end }, joinParts(open.parts), false);
  }

  #fillGaps(generation: Generation, until: number): void {
    if (this.#lastMediaSequence === undefined) return;
    for (let mediaSequence = this.#lastMediaSequence + 1; mediaSequence < until; mediaSequence += 1) {
      const index = indexOf(generation, mediaSequence);
      const start = this.#cutTime(index) ?? this.end ?? 0;
      const end = this.#cutTime(index + 1) ?? start + (this.#options.schedule.targetDuration ?? 0);
      this.#add({ ...this.#newSegment(generation, mediaSequence, start), end }, Buffer.alloc(0), true);
    }
  }

  #newSegment(generation: Generation, mediaSequence: number, start: Seconds): OpenSegment {
    return {
      mediaSequence,
      index: indexOf(generation, mediaSequence),
      init: this.#initFor(mediaSequence),
      start,
      end: start,
      programDateTime: this.#options.programDateTime(start),
      discontinuity: generation.discontinuity && mediaSequence === generation.firstMediaSequence,
      discontinuityNumber: generation.discontinuityNumber,
      parts: [],
    };
  }

  #add(segment: OpenSegment, body: Buffer, gap: boolean): void {
    const { mediaSequence, start, end } = segment;
    this.#lastMediaSequence = mediaSequence;
    this.#end = end;
    this.#options.onSegment({ ...segment, uri: segmentUri(mediaSequence), duration: end - start, body, gap });
  }

  #initFor(mediaSequence: number): InitSegment {
    const current = this.#init;
    if (current === undefined) throw new TypeError('a segment before its init segment');
    if (this.#namedInit?.bytes !== current.bytes) this.#namedInit = { uri: initUri(mediaSequence), ...current };
    return this.#namedInit;
  }

  #cutTime(index: number): Seconds | undefined {
    const time = this.#options.schedule.timeOf(index);
    return time === undefined ? undefined : millisecondsToSeconds(time);
  }
}

/** Of the cut schedule. */
function indexOf(generation: Generation, mediaSequence: number): number {
  return generation.startIndex + mediaSequence - generation.firstMediaSequence;
}
