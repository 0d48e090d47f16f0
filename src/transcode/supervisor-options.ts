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
  /** Bytes of the named rendition, split anywhere. The callee owns the buffer. */
  readonly onOutput: (rendition: string, bytes: Buffer) => void;
  /**
   * A new FFmpeg waits for its input: from now on pass `write` the FLV header, the sequence headers, then media from a key frame on. The
   * first generation is 1; all bytes of the previous generation have been delivered.
   */
  readonly onStart: (generation: number) => void;
  /**
   * Presentation time of the key frame that the next FFmpeg will receive first; undefined while there is none, in which case it is called
   * again after each `noteReceived`. Called at each start of a plan with regular key frames.
   */
  readonly firstPicture?: () => Milliseconds | undefined;
  /** Called at each start, after `firstPicture`: which part of the input is only to be decoded. */
  readonly wantedFrom?: () => WantedFrom;
  /**
   * Called when a process has failed. Returns whether anything that it wrote since its `onStart` was usable: then the failure counts as an
   * accident and does not lead to `onFailed`, unless the process hung or its output was rejected.
   */
  readonly delivered?: () => boolean;
  /** The process of a generation has ended and its pipes were read to the end. `error` is absent after `stop` and `replacePlan`. */
  readonly onExit?: (exit: { readonly generation: number; readonly error?: SluiceError }) => void;
  /** There will be no further restart. */
  readonly onFailed: (error: SluiceError) => void;
  readonly onProgress?: (progress: TranscodeProgress) => void;
  /** Called about once a second while FFmpeg works, provided that `noteReceived` is called. */
  readonly onLoad?: (load: TranscodeLoad) => void;
  /** After `write` returned false: FFmpeg has taken the queued bytes. */
  readonly onDrain?: () => void;
  readonly clock: Clock;
  /** Owns everything that runs for FFmpeg; a failure there ends it. */
  readonly domain: FailureDomain;
  /** Uniform in [0, 1): the jitter of the backoff. */
  readonly random?: () => number;
  readonly spawn?: SpawnProcess;
  /** How FFmpeg is run; see `findChildSettings`. */
  readonly childSettings?: ChildSettings;
  readonly restart?: Partial<RestartPolicy>;
  /** Input time without a sign of life after which FFmpeg is considered hung and is killed. */
  readonly stall?: Partial<StallLimits>;
  /** How long `stop` waits for FFmpeg to flush before killing it. */
  readonly stopGrace?: Milliseconds;
  /** The same for `replacePlan`, while viewers of the other rungs wait. */
  readonly replaceGrace?: Milliseconds;
}
