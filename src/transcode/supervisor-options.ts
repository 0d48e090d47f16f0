// Options and callbacks of a supervisor, which keeps one FFmpeg alive.
import type { Logger } from '../contracts/logger.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import type { RestartPolicy } from './backoff.js';
import type { ChildSettings } from './child-settings.js';
import type { SpawnProcess } from './ffmpeg-process.js';
import type { TranscodeLoad } from './load-meter.js';
import type { TranscodeProgress } from './progress.js';
import type { TranscodePlan, WantedFrom } from './rendition-spec.js';
import type { StallLimits } from './stall-watch.js';

export interface TranscodeSupervisorOptions {
  readonly ffmpeg: { readonly path: string };
  readonly plan: TranscodePlan;
  readonly logger: Logger;
  /** Called with output bytes of a rendition, split anywhere. The callee owns the buffer. */
  readonly onOutput: (rendition: string, bytes: Buffer) => void;
  /**
   * Called when a new FFmpeg waits for its input. Pass the FLV header and the sequence headers to `write`, then media from a key frame on.
   * The first generation is 1. All output of the previous generation has been delivered.
   */
  readonly onStart: (generation: number) => void;
  /**
   * Returns the presentation time of the first key frame for the next FFmpeg. Undefined while there is none; then it is called again after
   * each `noteReceived`. Called at each start of a plan with regular key frames.
   */
  readonly firstPicture?: () => Milliseconds | undefined;
  /** Called at each start, after `firstPicture`. Returns from when on the input is encoded; media before that is only decoded. */
  readonly wantedFrom?: () => WantedFrom;
  /**
   * Called when a process has failed. Returns whether any of its output since `onStart` was usable. If so, the failure counts as an
   * accident and does not lead to `onFailed`, unless the process hung or its output was rejected.
   */
  readonly delivered?: () => boolean;
  /**
   * Called when the process of a generation has ended and its pipes were read to the end. `error` is absent after `stop` and `replacePlan`.
   */
  readonly onExit?: (exit: { readonly generation: number; readonly error?: SluiceError }) => void;
  /** Called when FFmpeg will not be restarted any more. */
  readonly onFailed: (error: SluiceError) => void;
  readonly onProgress?: (progress: TranscodeProgress) => void;
  /** Called about once a second while FFmpeg works, provided that `noteReceived` is called. */
  readonly onLoad?: (load: TranscodeLoad) => void;
  /** Called when FFmpeg has taken the queued bytes, after `write` returned false. */
  readonly onDrain?: () => void;
  readonly clock: Clock;
  /** Runs everything that belongs to FFmpeg; a failure in it ends FFmpeg. */
  readonly domain: FailureDomain;
  /** Returns a number in [0, 1) for the jitter of the backoff, uniformly distributed. */
  readonly random?: () => number;
  readonly spawn?: SpawnProcess;
  /** How to run FFmpeg; see `findChildSettings`. */
  readonly childSettings?: ChildSettings;
  readonly restart?: Partial<RestartPolicy>;
  /** FFmpeg is considered hung and is killed after this much input time without a sign of life. */
  readonly stall?: Partial<StallLimits>;
  /** How long `stop` waits for FFmpeg to flush before killing it. */
  readonly stopGrace?: Milliseconds;
  /** The same for `replacePlan`, during which the viewers of the other rungs wait. */
  readonly replaceGrace?: Milliseconds;
}
