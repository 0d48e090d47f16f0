// Cuts at key frames of the source: decides which key frames begin a segment, and where to cut if none comes.
import type { Milliseconds } from '../../protocols/units.js';
import type { Cut, CutPolicy, CutSink } from './cut-policy.js';

/** If this much audio comes without a picture, video counts as paused, and the audio clock makes the cuts. */
const PAUSE_LIMIT: Milliseconds = 2_000;

/** A longer step between audio frames is a pause of the audio. */
const LONGEST_SOUND_STEP: Milliseconds = 200;

/** For a slow source at least this many pictures must be missing. */
const PAUSE_FRAMES = 2.5;

/** Number of GOPs remembered: one unusual GOP at the start must not shorten segments forever. */
const GOPS_REMEMBERED = 16;

/** RFC 8216bis 4.4.3.1 compares the rounded EXTINF, so a segment may be almost half a second longer than the target duration. */
export const ROUNDING: Milliseconds = 500;

/**
 * Segments end two frames before that limit, because pictures may come at irregular times; at most this much before it, for a slow source
 * with long but regular frames.
 */
const LARGEST_MARGIN: Milliseconds = 100;

/** A segment of audio may be longer than one of pictures by one audio frame: 1024 samples at 22.05 kHz. */
const LONGEST_SOUND_FRAME: Milliseconds = 47;

/** A shorter segment would not contain a whole audio frame. */
const SHORTEST_SEGMENT: Milliseconds = 100;

/** Weight of one picture interval in the expected one: pictures get lost, and timestamps have jitter. */
const INTERVAL_WEIGHT = 1 / 4;

export interface KeyFrameCutsOptions {
  readonly segment: Milliseconds;
  readonly frame: Milliseconds;
  /** Forced cuts are at multiples of this after a key frame. */
  readonly part: Milliseconds;
  /** Longest first GOP for which TARGETDURATION is chosen. */
  readonly maxGop: Milliseconds;
}

export class KeyFrameCuts implements CutPolicy {
  readonly #sink: CutSink;
  readonly #segment: Milliseconds;
  readonly #frame: Milliseconds;
  /** A segment must end at least this much before it reaches the longest allowed duration. */
  readonly #margin: Milliseconds;
  readonly #part: Milliseconds;
  readonly #maxGop: Milliseconds;
  #first: Milliseconds | undefined;
  #lastKey: Milliseconds | undefined;
  /** The first segment ended early. */
  #endedFirst = false;
  #gops: Milliseconds[] = [];
  #newest: Milliseconds = Number.NEGATIVE_INFINITY;
  /**
   * pts minus dts of the last key frame. With `+cmaf`, FFmpeg shifts the decode times of a track by this, so that they start at that pts.
   */
  #reorderDelay: Milliseconds = 0;
  /** Measured interval between pictures. */
  #interval: Milliseconds;
  #picture: Milliseconds | undefined;
  /** Time between the last two pictures. */
  #step: Milliseconds = 0;
  #sound: Milliseconds | undefined;
  /** Duration of audio since the last picture, without pauses of the audio itself. */
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

  get longestGop(): Milliseconds | undefined {
    return this.#gops.length === 0 ? undefined : Math.max(...this.#gops);
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
    this.#endFirst(dts + this.#reorderDelay, shown);
    this.#force(dts + this.#reorderDelay, shown);
  }

