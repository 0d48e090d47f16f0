// Makes video parts of the publisher's own frames: the hot path of a stream that is not encoded, so each frame is touched once.
import type { Sample } from '../../protocols/mp4/fragment.js';
import { writeFragmentPieces } from '../../protocols/mp4/fragment-writer.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import { fullPart, shortestPart } from '../timeline/part-timing.js';
import { keyFrameBytes, type PartSink } from './part-sink.js';

/** How much one frame may change the expected frame interval: timestamps are whole milliseconds, and frames get lost. */
const INTERVAL_WEIGHT = 1 / 8;

/** An interval between frames that is off by more than this share of itself is no rounding: the next one is not foretold. */
const REGULAR_SHARE = 1 / 4;

/** Frames after an uneven one in which no interval is foretold. */
const UNEVEN_FRAMES = 250;

/** So many frames without a picture are a pause. */
const PAUSE_FRAMES = 2;

/** A part longer than so many PART-TARGETs holds a pause of the source, which its frame keeps. */
const PAUSE_TARGETS = 1.5;

export interface VideoSamplesOptions {
  readonly schedule: CutSchedule;
  readonly sink: PartSink;
  readonly trackId: number;
  readonly timescale: number;
  readonly partTarget: Seconds;
  readonly nominal: Seconds;
  /** Expected, until frames tell. */
  readonly frame: Seconds;
  /** A frame lasted longer than PART-TARGET; its part is listed as that long. */
  readonly onOverlongPart?: (duration: Seconds) => void;
}

/** A frame of the part that is gathered; its duration is known when the next one comes. */
interface GatheredSample extends Pick<Sample, 'sync' | 'data'> {
  cts: Ticks;
  duration: Ticks;
}

/**
 * A part goes out with its last frame, not one frame later: that frame's duration is then the expected one, and the decode
 * time of the next frame is where it ends. The difference, a fraction of a millisecond in a regular stream, is taken out of
 * the composition offset, so pictures are shown exactly when the publisher said, and decode times have no hole: a hole makes
 * browsers drop frames up to the next key frame (Media Source Extensions, coded frame processing).
 *
 * Where frames come at uneven times nothing is foretold: a part goes one frame later and ends where that begins. Key frames
 * are then decoded a constant time before they are shown, whatever the publisher says, so that the durations of parts add up
 * to the time between the cuts, which are where key frames are shown (docs/decisions/0002).
 */
export class VideoSamples {
  readonly #options: VideoSamplesOptions;
  readonly #ticksPerMillisecond: number;
  readonly #target: Ticks;
  readonly #shortest: Ticks;
  readonly #nominal: Ticks;
  #interval: Ticks;
  #samples: GatheredSample[] = [];
  /** Of the cut schedule. */
  #index = -1;
  /** Decode time of the first gathered sample. */
  #start: Ticks = 0;
  /** The same, or after a pause when it came: it is decoded where the one before ended, and shown when the publisher says. */
  #from: Ticks = 0;
  /** Decode time of the last gathered sample. */
  #last: Ticks = 0;
  /** Decode time at which the last part ended; undefined when nothing continues it. */
  #end: Ticks | undefined;
  /** Decode time the publisher gave the last frame. */
  #lastGiven: Ticks | undefined;
  /** Decode to presentation: the composition offset of the last key frame, as written. */
  #offset: Ticks = 0;
  /** That of the key frame which began the segment: its parts add up to it whatever key frames are inside. */
  #segmentOffset: Ticks = 0;
  /** What the offset of key frames is meant to be in this run. */
  #delay: Ticks | undefined;
  /** Frames until intervals are foretold again. */
  #uneven = 0;
  #sequenceNumber = 0;

  constructor(options: VideoSamplesOptions) {
    const { timescale, partTarget, nominal, frame } = options;
    this.#options = options;
    this.#ticksPerMillisecond = timescale / 1000;
    this.#target = partTarget * timescale;
    this.#nominal = nominal * timescale;
    this.#shortest = shortestPart(partTarget, nominal) * timescale;
    this.#interval = frame * timescale;
  }

