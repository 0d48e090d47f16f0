// Cuts at the source's own key frames: which of them begin a segment, and what happens when none comes.
import { type Milliseconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { Cut, CutPolicy, CutSink } from './cut-policy.js';

/** Audio runs on without video for this long before video counts as stalled and the audio clock makes the cuts. */
const VIDEO_STALL_LIMIT: Milliseconds = 2_000;

/** GOPs remembered: one odd GOP at the start must not shorten the segments of a whole day. */
const GOPS_REMEMBERED = 16;

/** RFC 8216bis 4.4.3.1 rounds EXTINF to compare it, so a segment may be just under half a second longer than the target. */
const ROUNDING: Milliseconds = 500;

export interface KeyFrameCutsOptions {
  readonly segment: Milliseconds;
  readonly frame: Milliseconds;
  /** Forced cuts fall on multiples of it after a key frame. */
  readonly part: Milliseconds;
  /** Longest first GOP that TARGETDURATION is made for. */
  readonly maxGop: Milliseconds;
}

export class KeyFrameCuts implements CutPolicy {
  readonly #sink: CutSink;
  readonly #segment: Milliseconds;
  readonly #frame: Milliseconds;
  readonly #part: Milliseconds;
  readonly #maxGop: Milliseconds;
  #first: Milliseconds | undefined;
  #lastKey: Milliseconds | undefined;
  #gops: Milliseconds[] = [];
  #newest: Milliseconds = Number.NEGATIVE_INFINITY;
  /** pts minus dts of the last key frame. With `+cmaf` a track's decode times are moved by this, to begin at that pts. */
  #reorderDelay: Milliseconds = 0;

  constructor(sink: CutSink, options: KeyFrameCutsOptions) {
    this.#sink = sink;
    this.#segment = options.segment;
    this.#frame = options.frame;
    this.#part = options.part;
    this.#maxGop = options.maxGop;
  }

  get horizon(): Milliseconds {
    const limit = this.#forcedCandidate();
    return limit === undefined ? this.#newest : Math.min(this.#newest, limit - 0.75 * this.#frame);
  }

  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    const shown = this.#newest + this.#reorderDelay;
    this.#newest = Math.max(this.#newest, dts);
    if (keyFrame) {
      this.#reorderDelay = Math.max(0, pts - dts);
      this.#noteKeyFrame(pts, shown);
    } else this.#force(dts + this.#reorderDelay, shown);
  }

  noteAudio(dts: Milliseconds): void {
    if (this.#sink.last === undefined || dts - VIDEO_STALL_LIMIT <= this.#newest) return;
    const shown = this.#newest + this.#reorderDelay;
    this.#newest = dts - VIDEO_STALL_LIMIT;
    this.#force(this.#newest, shown);
  }

  expectsCut(time: Milliseconds): boolean {
    const gop = this.#gops.at(-1);
    const { last } = this.#sink;
    if (gop === undefined || last === undefined || this.#lastKey === undefined) return false;
    const next = this.#lastKey + gop;
    if (Math.abs(next - time) <= this.#frame && this.#cutsAt(next - last.time)) return true;
    const forced = this.#forcedCandidate();
    if (forced === undefined || Math.abs(forced - time) > this.#frame) return false;
    return !this.#keyFrameExpected(forced, this.#latest(last));
  }

  #noteKeyFrame(pts: Milliseconds, shown: Milliseconds): void {
    if (this.#sink.last === undefined || this.#lastKey === undefined) {
      this.#first = pts;
      this.#lastKey = pts;
      this.#sink.add({ time: pts, forced: false });
      return;
    }
    const gop = pts - this.#lastKey;
    if (this.#sink.targetDuration === undefined) {
      if (gop > this.#maxGop && !this.#sink.tooLong(gop)) return;
      this.#sink.settle(Math.min(gop, this.#maxGop), gop <= this.#maxGop);
    }
    // A stall may have jumped over several forced cuts; a key frame inside the limit is a better cut than a forced one.
    this.#force(pts, shown, true);
    this.#lastKey = pts;
    this.#gops.push(gop);
    if (this.#gops.length > GOPS_REMEMBERED) this.#gops.shift();
    if (this.#cutsAt(pts - (this.#sink.last?.time ?? pts))) this.#sink.add({ time: pts, forced: false });
  }

  /** Whether a key frame so long after the last cut is one. */
  #cutsAt(elapsed: Milliseconds): boolean {
    const longest = Math.max(...this.#gops);
    // Up to where a cut is forced: one that is forced when the key frame comes at last would be in the past of what went out.
    const mayWait = elapsed + Math.min(longest, this.#maxGop) < this.#limit() - 2 * this.#frame - 1;
    return elapsed >= this.#segment - this.#frame - 1 || (elapsed > this.#frame && !mayWait);
  }

  /** A segment must stay shorter than this. */
  #limit(): Milliseconds {
    return secondsToMilliseconds(this.#sink.targetDuration ?? Number.POSITIVE_INFINITY) + ROUNDING;
  }

  #latest(last: Cut): Milliseconds {
    return last.time + this.#limit() - 2 * this.#frame;
  }

  /** Where a segment would be cut without a key frame: the last part boundary that keeps it inside the limit. */
  #forcedCandidate(): Milliseconds | undefined {
    const { last } = this.#sink;
    if (last === undefined || this.#lastKey === undefined || this.#sink.targetDuration === undefined) return undefined;
    const latest = this.#latest(last);
    const parts = Math.floor((latest - this.#lastKey) / this.#part);
    const candidate = this.#lastKey + parts * this.#part;
    // A part longer than a segment: cut at the limit, wherever the fragments are.
    return candidate > last.time ? candidate : latest;
  }

  /**
   * Adds the forced cuts that the stream, having reached `time`, can no longer do without. They are made as soon as they
   * are reached, so that the part that ends there is known to be the last of its segment when it is listed. One that was
   * put off for a key frame which then did not come is made where the stream is: what lies before went out.
   * @param shown of the picture before, which went out already
   * @param patient a key frame is at `time`, and may be used although it is past the cut, inside the limit
   */
  #force(time: Milliseconds, shown: Milliseconds, patient = false): void {
    if (this.#first === undefined) return;
    if (this.#sink.targetDuration === undefined) {
      const gop = time - this.#first;
      if (gop <= this.#maxGop || !this.#sink.tooLong(gop)) return;
      this.#sink.settle(this.#maxGop, false);
    }
    for (;;) {
      const { last } = this.#sink;
      const candidate = this.#forcedCandidate();
      if (last === undefined || candidate === undefined) return;
      const latest = this.#latest(last);
      const wait = patient || this.#keyFrameExpected(candidate, latest);
      if (time < (wait ? latest : candidate - this.#frame / 2)) return;
      const cut = shown < candidate - this.#frame / 2 ? candidate : Math.min(time, latest + this.#frame);
      this.#sink.add({ time: cut, forced: true });
      this.#sink.forced(cut);
    }
  }

  /**
   * One of the GOP lengths seen would end after a forced cut but still in time. In the first GOP of a run none was seen, and
   * the target duration stands for it: GOPs of 1 s end just after the last part boundary that a target of 1 s has room for.
   */
  #keyFrameExpected(candidate: Milliseconds, latest: Milliseconds): boolean {
    const lastKey = this.#lastKey ?? 0;
    const seen = this.#gops.length > 0 ? this.#gops : [secondsToMilliseconds(this.#sink.targetDuration ?? 0)];
    return seen.some((gop) => lastKey + gop > candidate - this.#frame && lastKey + gop <= latest + 1);
  }
}
