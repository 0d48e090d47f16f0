// Measures the actual rates of a rendition, as defined for BANDWIDTH and AVERAGE-BANDWIDTH (RFC 8216bis 4.4.6.2).
import type { BitsPerSecond, Seconds } from '../../protocols/units.js';
import type { CompleteSegment } from './segment.js';

type MeasuredSegment = Pick<CompleteSegment, 'duration' | 'keyFrameBytes'> & {
  readonly media: { readonly length: number };
};

/** Tolerance for sums of durations. */
const FLOAT_ERROR: Seconds = 1e-6;

export class BandwidthMeter {
  #peak: BitsPerSecond = 0;
  #bits = 0;
  #iFramePeak: BitsPerSecond = 0;
  /** The peaks are those of sets that last long enough. */
  #peaksAreMeasured = false;
  #iFrameBits = 0;
  #duration: Seconds = 0;
  #segments = 0;
  /** The newest segments, as many as a set for the peak can contain. */
  readonly #recent: { readonly bits: number; readonly iFrameBits: number; readonly duration: Seconds }[] = [];

  /** Peak segment bit rate (RFC 8216bis 4.1); 0 before the first segment. */
  get peak(): BitsPerSecond {
    return this.#peak;
  }

  /** Highest rate of the key frames at the start of segments, one per segment; 0 if there was none. */
  get iFramePeak(): BitsPerSecond {
    return this.#iFramePeak;
  }

  /** Average rate of these key frames. */
  get iFrameAverage(): BitsPerSecond {
    return this.#duration === 0 ? 0 : this.#iFrameBits / this.#duration;
  }

  /** Average rate of all segments; 0 before the first. */
  get average(): BitsPerSecond {
    return this.#duration === 0 ? 0 : this.#bits / this.#duration;
  }

  /** Duration of the measured media. */
  get duration(): Seconds {
    return this.#duration;
  }

  get segments(): number {
    return this.#segments;
  }

  /** Adds the next segment, in the order of the playlist. */
  add(segment: MeasuredSegment, targetDuration: Seconds): void {
    const added = {
      bits: segment.media.length * 8,
      iFrameBits: (segment.keyFrameBytes ?? 0) * 8,
      duration: segment.duration,
    };
    this.#segments += 1;
    this.#bits += added.bits;
    this.#iFrameBits += added.iFrameBits;
    this.#duration += added.duration;
    this.#recent.push(added);
    this.#measurePeaks(targetDuration);
  }

  /**
   * RFC 8216bis 4.1: the peak is taken over all contiguous sets of segments that last between half a target duration and one and a half
   * target durations plus half a second. Checks the sets that end with the newest segment. As long as no set is long enough, all segments together
   * are taken as one set; that result is dropped later.
   */
  #measurePeaks(targetDuration: Seconds): void {
    const [shortest, longest] = [targetDuration / 2 - FLOAT_ERROR, 1.5 * targetDuration + 0.5 + FLOAT_ERROR];
    const set = { bits: 0, iFrameBits: 0, duration: 0 };
    let first = this.#recent.length;
    while (first > 0) {
      const { bits, iFrameBits, duration } = this.#recent[first - 1] ?? set;
      if (set.duration > 0 && set.duration + duration > longest) break;
      first -= 1;
      set.bits += bits;
      set.iFrameBits += iFrameBits;
      set.duration += duration;
      const isLongEnough = set.duration >= shortest;
      if (set.duration === 0 || !(isLongEnough || (first === 0 && !this.#peaksAreMeasured))) continue;
      if (!this.#peaksAreMeasured) [this.#peak, this.#iFramePeak] = [0, 0];
      this.#peaksAreMeasured = isLongEnough;
      this.#peak = Math.max(this.#peak, set.bits / set.duration);
      this.#iFramePeak = Math.max(this.#iFramePeak, set.iFrameBits / set.duration);
    }
    this.#recent.splice(0, first);
  }
}
