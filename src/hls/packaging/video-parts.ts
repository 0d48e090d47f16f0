// Collects the pictures of a track, FFmpeg's or the publisher's, into parts that satisfy RFC 8216bis 4.4.4.9 (docs/decisions/0002).
import type { Fragment, Sample } from '../../protocols/mp4/fragment.js';
import type { Ticks } from '../../protocols/units.js';
import { shortestPart } from '../timeline/part-timing.js';
import { type PartOptions, PartWriter } from './part.js';

/** If no picture comes for this many frame intervals, the pictures pause. */
const PAUSE_FRAMES = 2;

/** A part that lasts longer than this many PART-TARGETs contains a pause of the source; its frame keeps that long duration. */
const PAUSE_TARGETS = 1.5;

/** A picture and its place in the stream. */
export interface TimedPicture extends Pick<Sample, 'sync' | 'data'> {
  /** Presentation time. */
  readonly shown: Ticks;
  /** Decode time of the next picture; an estimate if that one has not come. */
  readonly end: number;
}

/** A picture of the part being collected; its duration is known when the next one comes. */
interface CollectedSample extends Pick<Sample, 'sync' | 'data'> {
  cts: Ticks;
  duration: Ticks;
}

/**
 * A part ends where its pictures end, or at PART-TARGET if they last longer: then the next picture is decoded earlier and shown at its
 * time, so that decode times have no gap. A gap makes browsers drop frames up to the next key frame (Media Source Extensions, coded frame
 * processing).
 */
export class VideoParts {
  readonly #writer: PartWriter;
  readonly #target: Ticks;
  readonly #nominal: Ticks;
  readonly #shortest: Ticks;
  #interval = 0;
  #samples: CollectedSample[] = [];
  /** Index in the cut schedule: the segment of the newest part. */
  #index = -1;
  /** Decode time of the first collected sample. */
  #start: Ticks = 0;
  /** Like `#start`, except after a pause: then the time at which the sample came, although it is decoded where the previous one ended. */
  #from: Ticks = 0;
  /** Decode time of the newest sample, and its end or an estimate of it. */
  #last: Ticks = Number.NEGATIVE_INFINITY;
  #lastEnd = 0;
  /** Decode time at which the last part ended; undefined if nothing continues that part. */
  #end: Ticks | undefined;
  /** Difference from decode to presentation time: the composition offset of the last key frame as written. */
  #offset: Ticks = 0;
  /**
   * Offset of the first key frame of the segment. The durations of the segment's parts are counted with it, even if the segment has more
   * key frames.
   */
  #segmentOffset: Ticks = 0;

  constructor(options: PartOptions) {
    const { timescale, partTarget, nominal } = options;
    this.#writer = new PartWriter(options);
    this.#target = partTarget * timescale;
    this.#nominal = nominal * timescale;
    this.#shortest = shortestPart(partTarget, nominal) * timescale;
  }

  /** Whether the part being collected has no picture yet. */
  get isEmpty(): boolean {
    return this.#samples.length === 0;
  }

  get index(): number {
    return this.#index;
  }

  get last(): Ticks {
    return this.#last;
  }

  get end(): Ticks | undefined {
    return this.#end;
  }

  get offset(): Ticks {
    return this.#offset;
  }

  /** The earliest time at which another picture can be decoded, if those before it are shortened. */
  get earliest(): Ticks {
    return this.isEmpty ? this.#last + 1 : this.#start + this.#samples.length;
  }

