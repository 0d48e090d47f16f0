// Puts a track's parts into segments with continuous numbers, even if its encoder omits media or delivers it late.
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import { type EpochMilliseconds, millisecondsToSeconds, type Seconds } from '../../protocols/units.js';
import type { MadePart } from '../packaging/part.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import type { StreamPeriod, StreamPeriods } from '../timeline/stream-periods.js';
import {
  type CompleteSegment,
  type InitSegment,
  initUri,
  type OpenSegment,
  partUri,
  type RunStart,
  SegmentMedia,
  segmentUri,
} from './segment.js';

export interface SegmenterOptions {
  readonly schedule: CutSchedule;
  readonly periods: StreamPeriods;
  /** Media sequence number of segment 0 of the cut schedule. */
  readonly firstMediaSequence: number;
  readonly partTarget: Seconds;
  readonly programDateTime: (mediaTime: Seconds) => EpochMilliseconds;
  /** Called with a complete segment or a gap, in the order of media sequence numbers. */
  readonly onSegment: (segment: CompleteSegment) => void;
}

/** If the end of a part is further than this from a cut, it is at a different time and not a rounding error. */
const SAME_TIME: Seconds = 0.1;

/** If media ends less than this before a cut, or before the next media, no frame is missing. */
const NOTHING_MISSING: Seconds = 0.02;

export class Segmenter {
  readonly #options: SegmenterOptions;
  #init: { readonly bytes: Buffer; readonly track: InitTrack } | undefined;
  /** `#init` under the name that the newest segment uses. */
  #namedInit: InitSegment | undefined;
  #needsSync = true;
  /** Parts of earlier segments are rejected: they are from another encoder, or were given up. */
  #from = 0;
  #open: OpenSegment | undefined;
  /** Some of its bodies are views of larger buffers. */
  #openIsShared = false;
  #openContinues = false;
  /** The encoder of `#open` died: the rest of it will not come. */
  #openIsBroken = false;
  /** The next media is from another encoder: it must start where the media of the one that died ended, or where a segment begins. */
  #takesOver = false;
  #lastIndex: number | undefined;
  #end: Seconds | undefined;
  /** Run of the newest complete segment or gap. */
  #run: { readonly period: StreamPeriod | undefined; readonly state: string; readonly start: RunStart } | undefined;

  constructor(options: SegmenterOptions) {
    this.#options = options;
  }

  /** The init segment for new segments. */
  get init(): { readonly bytes: Buffer; readonly track: InitTrack } | undefined {
    return this.#init;
  }

  /** The segment being made. */
  get open(): OpenSegment | undefined {
    return this.#open;
  }

  /** Whether more of `open` is known to come. */
  get openContinues(): boolean {
    return this.#openContinues;
  }

  /** Index in the cut schedule of the newest complete segment or gap. */
  get lastIndex(): number | undefined {
    return this.#lastIndex;
  }

  /** Media sequence number of the newest complete segment or gap. */
  get lastMediaSequence(): number | undefined {
    return this.#lastIndex === undefined ? undefined : this.#mediaSequence(this.#lastIndex);
  }

  /** Media time at which the media (or the last gap) ends so far. */
  get end(): Seconds | undefined {
    return this.#open?.end ?? this.#end;
  }

  get needsSync(): boolean {
    return this.#needsSync;
  }

  /** Applies from the next segment on. @param bytes kept as they are, together with the buffer they are a view of */
  setInit(bytes: Buffer, track: InitTrack): void {
    this.#init = { bytes, track };
  }

  /** Rejects media before segment `index`, which must begin with a key frame. */
  resumeAt(index: number): void {
    this.#from = Math.max(this.#from, index);
    this.#needsSync = true;
    this.#takesOver = false;
  }

