// Reads the key=value blocks FFmpeg writes with -progress, the only figures that tell whether an encoder keeps up.
import type { Milliseconds } from '../protocols/units.js';

/** One block of `-progress` output. Fields FFmpeg calls N/A are absent. */
export interface TranscodeProgress {
  /** Frames encoded or copied by the first video output. */
  readonly frames?: number;
  readonly framesPerSecond?: number;
  /** Stream timeline reached by the outputs. */
  readonly outputTime?: Milliseconds;
  readonly droppedFrames?: number;
  readonly duplicatedFrames?: number;
  /** Media time over wall time since start; 1 is real time. */
  readonly speed?: number;
  /** The last block, written at a clean end. */
  readonly ended: boolean;
}
