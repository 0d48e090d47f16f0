// Decides once, at ingest, where segments begin, so that every rendition is cut at the same moments however late it arrives.
import { type Milliseconds, type Seconds, secondsToMilliseconds } from '../protocols/units.js';

/** A first GOP that lasts longer is not waited for: TARGETDURATION becomes this, and segments are cut without a key frame. */
export const FIRST_GOP_LIMIT: Milliseconds = 10_000;

/** Audio runs on without video for this long before video counts as stalled and the audio clock makes the cuts. */
export const VIDEO_STALL_LIMIT: Milliseconds = 2_000;

/** GOPs remembered: one odd GOP at the start must not shorten the segments of a whole day. */
const GOPS_REMEMBERED = 16;

/** Cuts remembered: half an hour of 1 s segments, far beyond any lag of a rendition. */
const CUTS_REMEMBERED = 2_048;

/** RFC 8216bis 4.4.3.1 rounds EXTINF to compare it, so a segment may be just under half a second longer than the target. */
const ROUNDING: Milliseconds = 500;

/** 29.97 fps GOPs of "2 s" last 2.002 s and round to 2 s: they need no larger target. */
const ROUNDING_TOLERANCE: Milliseconds = 100;

export interface CutScheduleOptions {
  readonly segmentDuration: Seconds;
  /** One video frame; undefined when there is no video: then cuts are multiples of `segmentDuration`. */
  readonly frame: Seconds | undefined;
  /** A full video part: forced cuts fall on its multiples, where fragments begin. */
  readonly nominalPart: Seconds;
  readonly onForcedCut?: (time: Milliseconds) => void;
}

interface Cut {
  readonly time: Milliseconds;
  /** No key frame is here; a rendition cuts at its part boundary nearest to it. */
  readonly forced: boolean;
}

/** Segment `k` is what lies in [cut k, cut k+1). All times are of the stream timeline. */
export class CutSchedule {
  readonly #segment: Milliseconds;
  readonly #frame: Milliseconds | undefined;
  readonly #part: Milliseconds;
  readonly #onForcedCut: ((time: Milliseconds) => void) | undefined;
  #cuts: Cut[] = [];
  /** Index of `#cuts[0]`. */
  #base = 0;
  #targetDuration: Seconds | undefined;
  #independentSegments = true;
  #lastKey: Milliseconds | undefined;
  #gops: Milliseconds[] = [];
  #newest: Milliseconds = Number.NEGATIVE_INFINITY;
  /** pts minus dts of the last key frame. With `+cmaf` a track's decode times are moved by this, to begin at that pts. */
  #reorderDelay: Milliseconds = 0;

