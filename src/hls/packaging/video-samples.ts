// Packages the publisher's video frames into parts. This is the hot path of a stream that is not encoded, so each frame is touched only
// once.
import type { Sample } from '../../protocols/mp4/fragment.js';
import { writeFragmentPieces } from '../../protocols/mp4/fragment-writer.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../../protocols/units.js';
import type { CutSchedule } from '../timeline/cut-schedule.js';
import { fullPart, shortestPart } from '../timeline/part-timing.js';
import { keyFrameBytes, type PartSink } from './part-sink.js';

/** Weight of one frame in the expected frame interval: timestamps are whole milliseconds, and frames get lost. */
const INTERVAL_WEIGHT = 1 / 8;

/** If an interval deviates by more than this share of itself, it is not a rounding error, and the next interval is not predicted. */
const REGULAR_SHARE = 1 / 4;

/** Number of frames after an irregular one for which no interval is predicted. */
const UNEVEN_FRAMES = 250;

/** This many frame intervals without a picture are a pause. */
const PAUSE_FRAMES = 2;

/** A part longer than this many PART-TARGETs contains a pause of the source, which its frame keeps. */
const PAUSE_TARGETS = 1.5;

export interface VideoSamplesOptions {
  readonly schedule: CutSchedule;
  readonly sink: PartSink;
  readonly trackId: number;
  readonly timescale: number;
  readonly partTarget: Seconds;
  readonly nominal: Seconds;
  /** Expected frame duration until it is measured. */
  readonly frame: Seconds;
  /** A frame lasted longer than PART-TARGET; its part is listed with that duration. */
  readonly onOverlongPart?: (duration: Seconds) => void;
}

/** A frame of the part being collected; its duration is known when the next one comes. */
interface GatheredSample extends Pick<Sample, 'sync' | 'data'> {
  cts: Ticks;
  duration: Ticks;
}

/**
 * A part is emitted with its last frame, not one frame later: the duration of that frame is then the expected one, and the decode time of
 * the next frame is set to its end. The difference, a fraction of a millisecond in a regular stream, is subtracted from the composition
 * offset. So pictures are shown exactly at the publisher's time, and decode times have no gap; a gap makes browsers drop frames up to the
 * next key frame (Media Source Extensions, coded frame processing).
 *
 * If frames come at irregular times, nothing is predicted: a part is emitted one frame later and ends where that frame begins. Key frames
 * are then decoded a constant time before they are shown, whatever the publisher says, so that the durations of parts add up to the time
 * between cuts, which are at the presentation times of key frames (docs/decisions/0002).
 */
export class VideoSamples {
  readonly #options: VideoSamplesOptions;
  readonly #ticksPerMillisecond: number;
  readonly #target: Ticks;
  readonly #shortest: Ticks;
  readonly #nominal: Ticks;
  #interval: Ticks;
  #samples: GatheredSample[] = [];
  /** Index in the cut schedule. */
  #index = -1;
  /** Decode time of the first collected sample. */
  #start: Ticks = 0;
  /**
   * The same, except after a pause: then the time at which it came. It is decoded where the previous sample ended and shown at the
   * publisher's time.
   */
  #from: Ticks = 0;
  /** Decode time of the last collected sample. */
  #last: Ticks = 0;
  /** Decode time at which the last part ended; undefined if nothing continues it. */
  #end: Ticks | undefined;
  /** Decode time that the publisher gave the last frame. */
  #lastGiven: Ticks | undefined;
  /** Difference from decode to presentation time: the composition offset of the last key frame as written. */
  #offset: Ticks = 0;
  /** Offset of the key frame at the start of the segment: the parts of the segment add up to it, even if there are more key frames in it. */
  #segmentOffset: Ticks = 0;
  /** Intended composition offset of key frames in this run. */
  #delay: Ticks | undefined;
  /** Number of frames until intervals are predicted again. */
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

  /** The video paused and a cut was made without pictures: emits the collected part; its last picture is shown up to the cut. */
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

  /** Emits the collected part. */
  flush(): void {
    if (this.#samples.length > 0) this.#emit(this.#last + Math.round(this.#interval), false);
    this.#endRun();
  }

  #endRun(): void {
    this.#end = undefined;
    this.#delay = undefined;
    this.#last = Number.NEGATIVE_INFINITY;
  }

  /** A key frame is decoded the same time before its presentation as the first one, if the preceding frames leave room. */
  #keyFrameTime(given: Ticks, shown: Ticks): Ticks {
    if (this.#delay === undefined) return given;
    const wanted = shown - this.#delay;
    if (Math.abs(wanted - given) > REGULAR_SHARE * this.#interval) this.#uneven = UNEVEN_FRAMES;
    return Math.max(wanted, this.#samples.length === 0 ? this.#last + 1 : this.#start + this.#samples.length);
  }

  #noteKeyFrame(offset: Ticks): void {
    this.#offset = offset;
    // There was not enough room: use the smaller offset from now on, so that dates and durations of segments stay consistent.
    if (this.#delay === undefined || offset < this.#delay - this.#interval / 2) this.#delay = offset;
  }

  /** Shortens the collected frames if the key frame after them must be decoded before they end. */
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

  /** Whether the collected part ends with the frame before the one at `next`. */
  #isFull(next: Ticks): boolean {
    const length = next - this.#from;
    if (length > this.#target) return true;
    return length >= this.#shortest && (length >= this.#full() || length + this.#interval > this.#target);
  }

  #lengthenLast(next: Ticks): void {
    const last = this.#samples.at(-1);
    if (last !== undefined) last.duration = next - this.#last;
  }

  /** @param wanted decode time at which the last sample ends; earlier if the part would be too long, except for pauses */
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
    // As in `push`: the next frame, which is shown at `wanted`, comes after a pause.
    const shownUntil = wanted - end > PAUSE_FRAMES * this.#interval ? wanted : end;
    if (duration > this.#target) onOverlongPart?.(duration / timescale);
    sink.accept({
      bytes,
      shared: false,
      segmentIndex: this.#index,
      start: (this.#from + this.#segmentOffset) / timescale,
      // The playlist rule takes precedence over the exact duration. The media keeps its long frame, so playback has no gap.
      duration: Math.min(duration / timescale, partTarget),
      end: (shownUntil + this.#segmentOffset) / timescale,
      independent: samples[0]?.sync === true,
      keyFrameBytes: keyFrameBytes(lengthOf(bytes), samples),
      completes,
      // If the part waited for the next frame, more media of the segment exists after it.
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
