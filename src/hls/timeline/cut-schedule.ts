// Decides once, at ingest, where segments begin, so that every rendition is cut at the same moments however late it arrives.
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { Cut, CutPolicy, CutSink } from './cut-policy.js';
import { KeyFrameCuts } from './key-frame-cuts.js';
import { KeyFrameMemory } from './key-frame-memory.js';
import { RegularCuts } from './regular-cuts.js';
import { RunEnds } from './run-ends.js';

/** A first GOP that lasts longer is not waited for: TARGETDURATION becomes this, and segments are cut without a key frame. */
const FIRST_GOP_LIMIT: Milliseconds = 10_000;

/** Cuts remembered: half an hour of 1 s segments, far beyond any lag of a rendition. */
const CUTS_REMEMBERED = 2_048;

/** 29.97 fps GOPs of "2 s" last 2.002 s and round to 2 s: they need no larger target. */
const ROUNDING_TOLERANCE: Milliseconds = 100;

/** An encoder's timestamps may be off by half a frame, of a slow source by no more than this. */
const LARGEST_TOLERANCE: Milliseconds = 50;

/** A first GOP of a slow source may have so many pictures at least, whatever `maxGop` says. */
const LEAST_GOP_FRAMES = 2.5;

/** RFC 8216bis 4.4.3.1 rounds EXTINF to compare it, so a segment may be just under half a second longer than the target. */
const ROUNDING: Milliseconds = 500;

/** Timestamps are whole milliseconds, and encoders keep them to the tick of their timescale. */
const PICTURE_ROUNDING: Milliseconds = 0.5;

export interface CutScheduleOptions {
  readonly segmentDuration: Seconds;
  /** Longest first GOP that TARGETDURATION is made for. */
  readonly maxGop?: Milliseconds;
  readonly onForcedCut?: (time: Milliseconds) => void;
  /** A cut was made while no pictures came. */
  readonly onPausedCut?: (time: Milliseconds) => void;
}

/** What decides about the cuts of one run of a publisher. */
export interface RunRules {
  /** One video frame; undefined when there is no video: then cuts are multiples of the segment duration. */
  readonly frame: Seconds | undefined;
  /** A full video part: forced cuts fall on its multiples, where fragments begin. */
  readonly nominalPart: Seconds;
  /** Cuts are known in advance: multiples of the segment duration, whatever the key frames of the source. */
  readonly regular?: boolean;
}

/**
 * Segment `k` is what lies in [cut k, cut k+1), or until its end when the publisher left before cut k+1 came. Indexes
 * count over all runs without a hole. All times are of the stream timeline.
 */
export class CutSchedule {
  readonly #options: CutScheduleOptions;
  readonly #segment: Milliseconds;
  #rules: RunRules;
  #policy: CutPolicy | undefined;
  #cuts: Cut[] = [];
  /** Index of `#cuts[0]`. */
  #base = 0;
  /** The source's, where they decide the cuts. */
  readonly #keyFrames = new KeyFrameMemory();
  readonly #ends = new RunEnds();
  /** First index of the newest run. */
  #runStart = 0;
  #running = false;
  #targetDuration: Seconds | undefined;
  #independentSegments = true;
  #longGop: Milliseconds | undefined;
  #longGopAccepted = false;

  constructor(options: CutScheduleOptions, rules: RunRules) {
    this.#options = options;
    this.#segment = secondsToMilliseconds(options.segmentDuration);
    this.#rules = rules;
    this.begin(rules);
  }

  /** EXT-X-TARGETDURATION: undefined until the first GOP is measured, then constant. A whole number. */
  get targetDuration(): Seconds | undefined {
    return this.#targetDuration;
  }

  /** Whether EXT-X-INDEPENDENT-SEGMENTS is true; settled with the target duration, and over with the first cut without a key frame. */
  get independentSegments(): boolean {
    return this.#independentSegments;
  }

  /** First index of the run that goes on; undefined before its first cut, and after its end. */
  get runStart(): number | undefined {
    return this.#running ? this.#runStart : undefined;
  }

  /** Index of the newest cut; -1 before the first. */
  get lastIndex(): number {
    return this.#base + this.#cuts.length - 1;
  }

  /** No cut will be added at or before this time any more. */
  get horizon(): Milliseconds {
    return this.#policy?.horizon ?? Number.NEGATIVE_INFINITY;
  }