  constructor(options: CutScheduleOptions) {
    this.#segment = secondsToMilliseconds(options.segmentDuration);
    this.#frame = options.frame === undefined ? undefined : secondsToMilliseconds(options.frame);
    this.#part = secondsToMilliseconds(options.nominalPart);
    this.#onForcedCut = options.onForcedCut;
    if (this.#frame === undefined) this.#targetDuration = Math.max(1, Math.ceil(options.segmentDuration));
  }

  /** EXT-X-TARGETDURATION: undefined until the first GOP is measured, then constant. A whole number. */
  get targetDuration(): Seconds | undefined {
    return this.#targetDuration;
  }

  /** Whether EXT-X-INDEPENDENT-SEGMENTS can be promised; settled together with the target duration. */
  get independentSegments(): boolean {
    return this.#independentSegments;
  }

  /** No cut will be added at or before this time any more. */
  get horizon(): Milliseconds {
    if (this.#frame === undefined) return this.#cuts.at(-1)?.time ?? this.#newest;
    const limit = this.#forcedCandidate();
    return limit === undefined ? this.#newest : Math.min(this.#newest, limit - this.#tolerance(undefined));
  }

  /** @param dts of a frame, rising; @param pts of the same frame */
  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    if (this.#frame === undefined) return;
    this.#newest = Math.max(this.#newest, dts);
    if (keyFrame) {
      this.#reorderDelay = Math.max(0, pts - dts);
      this.#noteKeyFrame(pts);
    } else this.#force(dts + this.#reorderDelay);
  }

  noteAudio(dts: Milliseconds): void {
    if (this.#frame === undefined) {
      this.#newest = Math.max(this.#newest, dts);
      this.#cutByAudioClock(dts);
      return;
    }
    if (this.#cuts.length === 0 || dts - VIDEO_STALL_LIMIT <= this.#newest) return;
    this.#newest = dts - VIDEO_STALL_LIMIT;
    this.#force(this.#newest);
  }

  /**
   * The segment that something starting at `time` belongs to: -1 before the first cut.
   * @param tolerance how much earlier than a cut still counts as at it; default for video: part boundary nearest to a
   * forced cut, three quarters of a frame otherwise (an encoder's timestamps may be off by half a frame)
   */
  indexAt(time: Milliseconds, tolerance?: Milliseconds): number {
    for (let i = this.#cuts.length - 1; i >= 0; i -= 1) {
      const cut = this.#cuts[i];
      if (cut !== undefined && time >= cut.time - (tolerance ?? this.#tolerance(cut))) return this.#base + i;
    }
    return this.#base - 1;
  }

  /** Undefined when not decided yet (or forgotten). */
  timeOf(index: number): Milliseconds | undefined {
    return this.#cuts[index - this.#base]?.time;
  }

  /**
   * Makes sure that a segment begins at `time`, after an FFmpeg restart began in the middle of one.
   * @param tolerance as of `indexAt`
   * @returns its index; indexes of later cuts may have moved up by one
   */
  startAt(time: Milliseconds, tolerance?: Milliseconds): number {
    const index = this.indexAt(time, tolerance);
    const found = this.timeOf(index);
    if (found !== undefined && Math.abs(found - time) <= (tolerance ?? this.#tolerance(undefined))) return index;
    this.#cuts.splice(index + 1 - this.#base, 0, { time, forced: false });
    return index + 1;
  }

  /** The stream ended before its first GOP did: its length is the target then. */
  finish(time: Milliseconds): void {
    const first = this.#cuts[0];
    if (first === undefined || this.#targetDuration !== undefined) return;
    this.#settle(time - first.time + (this.#frame ?? 0), true);
  }

  #noteKeyFrame(pts: Milliseconds): void {
    const last = this.#cuts.at(-1);
    if (last === undefined || this.#lastKey === undefined) {
      this.#lastKey = pts;
      this.#add({ time: pts, forced: false });
      return;
    }
    const gop = pts - this.#lastKey;
    if (this.#targetDuration === undefined) this.#settle(Math.min(gop, FIRST_GOP_LIMIT), gop <= FIRST_GOP_LIMIT);
    // A stall may have jumped over several forced cuts; a key frame inside the limit is a better cut than a forced one.
    this.#force(pts, true);
    this.#lastKey = pts;
    this.#gops.push(gop);
    if (this.#gops.length > GOPS_REMEMBERED) this.#gops.shift();

    const elapsed = pts - (this.#cuts.at(-1)?.time ?? pts);
    const longest = Math.max(...this.#gops);
    const frame = this.#frame ?? 0;
    // 1 ms: timestamps are rounded to it.
    const mayWait = elapsed + Math.min(longest, FIRST_GOP_LIMIT) < this.#limit() - 1;
    if (elapsed >= this.#segment - frame - 1 || (elapsed > frame && !mayWait)) this.#add({ time: pts, forced: false });
  }

  #settle(gop: Milliseconds, independent: boolean): void {
    const longest = Math.max(this.#segment, gop);
    this.#targetDuration = Math.max(1, Math.ceil((longest - ROUNDING_TOLERANCE) / 1000));
    this.#independentSegments = independent;
  }

  /** A segment must stay shorter than this. */
  #limit(): Milliseconds {
    return secondsToMilliseconds(this.#targetDuration ?? Number.POSITIVE_INFINITY) + ROUNDING;
  }

  #latest(last: Cut): Milliseconds {
    return last.time + this.#limit() - 2 * (this.#frame ?? 0);
  }

  /** Where a segment would be cut without a key frame: the last part boundary that keeps it inside the limit. */
  #forcedCandidate(): Milliseconds | undefined {
    const last = this.#cuts.at(-1);
    if (last === undefined || this.#lastKey === undefined || this.#targetDuration === undefined) return undefined;
    const latest = this.#latest(last);
    const parts = Math.floor((latest - this.#lastKey) / this.#part);
    const candidate = this.#lastKey + parts * this.#part;
    // A part longer than a segment: cut at the limit, wherever the fragments are.
    return candidate > last.time ? candidate : latest;
  }

  /**
   * Adds the forced cuts that the stream, having reached `time`, can no longer do without. They are made as soon as they
   * are reached, so that the part that ends there is known to be the last of its segment when it is listed.
   * @param patient a key frame is at `time`, and may be used although it is past the cut, inside the limit
   */
  #force(time: Milliseconds, patient = false): void {
    const first = this.#cuts[0];
    if (first === undefined) return;
    if (this.#targetDuration === undefined) {
      if (time - first.time <= FIRST_GOP_LIMIT) return;
      this.#settle(FIRST_GOP_LIMIT, false);
    }
    for (;;) {
      const last = this.#cuts.at(-1);
      const candidate = this.#forcedCandidate();
      if (last === undefined || candidate === undefined) return;
      const wait = patient || this.#keyFrameExpected(candidate, this.#latest(last));
      if (time < (wait ? this.#latest(last) : candidate - (this.#frame ?? 0) / 2)) return;
      this.#add({ time: candidate, forced: true });
      this.#onForcedCut?.(candidate);
    }
  }

  /** One of the GOP lengths seen would end after a forced cut but still in time. */
  #keyFrameExpected(candidate: Milliseconds, latest: Milliseconds): boolean {
    const lastKey = this.#lastKey ?? 0;
    return this.#gops.some((gop) => lastKey + gop > candidate - (this.#frame ?? 0) && lastKey + gop <= latest + 1);
  }

  #cutByAudioClock(dts: Milliseconds): void {
    const last = this.#cuts.at(-1);
    if (last === undefined) {
      this.#add({ time: dts, forced: false });
      // The next cut is known before it comes: audio has no key frames to wait for.
      this.#add({ time: dts + this.#segment, forced: false });
      return;
    }
    for (let next = last.time + this.#segment; next <= dts + this.#segment; next += this.#segment) {
      this.#add({ time: next, forced: false });
    }
  }

  #add(cut: Cut): void {
    this.#cuts.push(cut);
    if (this.#cuts.length > 2 * CUTS_REMEMBERED) {
      this.#base += CUTS_REMEMBERED;
      this.#cuts = this.#cuts.slice(CUTS_REMEMBERED);
    }
  }

  #tolerance(cut: Cut | undefined): Milliseconds {
    if (cut?.forced === true) return this.#part / 2;
    return (this.#frame ?? 0) * 0.75;
  }
}
