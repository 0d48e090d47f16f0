// Measures what a rendition really costs, in the terms of the promises BANDWIDTH and AVERAGE-BANDWIDTH (RFC 8216bis 4.4.6.2).
import type { BitsPerSecond, Seconds } from '../protocols/units.js';
import type { CompleteSegment } from './segment.js';

export class BandwidthMeter {
  #peak: BitsPerSecond = 0;
  #bits = 0;
  #iFramePeak: BitsPerSecond = 0;
  #iFrameBits = 0;
  #duration: Seconds = 0;
  #segments = 0;

  /** Highest rate of a segment; 0 before the first. */
  get peak(): BitsPerSecond {
    return this.#peak;
  }

  /** Highest rate of the key frames that segments begin with, one of each; 0 when none had one. */
  get iFramePeak(): BitsPerSecond {
    return this.#iFramePeak;
  }

  /** Mean of the same. */
  get iFrameAverage(): BitsPerSecond {
    return this.#duration === 0 ? 0 : this.#iFrameBits / this.#duration;
  }

  /** Mean of all segments; 0 before the first. */
  get average(): BitsPerSecond {
    return this.#duration === 0 ? 0 : this.#bits / this.#duration;
  }

  /** How much media was measured. */
  get duration(): Seconds {
    return this.#duration;
  }

  get segments(): number {
    return this.#segments;
  }

  /** The peak is measured over runs of at least half a target duration. */
  add(segment: CompleteSegment, targetDuration: Seconds): void {
    const bits = segment.media.length * 8;
    this.#segments += 1;
    this.#bits += bits;
    this.#duration += segment.duration;
    const long = this.#peak === 0 || segment.duration >= targetDuration / 2;
    const iFrameBits = (segment.keyFrameBytes ?? 0) * 8;
    this.#iFrameBits += iFrameBits;
    if (segment.duration > 0 && (this.#iFramePeak === 0 || segment.duration >= targetDuration / 2)) {
      this.#iFramePeak = Math.max(this.#iFramePeak, iFrameBits / segment.duration);
    }
    if (segment.duration > 0 && long) this.#peak = Math.max(this.#peak, bits / segment.duration);
  }
}
