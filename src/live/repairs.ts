// Whatever of a publisher's media is changed or left out is counted by kind, and told once, in words for the person at the encoder.
import type { SluiceError } from '../protocols/errors.js';
import { liveError } from './errors.js';

/** Each kind with what is wrong, what is done about it, and the setting that avoids it. */
const REPAIRS = {
  'adts-headers':
    'an ADTS header stands before each AAC frame and is taken off: set the AAC output of the encoder to raw frames (no ADTS)',
  'audio-header-made':
    'the AAC sequence header is missing or contradicts the frames, so it is made from their ADTS headers: set the encoder to send an AudioSpecificConfig and raw AAC frames',
  'broken-audio':
    'AAC messages end inside a frame, and that frame is left out: set the encoder to send whole AAC frames in each message',
  'stuck-timestamps':
    'the timestamps do not advance, so pictures and sound cannot be shown at their time: set the encoder to send the time of each frame as its timestamp',
} as const satisfies Record<string, string>;

export type RepairKind = keyof typeof REPAIRS;

export class Repairs {
  readonly #onFirst: (told: SluiceError) => void;
  readonly #counts = new Map<RepairKind, number>();
  readonly #sentences = new Set<string>();

  /** @param onFirst gets the first of each kind */
  constructor(onFirst: (told: SluiceError) => void) {
    this.#onFirst = onFirst;
  }

  /** Messages by kind. */
  get counts(): ReadonlyMap<RepairKind, number> {
    return this.#counts;
  }

  /** All that was told, in order. */
  get sentences(): readonly string[] {
    return [...this.#sentences];
  }

  note(kind: RepairKind): void {
    const count = this.#counts.get(kind) ?? 0;
    this.#counts.set(kind, count + 1);
    if (count === 0) this.warn(liveError('live.repaired', REPAIRS[kind]));
  }

  /** Something is left out. Each such thing is told once, so these are few. */
  warn(warning: SluiceError): void {
    this.#sentences.add(warning.message);
    this.#onFirst(warning);
  }
}
