// Decides once, at ingest, where segments begin, so that every rendition is cut at the same times however late it arrives.
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import { CutList, KeyFrameMemory, RunEnds } from './cut-memory.js';
import type { Cut, CutPolicy, CutScheduleOptions, CutSink, RunRules } from './cut-policy.js';
import { Independence } from './independence.js';
import { KeyFrameCuts, ROUNDING } from './key-frame-cuts.js';
import { RegularCuts } from './regular-cuts.js';
import { SoundPause } from './sound-pause.js';
import { longestFirstGop, targetDurationFor } from './target-duration.js';

/** An encoder's timestamps may deviate by half a frame; for a slow source at most by this. */
const LARGEST_TOLERANCE: Milliseconds = 50;

/** Tolerance for timestamps rounded to whole milliseconds or to ticks of the encoder's timescale. */
const PICTURE_ROUNDING: Milliseconds = 0.5;

/**
 * Segment `k` is the media in [cut k, cut k+1), or up to its end if the publisher left before cut k+1. Indexes are continuous over all
 * runs. All times are on the stream timeline.
 */
export class CutSchedule {
  /** Detects whether audio is missing while pictures come. */
  readonly soundPause = new SoundPause();
  /** Decides whether EXT-X-INDEPENDENT-SEGMENTS applies. */
  readonly independence = new Independence();
  readonly ends = new RunEnds();
  readonly #options: CutScheduleOptions;
  readonly #segment: Milliseconds;
  #rules: RunRules;
  /** Duration of one video frame; 0 without video. */
  #frame: Milliseconds = 0;
  #policy: CutPolicy | undefined;
  readonly #cuts = new CutList();
  /** Key frames of the source, if they decide the cuts. */
  readonly #keyFrames = new KeyFrameMemory();
  /** First index of the newest run. */
  #runStart = 0;
  #running = false;
  /** EXT-X-TARGETDURATION. */
  #target: Milliseconds | undefined;
  #longestGop: Milliseconds | undefined;
  #longGop: Milliseconds | undefined;
  #longGopAccepted = false;

  constructor(options: CutScheduleOptions, rules: RunRules) {
    this.#options = options;
    this.#segment = secondsToMilliseconds(options.segmentDuration);
    this.#rules = rules;
    this.begin(rules);
  }

  /** EXT-X-TARGETDURATION: undefined until the first GOP was measured or the first segment ended early. */
  get targetDuration(): Seconds | undefined {
    return this.#target && this.#target / 1000;
  }

  /** The longest of the newest GOPs of the publisher; undefined if none was measured. */
  get longestGop(): Milliseconds | undefined {
    return this.#policy?.longestGop ?? this.#longestGop;
  }

  /** First index of the current run; undefined before its first cut and after its end. */
  get runStart(): number | undefined {
    return this.#running ? this.#runStart : undefined;
  }

  /** Index of the newest cut; -1 before the first. */
  get lastIndex(): number {
    return this.#cuts.lastIndex;
  }

  /** No cut at or before this time will be added any more. */
  get horizon(): Milliseconds {
    return this.#policy?.horizon ?? Number.NEGATIVE_INFINITY;
  }

  /** The length of the first GOP if it exceeds `maxGop` and no target duration is fixed; returned only once. */
  takeLongGop(): Milliseconds | undefined {
    const gop = this.#longGop;
    this.#longGop = undefined;
    return gop;
  }