  push(dts: Milliseconds, cts: Milliseconds, sync: boolean, data: Buffer): void {
    const { schedule, sink, timescale } = this.#options;
    const runStart = schedule.runStart;
    const given = Math.round(dts * this.#ticksPerMillisecond);
    const shown = given + Math.round(cts * this.#ticksPerMillisecond);
    const step = given - (this.#lastGiven ?? given);
    if (this.#lastGiven !== undefined) this.#measure(step);
    this.#lastGiven = given;
    if (runStart === undefined) return;
    if (sink.needsSync && this.#samples.length === 0) {
      if (!sync) return;
      this.#endRun();
    }
    const next = sync
      ? this.#keyFrameTime(given, shown)
      : Math.max(given, this.#last + Math.max(1, Math.round(step / 2)));
    const index = schedule.indexAt(secondsToMilliseconds((sync ? shown : next + this.#offset) / timescale));
    if (index < runStart) return;

    if (this.#samples.length > 0) {
      if (next <= this.#last) this.#squeeze(next);
      if (index !== this.#index) this.#emit(next, true);
      else if (this.#isFull(next)) this.#emit(next, false);
      else this.#lengthenLast(next);
    } else if (index > this.#index) {
      sink.complete(index - 1);
    }
    const at = this.#samples.length === 0 ? (this.#end ?? next) : next;
    if (this.#samples.length === 0) {
      this.#start = at;
      this.#from = next - at > PAUSE_FRAMES * this.#interval ? next : at;
    }
    if (sync) this.#noteKeyFrame(shown - at);
    if (this.#samples.length === 0 && index !== this.#index) {
      this.#index = index;
      this.#segmentOffset = this.#offset;
    }
    this.#last = at;
    this.#samples.push({ duration: 0, cts: shown - at, sync, data });
    const end = at + this.#interval;
    if (this.#uneven === 0 && end - this.#from >= this.#full()) this.#emit(Math.round(end), this.#cutIsKnownAt(end));
  }

  /** The pictures paused, and a cut was made without them: what was gathered goes, its last picture shown up to there. */
  advance(): void {
    const { schedule, timescale } = this.#options;
    const cut =
      this.#samples.length === 0 || !schedule.beginsInPause(this.#index + 1)
        ? undefined
        : schedule.timeOf(this.#index + 1);
    if (cut === undefined) return;
    const end = Math.round((cut / 1000) * timescale) - this.#offset;
    if (end > this.#last) this.#emit(end, true);
  }

  /** What was gathered goes now. */
  flush(): void {
    if (this.#samples.length > 0) this.#emit(this.#last + Math.round(this.#interval), false);
    this.#endRun();
  }

  #endRun(): void {
    this.#end = undefined;
    this.#delay = undefined;
    this.#last = Number.NEGATIVE_INFINITY;
  }

  /** A key frame is decoded as long before it is shown as the first one was, if what came before it leaves room. */
  #keyFrameTime(given: Ticks, shown: Ticks): Ticks {
    if (this.#delay === undefined) return given;
    const wanted = shown - this.#delay;
    if (Math.abs(wanted - given) > REGULAR_SHARE * this.#interval) this.#uneven = UNEVEN_FRAMES;
    return Math.max(wanted, this.#samples.length === 0 ? this.#last + 1 : this.#start + this.#samples.length);
  }

  #noteKeyFrame(offset: Ticks): void {
    this.#offset = offset;
    // There was no room: what is less has room from now on, and keeps the dates of segments and their durations together.
    if (this.#delay === undefined || offset < this.#delay - this.#interval / 2) this.#delay = offset;
  }

  /** Frames that are gathered are decoded in less time where the key frame after them must be decoded earlier than they end. */
  #squeeze(end: Ticks): void {
    const length = end - this.#start;
    const count = this.#samples.length;
    let given = this.#start;
    for (const [i, sample] of this.#samples.entries()) {
      const at = this.#start + Math.floor((length * i) / count);
      sample.cts += given - at;
      given += sample.duration;
      sample.duration = this.#start + Math.floor((length * (i + 1)) / count) - at;
      this.#last = at;
    }
  }

  #full(): Ticks {
    return fullPart(this.#shortest, this.#nominal, this.#interval);
  }

  /** Whether the gathered part ends with the frame before the one at `next`. */
  #isFull(next: Ticks): boolean {
    const length = next - this.#from;
    if (length > this.#target) return true;
    return length >= this.#shortest && (length >= this.#full() || length + this.#interval > this.#target);
  }

  #lengthenLast(next: Ticks): void {
    const last = this.#samples.at(-1);
    if (last !== undefined) last.duration = next - this.#last;
  }

  /** @param wanted decode time at which the last sample ends; earlier if the part would be too long, but for pauses */
  #emit(wanted: Ticks, completes: boolean): void {
    const longest = Math.floor(this.#from + this.#target);
    const end = wanted - this.#from > PAUSE_TARGETS * this.#target ? wanted : Math.min(wanted, longest);
    this.#lengthenLast(end);
    const { trackId, timescale, partTarget, sink, onOverlongPart } = this.#options;
    const samples = this.#samples;
    this.#samples = [];
    this.#end = end;
    const bytes = writeFragmentPieces({
      sequenceNumber: ++this.#sequenceNumber,
      trackId,
      baseMediaDecodeTime: this.#start,
      samples,
    });
    const duration = end - this.#from;
    if (duration > this.#target) onOverlongPart?.(duration / timescale);
    sink.accept({
      bytes,
      shared: false,
      segmentIndex: this.#index,
      start: (this.#from + this.#segmentOffset) / timescale,
      // The playlist's rule wins over exactness: the media keeps its long frame, so playback has no hole.
      duration: Math.min(duration / timescale, partTarget),
      end: (end + this.#segmentOffset) / timescale,
      independent: samples[0]?.sync === true,
      keyFrameBytes: keyFrameBytes(lengthOf(bytes), samples),
      completes,
      // A part that waited for the next frame to come ends before it.
      continues: !completes && this.#uneven > 0,
    });
  }

  #cutIsKnownAt(end: Ticks): boolean {
    const { schedule, timescale } = this.#options;
    return schedule.indexAt(secondsToMilliseconds((end + this.#offset) / timescale)) > this.#index;
  }

  #measure(interval: Ticks): void {
    const off = Math.abs(interval - this.#interval);
    if (off > REGULAR_SHARE * this.#interval + this.#ticksPerMillisecond) this.#uneven = UNEVEN_FRAMES;
    else if (this.#uneven > 0) this.#uneven -= 1;
    const usual = Math.min(2 * this.#interval, Math.max(this.#interval / 2, interval));
    this.#interval += (usual - this.#interval) * INTERVAL_WEIGHT;
  }
}

function lengthOf(pieces: readonly Buffer[]): number {
  return pieces.reduce((sum, { length }) => sum + length, 0);
}
