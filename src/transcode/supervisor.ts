// Keeps one FFmpeg alive for one stream: starts it, watches it, restarts it with patience, and ends it with everything flushed.
import type { SluiceError } from '../protocols/errors.js';
import type { Milliseconds } from '../protocols/units.js';
import type { Clock } from './clock.js';
import type { Logger } from './logger.js';
import type { TranscodeProgress } from './progress.js';
import type { TranscodePlan } from './rendition-spec.js';

export interface TranscodeSupervisorOptions {
  readonly ffmpeg: { readonly path: string };
  readonly plan: TranscodePlan;
  readonly logger: Logger;
  /** Bytes of rendition `index`, in any cutting. The buffer is the callee's to keep. */
  readonly onOutput: (index: number, bytes: Buffer) => void;
  /**
   * A fresh FFmpeg waits for its input: from now on `write` must give the FLV header, the sequence headers, then media
   * from a key frame on. Generation 1 is the first; every byte of the generation before has been delivered.
   */
  readonly onStart: (generation: number) => void;
  /** The process of a generation is gone and all its pipes are at their end. Followed by `onStart`, `onFailed`, or (after `stop`) nothing. */
  readonly onExit?: (exit: { readonly generation: number; readonly error?: SluiceError }) => void;
  /** No further restart will come. */
  readonly onFailed: (error: SluiceError) => void;
  readonly onProgress?: (progress: TranscodeProgress) => void;
  /** After `write` returned false: FFmpeg has taken enough of the queue again. */
  readonly onDrain?: () => void;
  readonly clock?: Clock;
  /** Uniform in [0, 1): the jitter of the backoff. */
  readonly random?: () => number;
  readonly stallTimeout?: Milliseconds;
}

export declare class TranscodeSupervisor {
  constructor(options: TranscodeSupervisorOptions);
  readonly state: 'idle' | 'starting' | 'running' | 'backing-off' | 'stopping' | 'stopped' | 'failed';
  /** True while `write` passes bytes to an FFmpeg; otherwise they are dropped. */
  readonly accepting: boolean;
  /** Bytes written and not yet taken by FFmpeg. */
  readonly queuedBytes: number;
  start(): void;
  /** Queues whole FLV tags. @returns false when the queue is over its mark: pause until `onDrain`. */
  write(buffers: readonly Buffer[]): boolean;
  /** Ends the input, waits for every output to reach its end, kills after a grace. Idempotent. */
  stop(): Promise<void>;
  /** Kills at once; resolves through `stop()`. */
  kill(): void;
}
