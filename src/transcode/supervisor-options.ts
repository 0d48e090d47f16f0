// What whoever wants an FFmpeg kept alive says once, and is told from then on.
import type { Logger } from '../contracts/logger.js';
import type { Clock } from '../protocols/clock.js';
import type { SluiceError } from '../protocols/errors.js';
import type { FailureDomain } from '../protocols/failure-domain.js';
import type { Milliseconds } from '../protocols/units.js';
import type { RestartPolicy } from './backoff.js';
import type { ChildSettings } from './child-settings.js';
import type { SpawnProcess } from './ffmpeg-process.js';
import type { TranscodeLoad } from './load-meter.js';
import type { ProcessLedger } from './process-ledger.js';
import type { TranscodeProgress } from './progress.js';
import type { TranscodePlan, WantedFrom } from './rendition-spec.js';
import type { StallLimits } from './stall-watch.js';

export interface TranscodeSupervisorOptions {
  readonly ffmpeg: { readonly path: string };
  readonly plan: TranscodePlan;
  readonly logger: Logger;
  /** Bytes of the rendition of that name, in any cutting. The buffer is the callee's to keep. */
  readonly onOutput: (rendition: string, bytes: Buffer) => void;
  /**
   * A fresh FFmpeg waits for its input: from now on `write` must give the FLV header, the sequence headers, then media
   * from a key frame on. Generation 1 is the first; every byte of the generation before has been delivered.
   */
  readonly onStart: (generation: number) => void;
  /**
   * Presentation time of the key frame that the next FFmpeg will be given first; undefined while there is none, then it is
   * asked again after each `noteReceived`. Asked at each start of a plan with regular key frames, which needs it.
   */
  readonly firstPicture?: () => Milliseconds | undefined;
  /** Asked at each start, after `firstPicture`: what of its input is there only to be decoded. */
  readonly wantedFrom?: () => WantedFrom;
  /**
   * Asked when a process failed: whether anything of what it wrote since its `onStart` could be used. Then its death is taken
   * for an accident and not for one of a row, which ends in `onFailed`; that it hung, or was rejected, is not.
   */
  readonly delivered?: () => boolean;
  /** The process of a generation is gone and its pipes are at their end. `error` is absent after `stop` and `replacePlan`. */
  readonly onExit?: (exit: { readonly generation: number; readonly error?: SluiceError }) => void;
  /** No further restart will come. */
  readonly onFailed: (error: SluiceError) => void;
  readonly onProgress?: (progress: TranscodeProgress) => void;
  /** About once a second while FFmpeg works, given that `noteReceived` is called. */
  readonly onLoad?: (load: TranscodeLoad) => void;
  /** After `write` returned false: FFmpeg has taken the queue. */
  readonly onDrain?: () => void;
  /** Takes secrets out of a line of stderr before it is kept or logged. */
  readonly redact?: (line: string) => string;
  readonly clock: Clock;
  /** Owns what runs for FFmpeg; whatever fails there ends it. */
  readonly domain: FailureDomain;
  /** Uniform in [0, 1): the jitter of the backoff. */
  readonly random?: () => number;
  readonly spawn?: SpawnProcess;
  /** How FFmpeg is run; see `findChildSettings`. */
  readonly childSettings?: ChildSettings;
  /** Told of each FFmpeg, for whoever has to end it should this process be killed. */
  readonly ledger?: Pick<ProcessLedger, 'started' | 'ended'> | undefined;
  readonly restart?: Partial<RestartPolicy>;
  /** Input time without a sign of life after which FFmpeg hangs and is killed. */
  readonly stall?: Partial<StallLimits>;
  /** How long `stop` waits for FFmpeg to flush before it kills. */
  readonly stopGrace?: Milliseconds;
  /** The same for `replacePlan`: viewers of the other rungs wait meanwhile. */
  readonly replaceGrace?: Milliseconds;
}
