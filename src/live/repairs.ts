// Counts what is changed or dropped in a publisher's media, by kind, and reports each kind once, in words for the person at the encoder.
import type { SluiceError } from '../protocols/errors.js';
import { liveError } from './errors.js';

/** For each kind: what is wrong, what the gateway does about it, and which encoder setting avoids it. */
export const REPAIRS = {
  'adts-headers':
    'each AAC frame has an ADTS header, which is removed: set the AAC output of the encoder to raw frames (no ADTS)',
  'audio-header-made':
    'the AAC sequence header is missing or contradicts the frames, so it is made from their ADTS headers: set the encoder to send an AudioSpecificConfig and raw AAC frames',
  'split-audio':
    'AAC frames are split over several messages and are joined again: set the encoder to send whole AAC frames in each message',
  'broken-audio':
    'AAC messages end in the middle of a frame, and that frame is left out: set the encoder to send whole AAC frames in each message',
  'stuck-timestamps':
    'the timestamps do not advance, so frames are shown when they arrive, which is less even: set the encoder to send the time of each frame as its timestamp',
  'tracks-apart':
    'the timestamps of the sound or of the pictures stopped or jumped, so that they were seconds apart, and the two are aligned again by their arrival: set the encoder to take the times of both from one clock',
  'pictures-in-pieces':
    'pictures come in pieces, each NAL unit or slice in its own message, and are joined, which shows them one frame later: set the RTMP output of the encoder to one message per picture (access unit)',
  'pictures-in-bundles':
    'several pictures come in one message and are separated, and their times are estimated: set the encoder to send each picture in its own message (no frame bundling)',
  'lost-slices':
    'slices come without the rest of their picture and are left out: set the encoder to one slice per picture',
  'picture-too-large':
    'a picture that comes in pieces is larger than 16 MB and is left out: lower the bit rate of the encoder',
  'empty-units':
    'the pictures contain empty NAL units, which no browser accepts, so these units are left out: turn off padding (filler, stuffing) in the encoder',
  'start-codes':
    'NAL units have start codes (Annex B) instead of the lengths that RTMP requires, and are rewritten: set the output format of the encoder to AVCC (also called avc1, hvc1 or MP4 format)',
  'other-lengths':
    'the lengths before NAL units have a different size than the video sequence header says, and are rewritten: set the encoder to lengths of 4 bytes, or restart it',
  'broken-units':
    'pictures contain lengths that exceed the size of the picture, and these pictures are left out: set the output format of the encoder to AVCC (also called avc1, hvc1 or MP4 format), with lengths of 4 bytes',
  'temporal-delimiters':
    // OBS and FFmpeg send these. No setting avoids them and nothing is lost, so they are only counted.
    undefined,
  'header-rewritten':
    'the video sequence header is not an avcC, hvcC or av1C record, so such a record is made from its content: set the output format of the encoder to AVCC (also called avc1, hvc1 or MP4 format)',
  'header-made':
    'no video sequence header comes before the pictures, so one is made from the pictures: set the encoder to send its headers at the start too (global headers)',
  'parameter-sets-vary':
    'the parameter sets change with nearly every key frame, so decoders get them only within the pictures: set the encoder to constant parameter sets',
  'key-frame-flags':
    'pictures are wrongly flagged as key frames, or key frames are not flagged, and the flags are corrected: set the encoder to closed groups of pictures with IDR frames',
  'data-rate':
    'data messages exceed the rate that the gateway allows (maxDataRate), and the rest is left out: send fewer or smaller ones',
  // The next five are detected in `pipeline` and `hls`, which write the sentences (`Repairs.countFault`).
  'sound-paused': undefined,
  'pictures-paused': undefined,
  'uneven-frames': undefined,
  'forced-cuts': undefined,
  'rare-key-frames': undefined,
} as const satisfies Record<string, string | undefined>;

export type RepairKind = keyof typeof REPAIRS;

export class Repairs {
  readonly #onFirst: (told: SluiceError) => void;
  readonly #counts = new Map<RepairKind, number>();
  readonly #sentences = new Set<string>();

  /** @param onFirst called for the first repair of each kind */
  constructor(onFirst: (told: SluiceError) => void) {
    this.#onFirst = onFirst;
  }

  /** Number of repaired messages by kind. */
  get counts(): ReadonlyMap<RepairKind, number> {
    return this.#counts;
  }

  /** All reported sentences, in order. */
  get sentences(): readonly string[] {
    return [...this.#sentences];
  }

  /** Call when `live` has repaired something. The first of each kind is reported with the sentence above. */
  countRepair(kind: RepairKind): void {
    const sentence = REPAIRS[kind];
    if (this.#count(kind) && sentence !== undefined) this.addLeftOut(liveError('live.repaired', sentence));
  }

  /**
   * Call when a later module has found a fault of one of the last five kinds.
   * @returns whether it is the first of its kind: then the caller logs it
   */
  countFault(kind: RepairKind, sentence: string): boolean {
    const isFirst = this.#count(kind);
    if (isFirst) this.#sentences.add(sentence);
    return isFirst;
  }

  /** @returns whether it is the first of its kind */
  #count(kind: RepairKind): boolean {
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    return count === 0;
  }

  /**
   * Adds a report: something could not be repaired and is left out, or was repaired for the first time. Callers report each such thing
   * once.
   */
  addLeftOut(warning: SluiceError): void {
    this.#sentences.add(warning.message);
    this.#onFirst(warning);
  }
}
