// Reads the key=value blocks FFmpeg writes with -progress, the only figures that tell whether an encoder keeps up.
import type { Milliseconds } from '../protocols/units.js';

/** One block of `-progress` output. Fields that FFmpeg calls N/A are absent. */
export interface TranscodeProgress {
  /** Frames encoded or copied by the first video output. */
  readonly frames?: number;
  readonly framesPerSecond?: number;
  /** Stream timeline reached by the outputs. */
  readonly outputTime?: Milliseconds;
  readonly droppedFrames?: number;
  readonly duplicatedFrames?: number;
  /** Media time over wall time since the start; 1 is real time. */
  readonly speed?: number;
  /** The last block, written at a clean end. */
  readonly ended: boolean;
}

/** A block has about 20 lines of 30 bytes; more without an end is not progress. */
const MAX_PENDING_BYTES = 16_384;

/** Bytes of the progress pipe in any cutting -> blocks. Garbage is ignored: figures are never worth a stream. */
export class ProgressReader {
  #pending = '';
  #fields = new Map<string, string>();

  push(bytes: Buffer): TranscodeProgress[] {
    const lines = (this.#pending + bytes.toString('latin1')).split('\n');
    this.#pending = (lines.pop() ?? '').slice(-MAX_PENDING_BYTES);
    const blocks: TranscodeProgress[] = [];
    for (const line of lines) {
      const separator = line.indexOf('=');
      if (separator < 0) continue;
      const key = line.slice(0, separator).trim();
      const value = line.slice(separator + 1).trim();
      if (key === 'progress') {
        blocks.push(toProgress(this.#fields, value === 'end'));
        this.#fields = new Map();
      } else if (this.#fields.size < 256) {
        this.#fields.set(key, value);
      }
    }
    return blocks;
  }
}

function toProgress(fields: ReadonlyMap<string, string>, ended: boolean): TranscodeProgress {
  const progress: { -readonly [K in keyof TranscodeProgress]: TranscodeProgress[K] } = { ended };
  const set = (
    key: 'frames' | 'framesPerSecond' | 'droppedFrames' | 'duplicatedFrames' | 'speed',
    name: string,
  ): void => {
    // "1.01x" is a speed, "N/A" is not a number.
    const value = Number.parseFloat(fields.get(name) ?? '');
    if (Number.isFinite(value)) progress[key] = value;
  };
  set('frames', 'frame');
  set('framesPerSecond', 'fps');
  set('droppedFrames', 'drop_frames');
  set('duplicatedFrames', 'dup_frames');
  set('speed', 'speed');
  const microseconds = Number.parseInt(fields.get('out_time_us') ?? '', 10);
  if (Number.isFinite(microseconds)) progress.outputTime = microseconds / 1000;
  return progress;
}
