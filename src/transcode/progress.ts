// Parses the key=value blocks that FFmpeg writes with -progress. No other figures show whether an encoder keeps up.
import type { Milliseconds } from '../protocols/units.js';

/** One block of `-progress` output. Fields that FFmpeg reports as N/A are absent. */
export interface TranscodeProgress {
  /** Frames encoded or copied by the first video output. */
  readonly frames?: number;
  readonly framesPerSecond?: number;
  /** Position on the stream timeline that the outputs have reached. */
  readonly outputTime?: Milliseconds;
  readonly droppedFrames?: number;
  readonly duplicatedFrames?: number;
  /** Media time divided by wall time since the start; 1 is real time. */
  readonly speed?: number;
  /** Whether this is the last block, written at a clean end. */
  readonly ended: boolean;
}

/** A block has about 20 lines of 30 bytes; more bytes without its end are not progress output. */
const MAX_PENDING_BYTES = 16_384;

/** Parses the progress pipe, however its bytes are split. Invalid input is ignored, because it is no reason to end a stream. */
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
