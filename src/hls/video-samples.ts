// Makes video parts of the publisher's own frames: the hot path of a stream that is not encoded, so each frame is touched once.
import type { Sample } from '../protocols/mp4/fragment.js';
import { writeFragment } from '../protocols/mp4/fragment-writer.js';
import { type Milliseconds, type Seconds, secondsToMilliseconds, type Ticks } from '../protocols/units.js';
import type { CutSchedule } from './cut-schedule.js';
import { keyFrameBytes, type PartSink } from './part-sink.js';
import { SHORTEST_PART_SHARE } from './part-timing.js';

/** How much one frame may change the expected frame interval: timestamps are whole milliseconds, and frames get lost. */
const INTERVAL_WEIGHT = 1 / 8;

/** Timestamps of whole milliseconds: a full part may look this much too short. */
const ROUNDING: Milliseconds = 2;

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
interface GatheredSample extends Pick<Sample, 'sync' | 'data' | 'cts'> {
  duration: Ticks;
}

/**
 * A part goes out with its last frame, not one frame later: that frame's duration is then the expected one, and the decode
 * time of the next frame is where it ends. The difference, a fraction of a millisecond in a regular stream, is taken out of
 * the composition offset, so pictures are shown exactly when the publisher said, and decode times have no hole: a hole makes
 * browsers drop frames up to the next key frame (Media Source Extensions, coded frame processing).
 */
export class VideoSamples {
  readonly #options: VideoSamplesOptions;
  readonly #ticksPerMillisecond: number;
  readonly #target: Ticks;
  /** From here on a part is full, unless one more frame brings it nearer to `#nominal`. */
  readonly #shortest: Ticks;
  readonly #nominal: Ticks;
  #interval: Ticks;
  #samples: GatheredSample[] = [];
  /** Of the cut schedule. */
  #index = -1;
  /** Decode time of the first gathered sample. */
  #start: Ticks = 0;
  /** Decode time of the last gathered sample. */
  #last: Ticks = 0;
  /** Decode time at which the last part ended; undefined when nothing continues it. */
  #end: Ticks | undefined;
  /** Decode time the publisher gave the last frame. */
  #lastGiven: Ticks | undefined;
  /** Decode to presentation: the composition offset of the last key frame. */
  #offset: Ticks = 0;
  #sequenceNumber = 0;

  constructor(options: VideoSamplesOptions) {
    const { timescale, partTarget, nominal, frame } = options;
    this.#options = options;
    this.#ticksPerMillisecond = timescale / 1000;
    this.#target = partTarget * timescale;
    this.#nominal = nominal * timescale;
    const rounding = ROUNDING * this.#ticksPerMillisecond;
    this.#shortest = Math.min(SHORTEST_PART_SHARE * this.#target, this.#nominal - rounding);
    this.#interval = frame * timescale;
  }

  push(dts: Milliseconds, cts: Milliseconds, sync: boolean, data: Buffer): void {
    const { schedule, sink, timescale } = this.#options;
    const runStart = schedule.runStart;
    const given = Math.round(dts * this.#ticksPerMillisecond);
    if (this.#lastGiven !== undefined) this.#measure(given - this.#lastGiven);
    this.#lastGiven = given;
    if (runStart === undefined) return;
    if (sink.needsSync && this.#samples.length === 0) {
      if (!sync) return;
      this.#end = undefined;
    }
    if (sync) this.#offset = Math.round(cts * this.#ticksPerMillisecond);
    const index = schedule.indexAt(secondsToMilliseconds((given + this.#offset) / timescale));
    if (index < runStart) return;

    if (this.#samples.length > 0) {
      const next = Math.max(given, this.#last + 1);
      if (index !== this.#index) this.#emit(next, true);
      else if (next + this.#interval - this.#start > this.#target) this.#emit(next, false);
      else this.#lengthenLast(next);
    } else if (index > this.#index) {
      sink.complete(index - 1);
    }
    const at = this.#samples.length === 0 ? (this.#end ?? given) : Math.max(given, this.#last + 1);
    if (this.#samples.length === 0) {
      this.#start = at;
      this.#index = index;
    }
    this.#last = at;
    const offset = given + Math.round(cts * this.#ticksPerMillisecond) - at;
    this.#samples.push({ duration: 0, cts: offset, sync, data });
    const end = at + this.#interval;
    // GStreamer gives pictures the times of the sound around them: frames of 23 to 93 ms must still make parts of 85 %.
    if (end - this.#start >= Math.max(this.#shortest, this.#nominal - this.#interval / 2))
      this.#emit(Math.round(end), this.#cutIsKnownAt(end));
  }

  /** What was gathered goes now. */
  flush(): void {
    if (this.#samples.length > 0) this.#emit(this.#last + Math.round(this.#interval), false);
    this.#end = undefined;
  }

  #lengthenLast(next: Ticks): void {
    const last = this.#samples.at(-1);
    if (last !== undefined) last.duration = next - this.#last;
  }

  /** @param end decode time at which the last sample ends */
  #emit(end: Ticks, completes: boolean): void {
    this.#lengthenLast(end);
    const { trackId, timescale, partTarget, sink, onOverlongPart } = this.#options;
    const samples = this.#samples;
    this.#samples = [];
    this.#end = end;
    const bytes = writeFragment({
      sequenceNumber: ++this.#sequenceNumber,
      trackId,
      baseMediaDecodeTime: this.#start,
      samples,
    });
    const duration = end - this.#start;
    if (duration > this.#target) onOverlongPart?.(duration / timescale);
    sink.accept({
      bytes,
      shared: false,
      segmentIndex: this.#index,
      start: (this.#start + this.#offsetAtStart(samples)) / timescale,
      // The playlist's rule wins over exactness: the media keeps its long frame, so playback has no hole.
      duration: Math.min(duration / timescale, partTarget),
      independent: samples[0]?.sync === true,
      keyFrameBytes: keyFrameBytes(bytes, samples),
      completes,
    });
  }

  /** A key frame inside the part has changed `#offset` already; where it is the first, it counts from its own decode time. */
  #offsetAtStart(samples: readonly GatheredSample[]): Ticks {
    const [first] = samples;
    return first?.sync === true ? first.cts : this.#offset;
  }

  #cutIsKnownAt(end: Ticks): boolean {
    const { schedule, timescale } = this.#options;
    return schedule.indexAt(secondsToMilliseconds((end + this.#offset) / timescale)) > this.#index;
  }

  #measure(interval: Ticks): void {
    const usual = Math.min(2 * this.#interval, Math.max(this.#interval / 2, interval));
    this.#interval += (usual - this.#interval) * INTERVAL_WEIGHT;
  }
}
