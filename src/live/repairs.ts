// Counts what is changed or dropped in a publisher's media, by kind, and reports each kind once, in words for the person at the encoder.
import type { SluiceError } from '../protocols/errors.js';
import { liveError } from './errors.js';

/** For each kind: what is wrong, what the gateway does about it, and which encoder setting avoids it. */
export const REPAIRS = {
  'adts-headers':
    'an ADTS header stands before each AAC frame and is taken off: set the AAC output of the encoder to raw frames (no ADTS)',
  'audio-header-made':
    'the AAC sequence header is missing or contradicts the frames, so it is made from their ADTS headers: set the encoder to send an AudioSpecificConfig and raw AAC frames',
  'split-audio':
    'AAC frames come in pieces, over several messages, and are put together: set the encoder to send whole AAC frames in each message',
  'broken-audio':
    'AAC messages end inside a frame, and that frame is left out: set the encoder to send whole AAC frames in each message',
  'stuck-timestamps':
    'the timestamps do not advance, so frames are shown at the time at which they arrive, which is less even: set the encoder to send the time of each frame as its timestamp',
  'tracks-apart':
    'the timestamps of the sound or of the pictures stopped or jumped, which put the two seconds apart, and they are joined again as they arrive: set the encoder to take the times of both from one clock',
  'pictures-in-pieces':
    'pictures come in pieces, each NAL unit or slice in a message of its own, and are put together, which shows them one frame later: set the RTMP output of the encoder to one message for each picture (access unit)',
  'pictures-in-bundles':
    'several pictures come in one message and are taken apart, at times that are guessed: set the encoder to send each picture in a message of its own (no frame bundling)',
  'lost-slices':
    'slices come whose picture is not there, and are left out: set the encoder to one slice for each picture',
  'picture-too-large':
    'a picture that comes in pieces is larger than 16 MB and is left out: lower the bit rate of the encoder',
  'empty-units':
    'the pictures hold empty NAL units, which no browser takes, and they are left out: turn off padding (filler, stuffing) in the encoder',
  'start-codes':
    'NAL units come behind start codes (Annex B) where RTMP has lengths, and are rewritten: set the output format of the encoder to AVCC (also called avc1, hvc1 or MP4 format)',
  'other-lengths':
    'the lengths before NAL units are of another size than the video sequence header says, and are rewritten: set the encoder to lengths of 4 bytes, or restart it',
  'broken-units':
    'the lengths in pictures lead beyond their end, and these pictures are left out: set the output format of the encoder to AVCC (also called avc1, hvc1 or MP4 format), with lengths of 4 bytes',
  'temporal-delimiters':
    // OBS and FFmpeg send these. No setting avoids them and nothing is lost, so they are only counted.
    undefined,
  'header-rewritten':
    'the video sequence header is no avcC, hvcC or av1C record, so it is made from what is in it: set the output format of the encoder to AVCC (also called avc1, hvc1 or MP4 format)',
  'header-made':
    'no video sequence header comes before the pictures, so it is made from what is in them: set the encoder to send its headers at the start too (global headers)',
  'parameter-sets-vary':
    'the parameter sets of the pictures change with nearly each key frame, and only the pictures tell decoders: set the encoder to constant parameter sets',
  'key-frame-flags':
    'pictures are flagged as key frames that are none, or the other way round, and are taken for what they are: set the encoder to closed groups of pictures with IDR frames',
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
   * Call when a later room has found a fault of one of the last five kinds.
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