  /**
   * The encoder died, and the media of its successor begins at `from`. If that is not after the end of the existing media, it continues
   * there; otherwise the open segment stays without its end, and the successor starts at the beginning of a segment.
   */
  interrupt(from: Seconds): void {
    const { end } = this;
    if (end === undefined || from > end + NOTHING_MISSING) {
      if (this.#open !== undefined) this.#openIsBroken = true;
      this.resumeAt((this.#open?.index ?? this.#lastIndex ?? -1) + 1);
    }
    this.#needsSync = true;
    this.#takesOver = end !== undefined;
  }

  /** Ends the segment that `interrupt` left open, as soon as its end is known. */
  closeInterrupted(): void {
    if (this.#openIsBroken && this.#open !== undefined && this.#endTime(this.#open.index) !== undefined) this.#close();
  }

  /** @returns false if the part cannot be used: it is before the period or before a key frame, or it comes too late */
  accept(part: MadePart): boolean {
    const index = part.segmentIndex;
    if (this.#init === undefined || this.#options.periods.at(index) === undefined) return false;
    if (index < this.#from || index < (this.#open?.index ?? (this.#lastIndex ?? -1) + 1)) return false;
    const { schedule } = this.#options;
    const comesAfterPause = index !== this.#open?.index && schedule.beginsInPause(index);
    if ((this.#needsSync || comesAfterPause) && !part.independent) return false;
    if (this.#takesOver && !this.#canTakeOver(part)) return false;
    if (this.#open !== undefined && index > this.#open.index) this.#close();
    if (this.#open === undefined) {
      this.#fillGaps(index);
      this.#open = this.#newSegment(index, this.#startsAtPart(part) ? part.start : this.#missingFrom(part));
    }
    this.#needsSync = false;
    this.#takesOver = false;
    const open = this.#open;
    if (open.parts.length === 0) open.keyFrameBytes = part.keyFrameBytes;
    const uri = partUri(open.mediaSequence, open.parts.length);
    open.parts.push({ uri, duration: part.duration, independent: part.independent, gap: false });
    open.bodies.push(part.body);
    this.#openIsShared ||= part.shared;
    this.#openContinues = part.continues === true;
    open.end = part.end;
    if (part.completes) this.#close();
    return true;
  }

  /** No more media comes for segments up to and including `index`; a segment without any media is not closed by this. */
  complete(index: number): void {
    if (this.#open !== undefined && this.#open.index <= index) this.#close();
  }

  /**
   * The other renditions are far ahead: segments up to and including `index` are listed with what there is, or as gaps.
   * @param lost media missing in an open segment is due to an encoder's failure, not to a pause of the publisher
   */
  giveUp(index: number, lost: boolean): void {
    if (this.#lastIndex === undefined && this.#open === undefined) return;
    if (this.#open !== undefined && this.#open.index <= index) {
      this.#close(lost);
      this.#needsSync = true;
    }
    this.#fillGaps(index + 1);
  }

  /** Discards the open segment if it is `index`. @returns the number of discarded parts */
  forget(index: number): number {
    const open = this.#open;
    if (open?.index !== index) return 0;
    this.#open = undefined;
    this.#openIsShared = false;
    this.#openIsBroken = false;
    return open.parts.length;
  }

  /** The publisher has left, and `lastIndex` is the last segment. */
  finishRun(lastIndex: number, lost: boolean): void {
    this.giveUp(lastIndex, lost);
    this.resumeAt(lastIndex + 1);
  }

  /** Its playlist was removed. If the rendition returns, it starts again. */
  withdraw(): void {
    this.#open = undefined;
    this.#lastIndex = undefined;
    this.#run = undefined;
    this.#namedInit = undefined;
    this.#end = undefined;
    this.#needsSync = true;
  }

  /** Restarts the numbering of segments. */
  startOver(): void {
    this.#from = 0;
    this.#takesOver = false;
    this.#openIsBroken = false;
    this.#openIsShared = false;
  }

  /** Rejects media that was already published, and media after a gap inside a segment. */
  #canTakeOver(part: MadePart): boolean {
    const missing = part.start - (this.end ?? part.start);
    if (missing < -NOTHING_MISSING) return false;
    if (part.segmentIndex === this.#open?.index) return missing <= NOTHING_MISSING;
    return missing <= NOTHING_MISSING || this.#isAtCut(part);
  }

  #isAtCut(part: MadePart): boolean {
    const cut = this.#cutTime(part.segmentIndex);
    return cut === undefined || part.start - cut <= SAME_TIME;
  }

  /** Whether a segment begins with this part: otherwise it begins at its cut, where the segment before it ended. */
  #startsAtPart(part: MadePart): boolean {
    const isLate = part.start > (this.#end ?? part.start) && this.#end === this.#cutTime(part.segmentIndex);
    return this.#isAtCut(part) && !isLate;
  }

  /** Start of a segment whose beginning is missing; for the first listed segment nothing counts as missing. */
  #missingFrom(part: MadePart): Seconds {
    return (this.#lastIndex === undefined ? undefined : this.#cutTime(part.segmentIndex)) ?? part.start;
  }

  /** @param lost see `giveUp`; undefined if the next media shows that the segment is complete */
  #close(lost?: boolean): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const end = this.#endTime(open.index, open.init.track.kind);
    const paused = this.#options.schedule.beginsInPause(open.index + 1);
    // Media after the pause must be decodable without the media before it.
    if (paused) this.#needsSync = true;
    // Media that nobody sent is not lost.
    const failed = this.#openIsBroken || (lost === true && !paused);
    // If nothing follows, only the cut tells where the segment ends, and what replaces the next one begins there.
    const rounding = failed || lost !== undefined ? NOTHING_MISSING : SAME_TIME;
    const continued = this.#cutTime(open.index + 1) !== undefined;
    const isElsewhere = end !== undefined && Math.abs(end - open.end) > rounding;
    // A picture before a pause lasts until the next one, which may be beyond the longest segment.
    const differs = end !== undefined && end > open.start && (isElsewhere || (continued && this.#isTooLong(open)));
    const missing = differs ? end - open.end : 0;
    const gap = failed && missing > (continued ? 0 : this.#options.partTarget);
    // If media is missing up to the next segment, the date of that segment is right, and EXTINF must agree with it. The last segment of a
    // publisher lasts as long as its media.
    const stretched = differs && (gap || continued);
    if (gap) this.#addGapParts(open, missing);
    const media = new SegmentMedia(open.bodies);
    if (this.#openIsShared) media.whole();
    this.#openIsShared = false;
    this.#openIsBroken = false;
    this.#add({ ...open, end: stretched ? end : open.end }, media, gap);
  }

  /** RFC 8216bis 4.4.3.1. */
  #isTooLong({ start, end }: OpenSegment): boolean {
    const { targetDuration } = this.#options.schedule;
    return targetDuration !== undefined && Math.round(end - start) > targetDuration;
  }

  /** RFC 8216bis 4.4.4.9: GAP=YES for what is unavailable, so that the parts still add up to their segment. */
  #addGapParts(open: OpenSegment, missing: Seconds): void {
    const count = Math.ceil(missing / this.#options.partTarget - 1e-6);
    for (let i = 0; i < count; i += 1) {
      const uri = partUri(open.mediaSequence, open.parts.length);
      open.parts.push({ uri, duration: missing / count, independent: false, gap: true });
    }
  }

  #fillGaps(until: number): void {
    if (this.#lastIndex === undefined) return;
    for (let index = this.#lastIndex + 1; index < until; index += 1) {
      const start = this.#cutTime(index) ?? this.#end ?? 0;
      const end = this.#endTime(index) ?? start + (this.#options.schedule.targetDuration ?? 0);
      this.#needsSync = true;
      this.#add({ ...this.#newSegment(index, start), end }, new SegmentMedia([]), true);
    }
  }

  #newSegment(index: number, start: Seconds): OpenSegment {
    const mediaSequence = this.#mediaSequence(index);
    const period = this.#options.periods.at(index);
    return {
      mediaSequence,
      index,
      init: this.#initFor(mediaSequence),
      start,
      end: start,
      programDateTime: this.#options.programDateTime(start),
      discontinuity: period?.discontinuity === true && index === period.startIndex,
      discontinuityNumber: period?.discontinuityNumber ?? 0,
      parts: [],
      bodies: [],
      keyFrameBytes: undefined,
    };
  }

  #add({ bodies: _, ...segment }: OpenSegment, media: SegmentMedia, gap: boolean): void {
    const { mediaSequence, index, start, end } = segment;
    this.#lastIndex = index;
    this.#end = end;
    const run = this.#runOf(segment, gap);
    this.#options.onSegment({ ...segment, uri: segmentUri(mediaSequence), duration: end - start, media, run, gap });
  }

  /** The whole period, unless media is missing in it or its init segment changes. */
  #runOf({ index, mediaSequence, init, start }: Omit<OpenSegment, 'bodies'>, gap: boolean): RunStart {
    const period = this.#options.periods.at(index);
    const state = gap ? '' : init.uri;
    const before = this.#run;
    let begun = before?.start;
    if (begun === undefined || before?.period !== period) {
      begun = period && { mediaSequence: this.#mediaSequence(period.startIndex), start: period.start };
    } else if (before?.state !== state) begun = undefined;
    this.#run = { period, state, start: begun ?? { mediaSequence, start } };
    return this.#run.start;
  }

  #initFor(mediaSequence: number): InitSegment {
    const current = this.#init;
    if (current === undefined) throw new TypeError('a segment before its init segment');
    if (this.#namedInit?.bytes !== current.bytes) this.#namedInit = { uri: initUri(mediaSequence), ...current };
    return this.#namedInit;
  }

  #mediaSequence(index: number): number {
    return this.#options.firstMediaSequence + index;
  }

  #cutTime(index: number): Seconds | undefined {
    const time = this.#options.schedule.timeOf(index);
    return time === undefined ? undefined : millisecondsToSeconds(time);
  }

  #endTime(index: number, kind?: 'video' | 'audio'): Seconds | undefined {
    const time = this.#options.schedule.endOf(index, kind);
    return time === undefined ? undefined : millisecondsToSeconds(time);
  }
}