  /**
   * Audio may be sent seconds before or after the pictures of the same time. So a pause of the video is detected by the amount of audio
   * that came since the last picture, whatever the timestamps are.
   */
  noteAudio(dts: Milliseconds): void {
    this.#soundSince += Math.min(Math.max(0, dts - (this.#sound ?? dts)), LONGEST_SOUND_STEP);
    this.#sound = Math.max(this.#sound ?? dts, dts);
    const picture = this.#picture;
    if (this.#sink.last === undefined || picture === undefined) return;
    const limit = Math.max(PAUSE_LIMIT, PAUSE_FRAMES * this.#interval);
    // Audio that lags behind the pictures may arrive in a burst. Its amount does not show that pictures are missing.
    const reached = Math.min(picture + this.#soundSince - limit, this.#sound);
    if (reached <= this.#newest) return;
    this.#newest = reached;
    this.#pause(reached);
  }

  expectsCut(time: Milliseconds): boolean {
    const { last } = this.#sink;
    if (last === undefined || this.#lastKey === undefined) return false;
    const gop = this.#gops.at(-1) ?? (this.#endedFirst ? this.#expectedGop() : undefined);
    if (gop === undefined) return false;
    const next = this.#lastKey + gop;
    if (Math.abs(next - time) <= this.#slack() && this.#cutsAt(next - last.time)) return true;
    const forced = this.#forcedCandidate();
    return forced !== undefined && this.#mayForceEarly() && Math.abs(forced - time) <= this.#slack();
  }

  /** Length of the first GOP, as far as anything is known of it. */
  #expectedGop(): Milliseconds {
    return this.#sink.knownGop > 0 ? this.#sink.knownGop : this.#segment;
  }

  /**
   * Ends the first segment where one of its parts ends, if somebody waits for it. Not in the last part of the expected GOP: the key frame
   * is a better cut then. If the GOP turns out longer than that, it is measured as if nobody waited.
   * @param shown presentation time of the previous picture
   */
  #endFirst(time: Milliseconds, shown: Milliseconds): void {
    const first = this.#first;
    if (first === undefined || this.#sink.target !== undefined || !this.#sink.endsFirstEarly()) return;
    const partsUntil = (at: Milliseconds): number => Math.floor((at - first + this.#slack() / 2) / this.#part);
    const isNextPart = partsUntil(time) > Math.max(0, partsUntil(shown));
    if (!isNextPart || time - first > this.#expectedGop() - this.#part / 2) return;
    this.#endedFirst = true;
    this.#sink.endFirst(time);
  }

  /** Two pictures less than this apart count as one. */
  #slack(): Milliseconds {
    return Math.min(this.#frame, LARGEST_MARGIN);
  }

  #measure(dts: Milliseconds): void {
    const step = dts - (this.#picture ?? dts);
    this.#picture = dts;
    this.#step = step;
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
    if (this.#sink.target === undefined) {
      if (gop > this.#maxGop && !this.#sink.reportLongGop(gop)) return;
      this.#sink.settle(Math.min(gop, this.#maxGop), gop <= this.#maxGop);
    }
    // During a stall several forced cuts may have become due; a key frame within the limit is a better cut than a forced one.
    this.#force(pts, shown, true);
    this.#lastKey = pts;
    this.#gops.push(gop);
    if (this.#gops.length > GOPS_REMEMBERED) this.#gops.shift();
    if (this.#cutsAt(pts - (this.#sink.last?.time ?? pts))) this.#sink.add({ time: pts, forced: false });
  }

  /** Whether a key frame becomes a cut if it comes this long after the last cut. */
  #cutsAt(elapsed: Milliseconds): boolean {
    const longest = Math.max(...this.#gops);
    // The next key frame must come before a forced cut is due. Otherwise that key frame would cause a cut before its own time, in media
    // that was already emitted.
    const mayWait = elapsed + Math.min(longest, this.#maxGop) < this.#limit() - this.#margin - 1;
    return elapsed >= this.#segment - this.#slack() - 1 || (elapsed > SHORTEST_SEGMENT && !mayWait);
  }

  /** A segment must last less than this. */
  #limit(): Milliseconds {
    return (this.#sink.target ?? Number.POSITIVE_INFINITY) + ROUNDING;
  }

  #latest(last: Cut): Milliseconds {
    return last.time + this.#limit() - this.#margin;
  }

  /** The last cut was forced, and no key frame came since: none is expected any more. */
  #mayForceEarly(): boolean {
    const { last } = this.#sink;
    return last?.forced === true && (this.#lastKey ?? last.time) < last.time && !this.#expectsKeyFrame(last);
  }

  /**
   * The time of the next cut if no key frame comes: as late as possible while one is expected, otherwise at the last end of a part before
   * that.
   */
  #forcedCandidate(): Milliseconds | undefined {
    const { last } = this.#sink;
    if (last === undefined || this.#lastKey === undefined || this.#sink.target === undefined) return undefined;
    const latest = this.#latest(last);
    if (!this.#mayForceEarly()) return latest;
    const parts = Math.floor((latest - this.#lastKey) / this.#part);
    const candidate = this.#lastKey + parts * this.#part;
    // A part is longer than a segment: cut at the limit, regardless of fragments.
    return candidate > last.time ? candidate : latest;
  }

  /**
   * Adds the forced cuts that are due when the stream has reached `time`. Each is made as soon as it is reached, so that the part before it is
   * listed as the last of its segment. If a cut was postponed for a key frame that did not come, the cut is made at the current position,
   * because the media before it was already emitted.
   *
   * The order of times: the last cut < `candidate` (an end of a part, or `latest`) <= `latest` (a margin before `limit`) < `limit` (from where
   * the segment would last longer than TARGETDURATION allows). `lastChance` is the latest picture at which a cut is possible; for slow
   * sources it is before `latest`.
   * @param shown presentation time of the previous picture, which was already emitted
   * @param patient whether there is a key frame at `time`, which may be used within the limit although a forced cut was due earlier
   */
  #force(time: Milliseconds, shown: Milliseconds, patient = false): void {
    if (!this.#isSettledBy(time)) return;
    for (;;) {
      const { last } = this.#sink;
      const candidate = this.#forcedCandidate();
      if (last === undefined || candidate === undefined) return;
      const latest = this.#latest(last);
      const limit = last.time + this.#limit();
      const early = this.#mayForceEarly();
      // The last chance: the next picture would be too late.
      const lastChance = Math.min(latest, limit - this.#interval - this.#slack() / 2);
      const due = early ? candidate - this.#slack() / 2 : lastChance;
      if (time < (patient ? limit : Math.max(due, last.time + this.#slack()))) return;
      const isAhead = early && shown < candidate - this.#slack() / 2;
      const middle = Math.min(limit - 1, Math.max(limit - LONGEST_SOUND_FRAME, shown + this.#slack()));
      const cut = isAhead ? Math.min(candidate, time) : time < limit ? time : middle;
      const between = time - cut > this.#slack();
      // Pictures were missing there, not just a key frame.
      const paused = cut < time && this.#step > Math.max(PAUSE_LIMIT, PAUSE_FRAMES * this.#interval);
      this.#sink.add({ time: cut, forced: true, ...(paused && { paused }), ...(between && { between }) });
      if (paused) this.#sink.paused(cut);
      else this.#sink.forced(cut);
    }
  }

  /** Cuts while no pictures come, as late as allowed: there is no picture to prefer. */
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
    if (this.#sink.target !== undefined) return true;
    const gop = time - this.#first;
    if (gop <= this.#maxGop || !this.#sink.reportLongGop(gop)) return false;
    this.#sink.settle(this.#maxGop, false);
    return true;
  }

  /** Whether a key frame is expected, by the GOP lengths seen so far, before a segment that begins at `last` must end. */
  #expectsKeyFrame(last: Cut): boolean {
    const lastKey = this.#lastKey ?? 0;
    return this.#gops.some((gop) => lastKey + gop > last.time && lastKey + gop <= this.#latest(last) + 1);
  }
}
