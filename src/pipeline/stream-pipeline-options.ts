// What the pipeline of a name is told, and the states it can be in: the words between it and whoever makes it.
import type { Origin } from '../hls/origin/origin.js';
import type { Presentation, PresentationOptions } from '../hls/presentation.js';
import type { LiveStream } from '../live/stream.js';
import type { SluiceError } from '../protocols/errors.js';
import type { Seconds } from '../protocols/units.js';
import type { FlvReader } from '../transcode/readable-codecs.js';
import type { EncodingOptions } from './encoding.js';
import type { StreamNews } from './stream-log.js';

/**
 * ```
 *                          ┌──publisher back, tracks known──┐
 *                          ▼                                │
 * waiting ──tracks known──▶ running ──publisher gone──▶ suspended
 *    │                         │                            │ window over
 *    │                         └──no window, failed, close──┴──▶ draining ──FFmpeg flushed, ENDLIST──▶ ended
 *    └──publisher gone, or its media cannot be served───────────────────────────────────────────────────▲
 * ```
 */
export type PipelineState = 'waiting' | 'running' | 'suspended' | 'draining' | 'ended';

export interface StreamPipelineOptions extends EncodingOptions {
  readonly app: string;
  readonly name: string;
  readonly origin: Origin;
  /** Undefined: none was found. Then only what needs no encoding is served. */
  readonly ffmpeg: (FlvReader & { readonly path: string }) | undefined;
  /** How long the playlists wait for a publisher to come back; 0: they end with it. */
  readonly resumeWindow: Seconds;
  /** Absolute path of an image or a clip that is shown meanwhile; undefined: nothing is. */
  readonly slate?: string | undefined;
  /** Groups of pictures that last longer make the source be encoded. */
  readonly maxGop: Seconds;
  /**
   * The earlier stream of this name, while it is still being flushed: its last segments take sequence numbers, so the new
   * presentation begins after it. Never rejects.
   */
  readonly predecessor: Promise<void> | undefined;
  /** What the presentation needs beyond the plan; asked once, when the tracks are known. */
  readonly presentation: () => Pick<
    PresentationOptions,
    | 'windowSegments'
    | 'dvrWindow'
    | 'event'
    | 'firstMediaSequence'
    | 'firstDiscontinuitySequence'
    | 'continuesEarlier'
    | 'earliestDate'
    | 'store'
  >;
  /** This publisher cannot be served (any longer) and should be told why. */
  readonly onFailed: (stream: LiveStream, error: SluiceError) => void;
  /** Hears what happens to the stream. Must not throw. */
  readonly onNews: (news: StreamNews) => void;
  /** An internal error has ended it. Called once, to be counted. */
  readonly onBroken: (error: SluiceError) => void;
  /** The presentation has used its last sequence number. */
  readonly onEnded: (presentation: Presentation) => void;
  /** It is over, whether it ever had a presentation or not. */
  readonly onClosed: () => void;
}
