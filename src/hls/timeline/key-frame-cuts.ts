// Cuts at the source's own key frames: which of them begin a segment, and what happens when none comes.
import { type Milliseconds, secondsToMilliseconds } from '../../protocols/units.js';
import type { Cut, CutPolicy, CutSink } from './cut-policy.js';

/** So much sound comes without a picture before the pictures count as paused, and the clock of the sound makes the cuts. */
const PAUSE_LIMIT: Milliseconds = 2_000;

/** More from one frame of sound to the next is a pause of the sound. */
const LONGEST_SOUND_STEP: Milliseconds = 200;

/** Of a slow source so many pictures have to be missing. */
const PAUSE_FRAMES = 2.5;

/** GOPs remembered: one odd GOP at the start must not shorten the segments of a whole day. */
const GOPS_REMEMBERED = 16;

/** RFC 8216bis 4.4.3.1 rounds EXTINF to compare it, so a segment may be just under half a second longer than the target. */
const ROUNDING: Milliseconds = 500;

/** Segments end two frames before that, as pictures come at uneven times; of a slow source, which is even, so much before. */
const LARGEST_MARGIN: Milliseconds = 100;

/** A shorter one would hold no whole frame of sound. */
const SHORTEST_SEGMENT: Milliseconds = 100;

/** How much the interval between two pictures may change what is expected: pictures get lost, and timestamps jitter. */
const INTERVAL_WEIGHT = 1 / 4;

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
  /** What a segment must end before the longest it may be. */
  readonly #margin: Milliseconds;
  readonly #part: Milliseconds;
  readonly #maxGop: Milliseconds;
  #first: Milliseconds | undefined;
  #lastKey: Milliseconds | undefined;
  #gops: Milliseconds[] = [];
  #newest: Milliseconds = Number.NEGATIVE_INFINITY;
  /** pts minus dts of the last key frame. With `+cmaf` a track's decode times are moved by this, to begin at that pts. */
  #reorderDelay: Milliseconds = 0;
  /** Between pictures, as they come. */
  #interval: Milliseconds;
  #picture: Milliseconds | undefined;
  #sound: Milliseconds | undefined;
  /** How much sound has come since the last picture; where sound itself paused, nothing did. */
  #soundSince: Milliseconds = 0;

  constructor(sink: CutSink, options: KeyFrameCutsOptions) {
    this.#sink = sink;
    this.#segment = options.segment;
    this.#frame = options.frame;
    this.#interval = options.frame;
    this.#margin = Math.min(2 * options.frame, LARGEST_MARGIN);
    this.#part = options.part;
    this.#maxGop = options.maxGop;
  }

  get horizon(): Milliseconds {
    const limit = this.#forcedCandidate();
    return limit === undefined
      ? this.#newest
      : Math.min(this.#newest, limit - 0.75 * Math.min(this.#frame, this.#margin));
  }

  noteVideo(dts: Milliseconds, pts: Milliseconds, keyFrame: boolean): void {
    const shown = this.#newest + this.#reorderDelay;
    this.#measure(dts);
    this.#newest = Math.max(this.#newest, dts);
    if (keyFrame) {
      this.#reorderDelay = Math.max(0, pts - dts);
      this.#noteKeyFrame(pts, shown);
      return;
    }
    this.#force(dts + this.#reorderDelay, shown);
  }

  /**
   * Sound may be sent seconds before or after the pictures of the same time: that they have paused is told by how much sound has
   * come since the last one, whatever the timestamps.
   */
  noteAudio(dts: Milliseconds): void {
    this.#soundSince += Math.min(Math.max(0, dts - (this.#sound ?? dts)), LONGEST_SOUND_STEP);
    this.#sound = Math.max(this.#sound ?? dts, dts);
    const picture = this.#picture;
    if (this.#sink.last === undefined || picture === undefined) return;
    const limit = Math.max(PAUSE_LIMIT, PAUSE_FRAMES * this.#interval);
    // Sound that is behind the pictures may come in a burst, and says nothing of what comes after them.
    const reached = Math.min(picture + this.#soundSince - limit, this.#sound);
    if (reached <= this.#newest) return;
    this.#newest = reached;
    this.#pause(reached);
  }

  expectsCut(time: Milliseconds): boolean {
    const gop = this.#gops.at(-1);
    const { last } = this.#sink;
    if (gop === undefined || last === undefined || this.#lastKey === undefined) return false;
    const next = this.#lastKey + gop;
    if (Math.abs(next - time) <= this.#slack && this.#cutsAt(next - last.time)) return true;
    const forced = this.#forcedCandidate();
    return forced !== undefined && this.#mayForceEarly && Math.abs(forced - time) <= this.#slack;
  }

  /** Pictures that are so near to each other in time are the same one. */
  get #slack(): Milliseconds {
    return Math.min(this.#frame, LARGEST_MARGIN);
  }

  #measure(dts: Milliseconds): void {
    const step = dts - (this.#picture ?? dts);
    this.#picture = dts;
    this.#soundSince = 0;
    if (step > 0) this.#interval += (Math.min(step, 2 * this.#interval) - this.#interval) * INTERVAL_WEIGHT;
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
    const mayWait = elapsed + Math.min(longest, this.#maxGop) < this.#limit() - this.#margin - 1;
    return elapsed >= this.#segment - this.#slack - 1 || (elapsed > SHORTEST_SEGMENT && !mayWait);
  }

  /** A segment must stay shorter than this. */
  #limit(): Milliseconds {
    return secondsToMilliseconds(this.#sink.targetDuration ?? Number.POSITIVE_INFINITY) + ROUNDING;
  }

  #latest(last: Cut): Milliseconds {
    return last.time + this.#limit() - this.#margin;
  }

  /** There was no key frame since the last cut, which was forced: none is expected any more. */
  get #mayForceEarly(): boolean {
    const { last } = this.#sink;
    return last?.forced === true && (this.#lastKey ?? last.time) < last.time && !this.#expectsKeyFrame(last);
  }

  /** Where a segment would be cut without a key frame: as late as can be, or, where none is expected, where a part ends before that. */
  #forcedCandidate(): Milliseconds | undefined {
    const { last } = this.#sink;
    if (last === undefined || this.#lastKey === undefined || this.#sink.targetDuration === undefined) return undefined;
    const latest = this.#latest(last);
    if (!this.#mayForceEarly) return latest;
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
    if (!this.#isSettledBy(time)) return;
    for (;;) {
      const { last } = this.#sink;
      const candidate = this.#forcedCandidate();
      if (last === undefined || candidate === undefined) return;
      const latest = this.#latest(last);
      const limit = last.time + this.#limit();
      const early = this.#mayForceEarly;
      // As late as can be: the picture after this one would be too late.
      const lastChance = Math.min(latest, limit - this.#interval - this.#slack / 2);
      const due = early ? candidate - this.#slack / 2 : lastChance;
      if (time < (patient ? limit : Math.max(due, last.time + this.#slack))) return;
      const isAhead = early && shown < candidate - this.#slack / 2;
      const between = Math.min(limit - 1, Math.max(latest, shown + this.#slack));
      const cut = isAhead ? Math.min(candidate, time) : time < limit ? time : between;
      // Pictures were missing there, and not only a key frame.
      const paused = cut < time && time - shown > Math.max(PAUSE_LIMIT, PAUSE_FRAMES * this.#interval);
      this.#sink.add({ time: cut, forced: true, ...(paused && { paused }) });
      if (paused) this.#sink.paused(cut);
      else this.#sink.forced(cut);
    }
  }

  /** No picture comes: nobody has to wait for a place at which one could begin. */
  #pause(time: Milliseconds): void {
    if (!this.#isSettledBy(time)) return;
    for (let { last } = this.#sink; last !== undefined; last = this.#sink.last) {
      const latest = this.#latest(last);
      if (time < latest) return;
      this.#sink.add({ time: latest, forced: true, paused: true });
      this.#sink.paused(latest);
    }
  }

  #isSettledBy(time: Milliseconds): boolean {
    if (this.#first === undefined) return false;
    if (this.#sink.targetDuration !== undefined) return true;
    const gop = time - this.#first;
    if (gop <= this.#maxGop || !this.#sink.tooLong(gop)) return false;
    this.#sink.settle(this.#maxGop, false);
    return true;
  }

  /** One of the GOP lengths seen ends in time for a segment that begins at `last`. */
  #expectsKeyFrame(last: Cut): boolean {
    const lastKey = this.#lastKey ?? 0;
    return this.#gops.some((gop) => lastKey + gop > last.time && lastKey + gop <= this.#latest(last) + 1);
  }
}