  /** The first GOP has outlasted `maxGop` and no target duration is settled; asked for once. */
  takeLongGop(): Milliseconds | undefined {
    const gop = this.#longGop;
    this.#longGop = undefined;
    return gop;
  }

  /** The run to come has these rules. Its first key frame (without video, its first sample) is its first cut. */
  begin(rules: RunRules): void {
    this.#rules = rules;
    this.#running = false;
    this.#ends.begin();
    const sink = this.#sink();
    this.#policy =
      rules.frame === undefined || rules.regular === true
        ? new RegularCuts(sink, this.#segment, rules.frame === undefined ? undefined : this.#frame())
        : new KeyFrameCuts(sink, {
            segment: this.#segment,
            frame: this.#frame(),
            part: secondsToMilliseconds(rules.nominalPart),
            maxGop: Math.max(this.#options.maxGop ?? FIRST_GOP_LIMIT, LEAST_GOP_FRAMES * this.#frame()),
          });
  }

  /**
   * The publisher is gone: segment `lastIndex` ends at `end`, and cuts after it, at which nothing came, did not happen.
   * Nothing is cut until `begin` and the next run's first key frame.
   */
  endRun(lastIndex: number, end: Milliseconds): void {
    this.#policy = undefined;
    this.#running = false;
    this.#cuts.length = Math.max(0, Math.min(this.#cuts.length, lastIndex + 1 - this.#base));
    if (this.#cuts.length > 0) this.#ends.end(this.lastIndex, end, this.#base);
  }

  /**
   * The publisher is gone, and one kind of its media went on longer than the other, perhaps beyond what a segment may last: that
   * is cut where the other one ends, or a segment duration after the last cut. Call before `endRun`, while it can still go out.
   */
  cutTail(): void {
    if (!this.#running || this.#targetDuration === undefined) return;
    const { video, audio } = this.#ends.now;
    const longest = secondsToMilliseconds(this.#targetDuration) + ROUNDING;
    for (let last = this.#cuts.at(-1); last !== undefined; last = this.#cuts.at(-1)) {
      if (Math.max(video, audio) - last.time < longest) return;
      const step = last.time + Math.min(this.#segment, secondsToMilliseconds(this.#targetDuration));
      const shorter = Math.min(video, audio);
      const time = shorter > step && shorter - last.time < longest ? shorter : step;
      this.#add({ time, forced: true, paused: true });
    }
  }

  /** Nothing was shown to anybody yet: begins anew, the target duration included. */
  reset(): void {
    this.#cuts = [];
    this.#keyFrames.clear();
    this.#base = 0;
    this.#ends.clear();
    this.#runStart = 0;
    this.#targetDuration = undefined;
    this.#independentSegments = true;
    this.#longGop = undefined;
    this.#longGopAccepted = false;
  }

  /** @param dts of a frame, rising; @param pts of the same frame */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    if (this.#rules.frame === undefined) return;
    this.#ends.noteVideo(pts + this.#frame());
    if (keyFrame && this.#cutsAtKeyFrames) this.#keyFrames.note(pts);
    this.#policy?.noteVideo(dts, pts, keyFrame);
  }

  noteAudio(dts: Milliseconds): void {
    this.#ends.noteAudio(dts);
    this.#policy?.noteAudio(dts);
  }

  /**
   * The segment that something starting at `time` belongs to: -1 before the first cut.
   * @param tolerance how much earlier than a cut still counts as at it; default for video: three quarters of a frame (an
   * encoder's timestamps may be off by half a frame)
   */
  indexAt(time: Milliseconds, tolerance?: Milliseconds): number {
    for (let i = this.#cuts.length - 1; i >= 0; i -= 1) {
      const cut = this.#cuts[i];
      if (cut !== undefined && time >= cut.time - (tolerance ?? this.#tolerance)) return this.#base + i;
    }
    return this.#base - 1;
  }

  /**
   * The segment that an encoder's key frame belongs to. It is that of the source's which it was made of, the nearest one: where
   * the source's presentation times contradict its order of pictures, FFmpeg shows them at others.
   */
  keyFrameIndexAt(time: Milliseconds): number {
    return this.indexAt(this.#keyFrames.nearest(time, this.#halfPart) ?? time);
  }

  /**
   * The segment that an encoder's picture belongs to which is no key frame. It begins one at forced cuts only, so it is before
   * the cut by however little it is (pictures at uneven times may be 5 ms apart), and while the cut's key frame may be yet to come.
   * @param index of the picture before
   */
  pictureIndexAt(time: Milliseconds, index: number): number {
    const at = this.indexAt(time);
    const cut = this.#cuts[at - this.#base];
    if (cut === undefined || cut.forced) return at;
    if (time < cut.time - PICTURE_ROUNDING) return at - 1;
    return at === index + 1 && this.#cutsAtKeyFrames && time < cut.time + this.#halfPart ? index : at;
  }

  /**
   * Whether an encoder's pictures of segment `index` that end at `time` are the last of it; undefined where only the next one
   * tells: it should be the cut's key frame, and is not where that is.
   */
  pictureEnds(index: number, time: Milliseconds): boolean | undefined {
    const at = this.indexAt(time);
    const cut = this.#cuts[at - this.#base];
    if (at <= index || cut === undefined) return false;
    if (cut.forced || at > index + 1 || Math.abs(time - cut.time) <= PICTURE_ROUNDING) return true;
    if (this.#cutsAtKeyFrames) return undefined;
    return time > cut.time;
  }

  /** Segment `index` begins without a key frame, and a picture of this time is in it or in a later one. */
  isForcedCut(index: number, time: Milliseconds): boolean {
    const cut = this.#cuts[index - this.#base];
    return cut?.forced === true && time >= cut.time - this.#tolerance;
  }

  /** Undefined when not decided yet (or forgotten). */
  timeOf(index: number): Milliseconds | undefined {
    return this.#cuts[index - this.#base]?.time;
  }

  /**
   * Undefined while segment `index` may still grow.
   * @param kind where the run ended with it: no later than media of this kind was sent
   */
  endOf(index: number, kind?: 'video' | 'audio'): Milliseconds | undefined {
    return this.#ends.at(index, kind) ?? this.timeOf(index + 1);
  }

  /** Segment `index` was begun while no pictures came: the next one to come must be a key frame. */
  beginsInPause(index: number): boolean {
    return this.#cuts[index - this.#base]?.paused === true;
  }

  /** If the source goes on as it did, a cut comes within a frame of `time`: no part of the same segment follows. */
  expectsCut(time: Milliseconds): boolean {
    return this.#policy?.expectsCut(time) ?? false;
  }

  /** The stream ended before its first GOP did: its length is the target then. */
  finish(time: Milliseconds): void {
    const first = this.#cuts[0];
    if (first === undefined || this.#targetDuration !== undefined) return;
    this.#settle(time - first.time + this.#frame(), true);
  }

  #settle(gop: Milliseconds, independent: boolean): void {
    if (this.#targetDuration !== undefined) return;
    const longest = Math.max(this.#segment, gop);
    this.#targetDuration = Math.max(1, Math.ceil((longest - ROUNDING_TOLERANCE) / 1000));
    this.#independentSegments = independent;
  }

  get #cutsAtKeyFrames(): boolean {
    return this.#rules.regular !== true;
  }

  get #halfPart(): Milliseconds {
    return secondsToMilliseconds(this.#rules.nominalPart) / 2;
  }

  #frame(): Milliseconds {
    return secondsToMilliseconds(this.#rules.frame ?? 0);
  }

  #sink(): CutSink {
    const schedule = this;
    return {
      get targetDuration() {
        return schedule.#targetDuration;
      },
      get last() {
        return schedule.#running ? schedule.#cuts.at(-1) : undefined;
      },
      add: (cut) => schedule.#add(cut),
      settle: (gop, independent) => schedule.#settle(gop, independent),
      tooLong: (gop) => {
        if (!schedule.#longGopAccepted) schedule.#longGop = gop;
        const accepted = schedule.#longGopAccepted;
        schedule.#longGopAccepted = true;
        return accepted;
      },
      forced: (time) => {
        schedule.#independentSegments = false;
        schedule.#options.onForcedCut?.(time);
      },
      paused: (time) => schedule.#options.onPausedCut?.(time),
    };
  }

  #add(cut: Cut): void {
    this.#cuts.push(cut);
    if (!this.#running) {
      this.#running = true;
      this.#runStart = this.lastIndex;
    }
    if (this.#cuts.length > 2 * CUTS_REMEMBERED) {
      this.#base += CUTS_REMEMBERED;
      this.#cuts = this.#cuts.slice(CUTS_REMEMBERED);
    }
  }

  get #tolerance(): Milliseconds {
    return Math.min(this.#frame() * 0.75, LARGEST_TOLERANCE);
  }
}
