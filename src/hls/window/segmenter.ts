// Puts a track's parts into segments with continuous numbers, even if its encoder omits media or delivers it late.
import type { InitTrack } from '../../protocols/mp4/init-segment.js';
import { millisecondsToSeconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { MadePart, PartSink } from '../packaging/part.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import { type CompleteSegment, type OpenSegment, partUri } from './segment.js';
import { type SegmentInMaking, SegmentMaker, type SegmentMakerOptions } from './segment-maker.js';

export interface SegmenterOptions extends SegmentMakerOptions {
  readonly schedule: CutSchedule;
  /** Called with a complete segment or a gap, in the order of media sequence numbers. */
  readonly onSegment: (segment: CompleteSegment) => void;
  /** Called when a part was added. */
  readonly onPart: () => void;
}

/** If a part ends further than this from a cut, the two are different times; a smaller difference is a rounding error. */
const SAME_TIME: Seconds = 0.1;
/** If media ends at most this much before a cut or before the next media, no frame is missing. */
const NOTHING_MISSING: Seconds = 0.02;

/**
 * Which part is accepted next: `any`; a `key-frame`, which can be decoded alone; or a part of a `successor`, an encoder that replaces one
 * that died. That part, too, begins with a key frame, either where the media of the dead encoder ended or where a segment begins.
 */
type Expected = 'any' | 'key-frame' | 'successor';

/** Why a segment is closed: its end has come, the publisher did not send the rest, or an encoder failed to make the rest. */
type Closing = 'whole' | 'not-sent' | 'lost';

/**
 * What ends or interrupts media, who calls it, and what happens to the open segment:
 * - `complete`, by a feed: it is closed.
 * - `interrupt`, by `PipeFeed` when FFmpeg was replaced: it is continued, or broken off.
 * - `breakOff`, by `interrupt`, and by `PresentationLife` when a track changed: it stays without its end until `closeInterrupted`.
 * - `closeInterrupted`, by `PipeFeed` regularly: a broken-off segment is closed, with a gap for the missing media.
 * - `giveUp`, by `LagWatch` and `endRun`: it is closed with the media it has, and gaps fill the segments up to `index`.
 * - `endRun`, by `PresentationLife` when the publisher left: it is given up as the last one.
 * - `forget` (`RenditionSet`: only some renditions have it), `clear`, `reset` (`Rendition`: withdrawn, nothing published yet): discarded.
 */
export class Segmenter implements PartSink {
  readonly #options: SegmenterOptions;
  readonly maker: SegmentMaker;
  #open: SegmentInMaking | undefined;
  /** The newest complete segment or gap. */
  #last: Pick<CompleteSegment, 'index' | 'mediaSequence' | 'end'> | undefined;
  #expects: Expected = 'key-frame';
  /** Parts of segments before this index are rejected: an earlier encoder made them, or their segment was given up. */
  #from = 0;
  #parts = 0;
  #mediaIndex: number | undefined;
  /** A hinted part that was never made, because its segment was closed when the publisher left. */
  #brokenHint: string | undefined;

  constructor(options: SegmenterOptions) {
    this.#options = options;
    this.maker = new SegmentMaker(options);
  }

  get init(): SegmentMaker['init'] {
    return this.maker.init;
  }

  /** The segment being made. */
  get open(): OpenSegment | undefined {
    return this.#open;
  }

  get parts(): number {
    return this.#parts;
  }

  /** Index in the cut schedule of the newest complete segment or gap. */
  get lastIndex(): number | undefined {
    return this.#last?.index;
  }

  /** Index in the cut schedule of the newest segment with media or a gap, open or complete. */
  get highestIndex(): number | undefined {
    return this.#open?.index ?? this.#last?.index;
  }

  /** Index in the cut schedule of the newest segment with media. */
  get mediaIndex(): number | undefined {
    return this.#mediaIndex;
  }

  /** Media sequence number of the newest complete segment or gap. */
  get lastMediaSequence(): number | undefined {
    return this.#last?.mediaSequence;
  }

  /** Media time at which the newest media (or gap) ends. */
  get end(): Seconds | undefined {
    return this.#open?.end ?? this.#last?.end;
  }

  get needsSync(): boolean {
    return this.#expects !== 'any';
  }

  /** Name of the next part. If the open segment is expected to end now, that is the first part of the next segment. */
  get nextPart(): string | undefined {
    const open = this.#open;
    if (open === undefined) return this.#last && partUri(this.#last.mediaSequence + 1, 0);
    const full = open.rest !== 'certain' && this.#options.schedule.expectsCut(secondsToMilliseconds(open.end));
    return full ? partUri(open.mediaSequence + 1, 0) : partUri(open.mediaSequence, open.parts.length);
  }

  /** Whether this part was hinted at, even if the publisher left before it was made. */
  hints(part: string): boolean {
    return part === this.nextPart || part === this.#brokenHint;
  }

  /** Applies from the next segment on. @param bytes kept as they are, together with the buffer they are a view of */
  setInit(bytes: Buffer, track: InitTrack): void {
    this.maker.init = { bytes, track };
  }

  /** Adds a part. Drops it if it lies before the period or before a key frame, or comes too late. */
  accept(made: MadePart): void {
    if (!this.#canUse(made)) return;
    const part = this.maker.withEvents(made);
    const index = part.segmentIndex;
    if (this.#open !== undefined && index > this.#open.index) this.#close('whole');
    const open = this.#open ?? this.#begin(part);
    this.#open = open;
    this.#expects = 'any';
    if (open.parts.length === 0) open.keyFrameBytes = part.keyFrameBytes;
    const uri = partUri(open.mediaSequence, open.parts.length);
    open.parts.push({ uri, duration: part.duration, independent: part.independent, gap: false });
    open.bodies.push(part.body);
    open.shared ||= part.shared;
    open.rest = part.continues === true ? 'certain' : 'unknown';
    open.end = part.end;
    this.#parts += 1;
    this.#mediaIndex = index;
    if (part.completes) this.#close('whole');
    this.#options.onPart();
  }

  /** No more media comes for segments up to and including `index`. Closes the open segment, if it is one of them. */
  complete(index: number): void {
    if (this.#open !== undefined && this.#open.index <= index) this.#close('whole');
  }

  /** Another encoder takes over, with media from `from` on. If the old media ends before that, the new media must begin with a segment. */
  interrupt(from: Seconds): void {
    const { end, highestIndex = -1 } = this;
    if (end === undefined || from > end + NOTHING_MISSING) this.breakOff(highestIndex + 1);
    this.#expects = end === undefined ? 'key-frame' : 'successor';
  }

  /** Call when the rest of the open segment will not come. Media continues with segment `index`, which must begin with a key frame. */
  breakOff(index: number): void {
    if (this.#open !== undefined) this.#open.rest = 'lost';
    this.#resumeAt(index);
    this.#brokenHint = undefined;
  }

  /** Call regularly: closes a broken-off segment as soon as its end is known. */
  closeInterrupted(): void {
    if (this.#open?.rest === 'lost' && this.#endTime(this.#open.index) !== undefined) this.#close('whole');
  }

  /** Lists gaps up to and including `index`. @param lost whether an encoder failed to make the missing media; else the publisher paused */
  giveUp(index: number, lost: boolean): void {
    if (this.#open !== undefined && this.#open.index <= index) {
      this.#close(lost ? 'lost' : 'not-sent');
      this.#needKeyFrame();
    }
    this.#fillGaps(index + 1);
  }

  /** The publisher has left, and `lastIndex` is the last segment. @param lost see `giveUp` */
  endRun(lastIndex: number, lost: boolean): void {
    const hint = this.nextPart;
    this.giveUp(lastIndex, lost);
    this.#resumeAt(lastIndex + 1);
    if (hint !== this.nextPart) this.#brokenHint = hint;
  }

  forget(index: number): void {
    if (this.#open?.index !== index) return;
    this.#parts -= this.#open.parts.length;
    this.#open = undefined;
    this.#mediaIndex = this.#last?.index;
  }

  /** Call when its playlist was removed. If the rendition returns, it starts again. */
  clear(): void {
    this.#open = undefined;
    this.#last = undefined;
    this.maker.clear();
    this.#expects = 'key-frame';
  }

  /** Nothing was published yet: starts again with segment 0. */
  reset(): void {
    this.clear();
    this.#from = 0;
    this.#parts = 0;
    this.#mediaIndex = undefined;
  }

  #canUse(part: MadePart): boolean {
    const { schedule, periods } = this.#options;
    const index = part.segmentIndex;
    const begins = index !== this.#open?.index;
    if (this.init === undefined || (begins && periods.at(index) === undefined)) return false;
    if (index < this.#from || index < (this.#open?.index ?? (this.#last?.index ?? -1) + 1)) return false;
    if (!part.independent && (this.needsSync || (begins && schedule.beginsInPause(index)))) return false;
    return this.#expects !== 'successor' || this.#canTakeOver(part);
  }

  #needKeyFrame(): void {
    if (this.#expects === 'any') this.#expects = 'key-frame';
  }

  #resumeAt(index: number): void {
    this.#from = Math.max(this.#from, index);
    this.#expects = 'key-frame';
  }

  /** Rejects media that was already published, and media that would leave a gap inside a segment. */
  #canTakeOver(part: MadePart): boolean {
    const missing = part.start - (this.end ?? part.start);
    if (missing < -NOTHING_MISSING) return false;
    if (part.segmentIndex === this.#open?.index) return missing <= NOTHING_MISSING;
    return missing <= NOTHING_MISSING || this.#isAtCut(part);
  }

  #isAtCut(part: MadePart): boolean {
    const cut = this.#cutTime(part.segmentIndex);
    return cut === undefined || part.start - cut <= this.#rounding(part.segmentIndex);
  }

  /** If the beginning is missing, the segment still begins at its cut. For the first listed segment nothing counts as missing. */
  #begin(part: MadePart): SegmentInMaking {
    const index = part.segmentIndex;
    this.#fillGaps(index);
    const cut = this.#cutTime(index);
    const isWhole = this.#last === undefined || this.#isAtCut(part);
    return this.maker.open(index, (isWhole ? undefined : cut) ?? part.start);
  }

  #close(why: Closing): void {
    const open = this.#open;
    if (open === undefined) return;
    this.#open = undefined;
    const end = this.#endTime(open.index, open.init.track.kind);
    const paused = this.#options.schedule.beginsInPause(open.index + 1);
    // Players must be able to decode the media after the pause without the media before it.
    if (paused) this.#needKeyFrame();
    // Media that the publisher did not send is not lost.
    const failed = open.rest === 'lost' || (why === 'lost' && !paused);
    // If no media follows, only the cut determines where the segment ends, and the next segment or gap begins there.
    const rounding = failed || why !== 'whole' ? NOTHING_MISSING : this.#rounding(open.index + 1);
    const continued = this.#cutTime(open.index + 1) !== undefined;
    const differs = end !== undefined && Math.abs(end - open.end) > rounding && end > open.start;
    const missing = differs ? end - open.end : 0;
    const gap = failed && missing > (continued ? 0 : this.#options.partTarget);
    // If media is missing before the next segment, this one is extended up to that media, so that the date of the next one agrees with EXTINF.
    // The last segment of a publisher lasts as long as its media.
    const stretched = differs && (gap || continued);
    if (gap) this.maker.addGapParts(open, missing);
    this.#add(this.maker.complete(open, stretched ? end : open.end, gap));
  }

  #fillGaps(until: number): void {
    for (let last = this.#last; last !== undefined && last.index + 1 < until; last = this.#last) {
      const index = last.index + 1;
      const start = this.#cutTime(index) ?? last.end;
      const end = this.#endTime(index) ?? start + (this.#options.schedule.targetDuration ?? 0);
      this.#needKeyFrame();
      this.#add(this.maker.complete(this.maker.open(index, start), end, true));
    }
  }

  #add(segment: CompleteSegment): void {
    const { index, mediaSequence, end } = segment;
    this.#last = { index, mediaSequence, end };
    this.#options.onSegment(segment);
  }

  /** By how much a segment may begin before or after its cut, and the previous one may end before or after it. */
  #rounding(index: number): Seconds {
    return this.#options.schedule.beginsBetween(index) ? NOTHING_MISSING : SAME_TIME;
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