  /** Whether the collected part should end at `end` rather than take one more picture, of this duration. */
  isFull(end: number, duration: number): boolean {
    const length = end - this.#from;
    if (length > this.#target) return true;
    // One more frame would bring a shorter part closer to the nominal duration.
    const full = Math.max(this.#shortest, this.#nominal - this.#interval / 2);
    return length >= this.#shortest && (length >= full || length + duration > this.#target);
  }

  /**
   * Emits the collected part if it is too short now but would be too long with the next picture of its segment, whose duration is known.
   * That picture is then decoded later. Call before `begin`.
   */
  stretch(wanted: Ticks, duration: Ticks): void {
    const length = wanted - this.#from;
    if (this.isEmpty || length >= this.#shortest || length + duration <= this.#target) return;
    this.emit(Math.ceil(this.#from + this.#shortest), false, true);
  }

  /**
   * Emits the collected part if the next picture does not belong to it. Call before `add`.
   * @param wanted decode time of that picture
   * @param interval usual duration of a picture
   * @param duration how long that picture lasts, if known
   * @returns its actual decode time: the end of the part before it, or `wanted`
   */
  begin(wanted: Ticks, index: number, interval: number, duration = interval): Ticks {
    this.#interval = interval;
    if (!this.isEmpty) {
      if (wanted <= this.#last) this.#squeeze(wanted);
      if (index !== this.#index) this.emit(wanted, true);
      else if (this.isFull(wanted, duration)) this.emit(wanted, false, true);
      else this.#lengthenLast(wanted);
    }
    if (!this.isEmpty) return wanted;
    this.#start = this.#end ?? wanted;
    this.#from = this.#isPause(this.#start, wanted) ? wanted : this.#start;
    return this.#start;
  }

  /** @param at as returned by `begin` */
  add(at: Ticks, index: number, { shown, end, sync, data }: TimedPicture): void {
    const cts = shown - at;
    if (sync) this.#offset = cts;
    this.#enter(index);
    this.#last = at;
    this.#lastEnd = end;
    this.#samples.push({ duration: 0, cts, sync, data });
  }

  /** Emits a fragment unchanged as a part. Call only if `isEmpty`. */
  pass(fragment: Fragment, index: number, completes: boolean): void {
    const { bytes, samples, baseMediaDecodeTime, duration, startsWithSync } = fragment;
    if (startsWithSync) this.#offset = samples[0]?.cts ?? 0;
    this.#enter(index);
    this.#end = undefined;
    const start = baseMediaDecodeTime + this.#segmentOffset;
    const place = { segmentIndex: index, start, duration, completes, continues: !completes };
    this.#writer.pass([bytes], samples, true, place);
  }

  /**
   * Call when it is known that the next picture does not belong to the collected part: emits the part if it is long enough.
   * @param completes whether that picture belongs to a later segment: then the part is emitted even if it is short
   */
  settle(completes: boolean): void {
    const isLong = this.#lastEnd - this.#from >= this.#shortest;
    if (!this.isEmpty && (completes || isLong)) this.emit(this.#lastEnd, completes, !completes);
  }

  /** Emits the collected part. Nothing continues it. */
  flush(completes = false): void {
    if (!this.isEmpty) this.emit(Math.round(this.#lastEnd), completes);
    this.#end = undefined;
    this.#last = Number.NEGATIVE_INFINITY;
  }

  /**
   * Emits the collected part.
   * @param wanted decode time at which its last sample ends; the part ends earlier if it would be too long, except before a pause
   * @param continues whether a further picture of the segment exists
   */
  emit(wanted: Ticks, completes: boolean, continues = false): void {
    const longest = Math.floor(this.#from + this.#target);
    const end = wanted - this.#from > PAUSE_TARGETS * this.#target ? wanted : Math.min(wanted, longest);
    this.#lengthenLast(end);
    const samples = this.#samples;
    this.#samples = [];
    this.#end = end;
    this.#writer.write(samples, this.#start, {
      segmentIndex: this.#index,
      start: this.#from + this.#segmentOffset,
      duration: end - this.#from,
      end: end + this.#segmentOffset,
      completes,
      continues,
    });
  }

  #isPause(from: Ticks, until: Ticks): boolean {
    return until - from > PAUSE_FRAMES * this.#interval;
  }

  #enter(index: number): void {
    if (index === this.#index) return;
    this.#index = index;
    this.#segmentOffset = this.#offset;
  }

  #lengthenLast(next: Ticks): void {
    const last = this.#samples.at(-1);
    if (last !== undefined) last.duration = next - this.#last;
  }

  /** Shortens the collected frames if the next picture must be decoded before they end. */
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
}