  /** Sets the rules of the next run. Its first key frame (without video, its first sample) is its first cut. */
  begin(rules: RunRules): void {
    this.#rules = rules;
    this.#frame = secondsToMilliseconds(rules.frame ?? 0);
    this.#running = false;
    this.ends.begin();
    this.soundPause.begin();
    const sink = this.#sink();
    const [frame, part] = [this.#frame, secondsToMilliseconds(rules.nominalPart)];
    this.#policy =
      rules.frame === undefined || rules.regular === true
        ? new RegularCuts(sink, { segment: this.#segment, part, frame: rules.frame === undefined ? undefined : frame })
        : new KeyFrameCuts(sink, {
            segment: this.#segment,
            frame,
            part,
            maxGop: longestFirstGop(this.#options.maxGop, frame),
          });
  }

  /**
   * The publisher has left: segment `lastIndex` ends at `end`. Later cuts are removed, because no media came after them. No cut is made
   * until `begin` and the first key frame of the next run.
   */
  endRun(lastIndex: number, end: Milliseconds): void {
    this.#longestGop = this.longestGop;
    this.#policy = undefined;
    this.#running = false;
    this.#cuts.forgetAfter(lastIndex);
    if (this.#cuts.last !== undefined) this.ends.end(this.lastIndex, end, this.#cuts.firstIndex);
  }

  /**
   * Call when the publisher has left, before `endRun`, while media can still be emitted. If one kind of media continued longer than the
   * other, the last segment may be too long. Then it is cut where the shorter kind ends, or a segment duration after the last cut.
   */
  cutTail(): void {
    const target = this.#target;
    if (!this.#running || target === undefined) return;
    const { video, audio } = this.ends.now;
    const longest = target + ROUNDING;
    for (let { last } = this.#cuts; last !== undefined; last = this.#cuts.last) {
      if (Math.max(video, audio) - last.time < longest) return;
      const step = last.time + Math.min(this.#segment, target);
      const shorter = Math.min(video, audio);
      const time = shorter > step && shorter - last.time < longest ? shorter : step;
      this.#add({ time, forced: true, paused: true });
    }
  }

  /** Starts again, because nothing was published yet; resets the target duration too. */
  reset(): void {
    this.#cuts.clear();
    this.#keyFrames.clear();
    this.ends.clear();
    this.#runStart = 0;
    this.#target = undefined;
    this.independence.reset();
    this.#longGop = undefined;
    this.#longGopAccepted = false;
  }

  /** @param dts decode time of a frame, increasing. @param pts presentation time of the same frame */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    if (this.#rules.frame === undefined) return;
    this.ends.noteVideo(pts + this.#frame);
    if (keyFrame && this.#rules.regular !== true) this.#keyFrames.note(pts);
    this.#policy?.noteVideo(dts, pts, keyFrame);
    if (this.#rules.silent !== true) this.soundPause.notePictures(this.horizon);
  }

  noteAudio(dts: Milliseconds): void {
    this.ends.noteAudio(dts);
    this.#policy?.noteAudio(dts);
    this.soundPause.noteSound(dts, this.horizon);
  }

  /**
   * The segment of a sample that starts at `time`; -1 before the first cut.
   * @param tolerance how much earlier than a cut a time still counts as the cut; default for video: three quarters of a frame, because an
   * encoder's timestamps may deviate by half a frame
   */
  indexAt(time: Milliseconds, tolerance?: Milliseconds): number {
    return this.#cuts.indexAt(time, tolerance ?? this.#tolerance());
  }

  /**
   * The segment of an encoder's key frame: that of the nearest key frame of the source, because it was made from that picture. Their times
   * may differ: FFmpeg changes presentation times that contradict the order of the pictures.
   */
  keyFrameIndexAt(time: Milliseconds): number {
    return this.indexAt(this.#keyFrames.nearest(time, secondsToMilliseconds(this.#rules.nominalPart / 2)) ?? time);
  }

  /**
   * The segment of an encoder's picture that is not a key frame. Such a picture begins a segment only at forced cuts; otherwise it is
   * before the cut, however little (irregular pictures may be 5 ms apart), even while the key frame of the cut has not come.
   * @param index segment of the previous picture
   */
  pictureIndexAt(time: Milliseconds, index: number): number {
    const at = this.indexAt(time);
    const cut = this.#cuts.at(at);
    if (cut === undefined || cut.forced) return at;
    if (time < cut.time - PICTURE_ROUNDING) return at - 1;
    return at === index + 1 &&
      this.#rules.regular !== true &&
      time < cut.time + secondsToMilliseconds(this.#rules.nominalPart / 2)
      ? index
      : at;
  }

  /**
   * Whether an encoder's picture that ends at `time` is the last one of segment `index`. Undefined if only the next picture can show it: this
   * one ends near the cut but not at it, so the next one may or may not be the key frame of the cut.
   */
  pictureEnds(index: number, time: Milliseconds): boolean | undefined {
    const at = this.indexAt(time);
    const cut = this.#cuts.at(at);
    if (at <= index || cut === undefined) return false;
    if (cut.forced || at > index + 1 || Math.abs(time - cut.time) <= PICTURE_ROUNDING) return true;
    if (this.#rules.regular !== true) return undefined;
    return time > cut.time;
  }

  /** Whether segment `index` begins without a key frame, and a picture at `time` belongs to it or to a later one. */
  isForcedCut(index: number, time: Milliseconds): boolean {
    const cut = this.#cuts.at(index);
    return cut?.forced === true && time >= cut.time - this.#tolerance();
  }

  /** The time of cut `index`; undefined if it is not decided yet, or no longer remembered. */
  timeOf(index: number): Milliseconds | undefined {
    return this.#cuts.at(index)?.time;
  }

  /**
   * The end of segment `index`; undefined while it may still grow.
   * @param kind if the run ended with this segment, makes the answer no later than the end of the media of this kind
   */
  endOf(index: number, kind?: 'video' | 'audio'): Milliseconds | undefined {
    return this.ends.at(index, kind) ?? this.timeOf(index + 1);
  }

  /** Whether segment `index` was started while no pictures came: the next picture must be a key frame. */
  beginsInPause(index: number): boolean {
    return this.#cuts.at(index)?.paused === true;
  }

  /** Whether segment `index` begins between two pictures that are far apart, so no picture shows where exactly. */
  beginsBetween(index: number): boolean {
    return this.#cuts.at(index)?.between === true;
  }

  /** Whether a cut is expected within one frame of `time`, if the source continues as before. No part of the same segment follows then. */
  expectsCut(time: Milliseconds): boolean {
    return this.#policy?.expectsCut(time) ?? false;
  }

  /** The stream ended before its first GOP did: the length of that GOP becomes the target duration. */
  finish(time: Milliseconds): void {
    const { first } = this.#cuts;
    if (first !== undefined) this.#settle(time - first.time + this.#frame, true);
  }

  #settle(gop: Milliseconds, independent: boolean): void {
    if (this.#target !== undefined) return;
    // If each picture lasts longer than the segment duration, segments are as long as pictures.
    this.#target = secondsToMilliseconds(targetDurationFor(Math.max(this.#segment, gop, this.#frame)));
    if (!independent) this.independence.end();
  }

  #endFirst(time: Milliseconds): void {
    const length = time - (this.#cuts.first?.time ?? time);
    this.#settle(secondsToMilliseconds(this.#options.knownGop ?? 0), true);
    this.#add({ time, forced: true });
    this.independence.endFirstEarly(this.lastIndex, this.#segment - length);
  }

  #sink(): CutSink {
    const schedule = this;
    return {
      get target() {
        return schedule.#target;
      },
      get last() {
        return schedule.#running ? schedule.#cuts.last : undefined;
      },
      endsFirstEarly: () => schedule.lastIndex <= 0 && schedule.#options.isAwaited?.() === true,
      knownGop: secondsToMilliseconds(schedule.#options.knownGop ?? 0),
      add: (cut) => schedule.#add(cut),
      endFirst: (time) => schedule.#endFirst(time),
      settle: (gop, independent) => schedule.#settle(gop, independent),
      reportLongGop: (gop) => {
        const accepted = schedule.#longGopAccepted;
        if (!accepted) schedule.#longGop = gop;
        schedule.#longGopAccepted = true;
        return accepted;
      },
      forced: (time) => {
        schedule.independence.end();
        schedule.#options.onForcedCut?.(time);
      },
      paused: (time) => schedule.#options.onPausedCut?.(time),
    };
  }

  #add(cut: Cut): void {
    this.#cuts.add(cut);
    if (!this.#running) this.#runStart = this.lastIndex;
    this.#running = true;
    this.#options.onCut?.(this.lastIndex, cut.time);
  }

  #tolerance(): Milliseconds {
    return Math.min(this.#frame * 0.75, LARGEST_TOLERANCE);
  }
}
